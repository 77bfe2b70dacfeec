"""A backup gives back every record, key included, and is refused where it would do harm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chairside import embedded
from chairside.engine.vault import Vault
from tests.cli.hands import answered, command, refused
from tests.database import connected
from tests.house import House, Org, chairside, free_port, new_house

SSN = "900-45-6789"
MOST_TRIES = 10


@pytest.fixture(scope="module")
def practice(house: House) -> tuple[Org, str]:
    """An org with a patient whose number is sealed, on the running server."""
    org = house.org("Backed Up Dental")
    patient = org.desk().made("/patients", {"first_name": "Ána", "last_name": "Łoś", "social_security_number": SSN})
    return org, patient["id"]


@dataclass(frozen=True)
class Backup:
    """A backup file, and the checksums of the tables it was made from."""

    file: Path
    tables: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def backup(practice: tuple[Org, str], tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """A backup made while the server runs; nothing is written between it and the checksums."""
    house, file = practice[0].house, tmp_path_factory.mktemp("backup") / "all.backup"
    house.sealed()
    tables = checksums(house.data_dir)
    # The server writes some things late and by itself, such as how many patients a user was shown.
    for _ in range(MOST_TRIES):
        done = command("backup", str(file), data_dir=house.data_dir)
        assert (done.returncode, done.stdout) == (0, "")
        assert "It holds the encryption key too" in done.stderr
        before, tables = tables, checksums(house.data_dir)
        if tables == before:
            return Backup(file, tables)
    raise AssertionError("the server never stopped writing")


@pytest.fixture(scope="module")
def good(backup: Backup) -> Path:
    return backup.file


@pytest.fixture(scope="module")
def unstarted(backup: Backup, tmp_path_factory: pytest.TempPathFactory) -> tuple[House, Backup]:
    """An empty folder that the backup was restored into, with the checksums of its tables before any server ran."""
    house = House(tmp_path_factory.mktemp("restored") / "data", free_port())
    done = command("restore", str(backup.file), data_dir=house.data_dir)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Restored the backup of 20" in done.stderr
    return house, Backup(backup.file, checksums(house.data_dir))


@pytest.fixture
def restored(unstarted: tuple[House, Backup]) -> Iterator[House]:
    """A server on that folder, not running yet."""
    house, _ = unstarted
    yield house
    if house.process is not None and house.process.poll() is None:
        house.stop()


def checksums(data_dir: Path) -> dict[str, tuple[int, str]]:
    """Of every table the number of its rows and a digest of all their contents, but for what a running server notes
    each minute, and what tells the epochs before and after a restore apart."""
    passing = "{last_used_at,suspended_at,version_base,base}"

    async def look() -> dict[str, tuple[int, str]]:
        async with connected(data_dir, "superuser") as connection:
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            found = {}
            for name in sorted(row["relname"] for row in names):
                row = await connection.fetchrow(
                    f"SELECT count(*), coalesce(md5(string_agg(r, '|' ORDER BY r)), '')"
                    f" FROM (SELECT (to_jsonb(t) - '{passing}'::text[])::text AS r FROM {name} t) rows"
                )
                assert row is not None
                found[name] = (row[0], row[1])
            return found

    with embedded.attached(data_dir, progress=lambda _: None):
        return asyncio.run(look())


def test_a_restore_gives_back_every_record(house: House, backup: Backup, unstarted: tuple[House, Backup]) -> None:
    """Every row of every table is as it was."""
    restored, there = unstarted
    assert there.tables == backup.tables
    assert there.tables["patients"][0] > 0
    assert (restored.data_dir / "keys.json").read_bytes() == (house.data_dir / "keys.json").read_bytes()
    assert (restored.data_dir / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_restored_server_serves_and_opens_what_was_sealed(practice: tuple[Org, str], restored: House) -> None:
    """Reinstated, the old tokens work, the number is revealed, the doctor finds no fault, new records can be made."""
    org, patient = practice
    restored.start(workers=1)
    answered("token", "reinstate", "--all", "--org", org.id, data_dir=restored.data_dir)
    again = Org(restored, org.id, org.tokens)
    shown = again.desk().read(f"/patients/{patient}", reveal="ssn")
    assert (shown["first_name"], shown["social_security_number"]) == ("Ána", SSN.replace("-", ""))
    again.desk().made("/patients", {"first_name": "New", "last_name": "Here"})
    answered("doctor", data_dir=restored.data_dir)


def test_a_folder_in_use_is_not_restored_into(house: House, good: Path, tmp_path: Path) -> None:
    """Neither one with a database nor one with a key file that the backup would replace; nothing is changed."""
    before = (house.data_dir / "keys.json").read_bytes()
    assert "is not empty" in refused("restore", str(good), data_dir=house.data_dir)
    assert (house.data_dir / "keys.json").read_bytes() == before
    (tmp_path / "keys.json").write_text("mine")
    assert "is not empty (keys.json)" in refused("restore", str(good), data_dir=tmp_path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("keys.json", "mine")]


def test_a_damaged_backup_is_refused_before_anything_is_touched(good: Path, tmp_path: Path) -> None:
    """One bit, half a file, an empty one, another file: a sentence, and the folder is not even made."""
    whole = bytearray(good.read_bytes())
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 4
    for damaged in (flipped, whole[: len(whole) // 2], b"", b"not a backup" * 500):
        file = tmp_path / "damaged.backup"
        file.write_bytes(damaged)
        assert f"The backup {file} is damaged" in refused("restore", str(file), data_dir=tmp_path / "data")
        assert not (tmp_path / "data").exists()


def test_a_backup_can_leave_the_keys_apart(house: House, tmp_path: Path) -> None:
    """Then it says what to do, and the server does not start until it was done."""
    file, data = tmp_path / "apart.backup", tmp_path / "data"
    tmp_path.chmod(0o755)
    said = command("backup", str(file), "--no-keys", data_dir=house.data_dir).stderr
    assert "encryption key" not in said
    assert (house.data_dir / "keys.json").read_bytes() not in file.read_bytes()
    done = command("restore", str(file), data_dir=data)
    assert f"put the key file at {data / 'keys.json'}" in done.stderr
    assert not (data / "keys.json").exists()
    lost = refused("serve", "--port", str(free_port()), data_dir=data)
    assert lost.startswith(f"The key file {data / 'keys.json'} is missing")


def test_a_backup_holds_the_keys_of_its_rows(tmp_path: Path) -> None:
    """A key that was made while the rows were copied may have sealed some of them, so it is in the file too."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        _backed_up_while_a_key_is_made(house, tmp_path / "rotated.backup")


