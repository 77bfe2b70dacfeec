"""A walk by cursor misses nobody and meets nobody twice, whatever happens meanwhile."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from random import Random
from threading import Event, Thread

import pytest

from tests.house import Client, House, Org, problems
from tests.patients.acts import Json, act, bulk, change, imported, register, unheard_of, walk

SORTS = ("last_name", "first_name", "date_of_birth", "chart_number", "created_at", "status", "updated_at")
MANY, TOUCHED = 5000, 500


class Crowd:
    """5,000 patients, of whom every tenth is edited all the time while others are added and archived."""

    def __init__(self, org: Org) -> None:
        self.desk, self.editor = org.desk(), org.desk()
        dice = Random(11)
        ids = imported(self.desk, [self.row(i, dice) for i in range(MANY)])
        self.touched, self.still = ids[: MANY : MANY // TOUCHED], set(ids)
        self.still -= set(self.touched)
        self.over, self.edits = Event(), 0
        self.thread = Thread(target=self.keep_editing, daemon=True)
        self.thread.start()

    def row(self, number: int, dice: Random) -> Json:
        return {
            "first_name": dice.choice(["Ana", "Ben", "Çem", "dora", "Émile", f"P{number}"]),
            "last_name": dice.choice(["Lind", "lind", "Müller", f"N{number % 40}"]),
            "date_of_birth": dice.choice([None, f"19{dice.randrange(10, 99)}-01-01"]),
            "chart_number": dice.choice([None, f"C{number}"]),
            "status": dice.choice(["active", "inactive", "prospective", "deceased"]),
        }

    def keep_editing(self) -> None:
        """Moves patients through every order: new names, dates and numbers; new ones and archived ones between."""
        dice = Random(13)
        while not self.over.is_set():
            patient = self.editor.read(f"/patients/{dice.choice(self.touched)}")
            change(
                self.editor,
                patient,
                first_name=f"{dice.choice('abcxyz')}{self.edits}",
                last_name=f"{dice.choice('abcxyz')}{self.edits}",
                date_of_birth=dice.choice([None, f"19{dice.randrange(10, 99)}-06-15"]),
                chart_number=dice.choice([None, f"E{self.edits}"]),
            )
            fresh = register(self.editor, **self.row(MANY + self.edits, dice) | {"chart_number": None})
            if dice.random() < 0.5:
                act(self.editor, fresh, "archive")
            self.edits += 1

    def stop(self) -> None:
        self.over.set()
        self.thread.join(60)


@pytest.fixture(scope="module")
def crowd(own_org: Org) -> Iterator[Crowd]:
    crowd = Crowd(own_org)
    yield crowd
    crowd.stop()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_a_walk_yields_every_untouched_patient_once_while_others_change(crowd: Crowd, sort: str, way: str) -> None:
    """5,000 patients, nulls among them, with another client inserting and editing without pause."""
    before, pages = crowd.edits, list[list[Json]]()
    while crowd.edits == before:  # on a busy machine a whole walk may fit between two edits
        assert crowd.thread.is_alive()
        pages = list(walk(crowd.desk, sort_by=sort, sort_dir=way))
    seen = Counter(p["id"] for page in pages for p in page)
    assert crowd.still - set(seen) == set()
    assert [p for p in crowd.still if seen[p] != 1] == []
    values = [p[sort] for page in pages for p in page if p["id"] in crowd.still]
    absent = [v is None for v in values]
    assert absent == sorted(absent)
    assert any(absent) == (sort in ("date_of_birth", "chart_number"))
    if sort in ("date_of_birth", "created_at", "status", "updated_at"):
        given = [v for v in values if v is not None]
        assert given == sorted(given, reverse=way == "desc")


@pytest.fixture(scope="module")
def few(house: House) -> Client:
    """An org with 25 patients, five of them without a birth date, which nobody changes."""
    desk = house.org(f"Few Dental {unheard_of()}").desk()
    born = [None] * 5 + [f"19{50 + i // 2}-01-01" for i in range(20)]
    imported(desk, [{"first_name": f"P{i % 7}", "last_name": f"L{i}", "date_of_birth": b} for i, b in enumerate(born)])
    return desk


@pytest.mark.parametrize("first", [1, 4, 5, 24, 25, 200])
def test_page_info_tells_where_one_is(few: Client, first: int) -> None:
    """A next page is there or not, a page before after the first, and cursors of first and last record."""
    query: Json = {"sort_by": "date_of_birth", "first": first}
    after: str | None = None
    seen: list[str] = []
    while True:
        page = few.read("/patients/cursor", **query, **({"after": after} if after else {}))
        info, ids = page["page_info"], [p["id"] for p in page["data"]]
        assert set(info) == {"has_next_page", "end_cursor", "has_previous_page", "start_cursor"}
        assert len(ids) == min(first, 25 - len(seen))
        assert info["has_previous_page"] is (after is not None)
        assert info["has_next_page"] is (len(seen) + len(ids) < 25)
        rest = few.read("/patients/cursor", sort_by="date_of_birth", first=200, after=info["start_cursor"])["data"]
        assert [p["id"] for p in rest][: len(ids) - 1] == ids[1:]
        assert len(rest) == 25 - len(seen) - 1
        seen += ids
        after = info["end_cursor"]
        if not info["has_next_page"]:
            break
    everybody = few.read("/patients", sort_by="date_of_birth", page_size=200)["items"]
    assert seen == [p["id"] for p in everybody]
    end = few.read("/patients/cursor", **query, after=after)
    assert (end["data"], end["page_info"]["has_next_page"], end["page_info"]["end_cursor"]) == ([], False, after)


def test_a_walk_is_by_first_name_of_its_own_accord(few: Client) -> None:
    """Fifty at a time, ascending; an org without patients has an empty walk."""
    listed = few.read("/patients", sort_by="first_name", page_size=200)["items"]
    assert few.read("/patients/cursor")["data"] == listed
    assert few.read("/patients/cursor", search="nobody") == {
        "data": [],
        "page_info": {"has_next_page": False, "end_cursor": None, "has_previous_page": False, "start_cursor": None},
    }


@pytest.mark.parametrize("first", ["0", "201", "-1", "x", ""])
def test_a_page_size_beyond_its_bounds_is_refused(few: Client, first: str) -> None:
    """1 to 200."""
    answer = few.get("/patients/cursor", params={"first": first})
    assert (answer.status_code, list(problems(answer))) == (422, [("query", "first")])


def end_cursor(desk: Client, **query: object) -> str:
    return str(desk.read("/patients/cursor", first=3, **query)["page_info"]["end_cursor"])


@pytest.mark.parametrize("broken", ["", "x", "null", "AAAA", "%%%", "🦷", "a" * 1900, "0" * 64])
def test_a_broken_cursor_is_refused(few: Client, broken: str) -> None:
    """422 `invalid_cursor`, never an error of the server, never the first page again."""
    answer = few.get("/patients/cursor", params={"after": broken})
    assert (answer.status_code, problems(answer)) == (422, {("query", "after"): "invalid_cursor"})


def test_an_altered_cursor_is_refused(few: Client) -> None:
    """Any character changed, cut off, added or doubled."""
    good = end_cursor(few)
    for place in range(len(good)):
        other = "A" if good[place] != "A" else "B"
        altered = good[:place] + other + good[place + 1 :]
        if unpadded(altered) == unpadded(good):
            continue  # the last character has bits that stand for nothing
        answer = few.get("/patients/cursor", params={"after": altered})
        assert (answer.status_code, problems(answer)) == (422, {("query", "after"): "invalid_cursor"}), place
    for altered in (good[:-4], good[4:], good + "AAAA", good + good):
        assert few.get("/patients/cursor", params={"after": altered}).status_code == 422


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "other",
    [
        {"sort_by": "last_name"},
        {"sort_by": "updated_at"},
        {"sort_dir": "desc"},
        {"status": "active"},
        {"search": "P1"},
        {"dob_from": "1950-01-01"},
        {"dob_to": "2000-01-01"},
    ],
    ids=str,
)
def test_a_cursor_is_for_its_own_sort_and_filters(few: Client, other: Json) -> None:
    """With any other it would skip or repeat: 422 `invalid_cursor`, both ways round."""
    plain: Json = {"sort_by": "date_of_birth"}
    for made, used in ((plain, plain | other), (plain | other, plain)):
        answer = few.get("/patients/cursor", params={"after": end_cursor(few, **made), **used})
        assert (answer.status_code, problems(answer)) == (422, {("query", "after"): "invalid_cursor"})


def test_a_cursor_is_for_its_own_org(few: Client, desk: Client) -> None:
    """What one org was given opens nothing in another."""
    answer = desk.get("/patients/cursor", params={"after": end_cursor(few)})
    assert (answer.status_code, problems(answer)) == (422, {("query", "after"): "invalid_cursor"})


def test_a_cursor_tells_nothing_of_the_patient_it_stands_at(org: Org) -> None:
    """Cursors end up in URLs, and URLs in logs."""
    desk = org.desk()
    register(desk, first_name="Aaaasecretname", last_name="Q")
    cursor = desk.read("/patients/cursor", first=1)["page_info"]["end_cursor"]
    assert desk.read("/patients/cursor", first=1)["data"][0]["first_name"] == "Aaaasecretname"
    assert b"secretname" not in unpadded(cursor).lower()
    assert "secretname" not in cursor.lower()


def test_the_page_size_may_change_on_the_way(few: Client) -> None:
    """A cursor stands at a record, not at a page."""
    after = end_cursor(few)
    assert len(few.read("/patients/cursor", first=7, after=after)["data"]) == 7


def test_a_copy_is_kept_in_step_by_updated_at(other_desk: Client) -> None:
    """Walk once to the end, keep the last cursor, ask again: exactly who changed since then, with what they are now."""
    desk, name = other_desk, unheard_of()
    imported(desk, [{"first_name": f"P{i}", "last_name": name} for i in range(30)])
    copy: dict[str, Json] = {}
    last: Json = {}

    def sync() -> list[str]:
        moved = []
        while True:
            page = desk.read("/patients/cursor", sort_by="updated_at", search=name, first=7, **last)
            for patient in page["data"]:
                copy[patient["id"]] = patient
                moved.append(patient["id"])
            if page["page_info"]["end_cursor"]:
                last["after"] = page["page_info"]["end_cursor"]
            if not page["page_info"]["has_next_page"]:
                return moved

    assert len(sync()) == 30
    assert sync() == []
    some = list(copy)[3:6]
    for patient in some:
        change(desk, copy[patient], city="Chicago")
    fresh = register(desk, last_name=name)["id"]
    assert sync() == [*some, fresh]
    assert copy == {p["id"]: p for p in desk.read("/patients", search=name, page_size=200)["items"]}


def test_a_copy_kept_in_step_misses_no_change_that_was_slow_to_commit(other_desk: Client) -> None:
    """While a large import is on its way, others change and are read; the import's patients still come after."""
    desk, name = other_desk, unheard_of()
    patient = register(desk, last_name=name)
    rows = [{"first_name": f"P{i}", "last_name": name, "email": f"p{i}@example.com"} for i in range(3000)]
    done: list[Json] = []
    thread = Thread(target=lambda: done.append(bulk(desk, rows)))
    thread.start()
    seen: set[str] = set()
    last: Json = {}
    finishing = False
    while True:
        patient = change(desk, patient, city=f"City {patient['version']}")
        page = desk.read("/patients/cursor", sort_by="updated_at", search=name, first=200, **last)
        seen |= {p["id"] for p in page["data"]}
        if page["page_info"]["end_cursor"]:
            last["after"] = page["page_info"]["end_cursor"]
        if finishing and not page["page_info"]["has_next_page"]:
            break
        finishing = not thread.is_alive()
    thread.join()
    missed = {r["patient_id"] for r in done[0]["results"]} - seen
    assert len(missed) == 0
