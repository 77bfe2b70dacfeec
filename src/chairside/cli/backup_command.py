"""`chairside backup FILE` and the commands under that name: a word that is none of them is a file."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from chairside.cli import backups, rehearsal

_WRITE = "file"


class FileOrCommand(TyperGroup):
    """Takes `backup FILE` for `backup file FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [_WRITE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=FileOrCommand,
    help="`chairside backup FILE` writes everything into one file; `chairside backup file --help` tells its options.",
)
app.command(_WRITE)(backups.backup)
app.command("verify")(rehearsal.verify)
