"""Whom the server and pgbench are asked for: people of the loaded org drawn at random, and some to be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncpg

from bench.orgs.made import superuser
from bench.running import Client
from chairside.store.pool import ROLE, connect

# Half of those to be changed are the server's, half pgbench's, so that neither needs to know of the other's versions.
CHANGED_EACH = 1024
# Plain names have one search word each, so that one person's parameters can stand in for another's.
_PEOPLE = """
CREATE TABLE bench.people AS
SELECT (row_number() OVER (ORDER BY random()))::int - 1 AS n, p.*,
  '(312) ' || substr(p.digits, 4, 3) || '-' || right(p.digits, 4) AS mobile_phone, right(p.digits, 4) AS last_four,
  p.begins || chr(1114111) AS begins_end
FROM (
  SELECT id::text, first_name, last_name, first_name_key, last_name_key,
    (date '1930-01-01' + (random() * 30000)::int)::text AS born,
    'm' || substr(md5(random()::text), 1, 10) AS mailbox,
    '312' || lpad((random() * 9999999)::int::text, 7, '0') AS digits,
    left(CASE WHEN random() < 0.5 THEN last_name_key ELSE first_name_key END, 3) AS begins
  FROM patients
  WHERE org_id = $1 AND deleted_at IS NULL AND first_name ~ '^[A-Za-z]{3,}$' AND last_name ~ '^[A-Za-z]{3,}$') p"""
_CHANGED = """
CREATE TABLE bench.changed AS
SELECT (row_number() OVER (ORDER BY id))::int - 1 AS n, id::text, first_name, last_name, first_name_key, last_name_key,
  date_of_birth::text AS born, split_part(email, '@', 1) AS mailbox, right(mobile_phone_e164, 10) AS digits,
  mobile_phone, right(mobile_phone_e164, 4) AS last_four
FROM patients WHERE org_id = $1 AND id = ANY($2::uuid[])"""


def body(person: Mapping[str, str], ids: Mapping[str, list[str]]) -> dict[str, object]:
    """A new patient as a front desk enters one."""
    return {
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "date_of_birth": person["born"],
        "gender": "female",
        "email": f"{person['mailbox']}@example.org",
        "mobile_phone": person["mobile_phone"],
        "address_line1": "12 Elm Street",
        "city": "Springfield",
        "state": "IL",
        "postal_code": "62701",
        "country": "US",
        "location_uuid": ids["locations"][0],
        "primary_provider_uuid": ids["providers"][0],
    }


class Samples:
    """A connection as superuser, past row-level security, to tables in a schema of the bench's own."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], org_id: str) -> None:
        self._connection, self._org_id = connection, org_id

    @classmethod
    async def draw(cls, data_dir: Path, org_id: str) -> Samples:
        samples = cls(await connect(superuser(data_dir)), org_id)
        for statement in ("CREATE SCHEMA bench", f"GRANT USAGE ON SCHEMA bench TO {ROLE}", "SELECT setseed(0.84)"):
            await samples._connection.execute(statement)
        await samples._made("people", _PEOPLE, org_id)
        return samples

    async def _made(self, table: str, statement: str, *values: object) -> None:
        # CREATE TABLE AS takes no parameters from the driver, so the few there are stand in the text.
        for place, value in enumerate(values, 1):
            shown = "'{" + ",".join(value) + "}'" if isinstance(value, list) else f"'{value}'"
            statement = statement.replace(f"${place}", shown)
        await self._connection.execute(statement)
        await self._connection.execute(f"ALTER TABLE bench.{table} ADD PRIMARY KEY (n)")

    async def people(self) -> list[dict[str, str]]:
        """All of them, in the order of their places."""
        return [dict(row) for row in await self._connection.fetch("SELECT * FROM bench.people ORDER BY n")]

    async def make_changed(self, desk: Client, ids: Mapping[str, list[str]]) -> None:
        """Patients of one shape, made for being changed again and again."""
        people = (await self.people())[: 2 * CHANGED_EACH]
        answer = desk.post("patients/bulk", {"rows": [body(person, ids) for person in people]})
        await self._made("changed", _CHANGED, self._org_id, [r["patient_id"] for r in answer["results"]])

    async def versions(self) -> list[tuple[str, int]]:
        """Id and version, as they are now, of those that the server changes."""
        rows = await self._connection.fetch(
            "SELECT p.id, p.version FROM bench.changed c JOIN patients p ON p.org_id = $1 AND p.id = c.id::uuid"
            " WHERE c.n >= $2 ORDER BY c.n",
            self._org_id,
            CHANGED_EACH,
        )
        return [(row["id"], row["version"]) for row in rows]

    async def set_version(self, patient_id: str, version: int) -> None:
        await self._connection.execute(
            "UPDATE patients SET version = $3 WHERE org_id = $1 AND id = $2", self._org_id, patient_id, version
        )

    async def questions(self) -> dict[str, list[str]]:
        """What people type who look for somebody, by its form."""
        people = (await self.people())[:2000]
        names = [p["last_name_key"] for p in people]
        forms = {f"letters: {n}": [name[:n] for name in names if len(name) >= n] for n in (1, 2, 3, 8)}
        return forms | {"two words": [f"{p['last_name_key'][:3]} {p['first_name_key'][:2]}" for p in people]}

    async def make(self, statements: Iterable[str]) -> None:
        """Tables of pgbench's values, for the server's role to read."""
        for statement in statements:
            await self._connection.execute(statement)
        await self._connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA bench TO {ROLE}")
        await self._connection.execute("VACUUM (ANALYZE)")

    async def close(self) -> None:
        await self._connection.close()
