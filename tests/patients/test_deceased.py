"""Status, time of death and contact flags of the deceased go together, whichever way they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.house import Client, problems
from tests.patients.acts import act, bulk, change, move, register

Json = dict[str, Any]
DIED = "2024-03-01T10:00:00Z"
# Fields of a new patient, and what is wrong with them; None: the patient is deceased, with this time of death.
CREATES: list[tuple[Json, tuple[str, str] | None]] = [
    ({"date_time_deceased": DIED}, None),
    ({"date_time_deceased": DIED, "status": "deceased"}, None),
    ({"date_time_deceased": DIED, "receives_sms": True, "receives_email": True}, None),
    ({"date_time_deceased": DIED, "date_of_birth": "2024-03-01"}, None),
    ({"date_time_deceased": "2024-02-29T18:00:00Z", "date_of_birth": "2024-03-01"}, None),  # born at UTC+14
    *(
        ({"date_time_deceased": DIED, "status": status}, ("date_time_deceased", "not_deceased"))
        for status in ("active", "inactive", "prospective")
    ),
    ({"date_time_deceased": DIED, "date_of_birth": "2024-03-03"}, ("date_time_deceased", "out_of_range")),
    (
        {"date_time_deceased": "2024-02-29T09:59:00Z", "date_of_birth": "2024-03-01"},
        ("date_time_deceased", "out_of_range"),
    ),
    (
        {"date_time_deceased": DIED, "status": "deceased", "date_of_birth": "2025-01-01"},
        ("date_time_deceased", "out_of_range"),
    ),
]


@pytest.mark.parametrize(("fields", "wrong"), CREATES)
def test_a_new_patient_with_a_time_of_death_is_deceased(
    desk: Client, fields: Json, wrong: tuple[str, str] | None
) -> None:
    """Without a status, or with that one; another status, and a death before birth, are refused at the field."""
    answer = desk.post("/patients", json={"first_name": "Ana", "last_name": "Late"} | fields)
    if wrong is None:
        made = answer.json()
        assert (answer.status_code, made["status"], made["receives_sms"], made["receives_email"]) == (
            201, "deceased", False, False,
        )  # fmt: skip
        assert datetime.fromisoformat(made["date_time_deceased"]) == datetime.fromisoformat(
            fields["date_time_deceased"]
        )
    else:
        assert (answer.status_code, problems(answer)) == (422, {("body", wrong[0]): wrong[1]})


@pytest.mark.parametrize(("fields", "wrong"), CREATES)
def test_a_row_of_an_import_obeys_the_same(desk: Client, fields: Json, wrong: tuple[str, str] | None) -> None:
    """New patients by import are judged alike, row by row."""
    [row] = bulk(desk, [{"first_name": "Ana", "last_name": "Late"} | fields])["results"]
    if wrong is None:
        made = desk.read(f"/patients/{row['patient_id']}")
        assert (row["status"], made["status"], made["receives_sms"]) == ("created", "deceased", False)
    else:
        assert [(e["loc"], e["type"]) for e in row["errors"]] == [(["body", "rows", 0, wrong[0]], wrong[1])]


@pytest.mark.parametrize("status", ["active", "inactive", "prospective"])
def test_a_time_of_death_needs_the_transition_first(desk: Client, status: str) -> None:
    """By PATCH on a living patient it is refused, naming the status and the way to go; by import as well."""
    made = register(desk, status=status, chart_number=f"D-{register(desk)['id']}")
    answer = desk.patch(f"/patients/{made['id']}", json={"base_version": 1, "date_time_deceased": DIED})
    assert (answer.status_code, problems(answer)) == (422, {("body", "date_time_deceased"): "not_deceased"})
    [problem] = answer.json()["detail"]
    assert problem["current_status"] == status
    assert "transition-status" in problem["msg"]
    row = {k: made[k] for k in ("first_name", "last_name", "chart_number")} | {"date_time_deceased": DIED}
    [result] = bulk(desk, [row], on_duplicate="update")["results"]
    assert (result["status"], [e["type"] for e in result["errors"]]) == ("failed", ["not_deceased"])
    assert desk.read(f"/patients/{made['id']}") == made | {"potential_duplicates": None}


def test_the_time_of_death_can_be_corrected(desk: Client) -> None:
    """Once the patient is deceased, but never to before birth, nor the birth date to after it."""
    gone = move(desk, register(desk, date_of_birth="1940-01-01"), "deceased")
    corrected = change(desk, gone, date_time_deceased=DIED)
    assert corrected["date_time_deceased"].startswith("2024-03-01T10:00:00")
    for field, value in (("date_time_deceased", "1939-12-01T00:00:00Z"), ("date_of_birth", "2024-05-01")):
        answer = desk.patch(f"/patients/{gone['id']}", json={"base_version": corrected["version"], field: value})
        assert (answer.status_code, problems(answer)) == (422, {("body", field): "out_of_range"})


@pytest.mark.parametrize("flag", ["receives_sms", "receives_email"])
def test_contact_flags_cannot_be_put_back(desk: Client, flag: str) -> None:
    """By PATCH or import; to leave them off is no mistake, and another field can be changed."""
    made = register(desk, chart_number=f"F-{register(desk)['id']}")
    gone = move(desk, made, "deceased")
    path = f"/patients/{made['id']}"
    answer = desk.patch(path, json={"base_version": gone["version"], flag: True})
    assert (answer.status_code, problems(answer)) == (422, {("body", flag): "contact_of_deceased"})
    row = {k: made[k] for k in ("first_name", "last_name", "chart_number")} | {flag: True}
    [result] = bulk(desk, [row], on_duplicate="update")["results"]
    assert (result["status"], [e["type"] for e in result["errors"]]) == ("failed", ["contact_of_deceased"])
    assert desk.read(path) == gone
    assert change(desk, gone, **{flag: False, "city": "Chicago"})["city"] == "Chicago"


def test_archive_and_restore_clear_the_time_of_death(desk: Client) -> None:
    """Restored, the patient is inactive, and nobody who is has died; contact flags stay off until they are set."""
    gone = move(desk, register(desk, receives_sms=True), "deceased")
    archived = act(desk, gone, "archive")
    assert archived["date_time_deceased"] == gone["date_time_deceased"]
    restored = act(desk, archived, "restore")
    assert (restored["status"], restored["date_time_deceased"], restored["receives_sms"]) == ("inactive", None, False)
    assert change(desk, restored, receives_sms=True)["receives_sms"] is True


def test_a_transition_fills_the_time_of_death(desk: Client) -> None:
    """With the moment of it, where none is known."""
    before = datetime.now(UTC)
    gone = move(desk, register(desk), "deceased")
    assert before <= datetime.fromisoformat(gone["date_time_deceased"]) <= datetime.now(UTC)
