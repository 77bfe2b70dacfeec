"""The log of communications: added to, found again, never changed."""

from __future__ import annotations

import json
from itertools import pairwise
from uuid import uuid4

import asyncpg
import pytest

from tests.database import connected
from tests.house import Client, House, Org, chairside
from tests.patients.acts import Json, act, register
from tests.people.deeds import NOBODY, archived, ids, log, refusal

MODES = ("phone", "email", "mail", "in_person", "text", "fax")
DIRECTIONS = ("sent", "received", "neither")


@pytest.fixture
def patient(desk: Client) -> Json:
    return register(desk)


def path_of(patient: Json) -> str:
    return f"/patients/{patient['id']}/communication-logs"


def test_an_entry_shows_what_was_logged_and_by_whom(shared_org: Org, desk: Client, patient: Json) -> None:
    """All that was given, the time in UTC, and the user as a reference."""
    kind = desk.made("/communication-types", {"name": f"Recall {uuid4().hex}"})
    visit = desk.made("/appointments", {"patient_uuid": patient["id"], "starts_at": "2026-04-01T14:00:00Z"})
    front = shared_org.desk("front_desk", "--name", "Desk of the people tests")
    made = log(
        front,
        patient,
        "2026-03-02T10:04:05-05:00",
        communication_type_uuid=kind["id"],
        appointment_uuid=visit["id"],
        mode="phone",
        direction="sent",
        note="Left a message",
    )
    assert made["communication_datetime"] == "2026-03-02T15:04:05Z"
    assert made["communication_type"] == {"id": kind["id"], "name": kind["name"]}
    assert made["appointment"] == {"id": visit["id"], "name": None}
    assert made["patient"]["id"] == patient["id"]
    assert (made["mode"], made["direction"], made["note"]) == ("phone", "sent", "Left a message")
    assert (made["communication_source"], made["created_by"]["name"]) == ("user", "Desk of the people tests")
    assert set(made) == {
        "id", "patient", "communication_datetime", "communication_type", "appointment", "mode", "direction", "note",
        "communication_source", "created_by", "created_at",
    }  # fmt: skip
    assert desk.read(path_of(patient))["items"] == [made]


@pytest.mark.parametrize(
    ("role", "source"), [("admin", "user"), ("front_desk", "user"), ("integration", "integration")]
)
def test_the_source_is_told_by_the_token(shared_org: Org, patient: Json, role: str, source: str) -> None:
    """Staff log as users, an integration as itself; nobody can claim another source."""
    caller = shared_org.desk(role)
    assert log(caller, patient)["communication_source"] == source
    body = {"communication_datetime": "2026-03-02T15:04:05Z", "communication_source": "automated"}
    claimed = caller.post(path_of(patient), json=body)
    assert refusal(claimed) == (422, {("body", "communication_source"): "unknown_field"})


def test_an_entry_keeps_one_author_for_each_user(shared_org: Org, desk: Client, patient: Json) -> None:
    """Two entries of one user name the same user, those of another user another."""
    one, other = shared_org.desk("integration"), desk
    authors = [log(caller, patient)["created_by"] for caller in (one, one, other)]
    assert authors[0] == authors[1] != authors[2]
    listed = [i["created_by"] for i in desk.read(path_of(patient))["items"]]
    assert sorted(a["id"] for a in listed) == sorted(a["id"] for a in authors)


def test_a_clinician_adds_to_the_log_and_makes_no_appointment(shared_org: Org, patient: Json) -> None:
    """The log is everybody's who talks with patients; appointments stay the front desk's."""
    caller = shared_org.desk("clinician")
    assert log(caller, patient)["communication_source"] == "user"
    visit = {"patient_uuid": patient["id"], "starts_at": "2026-03-02T15:04:05Z"}
    assert caller.post("/appointments", json=visit).status_code == 403


@pytest.mark.parametrize(
    ("role", "options", "source"),
    [
        ("integration", ("--source", "automated"), "automated"),
        ("front_desk", ("--source", "automated"), "automated"),
        ("integration", ("--source", "user"), "user"),
        ("admin", ("--source", "integration"), "integration"),
    ],
)
def test_a_token_may_carry_the_source_of_its_entries(
    shared_org: Org, patient: Json, role: str, options: tuple[str, ...], source: str
) -> None:
    """Reminders that a program sends are told from those that people write, and the filter finds them."""
    caller = shared_org.desk(role, *options)
    made = log(caller, patient)
    assert made["communication_source"] == source
    found = caller.read(path_of(patient), communication_source=source)["items"]
    assert [e["id"] for e in found] == [made["id"]]


