"""Closed months of the trail go into files that prove as much as the database did, and verification goes on there."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chairside import embedded
from chairside.cli.archiving import month_of, months_before, next_month
from chairside.embedded.endpoint import OWNER
from chairside.store.partitions import partitions
from tests.cli.hands import answered, command, refused
from tests.database import connected
from tests.house import House, Org, free_port, new_house
from tests.old_trail import COLUMNS, EACH, MONTHS, write_old_trail


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Org:
    """An org whose trail has records of three months long ago, of one lately, and of now; links hold two months.

    Its server has stopped.
    """
    folder = tmp_path_factory.mktemp("written")
    folder.chmod(0o755)
    with new_house(folder, workers=1) as house:
        org = house.org("Archived Dental")
        house.stop()
        with embedded.attached(house.data_dir, progress=lambda _: None):
            asyncio.run(write_old_trail(org))
        (house.data_dir / "audit-heads.jsonl").unlink()
        house.start(workers=1)
        with org.desk() as desk:
            desk.made("/patients", {"first_name": "Cy", "last_name": "Now"})
        house.sealed()
    return org


@pytest.fixture
def own(written: Org, tmp_path: Path) -> Iterator[Org]:
    """The same org on a running server of the test's own."""
    tmp_path.chmod(0o755)
    house = House(tmp_path / "data", free_port())
    shutil.copytree(written.house.data_dir, house.data_dir, symlinks=True)
    try:
        yield Org(house.start(workers=1), written.id, dict(written.tokens))
    finally:
        house.end()


def verified(org: Org, *options: str) -> list[str]:
    """The faults of the org; the command must exit with 1 exactly when there are any."""
    done = command("audit", "verify", "--org", org.id, "--json", *options, data_dir=org.house.data_dir)
    [verdict] = json.loads(done.stdout)
    assert done.returncode == bool(verdict["faults"]), done.stderr
    return list(verdict["faults"])


async def _changed(org: Org, statement: str) -> int:
    async with connected(org.house.data_dir, "superuser") as database:
        return int((await database.execute(statement, org.id)).split()[-1])


async def _counted(org: Org) -> tuple[int, int]:
    async with connected(org.house.data_dir, "superuser") as database:
        old = "SELECT count(*) FROM audit_events WHERE org_id = $1 AND at < now() - interval '1 year'"
        links = "SELECT min(number) FROM audit_links WHERE org_id = $1"
        return await database.fetchval(old, org.id), await database.fetchval(links, org.id)


def lines_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rb") as file:
        return [json.loads(line) for line in file]


def archived(org: Org, folder: Path) -> list[Path]:
    done = command("audit", "archive", str(folder), "--org", org.id, data_dir=org.house.data_dir)
    assert done.returncode == 0, done.stderr
    return sorted((folder / org.id).iterdir())


def test_closed_months_go_into_files_that_verify(own: Org, tmp_path: Path) -> None:
    """The records that are left verify by themselves, and with the files the whole trail does; the chain goes on."""
    folder = tmp_path / "archives"
    assert verified(own) == []
    files = archived(own, folder)
    first = months_before(datetime.now(UTC), 20)
    assert files[0].name == f"{first:%Y-%m}.audit.gz"
    assert len(files) == 3
    assert files[0].stat().st_mode & 0o777 == 0o600
    records, link = asyncio.run(_counted(own))
    assert records == 0
    assert link > 1
    assert verified(own) == verified(own, "--archives", str(folder)) == []
    assert sum(len(line.get("records", ())) for line in lines_of(files[1])) == EACH
    with own.desk() as desk:
        desk.read("/patients")
    own.house.sealed()
    assert verified(own, "--archives", str(folder)) == []
    assert len(archived(own, folder)) == 3
    said = answered("audit", "verify", data_dir=own.house.data_dir)
    assert ", 3 archived months" in said
    assert command("audit", "rotate-key", data_dir=own.house.data_dir).returncode == 0
    assert verified(own, "--archives", str(folder)) == []


async def _in_months(org: Org) -> None:
    """Gives the months of long ago partitions of their own, as if the database had been there then."""
    now = datetime.now(UTC)
    until = months_before(now, MONTHS[2] - 1)
    async with connected(org.house.data_dir, "superuser") as database:
        for table in ("audit_events", "audit_patients"):
            await database.execute(f"ALTER TABLE {table} DETACH PARTITION {table}_first")
            for months in MONTHS[:3]:
                start = months_before(now, months)
                await database.execute(
                    f"CREATE TABLE {table}_{start:%Y_%m} PARTITION OF {table}"
                    f" FOR VALUES FROM ('{start.isoformat()}') TO ('{next_month(start).isoformat()}')"
                )
                await database.execute(f"ALTER TABLE {table}_{start:%Y_%m} OWNER TO {OWNER}")
            moved = f"DELETE FROM {table}_first WHERE at < '{until.isoformat()}' RETURNING *"
            await database.execute(f"WITH moved AS ({moved}) INSERT INTO {table} SELECT * FROM moved")
            await database.execute(
                f"ALTER TABLE {table} ATTACH PARTITION {table}_first FOR VALUES FROM ('{until.isoformat()}')"
                f" TO ('{next_month(now).isoformat()}')"
            )


