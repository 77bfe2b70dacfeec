"""A backup gives back all that was acknowledged before it, nothing by halves, exactly; and a damaged one gives nothing.

In each round two orgs are written to while `chairside backup` runs, and the file is restored elsewhere: whatever was
acknowledged before is there, each version of a record has its event, its audit record and its answered key, and each
patient is found by name. Then one is made at rest: of every table and org, count and checksum are those of the source.
The source goes on, and its callers see versions, ETags, feed numbers and cursors that the restored server has never
given out. There no token works until it is reinstated, and nothing of what callers had seen fits: each old version is
refused, no new version was shown before, and the feed and the walk answer `feed_reset`. Reinstated tokens open sealed
numbers and make new records. Flipped bits, cut tails and appended bytes at places of the seed are refused, and no
folder is made.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx

from chairside import embedded
from chairside.engine.packing import unpack
from proofs.checksums import checksums, differences
from proofs.front_desks import Load
from proofs.sweep import SSN
from proofs.trial import Trial
from tests.cli.hands import command
from tests.database import connected
from tests.house import House, Org, free_port, wait_for

SHORT, LONG = 1, 15
DESKS, LOAD_SECONDS = 4, 4.0
DAMAGES = 300
# Changes of one patient before and after the restore.
CHANGES = 5
BALANCES = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")
CURSOR: dict[str, str | int] = {"sort_by": "updated_at", "first": 200}
# Of each patient of the desks: what the parts of one write say of it. Without a retry they must all agree.
AGREEING = """
SELECT p.last_name, p.version,
  (SELECT count(*) FROM events e WHERE e.org_id = p.org_id AND e.record_id = p.id) AS events,
  (SELECT count(*) FROM audit_records a WHERE a.org_id = p.org_id AND a.record_id = p.id AND a.outcome = 'allowed'
    AND a.method <> 'GET') AS audits,
  p.id::text AS answers,
  (SELECT count(*) FROM patient_words w
    WHERE w.org_id = p.org_id AND w.patient_id = p.id AND w.word = p.last_name) AS words
FROM patients p WHERE p.first_name = 'Fault'
"""


def prove(trial: Trial) -> None:
    for _ in range(trial.rounds):
        with trial.folder() as folder:
            house = House(folder / "data", free_port())
            try:
                house.start(workers=2)
                orgs = [house.org("Kept Dental"), house.org("Other Dental")]
                _under_load(trial, folder, house, orgs)
            finally:
                house.end()
            _at_rest(trial, folder, house, orgs)


def _under_load(trial: Trial, folder: Path, house: House, orgs: list[Org]) -> None:
    """Backed up while desks write; then compared with what they had been told by then."""
    loads = [Load(org.base, org.token("admin"), DESKS, trial.random) for org in orgs]
    file = folder / "loaded.backup"
    for load in loads:
        load.start()
    try:
        time.sleep(LOAD_SECONDS)
        before = {n: v for load in loads for n, v in load.told().items()}
        done = command("backup", str(file), data_dir=house.data_dir)
        during = {n: v for load in loads for n, v in load.told().items()}
    finally:
        for load in loads:
            load.stop()
    for fault in (f for load in loads for f in load.faults()):
        trial.breach(fault)
    trial.expect(done.returncode == 0, f"the backup under load failed: {done.stderr}")
    told = {n: v for load in loads for n, v in load.told().items()}
    trial.tried("writes while a backup was made", sum(during.values()) - sum(before.values()))
    _restore(trial, file, folder / "loaded")
    _nothing_half(trial, folder / "loaded", before, told, {name for load in loads for name in load.again()})


def _nothing_half(trial: Trial, data_dir: Path, before: dict[str, int], after: dict[str, int], again: set[str]) -> None:
    """`again` are those of whom something was retried: the trail may say more than once what was done once."""
    rows = asyncio.run(_rows(data_dir))
    there = {row[0]: row[1] for row in rows}
    lost = [name for name, version in before.items() if there.get(name, 0) < version]
    early = [name for name, version in there.items() if version > after[name]]
    half = [row for row in rows if row[0] not in again and (len(set(row[1:5])) > 1 or row[5] != 1)]
    trial.tried("patients restored from under load", len(rows))
    trial.expect(not lost, f"{len(lost)} of {len(before)} patients acknowledged before the backup are not as they were")
    trial.expect(not early, f"{len(early)} patients are restored with versions that never were")
    trial.expect(not half, f"{len(half)} patients are restored by halves, such as {[row[1:] for row in half[:3]]}")


async def _rows(data_dir: Path) -> list[tuple[str, int, int, int, int, int]]:
    with embedded.attached(data_dir, progress=lambda _: None):
        async with connected(data_dir, "superuser") as connection:
            kept = await connection.fetch("SELECT body FROM idempotency_keys WHERE status < 300")
            answers = Counter(json.loads(unpack(row["body"]).body).get("id") for row in kept)
            rows = await connection.fetch(AGREEING)
            return [tuple((dict(row) | {"answers": answers[row["answers"]]}).values()) for row in rows]


def _at_rest(trial: Trial, folder: Path, house: House, orgs: list[Org]) -> None:
    file, data_dir = folder / "rest.backup", folder / "rest"
    done = command("backup", str(file), data_dir=house.data_dir)
    trial.expect(done.returncode == 0, f"the backup at rest failed: {done.stderr}")
    _restore(trial, file, data_dir)
    here, there = checksums(house.data_dir), checksums(data_dir)
    trial.tried("sums of a table and an org compared", len(here))
    trial.expect(here == there, f"restored otherwise than backed up: {', '.join(differences(here, there))}")
    _damaged(trial, folder, file)
    seen = _lost(trial, house, orgs)
    _works(trial, data_dir, orgs, seen)


@dataclass(frozen=True)
class Seen:
    """Numbers that a caller was shown after the backup: a patient's versions and ETags, those of feed and walk."""

    path: str
    versions: set[int]
    etags: set[str]
    sequence: int
    cursor: str
    revoked: str


