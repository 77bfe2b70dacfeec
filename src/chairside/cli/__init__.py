"""The command line: run the server, and look after its orgs, tokens and database."""

from __future__ import annotations

import sys

import typer

from chairside.cli import audit, database, describe, orgs, run, tokens
from chairside.cli.place import Fault

app = typer.Typer(
    name="chairside",
    help="A patient-record server for dental practices. `chairside serve --demo` is a good start.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(run.serve)
app.add_typer(orgs.app, name="org")
app.add_typer(tokens.app, name="token")
app.add_typer(audit.app, name="audit")
app.command("migrate")(database.migrate)
app.command("doctor")(database.doctor)
app.command("backup")(database.backup)
app.command("restore")(database.restore)
app.command("rotate-key")(database.rotate_key)
app.command("routes")(describe.routes)
app.command("describe")(describe.describe)


def main() -> None:
    """Run a command; whatever a person can mend is one sentence on standard error and exit status 1."""
    try:
        app()
    except Fault as fault:
        sys.stderr.write(f"chairside: {fault}\n")
        sys.exit(1)