async def _months_of(org: Org) -> list[str]:
    async with connected(org.house.data_dir, "superuser") as database:
        there = await partitions(database)
    return [f"{p.until:%Y-%m}" for p in there if p.until and p.until < datetime.now(UTC)]


def test_a_month_that_every_org_has_archived_is_dropped_as_a_partition(own: Org, tmp_path: Path) -> None:
    """No row is deleted, the files are as ever, and the trail goes on."""
    asyncio.run(_in_months(own))
    assert len(asyncio.run(_months_of(own))) == 6
    folder = tmp_path / "archives"
    done = command("audit", "archive", str(folder), data_dir=own.house.data_dir)
    assert done.returncode == 0, done.stderr
    assert asyncio.run(_months_of(own)) == []
    assert len(list((folder / own.id).iterdir())) == 3
    assert verified(own, "--archives", str(folder)) == []


@pytest.mark.parametrize("how", ["another org's trail has a fault", "only one org is archived"])
def test_a_month_that_another_org_still_has_stays_for_it(own: Org, tmp_path: Path, how: str) -> None:
    """The rows of the orgs that are archived are deleted, and the other's are untouched."""
    other, folder = own.house.org("Faulty Dental"), tmp_path / "archives"
    asyncio.run(_in_months(own))
    at = months_before(datetime.now(UTC), MONTHS[0]) + timedelta(days=3)
    asyncio.run(
        _changed(
            other,
            "INSERT INTO audit_events (org_id, id, at, action, method, route, status, outcome, request_id)"
            f" VALUES ($1, gen_random_uuid(), '{at.isoformat()}', 'read', 'GET', '/', 200, 'allowed', 'r')",
        )
    )
    if how == "only one org is archived":
        archived(own, folder)
    else:
        done = command("audit", "archive", str(folder), data_dir=own.house.data_dir)
        assert done.returncode == 1
        assert f"The trail of org {other.id} has faults" in done.stderr
    assert asyncio.run(_counted(own))[0] == 0
    assert asyncio.run(_counted(other))[0] == 1
    assert len(asyncio.run(_months_of(own))) == 6
    assert verified(own, "--archives", str(folder)) == []


def _rewritten(path: Path, change: str) -> None:
    """A file with one record taken out or altered, or with links or the manifest as they were not written."""
    lines = lines_of(path)
    records = lines[1]["records"]
    if change == "taken":
        records.pop()
    elif change == "altered":
        records[0]["actor_name"] = "Nobody"
    elif change == "cut":
        lines.pop(-2)
    elif change == "unsigned":
        lines.pop()
    elif change == "resigned":
        lines[-1]["manifest"]["keep_until"] = "1990-01-01T00:00:00.000000+00:00"
    else:
        lines.append(lines[1])
    with gzip.open(path, "wb") as file:
        file.writelines(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("taken", "is missing (link 1"),
        ("altered", "was altered (link 1"),
        ("cut", "holds 10 of 12"),
        ("unsigned", "was altered"),
        ("resigned", "was altered"),
        ("longer", "was altered"),
    ],
)
def test_a_file_that_was_altered_is_named(own: Org, tmp_path: Path, change: str, says: str) -> None:
    """With the record or the number of records, and always as not the file that was written; its last line too."""
    folder = tmp_path / "archives"
    _rewritten(archived(own, folder)[0], change)
    faults = verified(own, "--archives", str(folder))
    assert any(says in fault for fault in faults), faults
    assert any("it is not the file that was written" in fault for fault in faults), faults


def test_a_file_that_is_missing_or_damaged_is_named(own: Org, tmp_path: Path) -> None:
    """As long as the org's policy asks for it."""
    folder = tmp_path / "archives"
    one, two, three = archived(own, folder)
    one.unlink()
    two.write_bytes(two.read_bytes()[:-40])
    content = three.read_bytes()
    three.write_bytes(content[:10] + b"\xff" + content[11:])  # where the compressed data begins
    faults = verified(own, "--archives", str(folder))
    says = ((one, "cannot be read"), (two, "is damaged"), (three, "is damaged"))
    assert all(any(f"{path.name} {word}" in fault for fault in faults) for path, word in says), faults


