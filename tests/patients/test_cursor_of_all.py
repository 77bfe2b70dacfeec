"""The walk over live and archived patients together, which a copy is kept in step by, and what an empty page tells."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.house import Client, House, Org, problems
from tests.patients.acts import Json, act, change, register, unheard_of, walk


@pytest.fixture(scope="module")
def several(house: House) -> tuple[Client, list[Json]]:
    """Nine patients of an org of their own, every third archived."""
    desk = house.org("Live and archived").desk()
    made = [
        register(desk, first_name=f"P{n % 4}", chart_number=f"C{n}" if n % 2 else None, date_of_birth=f"1990-01-0{n}")
        for n in range(1, 10)
    ]
    for patient in made[::3]:
        act(desk, patient, "archive")
    return desk, [desk.read(f"/patients/{p['id']}", archived=True) for p in made]


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("first", [1, 2, 50])
@pytest.mark.parametrize("sort", ["updated_at", "first_name", "chart_number", "date_of_birth", "created_at"])
def test_all_of_them_are_met_once_in_order(several: tuple[Client, list[Json]], sort: str, first: int, way: str) -> None:
    """Live and archived between each other, with deleted_at; nulls last; whatever the size of a page."""
    desk, patients = several
    seen = list(chain.from_iterable(walk(desk, first, status="all", sort_by=sort, sort_dir=way)))
    assert sorted(seen, key=lambda p: str(p["id"])) == sorted(patients, key=lambda p: str(p["id"]))
    values = [p[sort] for p in seen if p[sort] is not None]
    assert values == sorted(values, reverse=way == "desc")
    assert [p[sort] is None for p in seen] == sorted(p[sort] is None for p in seen)


def test_filters_and_search_narrow_the_live_and_the_archived(several: tuple[Client, list[Json]]) -> None:
    """By name, number and birth date, each as in a list of one of the two."""
    desk, patients = several
    for query, wanted in (
        ({"dob_from": "1990-01-05"}, [p for p in patients if p["date_of_birth"] >= "1990-01-05"]),
        ({"search": "P1"}, [p for p in patients if p["first_name"] == "P1"]),
        ({"search": "C7"}, [p for p in patients if p["chart_number"] == "C7"]),
        ({"search": "1990-01-04"}, [p for p in patients if p["date_of_birth"] == "1990-01-04"]),
    ):
        pages = walk(desk, 2, status="all", sort_by="updated_at", **query)
        seen = {p["id"] for p in chain.from_iterable(pages)}
        assert seen == {p["id"] for p in wanted}, query


def test_a_list_by_pages_has_no_such_status(several: tuple[Client, list[Json]]) -> None:
    """Its totals are of the live or of the archived."""
    answer = several[0].get("/patients", params={"status": "all"})
    assert (answer.status_code, problems(answer)) == (422, {("query", "status"): "invalid_choice"})


def test_who_is_archived_and_restored_comes_again(house: House) -> None:
    """Each change brings the patient behind the cursor once more, with its end or without it."""
    desk = house.org("Coming again").desk()
    made = register(desk)
    query: Json = {"status": "all", "sort_by": "updated_at"}
    cursor = desk.read("/patients/cursor", **query)["page_info"]["end_cursor"]
    for verb, ended in (("archive", True), ("restore", False), ("archive", True)):
        act(desk, made, verb)
        page = desk.read("/patients/cursor", after=cursor, **query)
        assert [(p["id"], p["deleted_at"] is not None) for p in page["data"]] == [(made["id"], ended)]
        cursor = page["page_info"]["end_cursor"]


@pytest.mark.parametrize("query", [{}, {"sort_by": "updated_at", "status": "all"}, {"sort_by": "chart_number"}])
def test_an_empty_page_gives_back_its_cursor(house: House, query: Json) -> None:
    """A reader that keeps end_cursor never loses its place; where there was no cursor, there is none."""
    desk = house.org("Empty pages").desk()
    empty = desk.read("/patients/cursor", **query)["page_info"]
    assert (empty["end_cursor"], empty["start_cursor"]) == (None, None)
    made = register(desk)
    cursor = desk.read("/patients/cursor", **query)["page_info"]["end_cursor"]
    for _ in range(2):
        page = desk.read("/patients/cursor", after=cursor, **query)
        assert (page["data"], page["page_info"]["end_cursor"]) == ([], cursor)
        assert (page["page_info"]["has_next_page"], page["page_info"]["start_cursor"]) == (False, None)
    if query.get("sort_by") == "updated_at":
        change(desk, made, city="Springfield")
        assert [p["id"] for p in desk.read("/patients/cursor", after=cursor, **query)["data"]] == [made["id"]]


def test_an_empty_page_of_the_audit_trail_gives_back_its_cursor(house: House) -> None:
    """The same for the walk from the newest record to the oldest."""
    desk = house.org("Empty trail").desk()
    register(desk)
    cursor = desk.read("/audit-events", action="create")["page_info"]["end_cursor"]
    page = desk.read("/audit-events", action="create", after=cursor)
    assert (page["data"], page["page_info"]["end_cursor"]) == ([], cursor)


def test_a_cursor_of_all_is_for_that_walk_alone(shared_org: Org) -> None:
    """Filters belong to the cursor, this one too."""
    desk = shared_org.desk()
    name = unheard_of()
    register(desk, last_name=name)
    cursor = desk.read("/patients/cursor", status="all", search=name)["page_info"]["end_cursor"]
    answer = desk.get("/patients/cursor", params={"after": cursor, "search": name})
    assert (answer.status_code, problems(answer)) == (422, {("query", "after"): "invalid_cursor"})
