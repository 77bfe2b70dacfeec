"""Checks of `chairside doctor` on the records: their columns, and the totals kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chairside.cli.findings import Finding, Owner, fault, fine, warning
from chairside.cli.wording import counted
from chairside.records import ALL
from chairside.records.patients import PATIENTS
from chairside.store import rekeying
from chairside.store.clock import latest
from chairside.store.counts import drift_statement
from chairside.store.partitions import months_after, partitions
from chairside.store.sql import queries
from chairside.store.tables import columns_of
from chairside.store.transactions import transaction

# Clocks of machines that are kept in step differ by milliseconds.
MOST_AHEAD = timedelta(minutes=1)


async def examine(owner: Owner) -> list[Finding]:
    columns = await _columns(owner)
    # Nothing can be counted in tables that lack a column.
    if not columns.good:
        return [columns]
    return [
        columns,
        await _totals(owner),
        await _search_keys(owner),
        await _clocks(owner),
        await _partitions(owner),
        await _tokens(owner),
    ]


async def _columns(owner: Owner) -> Finding:
    rows = await owner.fetch(queries()["doctor.columns"])
    there = {(row["table_name"], row["column_name"]) for row in rows}
    lost = [f"{k.table}.{c}" for k in ALL for c in columns_of(k) if (k.table, c) not in there]
    return fault("columns", f"missing: {', '.join(lost)}") if lost else fine("columns", "all that the records declare")


async def _totals(owner: Owner) -> Finding:
    """Whether each summary adds up to its records; one org at a time, because the policies bind the owner too."""
    orgs = [row["id"] for row in await owner.fetch(queries()["orgs.all"])]
    wrong: list[str] = []
    for org_id in orgs:
        async with transaction(owner, org_id, writes=False, large=True):
            for kind, summary in ((k, k.counted) for k in ALL if k.counted):
                cells = await owner.fetchval(drift_statement(kind), org_id)
                wrong += [f"{counted(cells, 'cell')} of {summary.table} in org {org_id}"] if cells else []
    if wrong:
        return fault("totals", f"differ from the records: {', '.join(wrong)}")
    return fine("totals", f"add up to the records of {counted(len(orgs), 'org')}")


async def _search_keys(owner: Owner) -> Finding:
    """Whether keys and search words of every org were derived by the rules of this release."""
    orgs = await owner.fetch(queries()["orgs.all"])
    late = [org["id"] for org in orgs if await rekeying.behind(owner, PATIENTS, org)]
    if late:
        return fault("search keys", f"behind in org {', '.join(late)}; run `chairside migrate`")
    return fine("search keys", "derived by this release")


async def _clocks(owner: Owner) -> Finding:
    """Whether the newest record of an org bears a time that has not come yet: later ones are numbered on from there."""
    ahead: list[str] = []
    for org in await owner.fetch(queries()["orgs.all"]):
        async with transaction(owner, org["id"], writes=False, large=True):
            by = await latest(owner, org["id"]) - datetime.now(UTC)
        if by > MOST_AHEAD:
            ahead.append(f"org {org['id']} by {counted(int(by.total_seconds()) // 60, 'minute')}")
    if ahead:
        remedy = "a clock was ahead when they were written; set it right, new times go on from there meanwhile"
        return warning("clock", f"times of records are ahead of this machine's clock: {', '.join(ahead)}; {remedy}")
    return fine("clock", "no record bears a time that has not come")


async def _partitions(owner: Owner) -> Finding:
    """Whether the trail has partitions for this month and the next, and rows of times that have none."""
    there, now = await partitions(owner), datetime.now(UTC)
    last = now
    for table in sorted({p.table for p in there}):
        last = max(p.until for p in there if p.table == table and p.until is not None)
        if last < months_after(now, 2):
            remedy = "the retention job of `chairside serve` adds them; look for `retention failed` in its log"
            return warning("partitions", f"{table} has no partition for {months_after(now, 1):%Y-%m}; {remedy}")
    for name in (p.name for p in there if p.until is None):
        if size := await owner.fetchval(queries()["partitions.size"], name):
            remedy = "records whose times are far ahead of this machine's clock; they are kept and found like others"
            return warning("partitions", f"{name} holds {counted(size // 1024, 'kilobyte')}: {remedy}")
    return fine("partitions", f"months up to {last - timedelta(days=1):%Y-%m}")


async def _tokens(owner: Owner) -> Finding:
    """How many tokens never end, and how many wait for an administrator."""
    endless = suspended = 0
    for org in await owner.fetch(queries()["orgs.all"]):
        async with transaction(owner, org["id"], writes=False):
            row = await owner.fetchrow(queries()["access.risks"], org["id"])
        assert row is not None  # noqa: S101 - a SELECT without GROUP BY
        endless, suspended = endless + row["endless"], suspended + row["suspended"]
    risks = [f"{counted(endless, 'token')} without an end, used or not; make others that have one"] if endless else []
    if suspended:
        risks.append(f"{counted(suspended, 'token')} suspended; reinstate or revoke them")
    return warning("tokens", "; ".join(risks)) if risks else fine("tokens", "all end some day, and none is suspended")
