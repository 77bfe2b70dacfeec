"""A restore starts a new epoch: tokens wait for an administrator, and no number of before fits afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chairside import embedded
from chairside.store.epochs import FASTEST_ORG, FASTEST_RECORD, SLACK, begin_epoch
from chairside.store.pool import Place
from tests.cli.hands import answered, command, refused
from tests.contract.test_sync import Copy, is_exact
from tests.database import connected
from tests.house import Client, House, Org, free_port, new_house, problems, wait_for

Json = dict[str, Any]
NAME = {"first_name": "Ana", "last_name": "Lind"}


@dataclass
class Restored:
    """A restored server, and what callers had seen of the one before."""

    house: House
    org: Org
    copy: Copy
    # A patient as of the backup and as it was last shown before the restore, with its ETag then.
    kept: Json
    seen: Json
    tag: str
    # Tokens by what became of them: revoked or made after the backup.
    revoked: str
    younger: str
    said: str

    def token(self, *args: str) -> str:
        return answered("token", *args, "--org", self.org.id, data_dir=self.house.data_dir)


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("epochs")
    folder.chmod(0o755)
    file, later = folder / "backup", House(folder / "later", free_port())
    with new_house(folder, workers=1) as house:
        org = house.org("Epoch Dental")
        # As `serve --demo` leaves it, but small: 500 patients take half a minute to make.
        shown = house.org("Shown Dental")
        kept_demo = {"org_id": shown.id, "patient_id": shown.desk().made("/patients", NAME)["id"]}
        (house.data_dir / "demo.json").write_text(json.dumps(kept_demo | {"token": shown.token("admin")}))
        desk, revoked = org.desk(), org.token("billing")
        kept = desk.made("/patients", NAME)
        copy = Copy(org.desk("integration"))
        copy.step()
        answered("backup", str(file), data_dir=house.data_dir)
        # All this is lost.
        path = f"/patients/{kept['id']}"
        for version, city in enumerate(("Bonn", "Köln"), 1):
            assert desk.patch(path, json={"base_version": version, "city": city}).is_success
        last = desk.patch(path, json={"base_version": 3, "city": "Ulm"})
        desk.made("/patients", NAME | {"last_name": "Lost"})
        copy.step()
        answered("token", "revoke", "--org", org.id, revoked.split("_", 2)[2][:8], data_dir=house.data_dir)
        younger = house.run("token", "create", "--org", org.id, "--role", "admin")
        assert house.stop() == 0
    done = command("restore", str(file), data_dir=later.data_dir)
    assert done.returncode == 0, done.stderr
    later.start(workers=1)
    try:
        again = Org(later, org.id, org.tokens)
        copy.client = again.desk("integration")
        yield Restored(later, again, copy, kept, last.json(), last.headers["etag"], revoked, younger, done.stderr)
    finally:
        later.end()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(org: Org, token: str) -> tuple[int, str]:
    """Status and code of what a token is answered."""
    answer = httpx.get(f"{org.base}/patients", headers=bearer(token))
    return answer.status_code, "" if answer.is_success else answer.json()["detail"][0]["type"]


def as_restored(restored: Restored) -> None:
    """Suspends the org's tokens again, as they were when the restore had ended."""

    async def suspend() -> None:
        async with connected(restored.house.data_dir, "superuser") as connection:
            await connection.execute(
                "UPDATE tokens SET suspended_at = now(), revoked_at = NULL WHERE org_id = $1", restored.org.id
            )

    asyncio.run(suspend())
    held = set(restored.org.tokens.values())  # a worker remembers each of them for a moment
    wait_for(lambda: {code(restored.org, token)[1] for token in held} == {"token_suspended"})


def reinstated(restored: Restored) -> Client:
    """A client whose token an administrator has let in again."""
    if code(restored.org, restored.org.token("admin"))[0] == 401:
        restored.token("reinstate", restored.org.token("admin").split("_", 2)[2][:8])
        wait_for(lambda: code(restored.org, restored.org.token("admin"))[0] == 200)
    return restored.org.desk()


