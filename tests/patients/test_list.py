"""The list by page: every filter, every sort, exact totals."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from random import Random
from typing import Any

import pytest

from tests.house import Client, problems
from tests.patients.acts import Json, act, imported

SORTS = ("last_name", "first_name", "date_of_birth", "chart_number", "created_at", "status")
FILTERS = (
    "status", "search", "primary_provider_uuid", "location_uuid", "dob_from", "dob_to", "tag_definition_uuid",
)  # fmt: skip
NOBODY = "01890000-0000-7000-8000-000000000000"
# Spelled with accents and capitals, in the order that a reader of names expects.
LAST = ("Abe", "ábel", "Adams", "de Groot", "Éclair", "Egan", "ØRSTED", "Osgood", "Smith", "smith-jones", "Zweig")
FIRST = ("Ana", "BEA", "Cleo", "Dag", "édouard", "Zoë")


class Practice:
    """Seventy patients with many equal and many absent values, and who of them has what, in Python."""

    def __init__(self, desk: Client) -> None:
        self.desk, dice = desk, Random(5)
        self.providers = [self.entry("providers", n) for n in ("Dr. Ito", "Dr. Roe")]
        self.locations = [self.entry("locations", n) for n in ("North", "South")]
        self.tags = [self.entry("patient-tag-definitions", n) for n in ("VIP", "Recall")]
        rows = [self.row(i, dice) for i in range(70)]
        ids = imported(desk, rows[:30]) + imported(desk, rows[30:50]) + imported(desk, rows[50:])
        self.tagged = {p: set(dice.sample(self.tags, dice.randrange(3))) for p in ids[:60]}
        for patient, tags in self.tagged.items():
            for tag in tags:
                desk.made(f"/patients/{patient}/tags", {"tag_definition_uuid": tag})
        first = next(p for p, tags in self.tagged.items() if self.tags[0] in tags)
        [taken] = [t for t in desk.read(f"/patients/{first}/tags") if t["tag_definition"]["id"] == self.tags[0]]
        assert desk.post(f"/patients/{first}/tags/{taken['id']}/archive").status_code == 200
        self.tagged[first].remove(self.tags[0])
        for patient in ids[60:]:
            act(desk, {"id": patient}, "archive")
        self.present = [desk.read(f"/patients/{p}") for p in ids[:60]]
        self.archived = desk.read("/patients", status="archived", page_size=200)["items"]
        assert len(self.archived) == 10

    def entry(self, path: str, name: str) -> str:
        return str(self.desk.made(f"/{path}", {"name": name})["id"])

    def row(self, number: int, dice: Random) -> Json:
        born = f"19{dice.randrange(50, 60)}-0{dice.randrange(1, 3)}-01"
        return {
            "first_name": dice.choice(FIRST),
            "last_name": dice.choice(LAST),
            "date_of_birth": dice.choice([None, born, born]),
            "chart_number": dice.choice([None, f"C-{dice.randrange(100):02d}-{number}"]),
            "status": dice.choice(["active", "active", "inactive", "prospective", "deceased"]),
            "primary_provider_uuid": dice.choice([None, *self.providers]),
            "location_uuid": dice.choice([None, *self.locations]),
        }

    def fits(self, patient: Json, query: Json) -> bool:
        """Whether a filter's words describe this patient."""
        born = patient["date_of_birth"]
        tests: dict[str, Callable[[Any], bool]] = {
            "status": lambda v: patient["status"] == v,
            "search": lambda v: any(
                flat(w).startswith(v) for f in ("first_name", "last_name") for w in parts(patient[f])
            ),
            "primary_provider_uuid": lambda v: (patient["primary_provider"] or {}).get("id") == v,
            "location_uuid": lambda v: (patient["location"] or {}).get("id") == v,
            "dob_from": lambda v: born is not None and born >= v,
            "dob_to": lambda v: born is not None and born <= v,
            "tag_definition_uuid": lambda v: v in self.tagged.get(patient["id"], ()),
        }
        return all(tests[k](v) for k, v in query.items())

    def expected(self, query: Json) -> list[Json]:
        among = self.archived if query.get("status") == "archived" else self.present
        return [p for p in among if self.fits(p, query)]


def parts(name: str) -> list[str]:
    return [name.replace(" ", ""), *name.replace("-", " ").split()]


def flat(name: str) -> str:
    plain = name.casefold().translate(str.maketrans("áéëø", "aeeo"))
    return "".join(c for c in plain if c.isalnum())


def value(patient: Json, sort: str) -> Any:
    plain = patient[sort]
    return flat(plain) if plain is not None and sort in ("last_name", "first_name", "chart_number") else plain


def sorted_by(patients: list[Json], sort: str, descending: bool) -> list[str]:
    """Ids by value, nulls last either way, ties by id in the direction of the sort."""
    runs = [[p for p in patients if (value(p, sort) is None) is absent] for absent in (False, True)]
    runs[0].sort(key=lambda p: (value(p, sort), p["id"]), reverse=descending)
    runs[1].sort(key=lambda p: p["id"], reverse=descending)
    return [p["id"] for run in runs for p in run]


@pytest.fixture(scope="module")
def practice(own_desk: Client) -> Practice:
    return Practice(own_desk)


