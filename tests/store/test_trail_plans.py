"""What the server asks of trail, feed and kept answers, all day long, reads what is new and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

import pytest

from chairside.delivery.feed import MOST_NUMBERED
from chairside.engine.sealer import FIRST_ID, LAST_ID, MOST_IN_A_LINK
from chairside.engine.trail import read_trail
from chairside.store.lists import FOR_THESE_VALUES
from chairside.store.pool import Place
from chairside.store.sql import queries
from tests.counting import Run, statements_of
from tests.house import House
from tests.store.plans import Plan, explaining, filling, nodes, plan_of, still_database

OLD, NEW, LINK = 100_000, 300, 500
# Of a table that has so few rows all may be looked at.
A_FEW = 50
PAGE = 50
_EACH = "00000000-0000-7000"
ORG = "00000000-0000-7000-8000-00000000000b"
SOMEBODY = "00000000-0000-7000-8000-00000000000a"
START = datetime(2024, 1, 1, tzinfo=UTC)
_AT = "timestamptz '2024-01-01Z' + i * interval '1 second'"
END = "2025-01-01T00:00:00Z"
_ID = "('00000000-0000-7000-8001-' || lpad(to_hex(i), 12, '0'))::uuid"
_PATIENT = "('00000000-0000-7000-8002-' || lpad(to_hex(i % 1000), 12, '0'))::uuid"
_OTHER = "('00000000-0000-7000-8003-' || lpad(to_hex(i % 1000), 12, '0'))::uuid"
_FILLED = (
    f"""INSERT INTO audit_patients (org_id, patient_id, at) SELECT $1, {_OTHER}, {_AT}
    FROM generate_series(0, $2::int + $3::int - 1) i""",
    f"""INSERT INTO audit_events (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id,
      method, route, status, outcome, request_id, patients, mac)
    SELECT $1, {_ID}, {_AT}, '{SOMEBODY}', 'Somebody', 'admin', 'read', 'patient', {_PATIENT}, {_PATIENT}, 'GET',
      '/patients', 200, 'allowed', i::text, ARRAY[{_OTHER}], '\\x00'
    FROM generate_series(0, $2::int + $3::int - 1) i""",
    f"""INSERT INTO audit_links (org_id, number, previous, sealed_at, complete_to, until, ats, ids, macs, hash,
      signature)
    SELECT $1, i / {LINK} + 1, '', max({_AT}), max({_AT}), max({_AT}), array_agg({_AT}), array_agg({_ID}), '', '', ''
    FROM generate_series(0, $2::int - 1) i GROUP BY i / {LINK}""",
    f"""INSERT INTO events (org_id, id, sequence, type, occurred_at, kind, record_id, patient_id, version, actor_id,
      actor_name, actor_role, changed)
    SELECT $1, {_ID}, CASE WHEN i < $2 THEN i + 1 END, 'patient.updated', {_AT}, 'patient', {_PATIENT}, {_PATIENT}, 1,
      '{SOMEBODY}', 'Somebody', 'admin', ''
    FROM generate_series(0, $2::int + $3::int - 1) i""",
    "INSERT INTO event_heads (org_id, last) VALUES ($1, $2::int)",
    f"""INSERT INTO idempotency_keys (org_id, caller_id, key, fingerprint, created_at)
    SELECT $1, '{SOMEBODY}', i::text, '', {_AT} FROM generate_series(0, $2::int + $3::int - 1) i""",
)


def at(place: int) -> str:
    """When the so-many-th was."""
    return (START + timedelta(seconds=place)).isoformat()


_TABLES = ("audit_events", "audit_patients", "audit_links", "events", "event_heads", "idempotency_keys")
CLEAN = f"VACUUM (ANALYZE) {', '.join(_TABLES)}"
# Named for what happens; the statement, what it is given beside the org, and how many rows there are for it.
ASKED: dict[str, tuple[str, list[object], int]] = {
    "the chain's end": ("chain.last", [], 1),
    "where a link ends": ("chain.span", [at(OLD - 1), FIRST_ID, END, MOST_IN_A_LINK], NEW),
    "what is to be sealed": ("chain.unsealed", [at(OLD - 1), FIRST_ID, END, LAST_ID], NEW),
    "what was sealed meanwhile": ("chain.unsealed", [at(OLD - 99), FIRST_ID, END, LAST_ID], NEW + LINK),
    "a page of the trail": ("audit.page", [*[None] * 7, PAGE], PAGE),
    "a patient's page": ("audit.page_of_patient", [*[None] * 7, PAGE, f"{_EACH}-8002-000000000007"], PAGE),
    "a page of lists that showed a patient": (
        "audit.page_of_patient",
        [*[None] * 7, PAGE, f"{_EACH}-8003-000000000007"],
        2 * PAGE,
    ),
    "whether events wait": ("events.pending", [], 1),
    "events that get numbers": ("events.number", [OLD, MOST_NUMBERED], NEW),
    "a page of the feed": ("events.feed", [OLD - 99, PAGE, None], PAGE),
    "a kept answer": ("idempotency.read", [SOMEBODY, "7"], 1),
    "answers that go": ("idempotency.forget", [at(NEW)], 1000),
}
PLANNED_ANEW = {"audit.page", "audit.page_of_patient"}


@pytest.fixture(scope="module", params=[0, 20], ids=["alone", "with others"])
async def busy(house: House, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """An org that has long been at work, alone or with small ones beside it, which statistics do not tell from it."""
    beside = [str(uuid4()) for _ in range(request.param)]
    async with still_database(house) as place:
        async with filling(place) as connection:
            await connection.execute("SET session_replication_role = replica")
            for one, old in ((ORG, OLD), *((small, OLD // 1000) for small in beside)):
                for statement in _FILLED:
                    await connection.execute(statement, *[one, old, NEW][: 3 if "$3" in statement else 2])
            await connection.execute(CLEAN)
        yield place


@pytest.mark.parametrize("what", ASKED)
async def test_no_more_is_read_than_there_is_for_it(busy: Place, what: str) -> None:
    """Each row is looked at a few times at most, however many there are beside: this goes on all day."""
    name, values, rows = ASKED[what]
    async with explaining(busy, ORG) as connection:
        if name in PLANNED_ANEW:
            await connection.execute(FOR_THESE_VALUES)
        plan = await plan_of(connection, queries()[name], [ORG, *values])
    assert looked_at(plan) <= 4 * rows + A_FEW


async def test_the_trail_is_planned_for_what_is_asked(house: House) -> None:
    """As the test above has it."""
    sent, _ = await statements_of(cast("Run", read_trail), house, str(uuid4()), str(uuid4()), first=PAGE)
    place = sent.index(queries()["audit.page"])
    assert FOR_THESE_VALUES in sent[:place]


def looked_at(plan: Plan) -> int:
    """Rows of tables, each as often as it was looked at."""
    of_tables = [n for n in nodes(plan) if "Relation Name" in n and n["Node Type"] != "ModifyTable"]
    return sum(round((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"]) for n in of_tables)
