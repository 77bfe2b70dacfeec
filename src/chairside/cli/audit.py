"""`chairside audit`: whether the audit trail is as it was written, and the proof to keep elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chairside.app import all_orgs, server_place
from chairside.cli.place import AsJson, DataDir, Fault, mended, out, run_in, settings_for
from chairside.engine.chain import Head
from chairside.engine.heads import exported, exported_heads, kept_heads
from chairside.engine.sealer import head_of
from chairside.engine.vault import Vault
from chairside.engine.verification import Verdict, verify
from chairside.settings import Settings
from chairside.store.lending import Connection
from chairside.store.pool import connect
from chairside.store.sql import queries
from chairside.store.transactions import transaction
from chairside.types import is_uuid

app = typer.Typer(help="Prove the audit trail: verify its chain, export its heads.", no_args_is_help=True)
OneOrg = Annotated[str | None, typer.Option("--org", help="Of this org alone; else of all.", show_default=False)]


@app.command("verify")
def verify_(
    org: OneOrg = None,
    heads: Annotated[
        Path | None, typer.Option(help="Heads exported earlier, which the chain must still hold.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Check every audit record and link against keys and heads, naming each fault; exit 1 on any."""
    settings = settings_for(data_dir)
    with mended():
        known = kept_heads(settings.heads_file) + (exported_heads(heads) if heads else [])
    verdicts = run_in(settings, lambda: _verdicts(settings, _org(org), known))
    if as_json:
        out(json.dumps([asdict(v) for v in verdicts], indent=1))
    else:
        for verdict in verdicts:
            _show(verdict)
    if any(v.faults for v in verdicts):
        raise typer.Exit(1)


@app.command("heads")
def heads_(
    org: OneOrg = None,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Print the key that anybody can check the signatures with.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print the signed end of each org's chain: kept elsewhere, it shows later that nothing was cut off."""
    settings = settings_for(data_dir)
    if public_key:
        with mended():
            out(Vault(settings.key_file).audit.public_key().rstrip())
        return
    found = run_in(settings, lambda: _heads(settings, _org(org)))
    if as_json:
        out(json.dumps(exported(found), indent=1))
        return
    for head in found:
        out(f"{head.org_id}  {head.number}  {head.sealed_at}  {head.hash}  {head.signature}")


def _org(text: str | None) -> str | None:
    if text is not None and not is_uuid(text):
        raise Fault(f"{text} is not the id of an org; `chairside org list` shows them.")
    return text.lower() if text else None


async def _verdicts(settings: Settings, org: str | None, known: list[Head]) -> list[Verdict]:
    key = Vault(settings.key_file).audit
    # An org that only a head knows has lost everything.
    orgs = [org] if org else list(dict.fromkeys([*await all_orgs(settings), *(head.org_id for head in known)]))
    verdicts = []
    async with _serving(settings) as connection:
        for org_id in orgs:
            async with transaction(connection, org_id, writes=False):
                mine = [head for head in known if head.org_id == org_id]
                verdicts.append(await verify(connection, org_id, key, mine))
    return verdicts


async def _heads(settings: Settings, org: str | None) -> list[Head]:
    key, found = Vault(settings.key_file).audit, []
    async with _serving(settings) as connection:
        for org_id in [org] if org else await all_orgs(settings):
            async with transaction(connection, org_id, writes=False):
                last = await connection.fetchrow(queries()["chain.last"], org_id)
            if last is None:
                continue
            found.append(head_of(org_id, last))
            if not key.signed(found[-1]):
                raise Fault(f"The last link of org {org_id} does not hold; see `chairside audit verify`.")
    return found


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[Connection]:
    """A connection as the server's own role, and without a limit of time: a trail may be long."""
    connection = await connect(server_place(settings))
    try:
        yield connection
    finally:
        await connection.close()


def _show(verdict: Verdict) -> None:
    more = [
        f"{number} {what}"
        for number, what in ((verdict.before, "from before the chain"), (verdict.unsealed, "not sealed yet"))
        if number
    ]
    of_them = f" ({', '.join(more)})" if more else ""
    ending = f", {len(verdict.faults)} faults" if verdict.faults else ""
    out(
        f"{'FAULT' if verdict.faults else 'ok   '} {verdict.org_id}: {verdict.records} records{of_them},"
        f" {verdict.links} links{ending}"
    )
    for fault in verdict.faults:
        out(f"  {fault}")
