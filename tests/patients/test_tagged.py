"""Those with a tag, listed: the same however few or many of the org have it, though each is found in another way."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from random import Random

import pytest

from tests.house import Client
from tests.patients.acts import Json, act, imported, walk

PATIENTS, SIZE = 345, 10
# How many have it: ids read first, a table of ids, and asking of each patient.
TAGS = {"rare": 12, "scarce": 70, "common": 330}
SORTS = ("last_name", "date_of_birth", "status")


class Practice:
    """Patients with many equal and many absent values, and who of them has what."""

    def __init__(self, desk: Client) -> None:
        self.desk, dice = desk, Random(11)
        rows = [
            {
                "first_name": "Ana",
                "last_name": f"Sample {dice.choice('abcdefgh')}",
                "date_of_birth": dice.choice([None, "1980-01-01", f"19{dice.randrange(50, 99)}-03-01"]),
                "status": dice.choice(["active", "active", "inactive", "prospective"]),
            }
            for _ in range(PATIENTS)
        ]
        self.ids = [p for start in range(0, PATIENTS, 50) for p in imported(desk, rows[start : start + 50])]
        self.tags = {n: str(desk.made("/patient-tag-definitions", {"name": n})["id"]) for n in TAGS}
        self.tagged = {n: set(dice.sample(self.ids, some)) for n, some in TAGS.items()}
        for name, patients in self.tagged.items():
            for patient in patients:
                desk.made(f"/patients/{patient}/tags", {"tag_definition_uuid": self.tags[name]})

    def pages(self, name: str, **query: object) -> list[Json]:
        """Every page of those with the tag, and one beyond the last."""
        count = -(-len(self.tagged[name]) // SIZE)
        query = {"tag_definition_uuid": self.tags[name], "page_size": SIZE, **query}
        return [self.desk.read("/patients", page=page, **query) for page in range(1, count + 2)]


@pytest.fixture(scope="module")
def practice(own_desk: Client) -> Practice:
    return Practice(own_desk)


def ids(pages: Iterable[list[Json]]) -> list[str]:
    return [patient["id"] for page in pages for patient in page]


def test_there_is_a_tag_for_each_way() -> None:
    assert TAGS["rare"] <= sqrt(PATIENTS) < TAGS["scarce"] <= 17 * sqrt(PATIENTS) < TAGS["common"]


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_pages_and_walks_are_of_those_with_the_tag(practice: Practice, name: str, sort: str, way: str) -> None:
    """In the order of a list without a tag, with the exact total on each page, also on one beyond the last."""
    order: Json = {"sort_by": sort, "sort_dir": way}
    expected = [p for p in ids(walk(practice.desk, **order)) if p in practice.tagged[name]]
    assert len(expected) == TAGS[name]
    assert ids(walk(practice.desk, 25, tag_definition_uuid=practice.tags[name], **order)) == expected
    pages = practice.pages(name, **order)
    assert ids(page["items"] for page in pages) == expected
    assert pages[-1]["items"] == []
    assert {page["total"] for page in pages} == {TAGS[name]}


@pytest.mark.parametrize("name", TAGS)
def test_the_archived_and_those_who_lose_the_tag_are_not_among_them(practice: Practice, name: str) -> None:
    archived, untagged, *others = sorted(practice.tagged[name])
    [taken] = [
        tag
        for tag in practice.desk.read(f"/patients/{untagged}/tags")
        if tag["tag_definition"]["id"] == practice.tags[name]
    ]
    act(practice.desk, {"id": archived}, "archive")
    assert practice.desk.post(f"/patients/{untagged}/tags/{taken['id']}/archive").status_code == 200
    try:
        pages = practice.pages(name)
        assert sorted(ids(page["items"] for page in pages)) == others
        assert {page["total"] for page in pages} == {len(others)}
        assert sorted(ids(walk(practice.desk, tag_definition_uuid=practice.tags[name]))) == others
    finally:
        act(practice.desk, {"id": archived}, "restore")
        practice.desk.made(f"/patients/{untagged}/tags", {"tag_definition_uuid": practice.tags[name]})
