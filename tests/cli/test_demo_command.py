"""`chairside demo` prints the token again, and `--version` the version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chairside import __version__
from tests.cli.hands import answered, refused
from tests.house import environment

KEPT = {
    "org_id": "01a2",
    "token": "chs_x",
    "patient_id": "01a3",
    "url": "http://127.0.0.1:8499",
    "made_on": "2026-01-01",
}


def keep(folder: Path, **without: None) -> None:
    (folder / "demo.json").write_text(json.dumps({k: v for k, v in KEPT.items() if k not in without}))


def test_url_org_and_token_are_printed_again(tmp_path: Path) -> None:
    """Without a server and without a database, with the file that keeps them."""
    keep(tmp_path)
    lines = dict(
        line.split(None, 1) for line in answered("demo", data_dir=tmp_path).replace("Demo org", "Org").splitlines()
    )
    assert lines["URL"] == "http://127.0.0.1:8499"
    assert lines["API"] == "http://127.0.0.1:8499/api/v1/01a2"
    assert (lines["Org"], lines["Token"]) == ("01a2", "chs_x")
    assert lines["Kept"].endswith(str(tmp_path / "demo.json"))
    assert json.loads(answered("demo", "--json", data_dir=tmp_path))["token"] == "chs_x"


def test_a_demo_of_an_older_release_has_the_address_of_the_settings(tmp_path: Path) -> None:
    """Its file holds no URL."""
    keep(tmp_path, url=None)
    shown = json.loads(answered("demo", "--json", data_dir=tmp_path, CHAIRSIDE_PORT="8477", CHAIRSIDE_HOST="::1"))
    assert shown["url"] == "http://[::1]:8477"


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (None, "There is no demo practice in"),
        ("{}", "There is no demo practice in"),
        ("half a fi", "There is no demo practice in"),
        ('{"org_id": "01a2", "made_on": "2026-01-01"}', "has no token"),
    ],
)
def test_a_demo_that_is_not_there_is_one_sentence_with_the_remedy(
    tmp_path: Path, kept: str | None, sentence: str
) -> None:
    """`serve --demo` makes, finishes and mends it."""
    if kept is not None:
        (tmp_path / "demo.json").write_text(kept)
    said = refused("demo", data_dir=tmp_path)
    assert sentence in said
    assert "chairside serve --demo" in said


def test_the_version_is_printed() -> None:
    """For reports of faults, and for scripts that install."""
    done = subprocess.run(
        [sys.executable, "-m", "chairside", "--version"], capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"chairside {__version__}\n", "")