ARCHIVED = "SELECT until FROM audit_archives WHERE org_id = $1 ORDER BY until LIMIT 1"
BROUGHT = (
    f"INSERT INTO audit_events ({COLUMNS}, mac, mac_format, mac_key)"
    f" SELECT {COLUMNS.replace(' at,', f' ({ARCHIVED}) - day.long,')}, mac, mac_format, mac_key"
    " FROM audit_records, (SELECT interval '1 day' AS long) AS day WHERE org_id = $1 LIMIT 1"
)
FIRST_DROPPED = (
    "DELETE FROM audit_links l WHERE org_id = $1"
    " AND NOT EXISTS (SELECT 1 FROM audit_links o WHERE o.org_id = $1 AND o.number < l.number)"
)
TAMPERINGS = {
    "an archive forgotten": ("DELETE FROM audit_archives WHERE org_id = $1", "links 1 to"),
    "an archive made longer": (
        "UPDATE audit_archives SET until = until + interval '1 year' WHERE org_id = $1",
        "is not signed with this server's key",
    ),
    "a link dropped beyond it": (FIRST_DROPPED, "is missing"),
    "a record brought into an archived month": (BROUGHT, "this month was archived and dropped"),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_a_superuser_does_after_an_archive_is_named(own: Org, tmp_path: Path, how: str) -> None:
    """The signed end of the archives is where the chain must go on, wherever it was verified up to."""
    archived(own, tmp_path / "archives")
    assert verified(own) == []
    statement, says = TAMPERINGS[how]
    assert asyncio.run(_changed(own, statement))
    for options in (("--incremental",), ()):
        faults = verified(own, *options)
        assert any(says in fault for fault in faults), (options, faults)


def test_a_trail_with_a_fault_is_not_archived(own: Org, tmp_path: Path) -> None:
    """Nothing is written and nothing dropped, so the proof of the fault stays."""
    asyncio.run(
        _changed(own, "UPDATE audit_events SET actor_name = 'Nobody' WHERE org_id = $1 AND request_id = 'r2-3'")
    )
    said = refused("audit", "archive", str(tmp_path / "archives"), data_dir=own.house.data_dir)
    assert "has faults, so nothing of it is archived" in said
    assert asyncio.run(_counted(own)) == (3 * EACH, 1)


def test_verification_goes_on_from_the_last_that_found_no_fault(own: Org) -> None:
    """Incrementally it looks at what came since; a whole one looks at everything again."""
    data = own.house.data_dir
    whole = json.loads(answered("audit", "verify", "--json", data_dir=data))[0]
    again = json.loads(answered("audit", "verify", "--json", "--incremental", data_dir=data))[0]
    assert (again["links"], again["records"]) == (0, 0)
    kept = (data / "audit-verified.json").read_text()
    with own.desk() as desk:
        desk.read("/patients")
    own.house.sealed()  # verifies all of it
    (data / "audit-verified.json").write_text(kept)
    more = json.loads(answered("audit", "verify", "--json", "--incremental", data_dir=data))[0]
    assert 0 < more["links"] < whole["links"]
    newest = "(SELECT max(at) FROM audit_events WHERE org_id = $1)"
    for at, faults in (("(SELECT min(at) FROM audit_events WHERE org_id = $1)", (0, 1)), (newest, (1, 2))):
        asyncio.run(_changed(own, f"UPDATE audit_events SET status = 1 WHERE org_id = $1 AND at = {at}"))
        (data / "audit-verified.json").write_text(kept)
        assert (len(verified(own, "--incremental")), len(verified(own))) == faults
    assert (data / "audit-verified.json").stat().st_mode & 0o777 == 0o600


def test_a_checkpoint_is_not_believed_blindly(own: Org) -> None:
    """One that was altered, or whose link the chain no longer has, is named."""
    data = own.house.data_dir
    assert verified(own) == []
    file = data / "audit-verified.json"
    [kept] = json.loads(file.read_text())
    file.write_text(json.dumps([kept | {"number": kept["number"] - 1}]))
    assert any("not signed with this server's key" in fault for fault in verified(own, "--incremental"))
    file.write_text(json.dumps([kept]))
    asyncio.run(_changed(own, "UPDATE audit_links SET hash = previous WHERE org_id = $1"))
    assert any("is not the one that was verified" in fault for fault in verified(own, "--incremental"))


@pytest.mark.parametrize(
    ("at", "months", "before", "following"),
    [("2026-11-27", 13, "2025-10-01", "2026-12-01"), ("2026-01-31", 1, "2025-12-01", "2026-02-01"),
     ("2026-12-31", 12, "2025-12-01", "2027-01-01"), ("2024-02-29", 0, "2024-02-01", "2024-03-01")],
)  # fmt: skip
def test_months_are_counted_over_years(at: str, months: int, before: str, following: str) -> None:
    """Archives hold whole months of UTC."""
    day = datetime.fromisoformat(at + "T12:00:00+00:00")
    assert f"{months_before(day, months):%Y-%m-%d}" == before
    assert f"{next_month(day):%Y-%m-%d}" == following
    assert month_of(day) == months_before(day, 0)
