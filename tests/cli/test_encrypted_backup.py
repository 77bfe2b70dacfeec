"""An encrypted backup opens with its key alone, is whole or refused, and shows its passphrase to nobody."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest

from chairside.embedded.encryption import Secret, opened, write_encrypted
from tests.cli.hands import answered, command, refused
from tests.house import House

PASSPHRASE = "correct horse battery staple"
TOKEN = "chs_demo_token_in_clear"


@pytest.fixture(scope="module")
def key() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture(scope="module")
def folder(house: House, key: pyrage.x25519.Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Backups to a recipient and with a passphrase, and the files that open them."""
    folder = tmp_path_factory.mktemp("encrypted")
    folder.chmod(0o755)
    (folder / "key").write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")
    (folder / "other").write_text(f"{pyrage.x25519.Identity.generate()}\n")
    (folder / "pass").write_text(f"{PASSPHRASE}\n")
    (folder / "wrong").write_text("wrong horse\n")
    demo = house.data_dir / "demo.json"
    demo.write_text(json.dumps({"org_id": "x", "patient_id": "y", "token": TOKEN}))
    house.org("Sealed Dental")
    for name, options in {
        "to-key": ("--encrypt-to", str(key.to_public())),
        "to-pass": ("--encrypt-to", "passphrase", "--passphrase-file", str(folder / "pass")),
        "clear": (),
        "no-keys": ("--no-keys",),
    }.items():
        done = command("backup", str(folder / name), *options, data_dir=house.data_dir)
        assert done.returncode == 0, done.stderr
        assert PASSPHRASE not in done.stderr
    yield folder
    demo.unlink()


OPENED = [("to-key", "--identity", "key"), ("to-pass", "--passphrase-file", "pass")]


@pytest.mark.parametrize(("name", "option", "secret"), OPENED)
def test_what_is_encrypted_restores_with_its_secret(
    house: House, folder: Path, tmp_path: Path, name: str, option: str, secret: str
) -> None:
    """Records and keys."""
    tmp_path.chmod(0o755)
    done = command("restore", str(folder / name), option, str(folder / secret), data_dir=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "Sealed Dental" in answered("org", "list", data_dir=tmp_path / "data")
    assert (tmp_path / "data" / "keys.json").read_bytes() == (house.data_dir / "keys.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("to-key", (), "is encrypted: name the file of your age key with --identity"),
        ("to-key", ("--identity", "other"), "is not encrypted to this key"),
        ("to-key", ("--identity", "pass"), "holds no age identity"),
        ("to-key", ("--identity", "nowhere"), "cannot be read: No such file"),
        ("to-pass", (), "give it with --passphrase-file"),
        ("to-pass", ("--passphrase-file", "wrong"), "The passphrase does not open the backup"),
        ("to-pass", ("--passphrase-file", "to-key"), "is not a text file"),
    ],
)
def test_another_secret_is_refused_before_anything_is_touched(
    folder: Path, tmp_path: Path, name: str, options: tuple[str, ...], sentence: str
) -> None:
    """None, another one, or a file that holds none; a wrong passphrase is not repeated."""
    given = [str(folder / part) if not part.startswith("--") else part for part in options]
    said = refused("restore", str(folder / name), *given, data_dir=tmp_path / "data")
    assert sentence in said
    assert "horse" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "option", "secret"), OPENED)
def test_a_truncated_or_altered_file_is_refused_before_anything_is_touched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, option: str, secret: str
) -> None:
    """Cut at its end, in its middle and in its head, a bit changed anywhere, a byte added.

    A passphrase costs seconds, as it should. So fewer bits are changed there, and an unaltered identity is opened once.
    """
    monkeypatch.setattr(pyrage.passphrase, "decrypt", cache(pyrage.passphrase.decrypt))
    whole, file = (folder / name).read_bytes(), tmp_path / "hurt"
    middle, last = len(whole) // 2, len(whole) - 1
    more = random.Random(20).sample(range(len(whole)), 8) if name == "to-key" else ()
    flips = [bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]]) for at in (1, 300, 600, middle, last, *more)]
    for changed in [*flips, *(whole[:at] for at in (1, 600, middle, last)), whole + b"x"]:
        file.write_bytes(changed)
        said = refused("restore", str(file), option, str(folder / secret), data_dir=tmp_path / "data")
        assert f"{file}" in said
        assert not (tmp_path / "data").exists()


