"""`chairside org`: the dental groups that a server holds."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import typer

from chairside.app import as_owner, owner_place
from chairside.cli import clerk
from chairside.cli.place import AsJson, DataDir, Fault, no_such_org, org_id, out, run_in, settings_for
from chairside.days import zone_names
from chairside.engine.ids import new_id
from chairside.settings import Settings
from chairside.store.pool import connect
from chairside.store.sql import queries
from chairside.store.transactions import transaction

app = typer.Typer(help="Make and list orgs.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the dental group.")],
    region: Annotated[
        str, typer.Option(help="Country whose telephone numbers need no prefix, such as US or CA.")
    ] = "US",
    timezone: Annotated[
        str | None,
        typer.Option(
            help="IANA time zone its days are counted in, such as America/Chicago; by region, if absent.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make an org with its starter catalogs; prints only its id."""
    settings = settings_for(data_dir)
    if not name.strip() or len(name) > 200:
        raise Fault("The name of an org has 1 to 200 characters.")
    if len(region) != 2 or not region.isalpha():
        raise Fault("The region is a country code of two letters, such as US.")
    if timezone is not None and timezone not in zone_names():
        raise Fault("The time zone is a name of the IANA time zone database, such as America/Chicago.")

    async def work() -> str:
        async with clerk.working(settings) as (pool, engine):
            made = await clerk.create_org(settings, pool, engine, new_id(), name.strip(), region.upper(), timezone)
            return made.caller.org_id

    out(run_in(settings, work))


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the orgs, oldest first, each with its time zone and the day it was made there."""
    settings = settings_for(data_dir)

    rows = run_in(settings, partial(_rows, settings))
    if as_json:
        out(json.dumps([row for row, _ in rows], indent=1, ensure_ascii=False))
        return
    for row, since in rows:
        out(f"{row['id']}  {row['region']}  {row['timezone']:<20}  {since}  {row['name']}")


@app.command("retention")
def retention(
    org: Annotated[str, typer.Argument(help="Id of the org.")],
    events_days: Annotated[
        int | None, typer.Option(min=30, max=36_500, help="Days to keep events for.", show_default=False)
    ] = None,
    audit_years: Annotated[
        int | None, typer.Option(min=6, max=100, help="Years to keep audit records for.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show or set how long an org keeps its events and its audit trail."""
    settings = settings_for(data_dir)
    chosen = org_id(org)
    kept = run_in(settings, partial(_policy, settings, chosen, events_days, audit_years))
    out(f"events: {kept['events_days']} days, audit trail: {kept['audit_years']} years")


async def _policy(settings: Settings, org: str, events_days: int | None, audit_years: int | None) -> dict[str, int]:
    """Sets the parts of an org's policy that are given, and returns all of it."""
    async with as_owner(settings) as owner:
        await owner.execute(queries()["retention.keep"], org, events_days, audit_years)
        row = await owner.fetchrow(queries()["retention.policy"], org)
    if row is None:
        raise no_such_org(org)
    return dict(row)


async def _rows(settings: Settings) -> list[tuple[dict[str, str], str]]:
    """Every org, with the day there on which it was made; one after the other, for the policies bind the owner too."""
    connection = await connect(owner_place(settings))
    rows = []
    try:
        for org in await connection.fetch(queries()["orgs.all"]):
            async with transaction(connection, org["id"], writes=False):
                [(zone, since)] = await connection.fetch(queries()["orgs.since"], org["id"])
            told = {**dict(org), "created_at": org["created_at"].isoformat(), "timezone": zone}
            rows.append((told, since.isoformat()))
    finally:
        await connection.close()
    return rows
