"""Nobody is the parent, grandparent or guardian of somebody who is theirs, directly or by way of others."""

from __future__ import annotations

import httpx
import pytest

from tests.house import Client, Org, problems
from tests.patients.acts import Json, at_once, register
from tests.people.deeds import relate

# From, to, type and further fields of relationships by letters of patients; the last one is judged.
Told = tuple[str, str, str, Json]


def parent(one: str, other: str) -> Told:
    return one, other, "parent", {}


def guards(one: str, other: str, kind: str = "caregiver") -> Told:
    return one, other, kind, {"is_guardian": True}


REFUSED: dict[str, list[Told]] = {
    "each the other's parent": [parent("A", "B"), parent("B", "A")],
    "each the other's child": [("A", "B", "child", {}), ("B", "A", "child", {})],
    "parent and child of the same": [parent("A", "B"), ("A", "B", "child", {})],
    "each the other's grandparent": [("A", "B", "grandparent", {}), ("B", "A", "grandparent", {})],
    "each the other's grandchild": [("A", "B", "grandchild", {}), ("B", "A", "grandchild", {})],
    "parent of one's grandparent": [("A", "B", "grandparent", {}), parent("B", "A")],
    "each the other's stepparent": [("A", "B", "stepparent", {}), ("B", "A", "stepparent", {})],
    "stepparent and stepchild": [("A", "B", "stepparent", {}), ("A", "B", "stepchild", {})],
    "each the other's foster child": [("A", "B", "foster_child", {}), ("B", "A", "foster_child", {})],
    "each the other's guardian by type": [("A", "B", "guardian", {}), ("B", "A", "guardian", {})],
    "each the other's guardian by mark": [guards("A", "B"), guards("B", "A", "parent")],
    "guardian by type and by mark": [("A", "B", "guardian", {}), guards("B", "A")],
    "three in a circle": [parent("A", "B"), parent("B", "C"), parent("C", "A")],
    "three guardians in a circle": [guards("A", "B"), guards("B", "C"), guards("C", "A")],
    "four in a circle, told from either side": [
        parent("A", "B"), ("C", "B", "child", {}), ("C", "D", "grandparent", {}), ("A", "D", "grandchild", {}),
    ],
}  # fmt: skip
TAKEN: dict[str, list[Told]] = {
    "told from both sides": [parent("A", "B"), ("B", "A", "child", {})],
    "parent and guardian of the same": [parent("A", "B"), guards("A", "B")],
    "a grown child guards the parent": [parent("A", "B"), guards("B", "A", "child")],
    "two parents": [parent("A", "C"), parent("B", "C")],
    "parent and grandparent": [parent("A", "B"), parent("B", "C"), ("A", "C", "grandparent", {})],
    "siblings": [("A", "B", "sibling", {}), ("B", "A", "sibling", {})],
    "spouses who care for each other": [("A", "B", "caregiver", {}), ("B", "A", "caregiver", {})],
    "the stepchild's parent": [("A", "B", "stepparent", {}), parent("B", "A")],
    "related twice, without a circle": [parent("A", "B"), parent("A", "C"), parent("B", "D"), parent("C", "D")],
}  # fmt: skip


def post(desk: Client, people: dict[str, Json], told: Told) -> httpx.Response:
    one, other, kind, more = told
    body = {"to_patient_uuid": people[other]["id"], "relationship_type": kind} | more
    return desk.post(f"/patients/{people[one]['id']}/relationships", json=body)


@pytest.fixture
def people(desk: Client) -> dict[str, Json]:
    return {letter: register(desk) for letter in "ABCD"}


@pytest.mark.parametrize("told", REFUSED.values(), ids=list(REFUSED))
def test_a_circle_is_refused(desk: Client, people: dict[str, Json], told: list[Told]) -> None:
    """422 at the type, or at the guardianship; nothing is recorded."""
    *before, last = told
    for one in before:
        assert post(desk, people, one).status_code == 201
    answer = post(desk, people, last)
    place = "is_guardian" if last[3] else "relationship_type"
    assert (answer.status_code, problems(answer)) == (422, {("body", place): "circular_relationship"})
    mine = desk.read(f"/patients/{people[last[0]]['id']}/relationships")["items"]
    assert len(mine) == len([t for t in before if t[0] == last[0]])


