"""How many patients each location has, by status and first visit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.house import Client, problems
from tests.patients.acts import Json, act, imported


class Places:
    """Two active locations with patients, one without, one closed, one archived; and patients of none."""

    def __init__(self, desk: Client) -> None:
        self.desk = desk
        self.ids = {n: self.made(n) for n in ("North", "east", "Empty", "Closed", "Gone")}
        rows = [
            *self.people("North", 3, "2024-01-10"),
            *self.people("North", 2, None),
            *self.people("North", 1, "2024-02-01", status="inactive"),
            *self.people("east", 1, "2024-01-31"),
            *self.people("east", 1, "2024-02-01"),
            *self.people("Closed", 2, "2024-01-10"),
            *self.people("Gone", 1, "2024-01-10"),
            *self.people(None, 4, "2024-01-10"),
            *self.people("east", 1, "2024-01-10", status="prospective"),
            *self.people("Empty", 1, "2024-01-10", status="deceased"),
        ]
        imported(desk, rows)
        [gone] = imported(desk, self.people("North", 1, "2024-01-10"))
        act(desk, {"id": gone}, "archive")
        closing = desk.patch(f"/locations/{self.ids['Closed']}", json={"base_version": 1, "is_active": False})
        archiving = desk.post(f"/locations/{self.ids['Gone']}/archive", json={"base_version": 1})
        assert (closing.status_code, archiving.status_code) == (200, 200)

    def made(self, name: str) -> str:
        return str(self.desk.made("/locations", {"name": name})["id"])

    def people(self, place: str | None, number: int, first_visit: str | None, **more: object) -> list[Json]:
        where = self.ids[place] if place else None
        person = {"first_name": "A", "last_name": "B", "location_uuid": where, "date_first_visit": first_visit} | more
        return [person] * number

    def counts(self, **query: Any) -> tuple[list[tuple[str, int]], int, int]:
        answer = self.desk.read("/patients/counts/by-location", **query)
        assert answer["total"] == sum(i["count"] for i in answer["items"]) + answer["excluded_count"]
        return (
            [(i["location"]["name"], i["count"]) for i in answer["items"]],
            answer["excluded_count"],
            answer["total"],
        )


@pytest.fixture(scope="module")
def places(own_desk: Client) -> Places:
    return Places(own_desk)


def test_active_patients_are_counted_by_active_location(places: Places) -> None:
    """By name in any case; patients of a closed, an archived or no location are counted apart."""
    assert places.counts() == ([("east", 2), ("North", 5)], 7, 14)
    answer = places.desk.read("/patients/counts/by-location")
    assert answer["items"][0]["location"] == {"id": places.ids["east"], "name": "east"}
    assert {k: v for k, v in answer.items() if k not in ("items", "total", "excluded_count")} == {
        "group_by": "location", "status_set": ["active"], "date_from": None, "date_to": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "counted"),
    [
        ({"date_from": "2024-01-10"}, ([("east", 2), ("North", 3)], 7, 12)),
        ({"date_from": "2024-01-11"}, ([("east", 2)], 0, 2)),
        ({"date_to": "2024-02-01"}, ([("east", 1), ("North", 3)], 7, 11)),
        ({"date_to": "2024-02-02"}, ([("east", 2), ("North", 3)], 7, 12)),
        ({"date_from": "2024-01-31", "date_to": "2024-02-01"}, ([("east", 1)], 0, 1)),
        ({"date_from": "2024-02-01", "date_to": "2024-02-01"}, ([], 0, 0)),
        ({"status_set": "inactive"}, ([("North", 1)], 0, 1)),
        ({"status_set": "active,inactive,prospective,deceased"}, ([("east", 3), ("Empty", 1), ("North", 6)], 7, 17)),
        ({"status_set": ["active", "prospective"]}, ([("east", 3), ("North", 5)], 7, 15)),
        ({"status_set": "archived"}, ([("North", 1)], 0, 1)),
        ({"status_set": ["inactive", "inactive"], "date_from": "2024-02-01"}, ([("North", 1)], 0, 1)),
    ],
    ids=str,
)
def test_dates_and_statuses_bound_the_count(places: Places, query: Json, counted: object) -> None:
    """`date_from` is inclusive, `date_to` exclusive, both on the first visit; the rest does not count at all."""
    assert places.counts(**query) == counted
    answer = places.desk.read("/patients/counts/by-location", **query)
    assert (answer["date_from"], answer["date_to"]) == (query.get("date_from"), query.get("date_to"))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"date_from": "2024-02-30"}, "date_from"),
        ({"date_to": "soon"}, "date_to"),
        ({"status_set": "asleep"}, "status_set"),
        ({"group_by": "location"}, "group_by"),
    ],
)
def test_a_bad_question_is_refused(desk: Client, query: Json, name: str) -> None:
    """422 that names the parameter."""
    answer = desk.get("/patients/counts/by-location", params=query)
    assert answer.status_code == 422
    assert {loc[:2] for loc in problems(answer)} == {("query", name)}
