"""An org full of made-up patients, made inside the database within seconds, past the server and all its rules."""

from __future__ import annotations

from tests.database import Connection

# Ids that tests can name: org, kind and number.
LOCATION, PROVIDER, TAG, PATIENT = "l", "p", "t", "a"
COMMON, SCARCE, RARE = "1", "2", "3"  # tags, by their numbers
LOCATIONS, PROVIDERS, TAGS = 5, 8, 100


def made_id(what: str, number: str) -> str:
    """SQL for the id of the so-many-th of a kind."""
    kind = {LOCATION: "1", PROVIDER: "2", TAG: "3", PATIENT: "4"}[what]
    return f"('00000000-0000-7000-800{kind}-' || lpad(to_hex({number}), 12, '0'))::uuid"


_NOW = "timestamptz '2024-01-01' + i * interval '1 minute'"
# So many last and first names that some are common, all letters begin some, and none goes with a status or provider.
_LAST = "chr(97 + i % 4999 % 26) || substr(md5((i % 4999)::text), 1, 7)"
_FIRST = "chr(97 + i % 701 % 23) || substr(md5((i % 701)::text), 1, 5)"
_PHONE = "'+1312' || lpad((i * 7919 % 9999991)::text, 7, '0')"
# Of 20,000 with a tag 9,200 have the first, a thousand the second, and two hundred each of the odd ones after.
_TAG = f"CASE WHEN i % 20 = 0 THEN 2 WHEN i % 2 = 0 THEN 1 ELSE i % {TAGS} END"
_CATALOG = """INSERT INTO {table} (org_id, id, name, item_order, name_key, created_at, updated_at, version{more})
    SELECT $1, {id}, 'n ' || i, i, 'n ' || i, now(), now(), 1{values} FROM generate_series(0, {n} - 1) i"""
_STATEMENTS = (
    _CATALOG.format(table="locations", more=", is_active", id=made_id(LOCATION, "i"), values=", true", n=LOCATIONS),
    _CATALOG.format(table="providers", more="", id=made_id(PROVIDER, "i"), values="", n=PROVIDERS),
    _CATALOG.format(table="tag_definitions", more="", id=made_id(TAG, "i"), values="", n=TAGS),
    f"""INSERT INTO patients (org_id, id, first_name, last_name, first_name_key, last_name_key, chart_number,
      chart_number_key, date_of_birth, email, email_key, mobile_phone, mobile_phone_e164, receives_sms, receives_email,
      status, deleted_at, allergy_review_status, premedication_required, scheduling_restricted, location_id,
      primary_provider_id, responsible_party_id, date_first_visit, created_at, updated_at, version)
    SELECT $1, {made_id(PATIENT, "i")}, {_FIRST}, {_LAST}, {_FIRST}, {_LAST}, 'C' || i, 'c' || i,
      date '1930-01-01' + i * 7919 % 33000, 'm' || i || '@example.org', 'm' || i || '@example.org', {_PHONE}, {_PHONE},
      true, true, CASE WHEN i % 20 = 0 THEN 'archived' WHEN i % 10 = 1 THEN 'inactive' WHEN i % 100 = 2 THEN 'deceased'
        WHEN i % 50 = 3 THEN 'prospective' ELSE 'active' END, CASE WHEN i % 20 = 0 THEN now() END,
      'not_reviewed', false, false, CASE WHEN i % 7 > 0 THEN {made_id(LOCATION, f"i % {LOCATIONS}")} END,
      CASE WHEN i % 11 > 0 THEN {made_id(PROVIDER, f"i % {PROVIDERS}")} END, {made_id(PATIENT, "i - i % 3")},
      date '2015-01-01' + i % 4000, {_NOW}, {_NOW}, 1
    FROM generate_series(0, $2 - 1) i""",
)
_BESIDE = (
    """INSERT INTO patient_words (org_id, scope, word, beside, patient_id, name)
    SELECT org_id, CASE WHEN deleted_at IS NULL THEN 0 ELSE 2 END, w.word, CASE WHEN deleted_at IS NULL THEN w.beside
      ELSE '' END, id, CASE WHEN deleted_at IS NULL THEN last_name_key || ' ' || first_name_key ELSE '' END
    FROM patients CROSS JOIN LATERAL
      (VALUES (first_name_key, last_name_key), (last_name_key, chart_number_key), (chart_number_key, first_name_key))
      w (word, beside)
    WHERE org_id = $1 ON CONFLICT DO NOTHING""",
    f"""INSERT INTO patient_tags
      (org_id, id, patient_id, tag_definition_id, created_by, created_at, updated_at, version)
    SELECT $1, gen_random_uuid(), {made_id(PATIENT, "i * 7919 % (c.n - 1)")}, {made_id(TAG, _TAG)}, 1, now(), now(), 1
    FROM (SELECT count(*) AS n FROM patients WHERE org_id = $1) c, generate_series(0, c.n / 5 - 1) i""",
    """INSERT INTO patient_counts (org_id, id, archived, status, location_id, primary_provider_id, n)
    SELECT org_id, gen_random_uuid(), deleted_at IS NOT NULL, status, location_id, primary_provider_id, count(*)
    FROM patients WHERE org_id = $1 GROUP BY 1, 3, 4, 5, 6""",
    """INSERT INTO tag_counts (org_id, id, archived, tag_definition_id, n)
    SELECT t.org_id, gen_random_uuid(), p.deleted_at IS NOT NULL, tag_definition_id, count(*)
    FROM patient_tags t JOIN patients p ON p.org_id = t.org_id AND p.id = t.patient_id
    WHERE t.org_id = $1 GROUP BY 1, 3, 4""",
)


async def crowd(superuser: Connection, org_id: str, patients: int, *, beside: bool = True) -> None:
    """Fill an org; `beside` with what writes keep beside patients: search words, tags and the summaries."""
    async with superuser.transaction():
        await superuser.execute("SET LOCAL session_replication_role = replica")  # does without the checks of references
        for statement in (*_STATEMENTS, *(_BESIDE if beside else ())):
            await superuser.execute(statement, org_id, *([patients] if "$2" in statement else []))