def test_every_token_is_suspended_until_it_is_reinstated(restored: Restored) -> None:
    """Also one that was revoked after the backup; one that was made after it is unknown."""
    as_restored(restored)
    assert "All tokens are suspended" in restored.said
    org, tokens = restored.org, restored.org.tokens
    assert code(org, restored.revoked) == (401, "token_suspended")
    assert code(org, tokens["integration"]) == (401, "token_suspended")
    assert code(org, restored.younger) == (401, "unauthenticated")
    refusal = httpx.get(f"{org.base}/patients", headers=bearer(restored.revoked))
    assert refusal.headers["www-authenticate"] == "Bearer"
    listed = json.loads(restored.token("list", "--json"))
    [row] = [row for row in listed if restored.revoked.split("_", 2)[2].startswith(row["prefix"])]
    assert (row["state"], bool(row["suspended_at"])) == ("suspended", True)
    assert "suspended" in restored.token("list")
    reinstated(restored)
    assert code(org, restored.revoked) == (401, "token_suspended")


def test_a_token_is_reinstated_by_name_or_with_all_others(restored: Restored) -> None:
    """A revoked one stays out; what is not suspended is not reinstated."""
    as_restored(restored)
    data, org = restored.house.data_dir, restored.org.id
    assert "one token, or --all" in refused("token", "reinstate", "--org", org, data_dir=data)
    assert "one token, or --all" in refused("token", "reinstate", "x", "--all", "--org", org, data_dir=data)
    assert "no such suspended token" in refused("token", "reinstate", "nobody12", "--org", org, data_dir=data)
    mine = restored.revoked.split("_", 2)[2][:8]
    restored.token("revoke", mine)
    answered("token", "create", "--org", org, "--role", "read_only", data_dir=data)
    restored.token("reinstate", "--all")
    states = {row["prefix"]: row["state"] for row in json.loads(restored.token("list", "--json"))}
    assert states.pop(mine) == "revoked"
    assert set(states.values()) == {"active"}
    wait_for(lambda: code(restored.org, restored.org.token("admin"))[0] == 200)
    assert code(restored.org, restored.revoked) == (401, "unauthenticated")


def test_no_version_of_before_fits_another_content(restored: Restored) -> None:
    """Version, ETag and base_version of a lost change; a new change gets one that nobody has seen."""
    desk, path = reinstated(restored), f"/patients/{restored.kept['id']}"
    now = desk.get(path)
    assert (now.json()["city"], restored.seen["city"], restored.seen["version"]) == (None, "Ulm", 4)
    assert now.json()["version"] > restored.seen["version"] + SLACK
    assert desk.get(path, headers={"If-None-Match": '"1"'}).status_code == 200
    for version in range(1, 5):
        stale = desk.patch(path, json={"base_version": version, "city": "Trier"})
        assert problems(stale) == {("body", "base_version"): "version_conflict"}
    assert desk.patch(path, json={"city": "Trier"}, headers={"If-Match": restored.tag}).status_code == 412
    version = now.json()["version"]
    changed = desk.patch(path, json={"base_version": version, "city": "Trier"})
    assert changed.json()["version"] == version + 1
    assert changed.json()["version"] < 2**31, "clients that keep versions in 32 bits go on"


def test_a_copy_is_told_to_begin_again_and_is_exact_then(restored: Restored) -> None:
    """By the walk and by the feed, each by itself; the copy loses what the restore has lost."""
    desk, copy = reinstated(restored), restored.copy
    command("token", "reinstate", "--all", "--org", restored.org.id, data_dir=restored.house.data_dir)
    wait_for(lambda: code(restored.org, restored.org.token("integration"))[0] == 200)
    gone = desk.get("/events", params={"after": copy.sequence})
    assert (gone.status_code, problems(gone)) == (410, {("query", "after"): "feed_reset"})
    walk: Json = {"sort_by": "updated_at", "status": "all", "first": 200}
    gone = desk.get("/patients/cursor", params={**walk, **copy.cursor})
    assert (gone.status_code, problems(gone)) == (410, {("query", "after"): "feed_reset"})
    before = copy.sequence
    assert ("patient", restored.kept["id"]) in copy.records
    while copy.step():
        pass
    assert copy.resets == 1
    assert copy.sequence > before + SLACK
    is_exact(copy, restored.house, restored.org)
    desk.made("/patients", NAME)
    assert copy.step() == 2
    assert copy.resets == 1


