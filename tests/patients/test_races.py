"""Many at once on one record, or with one key: one of them does it."""

from __future__ import annotations

from uuid import uuid4

from tests.house import Client, Org
from tests.patients.acts import at_once, events_of, register

WRITERS, ROUNDS, COPIES = 32, 5, 64


def test_of_32_writers_with_one_base_version_one_wins(shared_org: Org, desk: Client) -> None:
    """Five rounds: one 200, 31 times 409 with the version that won, and the record holds what the winner wrote."""
    desks = [shared_org.desk() for _ in range(WRITERS)]
    made = register(desk)
    path = f"/patients/{made['id']}"
    for version in range(1, ROUNDS + 1):

        def write(number: int, version: int = version) -> tuple[int, int, str | None]:
            body = {"base_version": version, "city": f"City {version}.{number}"}
            answer = desks[number].patch(path, json=body)
            told = answer.json() if answer.status_code == 200 else answer.json()["detail"][0]
            return answer.status_code, told.get("version") or told["current_version"], told.get("city")

        results = at_once(WRITERS, write)
        assert sorted(status for status, _, _ in results) == [200] + [409] * (WRITERS - 1)
        assert {now for _, now, _ in results} == {version + 1}
        [winner] = [city for status, _, city in results if status == 200]
        assert (desk.read(path)["version"], desk.read(path)["city"]) == (version + 1, winner)
    versions = [e["version"] for e in events_of(desk, made["id"])]
    assert versions == list(range(1, ROUNDS + 2))


def test_of_64_copies_of_one_create_one_patient_comes(shared_org: Org, desk: Client) -> None:
    """All with one Idempotency-Key: answers are identical, or 409 with Retry-After; sent again later, the same."""
    desks = [shared_org.desk() for _ in range(COPIES)]
    name = "Copied" + uuid4().hex
    key = {"Idempotency-Key": f'"{uuid4()}"'}
    body = {"first_name": "Ana", "last_name": name, "chart_number": name}
    answers = at_once(COPIES, lambda number: desks[number].post("/patients", json=body, headers=key))
    created = [a for a in answers if a.status_code == 201]
    assert created
    for answer in answers:
        assert answer.status_code == 201 or (answer.status_code == 409 and int(answer.headers["retry-after"]) >= 0)
    later = desk.post("/patients", json=body, headers=key)
    assert {a.content for a in created} == {later.content}
    assert {a.headers["location"] for a in (*created, later)} == {f"{desk.base_url.path}patients/{later.json()['id']}"}
    assert sum("idempotent-replayed" not in a.headers for a in created) == 1
    assert later.headers["idempotent-replayed"] == "true"
    assert desk.read("/patients", search=name)["total"] == 1
    assert len(events_of(desk, later.json()["id"])) == 1
