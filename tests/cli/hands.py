"""Runs a command of the command line in this process: the same code, without the half second that Python needs."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from chairside.cli import main
from tests.house import environment


def command(*args: str, data_dir: Path, **env: str) -> CompletedProcess[str]:
    """Status and output of a command, as `chairside` in tests/house.py gives them."""
    out, said = io.StringIO(), io.StringIO()
    status: object = 0
    with (
        patch.object(sys, "argv", ["chairside", *args, "--data-dir", str(data_dir)]),
        patch.dict(os.environ, environment(**env), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    assert isinstance(status, int)
    return CompletedProcess(args, status, out.getvalue(), said.getvalue())


def answered(*args: str, data_dir: Path, **env: str) -> str:
    """The standard output of a command that must succeed."""
    done = command(*args, data_dir=data_dir, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(*args: str, data_dir: Path, **env: str) -> str:
    """The one sentence on standard error of a command that must fail, with status 1 and nothing on standard output."""
    done = command(*args, data_dir=data_dir, **env)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
    *progress, last = done.stderr.splitlines()
    assert all(line.endswith("s)") for line in progress), done.stderr
    assert last.startswith("chairside: ")
    return last.removeprefix("chairside: ")
