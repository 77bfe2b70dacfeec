from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from chairside.records import ALL
from chairside.resource import Kind
from tests.contract.builder import Body, Builder, Made, each, nobody, refused
from tests.house import House

RECORDS, SIZE = 7, 3
PAGED = [k for k in ALL if {"list", "create"} <= set(k.verbs) and not k.bare_list]
paged = pytest.mark.parametrize("kind", PAGED, ids=[k.name for k in PAGED])
BARE = [k for k in ALL if {"list", "create"} <= set(k.verbs) and k.bare_list]
bare = pytest.mark.parametrize("kind", BARE, ids=[k.name for k in BARE])
BAD_NUMBERS = ("0", "-1", "abc", "", "1.5", "1e1", "true", "9" * 30)


@pytest.fixture(scope="module")
def quiet(house: House) -> Builder:
    """An org in which nobody else makes anything."""
    return Builder(house.org("Quiet Dental"))


def pages(home: Builder, made: Made, **query: Any) -> list[Body]:
    return [
        home.client.read(made.collection, page=page, page_size=SIZE, **query)
        for page in range(1, home.total(made.kind, made.patient) // SIZE + 2)
    ]


@paged
def test_pages_hold_every_record_once(quiet: Builder, kind: Kind) -> None:
    """Pages do not overlap, leave nothing out, and say the same exact total."""
    before = quiet.total(kind, None) if not kind.parent else 0
    patient = quiet.patient_of(kind)
    made = [quiet.make(kind, patient=patient) for _ in range(RECORDS)]
    walked = pages(quiet, made[0])
    ids = [r["id"] for p in walked for r in p["items"]]
    assert len(ids) == len(set(ids))
    assert {m.id for m in made} <= set(ids)
    # Referenced records of the same kind may have been made on the way.
    total = quiet.total(kind, patient)
    assert total >= before + RECORDS
    assert len(ids) == total
    for number, page in enumerate(walked, 1):
        assert set(page) == {"items", "page", "page_size", "total"}
        assert (page["page"], page["page_size"], page["total"]) == (number, SIZE, total)
        assert len(page["items"]) == max(0, min(SIZE, total - (number - 1) * SIZE))


@paged
def test_a_page_beyond_the_end_is_empty(quiet: Builder, kind: Kind) -> None:
    """It is no error to look further: there is nothing, and the total is still exact."""
    made = quiet.make(kind)
    total = quiet.total(kind, made.patient)
    assert quiet.client.read(made.collection, page=10_000) == {
        "items": [],
        "page": 10_000,
        "page_size": kind.page_size,
        "total": total,
    }


@paged
def test_a_total_counts_what_was_made_and_archived(quiet: Builder, kind: Kind) -> None:
    """A create adds one, an archive takes one away."""
    patient = quiet.patient_of(kind)
    sent = quiet.body(kind)
    total = quiet.total(kind, patient)
    made = Made(
        kind,
        quiet.collection(kind, patient),
        patient,
        sent,
        quiet.client.post(quiet.collection(kind, patient), json=sent),
    )
    assert quiet.total(kind, patient) == total + 1
    if "archive" in kind.verbs:
        assert quiet.archive(made).is_success
        assert quiet.total(kind, patient) == total


@paged
def test_page_and_page_size_have_bounds(quiet: Builder, kind: Kind) -> None:
    """What is no number, or one outside 1 to 200 for the size, is 422 naming the parameter; both at once too."""
    path = quiet.collection(kind, quiet.patient_of(kind))
    for name in ("page", "page_size"):
        for wrong in (*BAD_NUMBERS, *(("201",) if name == "page_size" else ())):
            answer = quiet.client.get(path, params={name: wrong})
            assert set(refused(answer, 422)) == {("query", name)}, (name, wrong)
    assert set(refused(quiet.client.get(path, params={"page": 0, "page_size": 201}), 422)) == {
        ("query", "page"),
        ("query", "page_size"),
    }
    for size in (1, 200):
        assert quiet.client.read(path, page_size=size)["page_size"] == size
    assert quiet.client.read(path)["page_size"] == kind.page_size


def sort_value(record: Mapping[str, Any], column: str) -> tuple[bool, Any]:
    """What a column of an order holds for a record, as answers show it; nulls sort last."""
    name = column if column in record else column.removesuffix("_key").removesuffix("_id")
    shown = record[name]["id"] if isinstance(record[name], dict) else record[name]
    if column == "chart_number":  # compared by its letters and digits alone
        shown = shown and "".join(filter(str.isalnum, shown))
    return shown is None, "" if shown is None else shown.casefold() if isinstance(shown, str) else shown


def _by(column: str, record: Body) -> tuple[bool, Any]:
    return sort_value(record, column)


def in_order(records: list[Body], order: tuple[str, ...]) -> list[Body]:
    """Sorted by these columns, the last one first, for a stable sort keeps what it does not tell apart."""
    for column in reversed(order):
        name, down = column.removeprefix("-"), column.startswith("-")
        some = [r for r in records if not sort_value(r, name)[0]]
        none = [r for r in records if sort_value(r, name)[0]]
        records = [*sorted(some, key=partial(_by, name), reverse=down), *none]
    return records


@each("create", "list")
def test_the_default_order_is_the_declared_one(quiet: Builder, kind: Kind) -> None:
    """A list without a sort comes in the order of the declaration, ties broken by id."""
    patient = quiet.patient_of(kind)
    ordered = "item_order" in {f.name for f in kind.fields}
    for turn in range(RECORDS):
        quiet.make(kind, {"item_order": RECORDS - turn // 2} if ordered else {}, patient=patient)
    assert kind.order[-1].removeprefix("-") == "id"
    if ordered and kind.parent is None:
        assert kind.order == ("item_order", "name_key", "id")
    records = list(quiet.listed(kind, patient))
    assert len(records) >= RECORDS
    assert records == in_order(records, kind.order)


@paged
def test_every_sort_goes_both_ways_with_nulls_last(quiet: Builder, kind: Kind) -> None:
    """Each word of sort_by orders the whole list, up and down, nulls at the end either way."""
    for small in (True, False, True, False):
        quiet.make(kind, small=small)
    for sort in (s for s in kind.sorts if not s.cursor_only):
        for direction in ("asc", "desc"):
            query = {"sort_by": sort.name, "sort_dir": direction}
            records = quiet.client.read(f"/{kind.path}", page_size=200, **query)["items"]
            keys = [sort_value(r, sort.name) for r in records]
            some = [key for key in keys if not key[0]]
            assert keys == some + [key for key in keys if key[0]], query
            assert some == sorted(some, reverse=direction == "desc"), query
            by_pages = [
                r["id"]
                for page in range(1, len(records) // SIZE + 2)
                for r in quiet.client.read(f"/{kind.path}", page=page, page_size=SIZE, **query)["items"]
            ]
            assert by_pages == [r["id"] for r in records], query


@each("list")
def test_a_filter_by_what_is_not_there_is_404(quiet: Builder, kind: Kind) -> None:
    """A list narrowed by a record that does not exist, or by an archived patient, is 404 naming the parameter; one
    narrowed by an archived entry of a catalog answers its records."""
    by_name = {k.name: k for k in ALL}
    path = quiet.collection(kind, quiet.patient_of(kind))
    for listed in (f for f in kind.filters if f.refers_to):
        gone = quiet.make(by_name[str(listed.refers_to)], small=True)
        assert quiet.archive(gone).is_success
        for target in (nobody(), *([gone.id] if listed.refers_to == "patient" else [])):
            answer = quiet.client.get(path, params={listed.entry.key: target})
            assert refused(answer, 404) == {("query", listed.entry.key): "not_found"}
        if listed.refers_to != "patient":
            assert quiet.client.read(path, **{listed.entry.key: gone.id})["total"] == 0


@bare
def test_a_bare_list_is_not_cut_off(quiet: Builder, kind: Kind) -> None:
    """A list without pages shows all there is, in one array."""
    patient = quiet.patient_of(kind)
    made = [quiet.make(kind, patient=patient).id for _ in range(RECORDS)]
    assert {r["id"] for r in quiet.client.read(quiet.collection(kind, patient))} == set(made)
