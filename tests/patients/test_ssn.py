"""A social security number is seen whole by whom it must be, and lies nowhere in clear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.database import connected
from tests.house import Client, Org, new_house, problems
from tests.patients.acts import Json, bulk, change, dashed, events_of, new_ssn, register, unheard_of

FIELD = "social_security_number"


def whole(desk: Client, patient: Json) -> object:
    return desk.read(f"/patients/{patient['id']}", reveal="ssn")[FIELD]


@pytest.fixture(scope="module")
def loud() -> Iterator[Org]:
    """The org of a server that logs as much as it can."""
    # Short, and where the unprivileged user of the database can reach it when the tests run as root.
    with TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        with new_house(Path(folder), workers=1, CHAIRSIDE_LOG_LEVEL="debug") as house:
            yield house.org("Loud Dental")


def test_every_answer_masks_it(desk: Client) -> None:
    """Create, read, PATCH, list, walk, archive, restore and import show the last four digits alone."""
    number = new_ssn()
    masked = f"***-**-{number[-4:]}"
    made = register(desk, social_security_number=dashed(number))
    path = f"/patients/{made['id']}"
    shown = [
        made,
        desk.read(path),
        change(desk, made, city="Chicago"),
        *desk.read("/patients", search=made["last_name"])["items"],
        *desk.read("/patients/cursor", search=made["last_name"])["data"],
        desk.post(f"{path}/archive").json(),
        desk.post(f"{path}/restore").json(),
    ]
    assert [p[FIELD] for p in shown] == [masked] * 7
    assert number not in json.dumps(shown)


def test_digits_and_dashes_are_the_same_number(desk: Client) -> None:
    """Both forms are stored as one: sending the other form changes nothing."""
    number = new_ssn()
    made = register(desk, social_security_number=number)
    assert change(desk, made, social_security_number=dashed(number))["version"] == 1
    assert whole(desk, made) in (number, dashed(number))


@pytest.mark.parametrize("role", ["admin", "billing"])
def test_administrators_and_billing_may_see_it_whole(shared_org: Org, desk: Client, role: str) -> None:
    """With `?reveal=ssn`, and masked without."""
    number = new_ssn()
    made = register(desk, social_security_number=number)
    caller = shared_org.desk(role)
    assert str(whole(caller, made)).replace("-", "") == number
    assert caller.read(f"/patients/{made['id']}")[FIELD] == f"***-**-{number[-4:]}"


@pytest.mark.parametrize("role", ["clinician", "front_desk", "read_only", "integration"])
def test_nobody_else_may_see_it_whole(shared_org: Org, desk: Client, role: str) -> None:
    """403, and the refusal is in the audit trail."""
    number = new_ssn()
    made = register(desk, social_security_number=number)
    answer = shared_org.desk(role).get(f"/patients/{made['id']}", params={"reveal": "ssn"})
    assert answer.status_code == 403
    assert number not in answer.text
    [record] = [e for e in trail(desk, made) if e["outcome"] == "denied"]
    assert (record["actor"]["role"], record["status"], record["record_id"]) == (role, 403, made["id"])


def trail(desk: Client, patient: Json) -> list[Json]:
    found = desk.read("/audit-events", patient=patient["id"], first=100)["data"]
    return [e for e in found if e["kind"] == "patient"]


def test_seeing_it_whole_is_audited_as_such(desk: Client) -> None:
    """The record of a reveal can be told from that of an ordinary read."""
    made = register(desk, social_security_number=new_ssn())
    desk.read(f"/patients/{made['id']}")
    [read] = [e for e in trail(desk, made) if e["method"] == "GET"]
    whole(desk, made)
    [reveal] = [e for e in trail(desk, made) if e["method"] == "GET" and e["id"] != read["id"]]
    assert (reveal["outcome"], reveal["record_id"], reveal["kind"]) == ("allowed", made["id"], "patient")
    assert reveal["action"] != read["action"]
    assert "reveal" in reveal["action"]


def test_no_spelling_of_the_question_hides_a_reveal_from_the_audit(desk: Client) -> None:
    """`r%65veal` is the same parameter."""
    made = register(desk, social_security_number=new_ssn())
    answer = desk.get(f"/patients/{made['id']}?r%65veal=ssn")
    assert "*" not in answer.json()[FIELD]
    assert [e["action"] for e in trail(desk, made) if e["method"] == "GET"] == ["reveal"]


def test_a_whole_number_is_never_answered_from_a_copy(desk: Client) -> None:
    """A reveal with If-None-Match answers in full, and no cache may keep it."""
    made = register(desk, social_security_number=new_ssn())
    answer = desk.get(f"/patients/{made['id']}", params={"reveal": "ssn"}, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "wrong",
    [
        "***-**-678",
        "***-**-678a",
        "12345678",
        "1234567890",
        "123-456-789",
        "12-345-6789",
        "123 45 6789",
        "1234567a",
        "١٢٣٤٥٦٧٨٩",
        "123-45-67-",
    ],
)
def test_a_wrong_form_is_refused_without_repeating_it(desk: Client, wrong: str) -> None:
    """422 at the field; what was sent is not in the answer."""
    answer = desk.post("/patients", json={"first_name": "A", "last_name": "B", FIELD: wrong})
    assert (answer.status_code, problems(answer)) == (422, {("body", FIELD): "invalid_ssn"})
    assert not wrong or wrong not in answer.text


def test_the_mask_sent_back_changes_nothing(desk: Client) -> None:
    """A form shows the mask and sends it back with the rest; the number stays what it is."""
    number = new_ssn()
    made = register(desk, social_security_number=number)
    answer = desk.patch(f"/patients/{made['id']}", json={"base_version": 1, FIELD: made[FIELD], "city": "Springfield"})
    assert (answer.status_code, answer.json()["city"], answer.json()["version"]) == (200, "Springfield", 2)
    again = desk.patch(f"/patients/{made['id']}", json={"base_version": 2, FIELD: made[FIELD]})
    assert (again.status_code, again.json()["version"]) == (200, 2), "a mask alone is no change"
    assert str(whole(desk, made)).replace("-", "") == number


def other_mask(mask: str) -> str:
    return f"***-**-{(int(mask[-4:]) + 1) % 10_000:04}"


def test_another_mask_is_refused(desk: Client) -> None:
    """A mask of somebody else, of no number, or on create names no number that could be kept."""
    made, none = register(desk, social_security_number=new_ssn()), register(desk)
    for patient, mask in ((made, other_mask(made[FIELD])), (none, made[FIELD])):
        answer = desk.patch(f"/patients/{patient['id']}", json={"base_version": 1, FIELD: mask, "city": "Boston"})
        assert (answer.status_code, problems(answer)) == (422, {("body", FIELD): "invalid_ssn"})
        assert desk.read(f"/patients/{patient['id']}")["version"] == 1
    answer = desk.post("/patients", json={"first_name": "A", "last_name": "B", FIELD: made[FIELD]})
    assert (answer.status_code, problems(answer)) == (422, {("body", FIELD): "invalid_ssn"})
    answer = desk.post("/patients/check-duplicates", json={"last_name": "B", FIELD: made[FIELD]})
    assert (answer.status_code, problems(answer)) == (422, {("body", FIELD): "invalid_ssn"})


def test_a_row_of_an_import_may_send_the_mask_of_the_patient_it_updates(desk: Client) -> None:
    """An export that was edited comes back with masks: the same is unchanged, another fails its row alone."""
    number, chart = new_ssn(), unheard_of()
    made = register(desk, social_security_number=number, chart_number=chart)
    row = {"first_name": made["first_name"], "last_name": made["last_name"], "chart_number": chart}
    rows = [
        row | {FIELD: made[FIELD], "city": "Springfield"},
        row | {FIELD: other_mask(made[FIELD]), "city": "Boston"},
        {"first_name": "New", "last_name": unheard_of(), FIELD: made[FIELD]},
    ]
    results = bulk(desk, rows, on_duplicate="update")["results"]
    assert [r["status"] for r in results] == ["updated", "failed", "failed"], results
    for place in (1, 2):
        [error] = results[place]["errors"]
        assert (error["loc"], error["type"]) == (["body", "rows", place, FIELD], "invalid_ssn")
    seen = desk.read(f"/patients/{made['id']}")
    assert (seen["city"], seen[FIELD]) == ("Springfield", made[FIELD])
    assert str(whole(desk, made)).replace("-", "") == number


def test_it_can_be_changed_and_cleared(desk: Client) -> None:
    """After null there is nothing to reveal, nor to be matched by."""
    first, second = new_ssn(), new_ssn()
    made = register(desk, social_security_number=first)
    now = change(desk, made, social_security_number=second)
    assert (now[FIELD], str(whole(desk, made)).replace("-", "")) == (f"***-**-{second[-4:]}", second)
    cleared = change(desk, now, social_security_number=None)
    assert (cleared[FIELD], whole(desk, made)) == (None, None)
    for number in (first, second):
        body = {"last_name": "Nobody", FIELD: number}
        assert desk.post("/patients/check-duplicates", json=body).json()["total"] == 0


def test_no_search_finds_by_it(desk: Client) -> None:
    """Neither lists, nor walks, nor typeahead, by the whole or by its end."""
    number = new_ssn()
    made = register(desk, social_security_number=number)
    for asked in (number, dashed(number), number[:5]):
        found = [
            *desk.read("/patients", search=asked)["items"],
            *desk.read("/patients/cursor", search=asked)["data"],
            *desk.read("/patients/search", q=asked)["items"],
        ]
        assert made["id"] not in [p["id"] for p in found]


def test_it_lies_in_clear_in_no_log_event_metric_or_file(loud: Org) -> None:
    """Sent by create, PATCH, import, duplicate check, as a wrong value, a search, with and without dashes; then the
    debug log, events, audit trail, metrics and every file of the data directory are searched for the digits."""
    desk = loud.desk()
    numbers = [new_ssn() for _ in range(6)]
    made = register(desk, social_security_number=numbers[0])
    change(desk, made, social_security_number=dashed(numbers[1]))
    bulk(desk, [{"first_name": "A", "last_name": "B", FIELD: numbers[2]}], match_on=["ssn"], on_duplicate="skip")
    desk.post("/patients/check-duplicates", json={"last_name": "B", FIELD: numbers[3]})
    desk.post("/patients", json={"first_name": "A", "last_name": "B", FIELD: numbers[4] + "0"})
    desk.post("/patients", json={"first_name": "A", "last_name": "B", "gender": numbers[4], numbers[4]: 1})
    keyed = {"Idempotency-Key": "one"}
    desk.post("/patients", json={"first_name": "A", "last_name": "B", FIELD: numbers[5]}, headers=keyed)
    assert str(whole(desk, made)).replace("-", "") == numbers[1]
    told = [
        loud.house.log(),
        desk.get("/events", params={"limit": 1000}).text,
        desk.get("/audit-events", params={"first": 200}).text,
        desk.get(loud.house.metrics).text,
    ]
    assert made["id"] in told[1]
    assert "route" in told[0]
    for number in numbers:
        for form in (number, dashed(number)):
            assert not [t for t in told if form in t]
    files = [f for f in (loud.house.data_dir / "postgres").rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) > 10_000_000
    kept = b"\n".join(f.read_bytes() for f in files)
    assert made["last_name"].encode() in kept
    for number in (*numbers[:4], numbers[5]):
        assert number.encode() not in kept
        assert dashed(number).encode() not in kept


def test_equal_numbers_are_sealed_differently(loud: Org) -> None:
    """Two patients of one org with one number: what is stored differs, yet they are found as duplicates."""
    desk, number = loud.desk(), new_ssn()
    first, second = (register(desk, social_security_number=number) for _ in range(2))
    assert [d["match_reasons"] for d in second["potential_duplicates"]] == [["ssn"]]
    assert second["potential_duplicates"][0]["id"] == first["id"]
    sealed = asyncio.run(sealed_in(loud, [first["id"], second["id"]]))
    assert len(sealed) == 2
    assert len(set(sealed)) == 2
    assert number.encode() not in b"".join(sealed)


async def sealed_in(org: Org, patient_ids: list[str]) -> list[bytes]:
    """The sealed numbers of patients, past row-level security."""
    statement = "SELECT social_security_number_sealed FROM patients WHERE org_id = $1 AND id = ANY($2::uuid[])"
    async with connected(org.house.data_dir, "superuser") as connection:
        return [row[0] for row in await connection.fetch(statement, org.id, patient_ids)]


def test_events_name_the_field_and_never_the_value(desk: Client) -> None:
    """A change of the number says that it changed."""
    made = register(desk, social_security_number=new_ssn())
    change(desk, made, social_security_number=new_ssn())
    events = events_of(desk, made["id"])
    assert [(e["type"], FIELD in e["changed"]) for e in events] == [
        ("patient.created", True),
        ("patient.updated", True),
    ]
    assert all(isinstance(name, str) for e in events for name in e["changed"])