@pytest.mark.parametrize("told", TAKEN.values(), ids=list(TAKEN))
def test_what_is_no_circle_is_taken(desk: Client, people: dict[str, Json], told: list[Told]) -> None:
    """Families are told from both sides, and a grown child may guard a parent."""
    assert [post(desk, people, one).status_code for one in told] == [201] * len(told)


@pytest.mark.parametrize(
    ("first", "change", "place"),
    [
        ({"relationship_type": "sibling"}, {"relationship_type": "parent"}, "relationship_type"),
        ({"relationship_type": "sibling"}, {"relationship_type": "grandparent"}, "relationship_type"),
    ],
)
def test_a_change_makes_no_circle(desk: Client, people: dict[str, Json], first: Json, change: Json, place: str) -> None:
    """By PATCH of the type; the relationship stays as it was."""
    relate(desk, people["A"], people["B"], "parent")
    made = relate(desk, people["B"], people["A"], first["relationship_type"])
    path = f"/patients/{people['B']['id']}/relationships"
    answer = desk.patch(f"{path}/{made['id']}", json={"base_version": 1} | change)
    assert (answer.status_code, problems(answer)) == (422, {("body", place): "circular_relationship"})
    assert desk.read(path)["items"] == [made]


def test_a_mark_of_guardianship_makes_no_circle(desk: Client, people: dict[str, Json]) -> None:
    """By PATCH of is_guardian; it can be set once the other one is taken away."""
    first = relate(desk, people["A"], people["B"], "spouse", is_guardian=True)
    second = relate(desk, people["B"], people["A"], "spouse")
    paths = [f"/patients/{r['from_patient']['id']}/relationships/{r['id']}" for r in (first, second)]
    wanted = {"base_version": 1, "is_guardian": True}
    assert problems(desk.patch(paths[1], json=wanted)) == {("body", "is_guardian"): "circular_relationship"}
    assert desk.patch(paths[0], json={"base_version": 1, "is_guardian": False}).status_code == 200
    assert desk.patch(paths[1], json=wanted).status_code == 200


def test_the_own_relationship_is_no_obstacle(desk: Client, people: dict[str, Json]) -> None:
    """A parent who becomes the child of the same patient turns the one relationship round."""
    made = relate(desk, people["A"], people["B"], "parent")
    path = f"/patients/{people['A']['id']}/relationships/{made['id']}"
    assert desk.patch(path, json={"base_version": 1, "relationship_type": "child"}).status_code == 200


def test_an_archived_relationship_makes_no_circle(desk: Client, people: dict[str, Json]) -> None:
    """A mistake that was archived leaves the right one free."""
    made = relate(desk, people["A"], people["B"], "parent")
    assert desk.post(f"/patients/{people['A']['id']}/relationships/{made['id']}/archive").status_code == 200
    assert post(desk, people, parent("B", "A")).status_code == 201


@pytest.mark.parametrize("size", [2, 3, 4])
def test_of_requests_that_close_a_circle_at_once_one_is_refused(desk: Client, shared_org: Org, size: int) -> None:
    """Each alone would be right; in every round at least one is refused, and none fails otherwise."""
    desks = [shared_org.desk() for _ in range(size)]
    for _ in range(8):
        people = [register(desk) for _ in range(size)]
        letters = {str(n): p for n, p in enumerate(people)}

        def close(n: int, letters: dict[str, Json] = letters) -> int:
            return post(desks[n], letters, parent(str(n), str((n + 1) % size))).status_code

        answers = at_once(size, close)
        assert set(answers) <= {201, 422}
        assert answers.count(422) >= 1
        assert answers.count(201) >= 1