def choices(practice: Practice) -> dict[str, list[str]]:
    return {
        "status": ["active", "inactive", "archived"],
        "search": ["a", "smi", "zwe"],
        "primary_provider_uuid": practice.providers,
        "location_uuid": practice.locations,
        "dob_from": ["1952-02-01", "1955-01-01"],
        "dob_to": ["1952-02-01", "1958-02-01"],
        "tag_definition_uuid": practice.tags,
    }


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_every_sort_orders_as_a_reader_expects(practice: Practice, sort: str, way: str) -> None:
    """Case and accents do not matter, nulls come last both ways, ties go by id; the same over pages."""
    wanted = sorted_by(practice.present, sort, way == "desc")
    for size in (200, 7):
        found: list[str] = []
        for page in range(1, 60 // size + 2):
            answer = practice.desk.read("/patients", sort_by=sort, sort_dir=way, page_size=size, page=page)
            assert (answer["total"], answer["page"], answer["page_size"]) == (60, page, size)
            found += [p["id"] for p in answer["items"]]
        assert found == wanted
    archived = practice.desk.read("/patients", sort_by=sort, sort_dir=way, status="archived", page_size=200)
    assert [p["id"] for p in archived["items"]] == sorted_by(practice.archived, sort, way == "desc")


def test_the_list_is_by_last_name_of_its_own_accord(practice: Practice) -> None:
    """Fifty on the first page."""
    answer = practice.desk.read("/patients")
    assert (answer["page"], answer["page_size"], answer["total"]) == (1, 50, 60)
    assert [p["id"] for p in answer["items"]] == sorted_by(practice.present, "last_name", False)[:50]
    [shown] = [p for p in answer["items"] if p["id"] == answer["items"][3]["id"]]
    assert shown in practice.present


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_alone_keeps_who_fits(practice: Practice, name: str) -> None:
    """With the exact total, in the order of the sort."""
    for chosen in choices(practice)[name]:
        check(practice, {name: chosen})


def check(practice: Practice, query: Json) -> int:
    expected = practice.expected(query)
    answer = practice.desk.read("/patients", **query, page_size=200)
    assert [p["id"] for p in answer["items"]] == sorted_by(expected, "last_name", False), query
    assert answer["total"] == len(expected)
    return len(expected)


def test_filters_combine(practice: Practice) -> None:
    """Every pair of filters, and sixty larger combinations, keep who fits all of them."""
    dice, among = Random(7), choices(practice)
    sizes = [check(practice, {f: dice.choice(among[f]) for f in pair}) for pair in combinations(FILTERS, 2)]
    for _ in range(60):
        picked = dice.sample(FILTERS, dice.randrange(3, len(FILTERS) + 1))
        sizes.append(check(practice, {f: dice.choice(among[f]) for f in picked}))
    assert sum(1 for s in sizes if s) > 20


def test_birth_date_bounds_are_inclusive(practice: Practice) -> None:
    """From a day to the same day are those born on it."""
    born = [p["date_of_birth"] for p in practice.present if p["date_of_birth"]]
    day = max(set(born), key=born.count)
    assert check(practice, {"dob_from": day, "dob_to": day}) == born.count(day)


@pytest.mark.parametrize("path", ["/patients", "/patients/cursor"])
@pytest.mark.parametrize("name", ["primary_provider_uuid", "location_uuid", "tag_definition_uuid"])
def test_a_filter_by_what_is_not_there_is_not_found(practice: Practice, desk: Client, path: str, name: str) -> None:
    """Unknown, and of another org: 404 at the parameter, not an empty list."""
    where = {
        "primary_provider_uuid": "providers",
        "location_uuid": "locations",
        "tag_definition_uuid": "patient-tag-definitions",
    }
    stranger = desk.made(f"/{where[name]}", {"name": f"Other {path} {name}"})["id"]
    for unknown in (NOBODY, stranger):
        answer = practice.desk.get(path, params={name: unknown})
        assert (answer.status_code, problems(answer)) == (404, {("query", name): "not_found"})


def test_a_page_beyond_the_end_is_empty_and_knows_the_total(practice: Practice) -> None:
    """200, no items."""
    for query in ({"page": 7, "page_size": 10}, {"page": 1_000_000, "page_size": 200}):
        answer = practice.desk.read("/patients", **query)
        assert (answer["items"], answer["total"], answer["page"]) == ([], 60, query["page"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("page", "0"), ("page", "-1"), ("page", "one"), ("page", "1.5"), ("page", "9" * 30), ("page_size", "0"),
        ("page_size", "201"), ("sort_by", "email"), ("sort_by", "updated_at"), ("sort_dir", "up"),
        ("status", "asleep"), ("primary_provider_uuid", "12"), ("location_uuid", "3"),
        ("tag_definition_uuid", "x"), ("dob_from", "1984-02-30"), ("dob_to", "yesterday"), ("search", "a\x00b"),
        ("include", "everything"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_refused(practice: Practice, name: str, wrong: str) -> None:
    """422 that names it, with all others that are wrong."""
    answer = practice.desk.get("/patients", params={name: wrong, "bogus": 1})
    assert answer.status_code == 422
    assert set(problems(answer)) == {("query", name), ("query", "bogus")}
