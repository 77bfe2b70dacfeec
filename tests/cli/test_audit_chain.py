"""What was done to the trail behind the server's back is named, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chairside import embedded
from chairside.engine.chain import Head
from chairside.engine.heads import GROWTH, SMALL, HeadsFile, kept_heads
from chairside.engine.vault import Vault
from tests.cli.hands import answered, command, refused
from tests.database import connected
from tests.house import House, Org, new_house, wait_for

# As the superuser: statements with the org as $1, and what must be said of them.
RECORD = "id = (SELECT id FROM audit_events WHERE org_id = $1 ORDER BY at, id OFFSET 2 LIMIT 1)"
LISTED = "id = (SELECT id FROM audit_events WHERE org_id = $1 AND patients IS NOT NULL ORDER BY at, id LIMIT 1)"
COLUMNS = (
    "actor_id, actor_name, actor_role, action, kind, record_id, patient_id, method, route, status, outcome, request_id"
)
OF = f"FROM audit_events WHERE {RECORD} AND org_id = $1"
EDITED = f"UPDATE audit_events SET actor_name = 'Nobody' WHERE org_id = $1 AND {RECORD}"
STRIPPED = f"UPDATE audit_events SET mac = NULL WHERE org_id = $1 AND {RECORD}"
WHOLE = f"FROM audit_records WHERE {RECORD} AND org_id = $1"
_INTO = f"INSERT INTO audit_events (org_id, id, at, {COLUMNS}, mac) SELECT org_id,"
COPIED = f"{_INTO} id, at - interval '1 year', {COLUMNS}, mac {WHOLE}"
AGED = f"{_INTO} gen_random_uuid(), at - interval '9 years', {COLUMNS}, NULL {WHOLE}"
ROBBED = (
    "UPDATE audit_events SET client_id = NULL, query = NULL, shown = NULL, patients = NULL"
    f" WHERE {LISTED} AND org_id = $1"
)
# Records from before the chain, which held all of their texts, and named neither client nor patients.
FIRST_FORM = (
    f"UPDATE audit_events e SET mac = NULL, mac_format = NULL, mac_key = NULL, client_id = NULL, query = NULL,"
    f" shown = NULL, patients = NULL, caller = NULL, operation = NULL, request = NULL,"
    f" ({COLUMNS}) = (SELECT {COLUMNS} FROM audit_records r WHERE r.org_id = e.org_id AND r.at = e.at AND r.id = e.id)"
)
RELINKED = "UPDATE audit_links SET ids = ids[2:] || gen_random_uuid() WHERE org_id = $1 AND number = 2"
LAST = "(SELECT max(at) FROM audit_events WHERE org_id = $1)"
CUT_OFF = "DELETE FROM audit_links WHERE org_id = $1 AND number > 1"
TABLES = ("audit_events", "audit_links", "audit_patients", "audit_clients", "audit_callers", "audit_operations")
TAMPERINGS = {
    "edited": (EDITED, "was altered (link"),
    "stripped of its MAC": (STRIPPED, "was altered (link"),
    "deleted": (f"DELETE {OF}", "is missing (link"),
    "copied to another time": (COPIED, "was added or altered"),
    "made to look older than the chain": (AGED, "was added or altered"),
    "made to name nobody": (
        f"UPDATE audit_events SET patients = NULL WHERE {LISTED} AND org_id = $1",
        "was altered (link",
    ),
    "made to name somebody else": (
        f"UPDATE audit_events SET patients = ARRAY[gen_random_uuid()] WHERE {LISTED} AND org_id = $1",
        "was altered (link",
    ),
    "given another query": (
        f"UPDATE audit_events SET query = '{{}}' WHERE {RECORD} AND org_id = $1",
        "was altered (link",
    ),
    "given another client": (
        f"UPDATE audit_events SET client_id = gen_random_uuid() WHERE {RECORD} AND org_id = $1",
        "was altered (link",
    ),
    "robbed of all that was added to the first form": (ROBBED, "was altered (link"),
    "found by its patients no more": ("DELETE FROM audit_patients WHERE org_id = $1", "no longer leads to it"),
    "said to come from elsewhere": (
        "UPDATE audit_clients SET address = '192.0.2.1' WHERE org_id = $1",
        "its client was altered or deleted",
    ),
    "made to come from nowhere": ("DELETE FROM audit_clients WHERE org_id = $1", "its client was altered or deleted"),
    "said to be by somebody else": (
        "UPDATE audit_callers SET actor_name = 'Nobody' WHERE org_id = $1",
        "was altered (link",
    ),
    "said to be by nobody": ("DELETE FROM audit_callers WHERE org_id = $1", "was altered (link"),
    "said to have been refused": (
        "UPDATE audit_operations SET outcome = 'denied' WHERE org_id = $1",
        "was altered (link",
    ),
    "said to be about the patient": (
        "UPDATE audit_operations SET own = NOT own WHERE org_id = $1",
        "was altered (link",
    ),
    "said to be nothing": ("DELETE FROM audit_operations WHERE org_id = $1", "was altered (link"),
    "given another operation": (
        "UPDATE audit_events SET operation = (SELECT max(id) FROM audit_operations) WHERE org_id = $1",
        "was altered (link",
    ),
    "given another caller": (f"UPDATE audit_events SET caller = 1 WHERE {RECORD} AND org_id = $1", "was altered (link"),
    "given another request": (
        f"UPDATE audit_events SET request = 1 WHERE {RECORD} AND org_id = $1",
        "was altered (link",
    ),
    "unlinked": ("DELETE FROM audit_links WHERE org_id = $1 AND number = 1", "link 1 is missing"),
    "relinked": (RELINKED, "link 2 was altered"),
    "cut off": (CUT_OFF, "the chain ends with link 1, before"),
}


@pytest.fixture(scope="module")
def trail(house: House) -> Org:
    """An org with three links."""
    org = house.org("Chained Dental")
    for name in ("Ana", "Bo"):
        with org.desk() as desk:
            made = desk.made("/patients", {"first_name": name, "last_name": "Chain"})
            desk.read(f"/patients/{made['id'].upper()}")
            desk.get("/patients/nobody")
            desk.read("/patients", page_size=7)
        house.sealed()
    return org


async def _tampered(org: Org, statement: str) -> None:
    async with connected(org.house.data_dir, "superuser") as database:
        await database.execute(statement, org.id)


@pytest.fixture
def copied(trail: Org) -> Iterator[Org]:
    """The org, whose trail is put back afterwards."""

    async def copy(back: bool) -> None:
        async with connected(trail.house.data_dir, "superuser") as database:
            for table in TABLES:
                if back:
                    await database.execute(f"DELETE FROM {table} WHERE org_id = $1", trail.id)
                    await database.execute(f"INSERT INTO {table} TABLE kept.{table}")
                else:
                    await database.execute("CREATE SCHEMA IF NOT EXISTS kept")
                    await database.execute(f"CREATE TABLE kept.{table} (LIKE {table})")
                    await database.execute(
                        f"INSERT INTO kept.{table} SELECT * FROM {table} WHERE org_id = $1", trail.id
                    )
            if back:
                await database.execute("DROP SCHEMA kept CASCADE")

    asyncio.run(copy(back=False))
    yield trail
    asyncio.run(copy(back=True))


def verified(org: Org, *options: str) -> list[str]:
    """The faults of the org; the command must exit with 1 exactly when there are any."""
    done = command("audit", "verify", "--org", org.id, "--json", *options, data_dir=org.house.data_dir)
    [verdict] = json.loads(done.stdout)
    assert done.returncode == bool(verdict["faults"]), done.stderr
    return list(verdict["faults"])


def test_an_untouched_trail_holds(trail: Org) -> None:
    """Whatever way a request wrote its id, and with nothing left unsealed."""
    assert verified(trail) == []
    said = answered("audit", "verify", "--org", trail.id, data_dir=trail.house.data_dir)
    assert said.startswith(f"ok    {trail.id}: ")
    assert "not sealed" not in said


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_a_superuser_does_to_the_trail_is_named(copied: Org, how: str) -> None:
    """Record and place of it, by the command that exits with 1."""
    statement, says = TAMPERINGS[how]
    asyncio.run(_tampered(copied, statement))
    assert any(says in fault for fault in verified(copied))


def test_a_chain_that_went_on_after_a_cut_is_still_seen_to_be_cut(copied: Org) -> None:
    """The server goes on sealing, and what it kept of the chain stays as proof."""
    asyncio.run(_tampered(copied, CUT_OFF))
    with copied.desk() as desk:

        def went_on() -> bool:
            desk.get("/patients")
            return any("the chain was cut off and went on" in fault for fault in verified(copied))

        wait_for(went_on)
    head = next(h for h in kept_heads(copied.house.data_dir / "audit-heads.jsonl") if h.org_id == copied.id)
    assert head.number > 1


def test_an_exported_head_shows_a_cut_without_the_servers_own_file(copied: Org, tmp_path: Path) -> None:
    """And an outsider may have the key that checks its signature."""
    data, file = copied.house.data_dir, tmp_path / "heads.json"
    file.write_text(answered("audit", "heads", "--org", copied.id, "--json", data_dir=data))
    assert "BEGIN PUBLIC KEY" in answered("audit", "heads", "--public-key", data_dir=data)
    [told] = json.loads(file.read_text())
    assert f"{told['org_id']}  {told['number']}  " in answered("audit", "heads", data_dir=data)
    assert verified(copied, "--heads", str(file)) == []
    asyncio.run(_tampered(copied, CUT_OFF))
    assert len(verified(copied, "--heads", str(file))) == 2
    file.write_text(json.dumps([told | {"number": 1}]))
    assert any("not signed with this server's key" in fault for fault in verified(copied, "--heads", str(file)))
    file.write_text("nothing of ours")
    assert "something else than heads" in refused("audit", "verify", "--heads", str(file), data_dir=data)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Org]:
    """An org of a server that a test may stop and start."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        org = house.org("Apart Dental")
        with org.desk() as desk:
            desk.made("/patients", {"first_name": "Cy", "last_name": "Apart"})
            desk.get("/patients/nobody")
            desk.read("/patients", page_size=7)
        yield org