def _lost(trial: Trial, house: House, orgs: list[Org]) -> dict[str, Seen]:
    """The source goes on after the backup; all of it will be lost."""
    house.start(workers=1)
    try:
        return {org.id: _go_on(trial, org) for org in orgs}
    finally:
        house.end()


def _go_on(trial: Trial, org: Org) -> Seen:
    desk, versions, etags = org.desk(), set[int](), set[str]()
    path = "/patients/" + trial.random.choice(desk.read("/patients", page_size=200)["items"])["id"]
    for _ in range(CHANGES):
        before = desk.read(path)["version"]
        answer = desk.patch(path, json={"base_version": before, "city": f"City {trial.random.random()}"})
        versions.add(answer.json()["version"])
        owed = dict.fromkeys(BALANCES, trial.random.randrange(1, 900))
        kept = desk.put(f"{path}/balances", json=owed)
        etags |= {answer.headers["etag"], desk.get(path).headers["etag"]}
        trial.expect(answer.is_success and kept.is_success, "the source does not go on after a backup")
    desk.made("/patients", {"first_name": "Fault", "last_name": "Lost"})
    walk = desk.read("/patients/cursor", sort_by="updated_at", first=200)
    revoked = org.token("billing")
    org.house.run("token", "revoke", "--org", org.id, revoked.split("_", 2)[2][:8])
    sequence = desk.read("/events", latest=True)["next_after"]
    return Seen(path, versions, etags, sequence, walk["page_info"]["end_cursor"], revoked)


