"""What an import does with rows that match a patient, or one another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.house import Client
from tests.patients.acts import Json, act, bulk, events_of, new_mail, new_phone, new_ssn, register, unheard_of
from tests.patients.test_bulk import NOBODY, codes, row, statuses


def signals() -> dict[str, Json]:
    """For each word of match_on what makes a match by it, in two spellings; new ones on each call."""
    mail, ssn, name, phone, chart = new_mail(), new_ssn(), unheard_of(), new_phone(), unheard_of()
    return {
        "chart_number": {"a": {"chart_number": chart}, "b": {"chart_number": chart}},
        "email": {"a": {"email": mail}, "b": {"email": mail.upper()}},
        "mobile_phone": {"a": {"mobile_phone": phone}, "b": {"mobile_phone": f"+1 {phone[:3]} {phone[3:]}"}},
        "ssn": {
            "a": {"social_security_number": ssn},
            "b": {"social_security_number": f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"},
        },
        "name_dob": {
            "a": {"first_name": "Zoë", "last_name": name, "date_of_birth": "1984-02-11"},
            "b": {"first_name": "ZOE", "last_name": name.upper(), "date_of_birth": "1984-02-11"},
        },
    }


WORDS = ("chart_number", "email", "mobile_phone", "ssn", "name_dob")


@pytest.mark.parametrize("word", WORDS)
def test_a_match_with_an_existing_patient_is_skipped_failed_or_updated(desk: Client, word: str) -> None:
    """By each signal in another spelling; the answer names whom it matched."""
    match = signals()[word]
    made = register(desk, **match["a"], city="Boston", state="MA")
    fresh = row(**match["b"], city="Chicago")
    for chosen, status in (("skip", "skipped"), ("fail", "failed"), ("update", "updated")):
        answer = bulk(desk, [fresh], on_duplicate=chosen, match_on=[word])
        assert statuses(answer) == [status]
        [result] = answer["results"]
        assert result["duplicate_of"] == [made["id"]]
        now = desk.read(f"/patients/{made['id']}")
        if chosen == "fail":
            assert codes(result) == {("body", "rows", 0): "duplicate_row"}
        if chosen != "update":
            assert now == made | {"potential_duplicates": None}
        else:
            assert result["patient_id"] == made["id"]
            assert (now["city"], now["state"], now["version"]) == ("Chicago", "MA", 2)
    assert [e["type"] for e in events_of(desk, made["id"])] == ["patient.created", "patient.updated"]


@pytest.mark.parametrize("word", WORDS)
def test_rows_of_one_call_match_each_other(desk: Client, word: str) -> None:
    """The second is skipped, fails, or is put onto the first, which is then made with both."""
    for chosen, status in (("skip", "skipped"), ("fail", "failed"), ("update", "updated")):
        match = signals()[word]
        rows = [row(**match["a"], city="Boston", state="MA"), row(**match["b"], city="Chicago")]
        answer = bulk(desk, rows, on_duplicate=chosen, match_on=[word])
        assert statuses(answer) == ["created", status]
        first, second = answer["results"]
        assert second["duplicate_of"] == [first["patient_id"]]
        now = desk.read(f"/patients/{first['patient_id']}")
        assert (now["city"], now["state"]) == ("Chicago" if chosen == "update" else "Boston", "MA")
        assert now["version"] == 1
        assert len(events_of(desk, now["id"])) == 1
        if chosen == "update":
            assert second["patient_id"] == first["patient_id"]


@pytest.mark.parametrize("word", ["email", "mobile_phone", "ssn", "name_dob"])
def test_create_makes_them_all_and_tells_whom_they_match(desk: Client, word: str) -> None:
    """Never blocking, as on a single create; a chart number alone cannot be given twice."""
    match = signals()[word]
    made = register(desk, **match["a"])
    answer = bulk(desk, [row(**match["b"]), row(**match["a"])], match_on=[word])
    assert statuses(answer) == ["created", "created"]
    assert answer["results"][0]["duplicate_of"] == [made["id"]]
    assert set(answer["results"][1]["duplicate_of"]) == {made["id"], answer["results"][0]["patient_id"]}


@pytest.mark.parametrize("word", WORDS)
def test_only_the_chosen_signals_count(desk: Client, word: str) -> None:
    """A row that matches by all others is new."""
    every = signals()
    known: Json = {k: v for w in WORDS if w != word for k, v in every[w]["a"].items()}
    register(desk, **known)
    if word != "chart_number":
        known.pop("chart_number")
    answer = bulk(desk, [row(**known)], on_duplicate="skip", match_on=[word])
    assert statuses(answer) == ["created"]


def test_the_chart_number_counts_of_its_own_accord(desk: Client) -> None:
    """Without match_on it is what decides; without meta a match fails, for the number is taken."""
    number, mail = unheard_of(), new_mail()
    register(desk, chart_number=number, email=mail)
    rows = [row(chart_number=number), row(email=mail)]
    assert statuses(bulk(desk, rows, on_duplicate="skip")) == ["skipped", "created"]
    answer = desk.post("/patients/bulk", json={"rows": rows}).json()
    assert statuses(answer) == ["failed", "created"]


def test_several_signals_match_by_any_of_them(desk: Client) -> None:
    """And a row that matches two patients updates neither."""
    mail, number = new_mail(), unheard_of()
    one, two = register(desk, email=mail), register(desk, chart_number=number)
    both = ["email", "chart_number"]
    assert statuses(bulk(desk, [row(email=mail)], on_duplicate="skip", match_on=both)) == ["skipped"]
    assert statuses(bulk(desk, [row(chart_number=number)], on_duplicate="skip", match_on=both)) == ["skipped"]
    answer = bulk(desk, [row(email=mail, chart_number=number)], on_duplicate="update", match_on=both)
    assert statuses(answer) == ["failed"]
    assert set(answer["results"][0]["duplicate_of"]) == {one["id"], two["id"]}
    assert [desk.read(f"/patients/{p['id']}")["version"] for p in (one, two)] == [1, 1]


def test_twins_are_not_one_patient(desk: Client) -> None:
    """Last name and birth date alone do not merge: first names differ, in one call and with who is there."""
    name = unheard_of()
    twins = [row(first_name=f, last_name=name, date_of_birth="2015-05-05") for f in ("Mia", "Lea")]
    answer = bulk(desk, twins, on_duplicate="update", match_on=["name_dob"])
    assert statuses(answer) == ["created", "created"]
    third = [row(first_name="Eva", last_name=name, date_of_birth="2015-05-05")]
    assert statuses(bulk(desk, third, on_duplicate="update", match_on=["name_dob"])) == ["created"]
    again = bulk(desk, twins, on_duplicate="update", match_on=["name_dob"])
    assert statuses(again) == ["unchanged", "unchanged"]
    assert [r["patient_id"] for r in again["results"]] == [r["patient_id"] for r in answer["results"]]


def test_a_name_is_found_among_many_of_one_surname_and_day(desk: Client) -> None:
    """More than any answer shows: of a hundred the one with the same first name is the match."""
    family = {"last_name": unheard_of(), "date_of_birth": "1984-02-11"}
    rows = [row(first_name=f"Ana{n}", **family) for n in range(100)]
    ids = [r["patient_id"] for r in bulk(desk, rows)["results"]]
    answer = bulk(desk, rows[::-1], on_duplicate="skip", match_on=["name_dob"])
    assert statuses(answer) == ["skipped"] * 100
    assert [r["duplicate_of"] for r in answer["results"]] == [[own] for own in reversed(ids)]


def test_the_archived_match_nothing(desk: Client) -> None:
    """They are left alone, and their chart numbers stay taken."""
    number, mail = unheard_of(), new_mail()
    gone = act(desk, register(desk, chart_number=number, email=mail), "archive")
    answer = bulk(
        desk,
        [row(email=mail), row(chart_number=number)],
        on_duplicate="update",
        match_on=["email", "chart_number"],
    )
    assert statuses(answer) == ["created", "failed"]
    assert desk.get(f"/patients/{gone['id']}").status_code == 404


def test_a_row_that_equals_the_record_is_unchanged(desk: Client) -> None:
    """Sent every night, an import must not make everybody look changed: no version, no event, no count of it."""
    number, ssn = unheard_of(), new_ssn()
    rows = [row(chart_number=number, email="a@example.com", social_security_number=ssn)]
    assert statuses(bulk(desk, rows, on_duplicate="update")) == ["created"]
    metas: list[Json] = [{"mode": "validate"}, {"atomic": True}, {}]
    answers = [bulk(desk, rows, on_duplicate="update", **meta) for meta in metas]
    for answer in answers:
        assert statuses(answer) == ["unchanged"]
        assert (answer["updated"], answer["unchanged"]) == (0, 1)
    [patient_id] = {answer["results"][0]["patient_id"] for answer in answers}
    assert desk.read(f"/patients/{patient_id}")["version"] == 1
    assert len(events_of(desk, patient_id)) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, "unchanged"),
        ({"last_name": "Lind", "city": "Boston", "receives_sms": True, "status": "active"}, "unchanged"),
        ({"email": " A@example.com "}, "unchanged"),
        ({"email": "a@example.com"}, "updated"),
        ({"mobile_phone": "+13125550142"}, "updated"),
        ({"city": None}, "updated"),
        ({"state": None}, "unchanged"),
        ({"date_of_birth": "1984-02-11"}, "unchanged"),
        ({"date_of_birth": "1984-02-12"}, "updated"),
        ({"social_security_number": "900-22-3333"}, "unchanged"),
        ({"social_security_number": "900-22-3334"}, "updated"),
        ({"social_security_number": None}, "updated"),
        ({"responsible_party_uuid": None}, "unchanged"),
        ({"billing_account": {"mode": "own"}}, "unchanged"),
    ],
)
def test_updated_counts_what_changed_something(desk: Client, sent: Json, status: str) -> None:
    """Field by field against the record, as it is kept."""
    number = unheard_of()
    kept = {
        "city": "Boston", "email": "A@example.com", "mobile_phone": "(312) 555-0142", "receives_sms": True,
        "date_of_birth": "1984-02-11", "social_security_number": "900223333",
    }  # fmt: skip
    made = register(desk, first_name="Ana", last_name="Lind", chart_number=number, **kept)
    answer = bulk(desk, [row(chart_number=number, **sent)], on_duplicate="update")
    assert statuses(answer) == [status]
    assert desk.read(f"/patients/{made['id']}")["version"] == (1 if status == "unchanged" else 2)


def test_a_row_that_repeats_an_earlier_one_is_unchanged(desk: Client) -> None:
    """Against what earlier rows have made of the patient, an SSN too."""
    number, ssn = unheard_of(), new_ssn()
    first, second = row(chart_number=number, city="Boston"), row(chart_number=number, social_security_number=ssn)
    answer = bulk(desk, [first, first, second, second, first], on_duplicate="update")
    assert statuses(answer) == ["created", "unchanged", "updated", "unchanged", "unchanged"]
    assert len({r["patient_id"] for r in answer["results"]}) == 1
    again = bulk(desk, [first, second | {"city": "Bath"}, second, first], on_duplicate="update")
    assert statuses(again) == ["unchanged", "updated", "unchanged", "updated"]


def test_absent_fields_stay_and_null_clears_in_an_update_too(desk: Client) -> None:
    """As in a PATCH."""
    number = unheard_of()
    made = register(desk, chart_number=number, city="Boston", state="MA", receives_sms=True)
    bulk(desk, [row(chart_number=number, city=None, email="b@example.com")], on_duplicate="update")
    now = desk.read(f"/patients/{made['id']}")
    assert [now[k] for k in ("city", "state", "receives_sms", "email")] == [None, "MA", True, "b@example.com"]


def test_an_update_does_not_take_anothers_chart_number(desk: Client) -> None:
    """The row fails alone, with the code of a single PATCH; its neighbours are written."""
    taken, gone, mail = unheard_of(), unheard_of(), new_mail()
    register(desk, chart_number=taken)
    act(desk, register(desk, chart_number=gone), "archive")
    made = register(desk, email=mail)
    for number in (taken, gone):
        rows = [row(), row(email=mail, chart_number=number), row()]
        answer = bulk(desk, rows, on_duplicate="update", match_on=["email"])
        assert statuses(answer) == ["created", "failed", "created"]
        assert codes(answer["results"][1]) == {("body", "rows", 1, "chart_number"): "duplicate_chart_number"}
    assert desk.read(f"/patients/{made['id']}")["version"] == 1


def test_two_updates_of_one_call_do_not_share_a_chart_number(desk: Client) -> None:
    """Nor does an update take that of a row made before it."""
    number, mails = unheard_of(), [new_mail() for _ in range(2)]
    for mail in mails:
        register(desk, email=mail)
    rows = [row(email=mail, chart_number=number) for mail in mails]
    assert statuses(bulk(desk, rows, on_duplicate="update", match_on=["email"])) == ["updated", "failed"]
    other = unheard_of()
    rows = [row(chart_number=other), row(email=mails[1], chart_number=other)]
    assert statuses(bulk(desk, rows, on_duplicate="update", match_on=["email"])) == ["created", "failed"]


def test_a_status_is_not_changed_by_an_import(desk: Client) -> None:
    """Transitions alone do that; the same status is no change."""
    number = unheard_of()
    register(desk, last_name="Lind", chart_number=number, status="inactive")
    same = bulk(desk, [row(chart_number=number, status="inactive")], on_duplicate="update")
    assert statuses(same) == ["unchanged"]
    answer = bulk(desk, [row(chart_number=number, status="active")], on_duplicate="update")
    assert statuses(answer) == ["failed"]
    assert codes(answer["results"][0]) == {("body", "rows", 0, "status"): "invalid_transition"}


def test_a_bad_update_fails_alone_when_another_row_updates_the_same_patient(desk: Client) -> None:
    """What was wrong with one row is not put on the other."""
    number = unheard_of()
    made = register(desk, chart_number=number)
    child = register(desk, responsible_party_uuid=register(desk)["id"])
    rows = [row(chart_number=number, responsible_party_uuid=child["id"]), row(chart_number=number, city="Chicago")]
    answer = bulk(desk, rows, on_duplicate="update")
    assert statuses(answer) == ["failed", "updated"]
    now = desk.read(f"/patients/{made['id']}")
    assert (now["city"], now["responsible_party"]["id"]) == ("Chicago", made["id"])


@pytest.mark.parametrize("chosen", ["skip", "fail", "update", "create"])
def test_a_row_that_failed_is_nobodys_double(desk: Client, chosen: str) -> None:
    """The good row after it is the first of its kind, and is made."""
    mail, taken = new_mail(), unheard_of()
    register(desk, chart_number=taken)
    for bad in ({"location_uuid": NOBODY}, {"responsible_party_uuid": NOBODY}, {"chart_number": taken}):
        rows = [row(email=mail, **bad), row(email=mail.upper(), city="Chicago")]
        answer = bulk(desk, rows, on_duplicate=chosen, match_on=["email"], atomic=False)
        assert statuses(answer) == ["failed", "created"]
        assert answer["results"][1]["duplicate_of"] == []
        mail = new_mail()


def test_what_a_row_puts_onto_a_patient_is_matched_by_later_rows(desk: Client) -> None:
    """A row brings an address, the next one knows the address alone: both are put onto the same patient."""
    number, mail = unheard_of(), new_mail()
    made = register(desk, chart_number=number)
    rows = [row(chart_number=number, email=mail), row(email=mail, city="Chicago")]
    answer = bulk(desk, rows, on_duplicate="update", match_on=["chart_number", "email"])
    assert statuses(answer) == ["updated", "updated"]
    now = desk.read(f"/patients/{made['id']}")
    assert (now["email"], now["city"], now["version"]) == (mail, "Chicago", 2)


def test_validation_of_matches_is_told_as_well(desk: Client) -> None:
    """What would be updated is validated, what would be skipped or fail is so."""
    number = unheard_of()
    made = register(desk, chart_number=number)
    for chosen, status in (("update", "validated"), ("skip", "skipped"), ("fail", "failed"), ("create", "failed")):
        answer = bulk(desk, [row(chart_number=number)], mode="validate", on_duplicate=chosen)
        assert statuses(answer) == [status]
        assert answer["results"][0]["duplicate_of"] == [made["id"]]
    assert desk.read(f"/patients/{made['id']}")["version"] == 1


def test_the_same_match_twice_is_named_once(desk: Client) -> None:
    """By several signals at once."""
    mail, number = new_mail(), unheard_of()
    made = register(desk, email=mail, chart_number=number)
    known: dict[str, Any] = {"email": mail, "chart_number": number}
    answer = bulk(desk, [row(**known)], on_duplicate="skip", match_on=["chart_number", "email"])
    assert answer["results"][0]["duplicate_of"] == [made["id"]]


@pytest.mark.parametrize("meta", [{"mode": "validate"}, {"atomic": True}])
def test_nobody_is_named_who_was_never_made(desk: Client, meta: dict[str, Any]) -> None:
    """A row that doubles an earlier one is told so, and no id that leads nowhere."""
    number = unheard_of()
    rows = [row(chart_number=number), row(chart_number=number), {"first_name": ""}]
    answer = bulk(desk, rows, on_duplicate="skip", **meta)
    assert statuses(answer)[1:] == ["skipped", "failed"]
    assert [r["duplicate_of"] for r in answer["results"]] == [[], [], []]
    assert [r["patient_id"] for r in answer["results"]] == [None, None, None]