def test_a_kept_answer_is_given_again_after_a_restore(restored: Restored) -> None:
    """The key of a request that is in the backup; that of a lost request does its work anew."""
    desk = reinstated(restored)
    first = desk.post("/patients", json=NAME, headers={"Idempotency-Key": "after-restore"})
    again = desk.post("/patients", json=NAME, headers={"Idempotency-Key": "after-restore"})
    assert (first.json(), first.headers["etag"]) == (again.json(), again.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"


def test_the_demo_gets_another_token(restored: Restored) -> None:
    """The old one is suspended, so it is not shown any more; `serve --demo` makes one, as for any that has ended."""
    data = restored.house.data_dir
    assert "token" not in json.loads((data / "demo.json").read_text())
    assert "was restored" in refused("demo", data_dir=data)
    restored.house.stop()
    restored.house.start("--demo", workers=1)
    shown = json.loads(answered("demo", "--json", data_dir=data))
    assert httpx.get(f"{shown['api']}/patients", headers=bearer(shown["token"])).status_code == 200
    prefix = shown["token"].split("_", 2)[2][:8]
    answered("token", "revoke", "--org", shown["org_id"], prefix, data_dir=data)
    restored.house.stop()
    restored.house.start("--demo", workers=1)
    again = json.loads(answered("demo", "--json", data_dir=data))
    assert again["token"] != shown["token"]
    assert httpx.get(f"{again['api']}/patients", headers=bearer(again["token"])).status_code == 200


async def bases(house: House, org: str) -> tuple[int, int]:
    async with connected(house.data_dir, "superuser") as connection:
        versions = await connection.fetchval("SELECT version_base FROM orgs WHERE id = $1", org)
        return versions, await connection.fetchval("SELECT base FROM event_heads WHERE org_id = $1", org)


def test_an_epoch_lies_above_all_that_time_allows(tmp_path: Path) -> None:
    """By the moment as of which it was restored; without one, by the newest record; each epoch above the one before."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        org = house.org("Counted Dental")
        desk = org.desk()
        patient = desk.made("/patients", NAME)
        for number in range(1, 6):
            sent = {"base_version": number, "city": f"C{number}"}
            assert desk.patch(f"/patients/{patient['id']}", json=sent).is_success
        head = desk.read("/events", latest=True)["next_after"]
        desk.made("/patients", NAME)  # its event waits for a number
        at = embedded.endpoint(house.data_dir)
        owner = Place(host=at.host, port=at.port, user=at.owner, database=at.database)
        now = datetime.now(UTC)
        day = now + timedelta(days=1)
        begun = asyncio.run(begin_epoch(owner, since=now, now=day))
        assert (begun.orgs, begun.suspended) == (1, 1)
        versions, feed = asyncio.run(bases(house, org.id))
        assert versions == 6 + SLACK + FASTEST_RECORD * 86_400
        assert feed >= head + 1 + SLACK + FASTEST_ORG * 86_400
        begun = asyncio.run(begin_epoch(owner, now=now + timedelta(days=2)))
        assert (begun.orgs, begun.suspended) == (1, 0)
        again = asyncio.run(bases(house, org.id))
        assert again[0] >= versions + SLACK + FASTEST_RECORD * 2 * 86_400 - 1000 * FASTEST_RECORD
        assert again[1] >= feed + SLACK + FASTEST_ORG * 2 * 86_400 - 1000 * FASTEST_ORG
        asyncio.run(begin_epoch(owner, since=day, now=now))
        assert asyncio.run(bases(house, org.id))[0] >= again[0] + SLACK


def test_a_new_epoch_can_be_started_by_hand(tmp_path: Path) -> None:
    """After the database was brought back by other tools: tokens wait, and the version shown before fits no more."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        org = house.org("Taken Over")
        made = org.desk().made("/patients", NAME)
        said = refused("new-epoch", data_dir=house.data_dir)
        assert "Stop every server and command first" in said
        assert org.desk().get("/patients").status_code == 200
        assert house.stop() == 0
        for wrong, words in (("2026-03-01T09:30:00", "not a time with its zone"), ("2999-01-01T00:00:00Z", "future")):
            assert words in refused("new-epoch", "--since", wrong, data_dir=house.data_dir)
        since = datetime.now(UTC) - timedelta(hours=1)
        done = command("new-epoch", "--since", since.isoformat(), data_dir=house.data_dir)
        assert done.returncode == 0
        assert "new epoch of 1 org and suspended 1 token." in done.stderr
        house.start(workers=1)
        assert code(org, org.token("admin")) == (401, "token_suspended")
        answered("token", "reinstate", "--all", "--org", org.id, data_dir=house.data_dir)
        wait_for(lambda: code(org, org.token("admin"))[0] == 200)
        now = org.desk().read(f"/patients/{made['id']}")
        assert now["version"] > made["version"] + SLACK + 3600 * FASTEST_RECORD
        stale = org.desk().patch(f"/patients/{made['id']}", json={"base_version": made["version"], "city": "Ulm"})
        assert problems(stale) == {("body", "base_version"): "version_conflict"}
