"""Many who add the same people at once: one of them does it, the others see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.database import connected
from tests.house import Client, House, Org
from tests.patients.acts import Json, at_once, bulk, new_mail, new_phone, new_ssn, register, unheard_of
from tests.patients.test_bulk import statuses

IMPORTS, ROWS, CREATES = 3, 200, 12
SIGNALS = ("chart_number", "ssn", "name_dob", "email", "mobile_phone")


def people(signal: str, number: int) -> tuple[str, list[Json]]:
    """A last name that leads to all of them, and rows that have this signal to match by."""
    family = unheard_of()
    return family, [{"first_name": f"Ana{n}", "last_name": family} | own_value(signal) for n in range(number)]


def own_value(signal: str) -> Json:
    values: dict[str, Json] = {
        "chart_number": {"chart_number": unheard_of()},
        "ssn": {"social_security_number": new_ssn()},
        "name_dob": {"date_of_birth": "1984-02-11"},
        "email": {"email": new_mail()},
        "mobile_phone": {"mobile_phone": new_phone()},
    }
    return values[signal]


@pytest.mark.parametrize("mode", ["skip", "update"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_the_same_rows_three_times_at_once_make_each_patient_once(
    shared_org: Org, desk: Client, signal: str, mode: str
) -> None:
    """Every signal and every order of the rows; each import is answered 200."""
    desks = [shared_org.desk() for _ in range(IMPORTS)]
    family, rows = people(signal, ROWS)

    def send(number: int) -> Json:
        return bulk(desks[number], rows if number else rows[::-1], on_duplicate=mode, match_on=[signal])

    answers = at_once(IMPORTS, send)
    assert sum(a["created"] for a in answers) == ROWS
    assert sum(a["skipped" if mode == "skip" else "unchanged"] for a in answers) == ROWS * (IMPORTS - 1)
    assert desk.read("/patients", search=family)["total"] == ROWS


@pytest.mark.parametrize("signal", [s for s in SIGNALS if s != "chart_number"])
def test_creates_at_once_see_each_other(shared_org: Org, desk: Client, signal: str) -> None:
    """Of twelve who create one person, each is told of those who were faster, and nobody of nobody but the first."""
    desks = [shared_org.desk() for _ in range(CREATES)]
    _, [person] = people(signal, 1)
    told = at_once(CREATES, lambda number: register(desks[number], **person)["potential_duplicates"])
    assert sorted(map(len, told)) == list(range(CREATES))


def test_an_import_and_creates_at_once_see_each_other(shared_org: Org, desk: Client) -> None:
    """A person is created first and skipped by the import, or made by the import and told to who creates."""
    desks = [shared_org.desk() for _ in range(CREATES)]
    family, rows = people("ssn", ROWS)
    some = rows[:: ROWS // CREATES][: CREATES - 1]

    def send(number: int) -> Any:
        if number == CREATES - 1:
            return statuses(bulk(desks[number], rows, on_duplicate="skip", match_on=["ssn"]))
        return bool(register(desks[number], **some[number])["potential_duplicates"])

    *told, results = at_once(CREATES, send)
    for person, was_told in zip(some, told, strict=True):
        assert results[rows.index(person)] == ("created" if was_told else "skipped")
    assert desk.read("/patients", search=family)["total"] == ROWS + sum(told)


async def test_no_lock_outlives_its_transaction(house: House, shared_org: Org, desk: Client) -> None:
    """The table is empty to everybody else, however many imports ran and failed."""
    _, rows = people("email", 3)
    bulk(desk, [*rows, rows[0] | {"email": "x"}], on_duplicate="skip", match_on=["email"])
    bulk(desk, [rows[0], {"first_name": ""}], atomic=True)
    async with connected(house.data_dir, "superuser") as connection:
        assert await connection.fetchval("SELECT count(*) FROM match_locks WHERE org_id = $1", shared_org.id) == 0


def test_nobody_waits_for_who_is_done(desk: Client) -> None:
    """Sent again after all is committed, and after a row that failed, nothing waits."""
    _, [person] = people("email", 1)
    bad = person | {"location_uuid": "01890000-0000-7000-8000-000000000000"}
    for sent, expected in (([bad], ["failed"]), ([person], ["created"]), ([person], ["skipped"])):
        assert statuses(bulk(desk, sent, on_duplicate="skip", match_on=["email"])) == expected