def test_nothing_of_the_content_is_in_clear(house: House, folder: Path) -> None:
    """Neither names nor keys nor the names of members."""
    keys = json.loads((house.data_dir / "keys.json").read_text())["keys"][0]["key"].encode()
    assert keys in (folder / "clear").read_bytes()
    for name, _, _ in OPENED:
        held = (folder / name).read_bytes()
        assert not [w for w in (keys, TOKEN.encode(), b"PGDMP", b"manifest.json", b"database.dump") if w in held]


def test_the_standard_tools_of_age_open_it(folder: Path, key: pyrage.x25519.Identity, tmp_path: Path) -> None:
    """A practice must get at its data without Chairside too."""
    (tmp_path / "plain").write_bytes(pyrage.decrypt((folder / "to-key").read_bytes(), [key]))
    with tarfile.open(folder / "to-pass") as outer:
        parts = {name: part.read() for name in outer.getnames() if (part := outer.extractfile(name))}
    assert list(parts) == ["identity.age", "backup.age"]
    inner = pyrage.x25519.Identity.from_str(
        pyrage.passphrase.decrypt(parts["identity.age"], PASSPHRASE).decode().strip()
    )
    (tmp_path / "second").write_bytes(pyrage.decrypt(parts["backup.age"], [inner]))
    for name in ("plain", "second"):
        with tarfile.open(tmp_path / name) as tar:
            assert {"database.dump", "files/keys.json", "manifest.json", "SHA256"} <= set(tar.getnames())


def test_a_backup_without_keys_holds_no_token(folder: Path, tmp_path: Path, house: House) -> None:
    """Neither the key nor the demo's token; the rest of the demo's file is there, so that it is not made twice."""
    assert TOKEN.encode() in (folder / "clear").read_bytes()
    held = (folder / "no-keys").read_bytes()
    assert TOKEN.encode() not in held
    assert (house.data_dir / "keys.json").read_bytes() not in held
    with tarfile.open(folder / "no-keys") as tar:
        demo = tar.extractfile("files/demo.json")
        assert demo
        assert json.load(demo) == {"org_id": "x", "patient_id": "y"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--encrypt-to", PASSPHRASE), "takes an age recipient"),
        (("--encrypt-to", "age1qqqq"), "takes an age recipient"),
        (("--encrypt-to", ""), "takes an age recipient"),
        (("--encrypt-to", "passphrase"), "give it with --passphrase-file"),
        (("--passphrase-file", "/dev/null"), "is empty"),
        (("--passphrase-file", "/nowhere"), "cannot be read"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(
    house: House, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    """The text may be a passphrase that was typed in the wrong place."""
    said = refused("backup", str(tmp_path / "x"), *options, data_dir=house.data_dir)
    assert sentence in said
    assert "horse" not in said
    assert list(tmp_path.iterdir()) == []


def test_no_option_takes_a_passphrase_itself() -> None:
    """Every user of a machine can read the arguments of its processes."""
    from tests.cli.test_management import EVERY  # noqa: PLC0415 - the table of another test file

    options = {o for name in ("backup file", "restore") for p in EVERY[name].params for o in p.opts}
    assert {o for o in options if "pass" in o} == {"--passphrase-file"}


STREAM = """
import pyrage, resource, sys
from pathlib import Path
from chairside.embedded.encryption import Secret, opened, write_encrypted
key = pyrage.x25519.Identity.generate()
path, secret = Path(sys.argv[1]), Secret(recipients=[str(key.to_public())], identities=str(key))
piece = bytes(range(256)) * 4096
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with path.open("w+b") as file:
    write_encrypted(file, (piece for _ in range(400)), secret)
total = 0
with opened(path, secret) as file:
    while got := file.read(1 << 20):
        assert got == piece
        total += len(got)
assert total == 400 << 20, total
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_bounded_however_large_a_backup_is(tmp_path: Path) -> None:
    """400 MB go through in both directions within 64 MB."""
    done = subprocess.run(
        [sys.executable, "-c", STREAM, str(tmp_path / "x")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64_000, f"{done.stdout} KB more"


def test_a_reader_that_stops_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    """A damaged archive within a good encryption is left in its middle."""
    with (tmp_path / "x").open("w+b") as file:
        write_encrypted(file, (bytes(1 << 20) for _ in range(8)), Secret(passphrase="p"))
    with contextlib.suppress(ZeroDivisionError), opened(tmp_path / "x", Secret(passphrase="p")) as file:
        file.read(10)
        raise ZeroDivisionError