def _new_epoch(trial: Trial, org: Org, seen: Seen) -> None:
    """No token works, and after they were reinstated nothing fits that was shown before."""
    refusals = {org.desk(role).get("/patients").json()["detail"][0]["type"] for role in ("admin", "billing")}
    trial.expect("token_suspended" in refusals, f"after a restore a token is answered {refusals}")
    statuses = {httpx.get(f"{org.base}/patients", headers={"Authorization": f"Bearer {t}"}).status_code
                for t in org.tokens.values()}  # fmt: skip
    trial.expect(statuses == {401}, f"after a restore tokens are answered {statuses}")
    org.house.run("token", "reinstate", "--all", "--org", org.id)
    desk = org.desk()
    wait_for(lambda: desk.get("/patients").status_code == 200)
    for version in seen.versions:
        answer = desk.patch(seen.path, json={"base_version": version, "city": "x"})
        trial.expect(answer.status_code == 409, f"a lost version is answered {answer.status_code}")
    for etag in seen.etags:
        answer = desk.patch(seen.path, json={"city": "x"}, headers={"If-Match": etag})
        trial.expect(answer.status_code == 412, f"a lost ETag is answered {answer.status_code}")
        trial.expect(desk.get(seen.path, headers={"If-None-Match": etag}).status_code == 200, "a lost ETag is fresh")
    for _ in range(CHANGES + 1):
        before = desk.read(seen.path)["version"]
        answer = desk.patch(seen.path, json={"base_version": before, "city": f"New {trial.random.random()}"})
        fits = answer.json()["version"] in seen.versions or answer.headers["etag"] in seen.etags
        trial.expect(not fits, "a version that was shown before has other content")
        trial.tried("versions compared with those that were lost", len(seen.versions))
    for path, query in (("/events", {"after": seen.sequence}), ("/patients/cursor", CURSOR | {"after": seen.cursor})):
        answer = desk.get(path, params=query)
        told = answer.status_code == 410 and answer.json()["detail"][0]["type"] == "feed_reset"
        trial.expect(told, f"a lost place of {path} is answered {answer.status_code}")
    latest = desk.read("/events", latest=True)["next_after"]
    trial.expect(latest > seen.sequence, f"the feed goes back from {seen.sequence} to {latest}")


def _works(trial: Trial, data_dir: Path, orgs: list[Org], seen: dict[str, Seen]) -> None:
    """Everybody goes on with what they have: tokens, patients, sealed numbers."""
    house = House(data_dir, free_port())
    try:
        house.start(workers=1)
        for org in orgs:
            _new_epoch(trial, Org(house, org.id, org.tokens), seen[org.id])
            desk = Org(house, org.id, org.tokens).desk()
            listed = desk.read("/patients", page_size=200)
            one = trial.random.choice(listed["items"])["id"]
            shown = desk.read(f"/patients/{one}", reveal="ssn")
            trial.expect(shown["social_security_number"] == SSN, "a sealed number is not what it was")
            desk.made("/patients", {"first_name": "New", "last_name": "Here"})
            trial.tried("orgs that went on after a restore")
        done = command("doctor", data_dir=data_dir)
        trial.expect(done.returncode == 0, f"the doctor finds fault: {done.stdout}")
    finally:
        house.end()


def _restore(trial: Trial, file: Path, data_dir: Path) -> None:
    done = command("restore", str(file), data_dir=data_dir)
    trial.expect(done.returncode == 0, f"{file.name} is not restored: {done.stderr}")
    trial.tried("backups restored")


def _damaged(trial: Trial, folder: Path, good: Path) -> None:
    whole, file, data_dir = good.read_bytes(), folder / "damaged.backup", folder / "never"
    for number in range(DAMAGES):
        damage = ("flip", "flip", "flip", "cut", "append")[number % 5]
        place = _place(trial, len(whole))
        if damage == "flip":
            changed = bytearray(whole)
            changed[place] ^= 1 << trial.random.randrange(8)
        else:
            changed = bytearray(whole[:place]) if damage == "cut" else bytearray(whole + trial.random.randbytes(1))
        file.write_bytes(changed)
        done = command("restore", str(file), data_dir=data_dir)
        refused = done.returncode == 1 and "is damaged" in done.stderr
        trial.tried("damaged backups offered")
        trial.expect(refused, f"{damage} at {place} of {len(whole)} was not refused")
        if not trial.expect(not data_dir.exists(), f"{damage} at {place} was not refused before a folder was made"):
            break


def _place(trial: Trial, size: int) -> int:
    """Anywhere, and often among the few bytes that tell of the others: headers, manifest, digest."""
    part = trial.random.random()
    if part < 0.2:
        return trial.random.randrange(1024)
    return trial.random.randrange(size - 6144, size) if part < 0.5 else trial.random.randrange(size)
