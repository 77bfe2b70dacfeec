"""`chairside user`: the people and programs of an org, and their suspension."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chairside.cli import clerk
from chairside.cli.place import AsJson, DataDir, Fault, Org, no_such_org, org_id, out, run_in, say, settings_for
from chairside.cli.wording import counted
from chairside.settings import Settings
from chairside.store.sql import queries

app = typer.Typer(help="List, suspend and reinstate users.", no_args_is_help=True)
User = Annotated[str, typer.Argument(help="Its name, number or id, as `user list` shows them.")]


@app.command("list")
def list_(org: Org, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the users of an org by number, with the tokens that they have and when one was last used."""
    settings, org = settings_for(data_dir), org_id(org)
    rows = run_in(settings, lambda: _rows(settings, org, "access.users"))
    shown = [(row, row.pop("used_there")) for row in rows]
    if as_json:
        out(json.dumps(rows, indent=1, default=str, ensure_ascii=False))
        return
    for row, last_used in shown:
        state = "suspended" if row["suspended_at"] else "active"
        used = f"used {last_used:%Y-%m-%d %H:%M}" if last_used else "never used"
        out(f"{row['number']:>5}  {row['id']}  {state:<11}{counted(row['tokens'], 'token'):<12}{used:<24}{row['name']}")


@app.command("suspend")
def suspend(org: Org, user: User, data_dir: DataDir = None) -> None:
    """Suspend a user at once; every running worker refuses all tokens of the user within a second."""
    _move(settings_for(data_dir), org_id(org), user, datetime.now(UTC))
    say(f"Suspended {user}.")


@app.command("reinstate")
def reinstate(org: Org, user: User, data_dir: DataDir = None) -> None:
    """End the suspension of a user; tokens that were suspended by themselves stay so."""
    _move(settings_for(data_dir), org_id(org), user, None)
    say(f"Reinstated {user}.")


def _move(settings: Settings, org: str, user: str, until: datetime | None) -> None:
    async def work() -> None:
        found = [row for row in await _rows(settings, org, "access.users") if user in _names(row)]
        if not found:
            raise Fault(f"Org {org} has no user {user}; `chairside user list` shows its users.")
        if len(found) > 1:
            raise Fault(f"Several users are called {user}; name one by its number.")
        if found[0]["name"] == clerk.SYSTEM_USER:
            raise Fault(f"{user} is the server's own user, which has no tokens.")
        if (found[0]["suspended_at"] is None) == (until is None):
            raise Fault(f"{user} is {'suspended already' if until else 'not suspended'}.")
        await _rows(settings, org, "access.suspend_user", found[0]["id"], until)

    run_in(settings, work)


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], str(row["number"]), row["id"]


async def _rows(settings: Settings, org: str, query: str, *args: object) -> list[dict[str, Any]]:
    async with clerk.working(settings) as (pool, _), pool.transaction(org, writes=True) as connection:
        if await connection.fetchrow(queries()["orgs.read"], org) is None:
            raise no_such_org(org)
        return [dict(row) for row in await connection.fetch(queries()[query], org, *args)]
