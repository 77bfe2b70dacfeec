"""`chairside org`: the dental groups that a server holds."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from chairside.app import owner_place
from chairside.cli import clerk
from chairside.cli.place import AsJson, DataDir, Fault, out, run_in, settings_for
from chairside.days import zone_names
from chairside.engine.ids import new_id
from chairside.store.pool import connect
from chairside.store.sql import queries

app = typer.Typer(help="Make and list orgs.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the dental group is called.")],
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
    """Make an org with its starter catalogs; prints its id alone."""
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
    """List the orgs, oldest first."""
    settings = settings_for(data_dir)

    async def work() -> list[dict[str, str]]:
        connection = await connect(owner_place(settings))
        try:
            rows = await connection.fetch(queries()["orgs.all"])
        finally:
            await connection.close()
        return [{**dict(r), "created_at": r["created_at"].isoformat()} for r in rows]

    rows = run_in(settings, work)
    if as_json:
        out(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        out(f"{row['id']}  {row['region']}  {row['created_at'][:10]}  {row['name']}")