def _backed_up_while_a_key_is_made(house: House, file: Path) -> None:
    keys = house.data_dir / "keys.json"
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"

    async def rotated_meanwhile() -> str:
        async with connected(house.data_dir, "superuser") as other, other.transaction():
            await other.execute("LOCK TABLE patients IN ACCESS EXCLUSIVE MODE")
            backup = asyncio.create_task(asyncio.to_thread(chairside, "backup", str(file), data_dir=house.data_dir))
            while not await other.fetchval(waiting):
                assert not backup.done()
                await other.execute("SELECT pg_stat_clear_snapshot()")  # which a transaction keeps otherwise
                await asyncio.sleep(0.05)
            Vault(keys).add_key()
        return (await backup).stderr

    assert "making it again" in asyncio.run(rotated_meanwhile())
    assert keys.read_bytes() in file.read_bytes()


def test_a_backup_of_a_stopped_server_is_whole(tmp_path: Path) -> None:
    """The database is started for it, and its records are in it."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        org = house.run("org", "create", "Asleep")
        house.stop()
        file = tmp_path / "asleep.backup"
        assert command("backup", str(file), data_dir=house.data_dir).returncode == 0
        assert command("restore", str(file), data_dir=tmp_path / "again").returncode == 0
        assert answered("org", "list", data_dir=tmp_path / "again").startswith(org)


def test_a_backup_that_cannot_be_written_is_one_sentence(house: House, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    said = refused("backup", str(tmp_path / "no" / "such" / "folder.backup"), data_dir=house.data_dir)
    assert "cannot be written" in said
    assert list(tmp_path.iterdir()) == []