def test_what_a_killed_server_left_is_sealed_by_the_next(own: Org) -> None:
    """Records that were acknowledged in the moment before a kill stand in the chain after the start."""
    assert own.house.process
    os.killpg(own.house.process.pid, signal.SIGKILL)
    own.house.process.wait()
    own.house.end()
    own.house.start(workers=1)
    own.house.sealed()
    assert verified(own) == []


def test_a_trail_from_before_the_chain_is_sealed_as_it_is_found(own: Org) -> None:
    """An upgrade makes the key once; from then on the old records are held like all others."""
    data = own.house.data_dir
    own.house.stop()
    keys = json.loads((data / "keys.json").read_text())
    del keys["audit"]
    (data / "keys.json").write_text(json.dumps(keys))
    (data / "audit-heads.jsonl").unlink()
    with embedded.attached(data, progress=lambda _: None):
        for statement in ("DELETE FROM audit_links", FIRST_FORM):
            asyncio.run(_tampered(own, f"{statement} WHERE org_id = $1"))
        asyncio.run(_tampered(own, "DELETE FROM key_fingerprints WHERE id = 'audit' OR id = $1"))
    own.house.start(workers=1)
    own.house.sealed()
    [verdict] = json.loads(answered("audit", "verify", "--json", data_dir=data))
    assert verdict["before"] == verdict["records"] > 1
    asyncio.run(_tampered(own, EDITED))
    assert any("was altered (link 1, place 3)" in fault for fault in verified(own))
    asyncio.run(_tampered(own, AGED))
    assert any("was added or altered" in fault for fault in verified(own))


