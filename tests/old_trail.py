"""An audit trail of months long ago, written as the server would have written it then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from chairside.cli.archiving import months_before
from chairside.engine.audit import stored
from chairside.engine.chain import NOTHING_BEFORE, Link, moment
from chairside.engine.vault import Vault
from chairside.store.sql import queries
from tests.database import Connection, connected
from tests.house import Org

EACH, LINK, MONTHS = 12, 5, (20, 19, 18, 2)
COLUMNS = (
    "org_id, id, at, actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method, route, status,"
    " outcome, request_id, client_id, query, shown, patients"
)
ADDED = {
    "caller": queries()["audit.add_caller"],
    "operation": queries()["audit.add_operation"],
    "events": queries()["audit.append"],
}
TABLES = ("audit_events", "audit_patients", "audit_links", "audit_clients", "audit_archives")
Row = tuple[Any, ...]


async def write_old_trail(org: Org) -> None:
    """Replaces the org's trail by records of MONTHS, EACH of them a month; no server may run."""
    keys, now = Vault(org.house.data_dir / "keys.json").audit, datetime.now(UTC)
    async with connected(org.house.data_dir, "superuser") as database:
        for table in TABLES[:4]:
            await database.execute(f"DELETE FROM {table} WHERE org_id = $1", org.id)
        rows: list[Row] = [
            (org.id, str(uuid4()), months_before(now, months) + timedelta(days=n * 2, seconds=1), None, "Ana", "admin",
             "read", "patient", None, None, "GET", "/patients", 200, "allowed", f"r{months}-{n}", None, None, 1, None)
            for months in MONTHS for n in range(EACH)
        ]  # fmt: skip
        for row in rows[::2]:  # as releases before 0024 stored them
            values = ", ".join(f"${n}" for n in range(1, 23))
            await database.execute(
                f"INSERT INTO audit_events ({COLUMNS}, mac, mac_format, mac_key) VALUES ({values})",
                *row,
                *keys.seal(row),
            )
        for row in rows[1::2]:
            made = stored(keys, row)
            for statement, given in (("caller", made.caller), ("operation", made.operation), ("events", made.row)):
                await database.execute(ADDED[statement], *given)
        # One record of the second month came late, so it stands in a link after those of the third.
        late = rows.pop(EACH + 3)
        rows.insert(3 * EACH, late)
        previous = NOTHING_BEFORE
        for number, first in enumerate(range(0, len(rows), LINK), 1):
            sealed = sorted(rows[first : first + LINK], key=lambda row: row[2])
            previous = await _linked(database, org, number, previous, sealed)


async def _linked(database: Connection, org: Org, number: int, previous: bytes, rows: list[Row]) -> bytes:
    key = Vault(org.house.data_dir / "keys.json").audit.newest
    ats, ids = [row[2] for row in rows], [str(row[1]) for row in rows]
    last = ats[-1]
    link = Link(
        org_id=org.id, number=number, previous=previous, sealed_at=moment(last), complete_to=moment(last),
        ats=[moment(at) for at in ats], ids=ids, macs=b"".join(key.mac(row) for row in rows), format=2, key=1,
    )  # fmt: skip
    made = await database.fetchval(
        queries()["chain.append"], org.id, number, previous, last, last, last, ats, ids, link.macs, link.hash(),
        key.sign(link.head()), 2, 1,
    )  # fmt: skip
    assert made == number
    return link.hash()
