"""The command line: run the server, and look after its orgs, tokens and database."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chairside import __version__
from chairside.cli import (
    audit,
    backup_command,
    backups,
    database,
    demo_command,
    describe,
    orgs,
    protection,
    run,
    tokens,
    users,
)
from chairside.cli.place import Fault, out
from chairside.cli.process import forbid_core_dumps

app = typer.Typer(
    name="chairside",
    help="A patient-record server for dental practices. `chairside serve --demo` is a good start.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        out(f"chairside {__version__}")
        raise typer.Exit


@app.callback()
def chairside(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A patient-record server for dental practices. `chairside serve --demo` is a good start."""


app.command("serve")(run.serve)
app.command("demo")(demo_command.demo)
app.add_typer(orgs.app, name="org")
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="user")
app.add_typer(audit.app, name="audit")
app.command("migrate")(database.migrate)
app.command("doctor")(database.doctor)
app.add_typer(backup_command.app, name="backup")
app.command("restore")(backups.restore)
app.command("new-epoch")(database.new_epoch)
app.command("archiver", hidden=True)(protection.archiver)
app.command("rotate-key")(database.rotate_key)
app.command("routes")(describe.routes)
app.command("describe")(describe.describe)


def main() -> None:
    """Run a command; a fault that a person can mend is one sentence on standard error and exit status 1."""
    forbid_core_dumps()
    try:
        app()
    except Fault as fault:
        sys.stderr.write(f"chairside: {fault}\n")
        sys.exit(1)