def test_a_key_file_without_its_audit_key_stops_the_start(own: Org) -> None:
    """The trail of all years hangs on it, so its loss is noticed at once and no other is made."""
    file = own.house.data_dir / "keys.json"
    own.house.stop()
    keys = json.loads(file.read_text())
    del keys["audit"]
    file.write_text(json.dumps(keys))
    said = refused("serve", "--port", str(own.house.port), data_dir=own.house.data_dir)
    assert "not the one this database was used with (key audit)" in said
    assert "audit" not in json.loads(file.read_text())


async def _forged(org: Org, days: int) -> None:
    """Somebody with the first key copies a record to another day and gives the copy a right MAC."""
    async with connected(org.house.data_dir, "superuser") as database:
        copy = await database.fetchrow(
            "INSERT INTO audit_events (org_id, id, at, action, method, route, status, outcome, request_id)"
            " SELECT org_id, gen_random_uuid(), now() + make_interval(days => $2), action, method, route, status,"
            " outcome, request_id FROM audit_events WHERE org_id = $1 ORDER BY at LIMIT 1 RETURNING *",
            org.id, days,
        )  # fmt: skip
        assert copy is not None
        stolen = Vault(org.house.data_dir / "keys.json").audit.keys[0]
        names = ("client_id", "query", "shown", "patients")
        mac = stolen.mac((*list(copy.values())[:15], *(copy[name] for name in names)))
        await database.execute(
            "UPDATE audit_events SET mac = $2, mac_format = 2, mac_key = 1 WHERE id = $1", copy["id"], mac
        )


