"""Records of an older release follow the rules of this one after the upgrade."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chairside import embedded
from chairside.cli.epochs import begin
from chairside.engine.audit import stored
from chairside.engine.audit_keys import numbered_keys
from chairside.engine.verification import verify
from chairside.store import migrate as schema
from chairside.store.epochs import FASTEST_ORG, FASTEST_RECORD, SLACK
from chairside.store.migrate import migrate, migrations
from chairside.store.pool import Place, connect
from chairside.store.sql import queries
from tests.house import House
from tests.store.crowd import crowd

ORG = "00000000-0000-7000-9000-000000000001"


# Code of the tobacco entry, whether it is archived, what the patient said before; what the patient says then.
TOBACCO = [
    ("77176002", False, None, "77176002"),
    ("77176002", False, "8517006", "77176002"),
    ("77176002", True, None, None),
    (None, False, "8517006", None),
    ("77176002", False, "77176002", "77176002"),
]
# Birth date, sex and BMI; whether a percentile of old is taken for a computed one, which is not kept.
READINGS = [
    ("2014-01-01", "male", 17, True),
    ("2014-01-01", "female", 17, True),
    ("2014-01-01", "unknown", 17, False),
    ("2014-01-01", None, 17, False),
    (None, "male", 17, False),
    ("2014-01-01", "male", None, False),
    ("1980-01-01", "male", 17, False),
    ("2024-06-01", "male", 17, False),
]
ENTRY = """INSERT INTO patient_social_history (org_id, id, patient_id, category, value, snomed_code, created_by,
  created_at, updated_at, deleted_at, version)
VALUES ($1, gen_random_uuid(), $2, 'tobacco', 'Told', $3, 1, now(), now(), CASE WHEN $4 THEN now() END, 1)"""
READING = """INSERT INTO patient_vital_signs (org_id, id, patient_id, date_taken, bmi, bmi_percentile,
  has_followup_plan, created_by, created_at, updated_at, version)
VALUES ($1, gen_random_uuid(), $2, '2026-01-01', $3, 60, false, 1, now(), now(), 1)"""


async def test_smoking_codes_and_percentiles_are_those_of_this_release(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patient's code follows the tobacco entry and the ETag moves; percentiles are computed from now on."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: [m for m in migrations() if m.number <= 9])
        await migrate(empty)
    superuser = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))
    try:
        await superuser.execute(f"INSERT INTO orgs (id, name, created_at) VALUES ('{ORG}', 'Old', now())")
        await crowd(superuser, ORG, 30, beside=False)
        rows = await superuser.fetch("SELECT id FROM patients WHERE deleted_at IS NULL ORDER BY id")
        ids = [str(row["id"]) for row in rows]
        for patient, (code, archived, old, _) in zip(ids, TOBACCO, strict=False):
            await superuser.execute(ENTRY, ORG, patient, code, archived)
            await superuser.execute("UPDATE patients SET smoking_snomed = $2 WHERE id = $1", patient, old)
        for patient, (born, sex, bmi, _) in zip(ids, READINGS, strict=False):
            await superuser.execute(
                "UPDATE patients SET date_of_birth = $2::text::date, gender = $3 WHERE id = $1", patient, born, sex
            )
            await superuser.execute(READING, ORG, patient, bmi)
        await migrate(empty)
        for patient, (_, _, old, new) in zip(ids, TOBACCO, strict=False):
            row = await superuser.fetchrow("SELECT smoking_snomed, revision FROM patients WHERE id = $1", patient)
            assert row is not None
            assert (row["smoking_snomed"], row["revision"]) == (new, int(new != old))
        for patient, (born, sex, bmi, computed) in zip(ids, READINGS, strict=False):
            kept = await superuser.fetchval(
                "SELECT bmi_percentile FROM patient_vital_signs WHERE patient_id = $1", patient
            )
            assert kept == (None if computed else 60), (born, sex, bmi)
    finally:
        await superuser.close()


OF_OLD = """INSERT INTO orgs (id, name, created_at) VALUES ($1, 'Old', now());
INSERT INTO event_heads (org_id, last) VALUES ($1, 40);
INSERT INTO users (org_id, id, number, name, created_at) VALUES ($1, $1, 1, 'Lee', now());
INSERT INTO tokens (org_id, id, user_id, role, prefix, hash, created_at, expires_at, last_used_at, revoked_at)
SELECT $1, ('00000000-0000-7000-8004-00000000000' || n)::uuid, $1, 'admin', 'prefix' || n, n::text::bytea,
  now() - interval '3 years', CASE WHEN n = 2 THEN now() - interval '1 day' END, now() - interval '2 years',
  CASE WHEN n = 3 THEN now() END
