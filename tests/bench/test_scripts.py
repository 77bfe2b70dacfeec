"""pgbench is given the statements that were heard, with the values of all requests in turn and nothing else."""

from __future__ import annotations

import pytest

from bench.limit import lines_of
from bench.long.heard import replayed
from bench.long.requests import Sent, get
from bench.statements import Call

BEGIN = Call("BEGIN READ ONLY; SET LOCAL app.org = 'x'", ())
ONE, OTHER = "018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"


def heard(patient: str, limit: int = 50) -> list[Call]:
    return [BEGIN, Call("SELECT $1, $2 LIMIT $3", ("org", patient, limit)), Call("COMMIT", ())]


def test_what_differs_between_requests_is_chosen_and_the_rest_is_constant() -> None:
    made = replayed("get", [heard("o'ne"), heard("two")])
    assert "SELECT :get_c0, :get_c1 LIMIT :get_c2;" in made.text
    assert made.constants == {"get_c0": "org", "get_c2": "50", "get_run": "0"}
    assert "(0, 'o''ne'), (1, 'two')) v (n, get_c1)" in made.table
    assert made.text.startswith("\\set get_run (:get_run % 20) + 1\n\\if :get_run = 1\n\\set n random(0, 1)")


def test_requests_that_do_not_differ_need_no_table() -> None:
    made = replayed("list", [heard("one"), heard("one")])
    assert (made.table, "random" in made.text) == ("", False)


def test_requests_with_other_statements_than_most_are_left_out() -> None:
    made = replayed("get", [heard("one"), heard("two"), [BEGIN, Call("COMMIT", ())]])
    assert made.text.count("SELECT $1") == 0
    assert "(2," not in made.table


def test_statements_sent_at_once_are_waited_for_once() -> None:
    assert lines_of(BEGIN, []) == ["\\startpipeline", "BEGIN READ ONLY;", "SET LOCAL app.org = 'x';", "\\endpipeline"]


@pytest.mark.parametrize(
    ("sent", "operation", "path"),
    [
        (get(f"patients/{ONE}"), "get_patient", {"patient_uuid": ONE}),
        (get("patients/cursor?first=5"), "patient_cursor", {}),
        (get(f"patients/{ONE}/allergies"), "list_allergies", {"patient_uuid": ONE}),
        (Sent("POST", "patients/check-duplicates", {"last_name": "May"}), "patient_check_duplicates", {}),
    ],
)
def test_a_request_is_asked_of_the_engine_as_the_server_would(sent: Sent, operation: str, path: dict[str, str]) -> None:
    ask = sent.ask()
    assert (ask.operation, ask.path) == (operation, path)
    assert all(not isinstance(value, str) or key != "first" for key, value in ask.query.items())