def test_the_audit_key_rotates_and_the_old_one_still_verifies(own: Org) -> None:
    """The server goes on with the new key at once; records of both keys hold, and edits of both are named."""
    data = own.house.data_dir
    own.house.sealed()
    head = answered("audit", "heads", "--json", data_dir=data)
    assert command("audit", "rotate-key", data_dir=data).returncode == 0
    with own.desk() as desk:
        desk.read("/patients", page_size=7)
    own.house.sealed()
    assert verified(own) == []
    [last] = json.loads(answered("audit", "heads", "--json", data_dir=data))
    assert (json.loads(head)[0]["key"], last["key"]) == (1, 2)
    assert answered("audit", "heads", "--public-key", data_dir=data).count("BEGIN PUBLIC KEY") == 2
    assert command("rotate-key", data_dir=data).returncode == 0  # leaves both audit keys alone
    own.house.stop()
    own.house.start(workers=1)
    assert verified(own) == []
    asyncio.run(_tampered(own, EDITED))
    assert len(verified(own)) == 1
    asyncio.run(_tampered(own, f"UPDATE audit_events SET status = 1 WHERE org_id = $1 AND mac_key = 2 AND at = {LAST}"))
    assert len(verified(own)) == 2


def test_a_stolen_key_that_was_rotated_away_forges_nothing(own: Org) -> None:
    """A record of a time after the rotation bears a MAC of the new key, or it is named."""
    data = own.house.data_dir
    kept = json.loads((data / "keys.json").read_text())
    own.house.sealed()
    assert command("audit", "rotate-key", data_dir=data).returncode == 0
    keys = json.loads((data / "keys.json").read_text())
    assert keys["audit"]["key"] == kept["audit"]["key"]
    asyncio.run(_forged(own, days=1))
    [fault] = verified(own)
    assert "was added or altered" in fault


def test_a_key_file_that_lost_an_older_audit_key_stops_the_start(own: Org) -> None:
    """Each key is needed as long as what it made is kept."""
    file = own.house.data_dir / "keys.json"
    before = file.read_text()
    assert command("audit", "rotate-key", data_dir=own.house.data_dir).returncode == 0
    own.house.stop()
    file.write_text(before)
    said = refused("serve", "--port", str(own.house.port), data_dir=own.house.data_dir)
    assert "not the one this database was used with (key audit-2)" in said


def test_a_restored_database_is_told_to_be_older_than_a_head(own: Org, tmp_path: Path) -> None:
    """With its own keys the chain of a backup holds; the heads of a later day say what it lacks."""
    own.house.sealed()
    backup, later = tmp_path / "all.backup", tmp_path / "later.json"
    assert command("backup", str(backup), data_dir=own.house.data_dir).returncode == 0
    own.desk().get("/patients")
    own.house.sealed()
    later.write_text(answered("audit", "heads", "--json", data_dir=own.house.data_dir))
    data = tmp_path / "again"
    assert command("restore", str(backup), data_dir=data).returncode == 0
    assert answered("audit", "verify", data_dir=data).startswith("ok")
    done = command("audit", "verify", "--heads", str(later), data_dir=data)
    assert done.returncode == 1
    assert "the database is an older one, restored from a backup" in done.stdout


def head(number: int, org: str = "a") -> Head:
    return Head(org_id=org, number=number, hash="00", sealed_at="", signature="")


def test_the_file_of_heads_stays_small_and_keeps_the_last_of_each_org(tmp_path: Path) -> None:
    """It is rewritten while two workers append, a line that was torn is passed over, others cannot read it."""
    path = tmp_path / "heads"
    one, two = HeadsFile(path), HeadsFile(path)
    one.add([(head(1, "b"), None)])
    for number in range(1, 2000):
        (one if number % 3 else two).read()
        assert (one if number % 3 else two).add([(head(number), head(number - 1) if number > 1 else None)]) == []
        assert path.stat().st_size < SMALL + GROWTH * 1000
    with path.open("ab") as file:
        file.write(b'{"org_id": "a", "numb')
    assert kept_heads(path) == [head(1, "b"), head(1999)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_head_that_was_not_compared_with_the_chain_is_never_replaced(tmp_path: Path) -> None:
    """What another worker wrote meanwhile may be all that is left of a chain that was cut."""
    one, two = HeadsFile(tmp_path / "heads"), HeadsFile(tmp_path / "heads")
    one.read()
    two.add([(head(7), None)])
    assert one.add([(head(3), None)]) == ["a"]
    assert kept_heads(tmp_path / "heads") == [head(7)]