FROM generate_series(1, 3) n"""


async def test_a_backup_of_old_gets_its_epoch_and_tokens_of_old_do_not_end_by_the_upgrade(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore brings the schema to this release first; a token without an end has no limit of idle days either."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: [m for m in migrations() if m.number <= 19])
        await migrate(empty)
    superuser = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))
    try:
        for statement in OF_OLD.replace("$1", f"'{ORG}'::uuid").split(";"):
            await superuser.execute(statement)
        await crowd(superuser, ORG, 10, beside=False)
        await superuser.execute(
            "UPDATE patients SET version = 7 WHERE chart_number = (SELECT min(chart_number) FROM patients)"
        )
        now = datetime.now(UTC)
        await begin(empty, since=now - timedelta(hours=1))
        assert await superuser.fetchval("SELECT version_base FROM orgs") >= 7 + SLACK + 3600 * FASTEST_RECORD
        assert await superuser.fetchval("SELECT base FROM event_heads") >= 40 + SLACK + 3600 * FASTEST_ORG
        rows = await superuser.fetch("SELECT * FROM tokens ORDER BY prefix")
        assert [row["suspended_at"] is not None for row in rows] == [True, True, False]
        assert {(row["idle_days"], row["networks"]) for row in rows} == {(None, None)}
        ends = [
            row["ends_at"]
            for row in [await superuser.fetchrow(queries()["access.token"], ORG, r["hash"]) for r in rows]
            if row
        ]
        assert [end is None for end in ends] == [True, False, True]
    finally:
        await superuser.close()


AS_BEFORE = """INSERT INTO audit_events (org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id,
  patient_id, method, route, status, outcome, request_id, client_id, query, shown, patients, mac, mac_format, mac_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19::text::uuid[], $20, $21,
  $22)"""


async def test_audit_records_of_old_hold_beside_those_that_name_their_texts(
    house: House, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records from before the upgrade and of a server of the release before that still runs: all verify, and the trail
    finds them by every filter."""
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: [m for m in migrations() if m.number <= 23])
        await migrate(empty)
    keys = numbered_keys([(b"k" * 32, b"s" * 32, datetime(2026, 1, 1, tzinfo=UTC))])
    superuser = await connect(replace(empty, user=embedded.endpoint(house.data_dir).superuser))

    def record(number: int) -> tuple[object, ...]:
        at, patient = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=number), f"{ORG[:-1]}{number % 3}"
        return (
            ORG, f"{ORG[:-1]}{number}", at, ORG, "Ana", "admin", "read", "patient", patient, patient, "GET",
            "/patients", 200, "allowed", f"{number:016x}" if number % 2 else "r", None, None, None, None,
        )  # fmt: skip

    try:
        await superuser.execute(f"INSERT INTO orgs (id, name, created_at) VALUES ('{ORG}', 'Old', now())")
        for number in (0, 1):
            await superuser.execute(AS_BEFORE, *record(number), *keys.seal(record(number)))
        await migrate(empty)
        for number in (2, 3):
            await superuser.execute(AS_BEFORE, *record(number), *keys.seal(record(number)))
        for number in (4, 5, 6):
            made = stored(keys, record(number))
            await superuser.execute(queries()["audit.add_caller"], *made.caller)
            await superuser.execute(queries()["audit.add_operation"], *made.operation)
            await superuser.execute(queries()["audit.append"], *made.row)
        verdict = await verify(superuser, ORG, keys, [])
        assert (verdict.faults, verdict.records) == ([], 7)
        for narrowed, found in (
            ([None] * 3, 7), ([ORG, None, None], 7), ([None, "read", None], 7), ([None, None, "allowed"], 7),
            ([str(uuid4()), None, None], 0), ([None, "create", None], 0), ([None, None, "denied"], 0),
        ):  # fmt: skip
            rows = await superuser.fetch(queries()["audit.page"], ORG, *narrowed, *[None] * 4, 50)
            assert len(rows) == found
            patient = f"{ORG[:-1]}0"
            rows = await superuser.fetch(queries()["audit.page_of_patient"], ORG, *narrowed, *[None] * 4, 50, patient)
            assert len(rows) == (3 if found else 0)
        shown = await superuser.fetch(queries()["audit.page"], ORG, *[None] * 7, 50)
        assert [row["request_id"] for row in shown] == [str(record(n)[14]) for n in (6, 5, 4, 3, 2, 1, 0)]
        assert {(row["actor_name"], row["route"], row["record_id"] == row["patient_id"]) for row in shown} == {
            ("Ana", "/patients", True)
        }
    finally:
        await superuser.close()
