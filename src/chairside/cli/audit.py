"""`chairside audit`: verifies the audit trail, and exports the proof to keep elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chairside.app import all_orgs, server_place
from chairside.cli import archiving, keys
from chairside.cli.place import AsJson, DataDir, Fault, mended, no_such_org, org_id, out, run_in, say, settings_for
from chairside.cli.wording import counted
from chairside.engine.archives import file_of, verify_file
from chairside.engine.audit_keys import AuditKeys
from chairside.engine.chain import Head, moment
from chairside.engine.checkpoints import keep_checkpoints, kept_checkpoints
from chairside.engine.heads import exported, exported_heads, kept_heads
from chairside.engine.sealer import head_of
from chairside.engine.vault import Vault
from chairside.engine.verification import Checkpoint, Verdict, verify
from chairside.settings import Settings
from chairside.store.lending import Connection
from chairside.store.pool import connect
from chairside.store.sql import queries
from chairside.store.transactions import transaction

app = typer.Typer(help="Prove the audit trail: verify its chain, export its heads.", no_args_is_help=True)
OneOrg = Annotated[str | None, typer.Option("--org", help="Only this org; without it, all.", show_default=False)]


@app.command("verify")
def verify_(
    org: OneOrg = None,
    heads: Annotated[
        Path | None, typer.Option(help="Heads exported earlier, which the chain must still hold.", show_default=False)
    ] = None,
    archives: Annotated[
        Path | None, typer.Option(help="Folder of the archives, which are verified too.", show_default=False)
    ] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what came after the last verification without a fault.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Check every audit record and link against keys and heads, naming each fault; exit 1 on any."""
    settings = settings_for(data_dir)
    with mended():
        known = kept_heads(settings.heads_file) + (exported_heads(heads) if heads else [])
    chosen = None if org is None else org_id(org)
    since = kept_checkpoints(settings.checkpoints_file) if incremental else {}
    verdicts = run_in(settings, lambda: verdicts_of(settings, chosen, known, archives, since))
    with mended():
        keep_checkpoints(settings.checkpoints_file, Vault(settings.key_file).audit, verdicts)
    if as_json:
        out(json.dumps([told(v) for v in verdicts], indent=1))
    else:
        for verdict in verdicts:
            _show(verdict)
        if not verdicts:
            say("There are no orgs yet, so there is nothing to verify.")
    if any(v.faults for v in verdicts):
        raise typer.Exit(1)


@app.command("archive")
def archive_(
    folder: Annotated[Path, typer.Argument(help="Folder to write the files to, one for each org and month.")],
    org: OneOrg = None,
    keep_months: Annotated[
        int, typer.Option(min=1, max=1200, help="Months before this one that stay in the database.")
    ] = 13,
    data_dir: DataDir = None,
) -> None:
    """Write closed months of the audit trail to signed files, and drop them from the database."""
    settings = settings_for(data_dir)
    chosen = None if org is None else org_id(org)
    with mended():
        known = kept_heads(settings.heads_file)

    async def work() -> int:
        return await archiving.archive(settings, await _chosen(settings, chosen, []), known, folder, keep_months)

    written = run_in(settings, work)
    say(f"{counted(written, 'file')} written. Keep them for as long as the policy of each org says: no copy is left.")


@app.command("heads")
def heads_(
    org: OneOrg = None,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Print the keys that anybody can check the signatures with.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print the signed end of each org's chain: kept elsewhere, it shows later that nothing was cut off."""
    settings = settings_for(data_dir)
    if public_key:
        with mended():
            out(Vault(settings.key_file).audit.public_keys().rstrip())
        return
    chosen = None if org is None else org_id(org)
    found = run_in(settings, lambda: _heads(settings, chosen))
    if as_json:
        out(json.dumps(exported(found), indent=1))
        return
    for head in found:
        out(f"{head.org_id}  {head.number}  {head.sealed_at}  {head.hash}  {head.signature}")


@app.command("rotate-key")
def rotate_key_(data_dir: DataDir = None) -> None:
    """Use a new key for the audit trail, while the server runs; the old ones stay in the key file to verify with."""
    settings = settings_for(data_dir)
    number = run_in(settings, lambda: keys.rotate_audit(settings))
    say(f"The audit trail is made with key {number} from now on. Back up {settings.key_file}: it verifies all of it.")


async def _chosen(settings: Settings, org: str | None, more: list[str]) -> list[str]:
    """Returns the org that was asked for, or all; Fault when neither the database nor `more` knows it."""
    known = list(dict.fromkeys([*await all_orgs(settings), *more]))
    if org and org not in known:
        raise no_such_org(org)
    return [org] if org else known


async def verdicts_of(
    settings: Settings,
    org: str | None,
    known: list[Head],
    archives: Path | None = None,
    since: Mapping[str, Checkpoint] | None = None,
) -> list[Verdict]:
    """The verdict on each org's trail, or on one org's; `known` are heads that the chains must still hold."""
    # An org that only a head knows has lost everything.
    orgs = await _chosen(settings, org, [head.org_id for head in known])
    ring = Vault(settings.key_file).audit
    verdicts = []
    async with _serving(settings) as connection:
        for each in orgs:
            async with transaction(connection, each, writes=False):
                mine = [head for head in known if head.org_id == each]
                verdict = await verify(connection, each, ring, mine, (since or {}).get(each))
            if archives is not None:
                verify_archives(verdict, ring, archives)
            verdicts.append(verdict)
    return verdicts


def verify_archives(verdict: Verdict, ring: AuditKeys, folder: Path) -> None:
    """Verifies the file of each archive. One may be missing only when the org's policy no longer asks for it."""
    now = moment(datetime.now(UTC))
    for archived, before in archiving.pairs(verdict.archives):
        path = file_of(folder, verdict.org_id, archived.until)
        if path.exists() or archived.keep_until > now:
            verify_file(verdict, ring, path, archived, before)


def told(verdict: Verdict) -> dict[str, object]:
    """Returns what --json prints of a verdict."""
    names = ("org_id", "records", "before", "unsealed", "links", "faults")
    return {name: getattr(verdict, name) for name in names} | {"archives": len(verdict.archives)}


async def _heads(settings: Settings, org: str | None) -> list[Head]:
    orgs = await _chosen(settings, org, [])
    ring, found = Vault(settings.key_file).audit, []
    async with _serving(settings) as connection:
        for each in orgs:
            async with transaction(connection, each, writes=False):
                last = await connection.fetchrow(queries()["chain.last"], each)
            if last is None:
                say(f"Org {each} has no link yet: nothing was recorded, or no server has run since.")
                continue
            found.append(head_of(each, last))
            if not ring.signed(found[-1]):
                raise Fault(f"The last link of org {each} does not hold; see `chairside audit verify`.")
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
    archived = f", {counted(len(verdict.archives), 'archived month')}" * bool(verdict.archives)
    ending = f", {counted(len(verdict.faults), 'fault')}" if verdict.faults else ""
    out(
        f"{'FAULT' if verdict.faults else 'ok   '} {verdict.org_id}: {counted(verdict.records, 'record')}{of_them},"
        f" {counted(verdict.links, 'link')}{archived}{ending}"
    )
    for fault in verdict.faults:
        out(f"  {fault}")