def test_a_source_that_is_none_is_refused_by_the_command(shared_org: Org) -> None:
    """With the known ones; a token's list shows its source."""
    options = ("token", "create", "--org", shared_org.id, "--role", "integration", "--source", "robot")
    done = chairside(*options, data_dir=shared_org.house.data_dir)
    assert (done.returncode, "user, integration, automated" in done.stderr) == (1, True), done.stderr
    shared_org.token("integration", "--source", "automated", "--name", "Reminder service")
    rows = json.loads(shared_org.house.run("token", "list", "--org", shared_org.id, "--json"))
    assert [r["source"] for r in rows if r["name"] == "Reminder service"] == ["automated"]


@pytest.mark.parametrize("role", ["read_only", "billing"])
def test_who_does_not_keep_the_log_cannot_add_to_it(shared_org: Org, patient: Json, role: str) -> None:
    """403; billing does not see it either."""
    caller = shared_org.desk(role)
    answer = caller.post(path_of(patient), json={"communication_datetime": "2026-03-02T15:04:05Z"})
    assert answer.status_code == 403
    assert caller.get(path_of(patient)).status_code == (403 if role == "billing" else 200)


def test_there_is_no_way_to_change_an_entry(desk: Client, patient: Json) -> None:
    """No path of the API changes, archives or deletes a single one; it can be read."""
    made = log(desk, patient, note="As it was said")
    one = f"{path_of(patient)}/{made['id']}"
    assert desk.read(one) == made
    for method in ("PATCH", "PUT", "DELETE", "POST"):
        assert desk.request(method, one, json={"note": "x"}).status_code in (404, 405)
    assert desk.post(f"{one}/archive").status_code == 404
    for method in ("PATCH", "PUT", "DELETE"):
        assert desk.request(method, path_of(patient), json={}).status_code == 405
    assert desk.read(path_of(patient))["items"] == [made]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patient_communication_logs SET note = 'x' WHERE id = $1",
        "UPDATE patient_communication_logs SET deleted_at = now() WHERE id = $1",
        "DELETE FROM patient_communication_logs WHERE id = $1",
        "SELECT 1 FROM patient_communication_logs WHERE id = $1 FOR UPDATE",
    ],
)
async def test_the_servers_own_role_cannot_change_an_entry(
    house: House, shared_org: Org, desk: Client, patient: Json, statement: str
) -> None:
    """The database refuses the role that the server uses; the entry is as it was."""
    made = log(desk, patient)
    async with connected(house.data_dir) as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.org = '{shared_org.id}'")
        assert (
            await connection.fetchval("SELECT count(*) FROM patient_communication_logs WHERE id = $1", made["id"]) == 1
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute(statement, made["id"])
    assert desk.read(path_of(patient))["items"] == [made]


async def test_the_servers_own_role_cannot_empty_the_log(house: House) -> None:
    """Neither TRUNCATE nor taking the privilege for itself."""
    async with connected(house.data_dir) as connection:
        for statement in (
            "TRUNCATE patient_communication_logs",
            "ALTER TABLE patient_communication_logs DISABLE ROW LEVEL SECURITY",
            "DROP TABLE patient_communication_logs",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        granted = "has_table_privilege('patient_communication_logs', 'UPDATE')"
        await connection.execute("GRANT UPDATE ON patient_communication_logs TO chairside_app")
        assert await connection.fetchval(f"SELECT {granted}") is False


def test_an_appointment_must_be_the_patients_own(desk: Client, patient: Json) -> None:
    """Another patient's, an archived one or none at all: 404 at the appointment."""
    other = desk.made("/appointments", {"patient_uuid": register(desk)["id"], "starts_at": "2026-04-01T14:00:00Z"})
    gone = desk.made("/appointments", {"patient_uuid": patient["id"], "starts_at": "2026-04-01T14:00:00Z"})
    archived(desk, f"/appointments/{gone['id']}", 1)
    for wrong in (other["id"], gone["id"], NOBODY):
        body = {"communication_datetime": "2026-03-02T15:04:05Z", "appointment_uuid": wrong}
        assert refusal(desk.post(path_of(patient), json=body)) == (404, {("body", "appointment_uuid"): "not_found"})
    assert desk.read(path_of(patient))["total"] == 0


def test_a_type_that_is_gone_is_not_given_again(desk: Client, patient: Json) -> None:
    """404 for new entries, while old ones still show it."""
    kind = desk.made("/communication-types", {"name": f"Survey {uuid4().hex}"})
    made = log(desk, patient, communication_type_uuid=kind["id"])
    archived(desk, f"/communication-types/{kind['id']}", 1)
    body = {"communication_datetime": "2026-03-02T15:04:05Z", "communication_type_uuid": kind["id"]}
    assert refusal(desk.post(path_of(patient), json=body)) == (
        404,
        {("body", "communication_type_uuid"): "not_found"},
    )
    assert desk.read(path_of(patient))["items"] == [made]


def test_every_mistake_in_an_entry_is_named_at_once(desk: Client, patient: Json) -> None:
    """A local time, words that are no mode or direction, a note too long."""
    body = {"communication_datetime": "2026-03-02T15:04:05", "mode": "pigeon", "direction": "up", "note": "x" * 4001}
    assert refusal(desk.post(path_of(patient), json=body)) == (
        422,
        {
            ("body", "communication_datetime"): "invalid_datetime",
            ("body", "mode"): "invalid_choice",
            ("body", "direction"): "invalid_choice",
            ("body", "note"): "too_long",
        },
    )
    assert refusal(desk.post(path_of(patient), json={})) == (422, {("body", "communication_datetime"): "missing"})


def test_the_log_of_an_archived_patient_is_closed(desk: Client, patient: Json) -> None:
    """404 for reading and adding, as for nobody."""
    log(desk, patient)
    act(desk, patient, "archive")
    answer = desk.post(path_of(patient), json={"communication_datetime": "2026-03-02T15:04:05Z"})
    for refused in (desk.get(path_of(patient)), answer, desk.get(path_of({"id": NOBODY}))):
        assert refusal(refused) == (404, {("path", "patient_uuid"): "not_found"})


@pytest.fixture(scope="module")
def talks(own_org: Org, own_desk: Client) -> tuple[Json, list[Json]]:
    """A patient with a log of every mode and direction, logged in no order of time."""
    patient, robot = register(own_desk), own_org.desk("integration")
    whens = ["2026-03-01T00:00:00Z", "2026-03-01T23:59:59.5Z", "2026-02-28T23:59:59Z", "2026-03-03T12:00:00+05:30"]
    notes = ["Recall: 20% off", "RECALL sent", "cost_estimate", "Élodie réservé", None, "CostXestimate"]
    return patient, [
        log(
            robot if n % 3 == 0 else own_desk,
            patient,
            whens[n % len(whens)],
            mode=MODES[n % 6],
            direction=DIRECTIONS[n % 3],
            note=notes[n % 6],
        )
        for n in range(12)
    ]


def found(desk: Client, patient: Json, **query: str) -> list[Json]:
    page = desk.read(path_of(patient), **query)
    assert page["total"] == len(page["items"])
    return list(page["items"])


def test_the_newest_communication_comes_first(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """By when it took place, not when it was logged; of two at one moment the later logged comes first."""
    patient, made = talks
    seen = found(own_desk, patient)
    assert ids(seen) == [m["id"] for m in sorted(made, key=lambda m: (m["communication_datetime"], m["id"]))[::-1]]
    assert all(a["communication_datetime"] >= b["communication_datetime"] for a, b in pairwise(seen))


def test_pages_of_the_log_join_without_gaps(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """Every entry once, in the same order as in one page."""
    patient, _ = talks
    pages = [own_desk.read(path_of(patient), page=n, page_size=5) for n in (1, 2, 3)]
    assert [i for p in pages for i in p["items"]] == found(own_desk, patient)
    assert {p["total"] for p in pages} == {12}


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({"date_from": "2026-03-01"}, {"2026-03-01T00:00:00Z", "2026-03-01T23:59:59.5Z", "2026-03-03T06:30:00Z"}),
        ({"date_to": "2026-03-01"}, {"2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-03-01T23:59:59.5Z"}),
        ({"date_from": "2026-03-01", "date_to": "2026-03-01"}, {"2026-03-01T00:00:00Z", "2026-03-01T23:59:59.5Z"}),
        ({"date_to": "2026-02-28"}, {"2026-02-28T23:59:59Z"}),
        ({"date_from": "2026-03-03T12:00:00+05:30"}, {"2026-03-03T06:30:00Z"}),
        ({"date_from": "2026-03-03T06:30:00.001Z"}, set()),
        ({"date_to": "2026-02-28T19:00:00-05:00"}, {"2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z"}),
        ({"date_from": "2026-03-02", "date_to": "2026-03-01"}, set()),
    ],
)
def test_the_log_is_narrowed_by_date_and_time(
    own_desk: Client, talks: tuple[Json, list[Json]], query: dict[str, str], days: set[str]
) -> None:
    """Both ends count; a date is the whole UTC day; an offset means what it says."""
    patient, _ = talks
    seen = {i["communication_datetime"].replace(".500000Z", ".5Z") for i in found(own_desk, patient, **query)}
    assert seen == days


def test_a_plus_sign_that_was_not_escaped_is_understood(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """A query typed into an address bar carries it as a blank."""
    patient, _ = talks
    answer = own_desk.get(f"{path_of(patient)}?date_from=2026-03-03T12:00:00+05:30")
    assert (answer.status_code, answer.json()["total"]) == (200, 3)


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01", "2026-03-01T10:00:00", "03/01/2026"])
def test_a_bound_that_is_no_time_is_refused(own_desk: Client, talks: tuple[Json, list[Json]], bad: str) -> None:
    """422 at both ends, named together."""
    answer = own_desk.get(path_of(talks[0]), params={"date_from": bad, "date_to": bad})
    status, places = refusal(answer)
    assert (status, set(places)) == (422, {("query", "date_from"), ("query", "date_to")})


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [
        ("mode", "mode", MODES),
        ("direction", "direction", DIRECTIONS),
        ("communication_source", "communication_source", ("user", "integration", "automated")),
    ],
)
def test_the_log_is_narrowed_by_its_words(
    own_desk: Client, talks: tuple[Json, list[Json]], key: str, field: str, values: tuple[str, ...]
) -> None:
    """Each word finds all entries that have it and no others; another word is refused."""
    patient, made = talks
    for value in values:
        assert set(ids(found(own_desk, patient, **{key: value}))) == {m["id"] for m in made if m[field] == value}
    wrong = own_desk.get(path_of(patient), params={key: "other"})
    assert refusal(wrong) == (422, {("query", key): "invalid_choice"})


@pytest.mark.parametrize(
    ("q", "notes"),
    [
        ("recall", {"Recall: 20% off", "RECALL sent"}),
        ("ECALL S", {"RECALL sent"}),
        ("%", {"Recall: 20% off"}),
        ("_", {"cost_estimate"}),
        ("cost_", {"cost_estimate"}),
        ("élodie RÉS", {"Élodie réservé"}),
        ("\\", set()),
        ("r.*l", set()),
        (" sent", {"RECALL sent"}),
        ("", {"Recall: 20% off", "RECALL sent", "cost_estimate", "Élodie réservé", None, "CostXestimate"}),
    ],
)
def test_the_log_is_searched_for_a_part_of_a_note(
    own_desk: Client, talks: tuple[Json, list[Json]], q: str, notes: set[str | None]
) -> None:
    """In any case and letter for letter: % and _ stand for themselves; nothing typed narrows nothing."""
    patient, _ = talks
    assert {i["note"] for i in found(own_desk, patient, q=q)} == notes


def test_filters_of_the_log_combine(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """An entry must satisfy all of them."""
    patient, made = talks
    seen = found(own_desk, patient, q="recall", mode="phone", direction="sent", communication_source="integration")
    wanted = [m for m in made if m["mode"] == "phone" and "ecall" in (m["note"] or "")]
    assert wanted
    assert set(ids(seen)) == {m["id"] for m in wanted}
    assert found(own_desk, patient, q="recall", mode="fax") == []


def test_a_search_that_cannot_be_text_is_refused(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """NUL, bytes that are no UTF-8, more than 200 characters: 422, not a fault."""
    for q, code in (("%00", "invalid_text"), ("%ff", "invalid_text"), ("x" * 201, "too_long")):
        answer = own_desk.get(f"{path_of(talks[0])}?q={q}")
        assert refusal(answer) == (422, {("query", "q"): code})


def test_the_log_of_one_patient_is_not_that_of_another(own_desk: Client, talks: tuple[Json, list[Json]]) -> None:
    """A search among the entries of one patient finds none of the others'."""
    other = register(own_desk)
    assert found(own_desk, other, q="recall") == []
    assert talks[0]["id"] != other["id"]
