"""`chairside token`: who may use the API of an org."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from chairside.access.roles import ROLES
from chairside.cli import clerk
from chairside.cli.place import AsJson, DataDir, Fault, Org, no_such_org, org_id, out, run_in, say, settings_for
from chairside.cli.wording import counted
from chairside.engine.context import Network
from chairside.records.people.communications import SOURCES
from chairside.store.pool import Pool
from chairside.store.sql import queries
from chairside.types import is_uuid

app = typer.Typer(help="Make, list, revoke and reinstate tokens.", no_args_is_help=True)


@app.command("create")
def create(
    org: Org,
    role: Annotated[str, typer.Option(help=f"One of: {', '.join(ROLES)}.")],
    patient: Annotated[str | None, typer.Option(help="The patient that a portal token is bound to.")] = None,
    expires: Annotated[int | None, typer.Option(help="Days until it ends; 365, if absent.", min=1, max=3650)] = None,
    idle: Annotated[
        int | None, typer.Option(help="Days without use until it ends; 90, if absent.", min=1, max=3650)
    ] = None,
    permanent: Annotated[bool, typer.Option("--permanent", help="It never ends, used or not.")] = False,
    network: Annotated[
        list[str] | None,
        typer.Option(help="Network that it may be used from, such as 192.0.2.0/24; several if repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The user it belongs to: a person or an integration.")] = None,
    source: Annotated[
        str | None, typer.Option(help=f"Source of the communication logs it writes: {', '.join(SOURCES)}.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token and print it, this once."""
    settings, org = settings_for(data_dir), org_id(org)
    if name == clerk.SYSTEM_USER:
        raise Fault(f"{name} is the server's own user; choose another name.")
    if role not in ROLES:
        raise Fault(f"The role must be one of: {', '.join(ROLES)}.")
    if (role == "portal") != (patient is not None):
        raise Fault("A portal token needs --patient, and no other role takes it.")
    if patient is not None and not is_uuid(patient):
        raise Fault("--patient must be the UUID of a patient.")
    if source is not None and source not in SOURCES:
        raise Fault(f"--source must be one of: {', '.join(SOURCES)}.")
    if permanent and (expires or idle):
        raise Fault("--permanent goes with neither --expires nor --idle.")
    days, idle_days = (None, None) if permanent else (expires or clerk.EXPIRES_DAYS, idle or clerk.IDLE_DAYS)
    networks = [_network(text) for text in network or ()]

    async def work() -> str:
        async with clerk.working(settings) as (pool, _):
            token = await clerk.create_token(
                pool, org, role, name=name, patient_id=patient, days=days, idle_days=idle_days, networks=networks,
                source=source,
            )  # fmt: skip
            return token.text

    out(run_in(settings, work))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        raise Fault(f"--network {text} is not a network, such as 192.0.2.0/24 or 2001:db8::/32.") from None


@app.command("list")
def list_(org: Org, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the tokens of an org, newest first, with times on the org's clocks; none is shown whole."""
    settings, org = settings_for(data_dir), org_id(org)

    async def work() -> list[dict[str, Any]]:
        async with clerk.working(settings) as (pool, _):
            now = datetime.now(UTC)
            return [dict(row, state=state_of(row, now)) for row in await _rows(pool, org, "access.tokens")]

    rows = run_in(settings, work)
    shown = [(row, row.pop("ends_there"), row.pop("used_there")) for row in rows]
    if as_json:
        out(json.dumps(rows, indent=1, default=str, ensure_ascii=False))
        return
    for row, end, last_used in shown:
        until = f"until {end:%Y-%m-%d}" if end else "no end"
        ends = until if row["state"] == "active" else row["state"]
        used = f"used {last_used:%Y-%m-%d %H:%M}" if last_used else "never used"
        bound = f"  from {', '.join(map(str, row['networks']))}" if row["networks"] else ""
        out(f"{row['id']}  {row['prefix']}…  {row['role']:<12}{ends:<18}{used:<24}{row['name']}{bound}")


@app.command("revoke")
def revoke(
    org: Org,
    token: Annotated[str, typer.Argument(help="Its id, or the first characters that `token list` shows.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke a token; every running worker refuses it within a second."""
    settings, org = settings_for(data_dir), org_id(org)

    async def work() -> int:
        async with clerk.working(settings) as (pool, _):
            return len(await _rows(pool, org, "access.revoke", token.rstrip("…"), datetime.now(UTC)))

    if not run_in(settings, work):
        raise Fault(f"Org {org} has no such token that still works; `chairside token list` shows its tokens.")
    say("Revoked.")


@app.command("reinstate")
def reinstate(
    org: Org,
    token: Annotated[
        str | None, typer.Argument(help="Its id, or the first characters that `token list` shows.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All suspended tokens of the org.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Let a suspended token in again, or all of the org; a restore suspends all tokens."""
    settings, org = settings_for(data_dir), org_id(org)
    if every == (token is not None):
        raise Fault("Name one token, or --all of them.")

    async def work() -> int:
        async with clerk.working(settings) as (pool, _):
            wanted = token.rstrip("…") if token else None
            return len(await _rows(pool, org, "access.reinstate", wanted, datetime.now(UTC)))

    reinstated = run_in(settings, work)
    if not reinstated:
        raise Fault(f"Org {org} has no such suspended token; `chairside token list` shows its tokens.")
    say(f"Reinstated {counted(reinstated, 'token')}.")


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    """The word for whether a token works, and why not."""
    if row["revoked_at"]:
        return "revoked"
    if row["ends_at"] and row["ends_at"] <= now:
        return "expired"
    return "suspended" if row["suspended_at"] else "active"


async def _rows(pool: Pool, org: str, query: str, *args: object) -> list[Any]:
    async with pool.transaction(org, writes=True) as connection:
        if await connection.fetchrow(queries()["orgs.read"], org) is None:
            raise no_such_org(org)
        return await connection.fetch(queries()[query], org, *args)
