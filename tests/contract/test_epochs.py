"""In an epoch that began with a restore every version and feed number lies above all that were shown before."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from chairside.resource import Kind
from tests.contract.builder import Body, Builder, each, refused
from tests.database import connected
from tests.house import House

# Beyond what 32 bits hold, as after restores of very old backups.
VERSIONS, FEED = 5_000_000_000, 70_000_000_000
# Sessions of the server that wait for this one.
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"


@pytest.fixture(scope="module")
def later(house: House) -> Builder:
    """An org whose epoch has bases, as a restore leaves them."""
    org = house.org("Later Dental")

    async def move() -> None:
        async with connected(house.data_dir, "superuser") as connection:
            await connection.execute("UPDATE orgs SET version_base = $2 WHERE id = $1", org.id, VERSIONS)
            await connection.execute("UPDATE event_heads SET base = $2 WHERE org_id = $1", org.id, FEED)

    asyncio.run(move())
    return Builder(org)


def versions_in(answer: object) -> list[int]:
    """Every version in an answer, however deep."""
    if isinstance(answer, list):
        return [v for entry in answer for v in versions_in(entry)]
    if not isinstance(answer, dict):
        return []
    own = [answer["version"]] if isinstance(answer.get("version"), int) else []
    return own + [v for value in answer.values() for v in versions_in(value)]


@each("create")
def test_a_record_shows_one_version_everywhere(later: Builder, kind: Kind) -> None:
    """Create, read, list, ETag and event agree, for every kind."""
    after = later.head()
    made = later.make(kind)
    first = VERSIONS + 1
    if kind.versioned:
        assert made.record["version"] == first
    if "get" in kind.verbs:
        answer = later.client.get(made.path)
        if kind.versioned:
            assert answer.json()["version"] == first
            assert answer.headers["etag"].strip('"').split("-")[0] == str(first)
    if "list" in kind.verbs and kind.versioned:
        [listed] = [r for r in later.listed(kind, made.patient) if r["id"] == made.id]
        assert listed["version"] == first
    [event] = [e for e in later.events(kind, after) if e["record_id"] == made.id]
    assert event["version"] == first
    assert event["sequence"] > FEED


@each("create", "patch")
def test_versions_of_an_earlier_epoch_fit_no_record(later: Builder, kind: Kind) -> None:
    """The version as it was before the restore is refused; the present one goes through, in every form."""
    made = later.make(kind)
    stale = later.patch(made, 1, later.change(made))
    assert refused(stale, 409) == {("body", "base_version"): "version_conflict"}
    assert stale.json()["detail"][0]["current_version"] == VERSIONS + 1
    old = later.client.patch(made.path, json=later.change(made), headers={"If-Match": '"1"'})
    assert refused(old, 412) == {("header", "if-match"): "precondition_failed"}
    assert old.json()["detail"][0]["current_version"] == VERSIONS + 1
    changed = later.patch(made, VERSIONS + 1, later.change(made))
    assert changed.status_code == 200, changed.text
    if kind.versioned:
        assert changed.json()["version"] == VERSIONS + 2
        again = later.client.patch(made.path, json=later.change(made), headers={"If-Match": changed.headers["etag"]})
        assert again.json()["version"] == VERSIONS + 3


@each("create", "archive")
def test_an_archive_takes_the_version_that_was_shown(later: Builder, kind: Kind) -> None:
    """In body or query; the one of an earlier epoch is a conflict."""
    made = later.make(kind)
    if kind.archive_by != "id":
        assert set(refused(later.archive(made, 1), 409).values()) == {"version_conflict"}
    assert later.archive(made, VERSIONS + 1).is_success


def test_every_answer_about_a_patient_shows_versions_of_this_epoch(later: Builder) -> None:
    """Cursor, search, summary and form; a place that forgot the base would show a small number."""
    patient = later.client.made("/patients", {"first_name": "Ana", "last_name": "Epoch"})["id"]
    definition = later.client.made("/patient-field-definitions", {"name": "Epoch field", "field_type": "text"})["id"]
    sent: Body = {"fields": [{"field_definition_uuid": definition, "value": "x"}]}
    put = later.client.put(f"/patients/{patient}/field-values", json=sent)
    assert put.is_success, put.text
    seen = versions_in(put.json())
    for path in (
        f"/patients/{patient}",
        f"/patients/{patient}/field-values",
        f"/patients/{patient}/field-values/form",
        f"/patients/{patient}/medical-summary",
        f"/patients/{patient}/family",
        "/patients",
        "/patients/cursor",
        "/patients/search?q=epoch",
        "/org-settings",
    ):
        answer = later.client.get(path)
        if answer.status_code != 404:
            assert answer.status_code == 200, (path, answer.text)
            seen += versions_in(answer.json())
    assert len(seen) > 6
    assert min(seen) > VERSIONS


def test_numbers_and_cursors_of_an_earlier_epoch_are_told_apart(later: Builder, house: House) -> None:
    """410 for `after` from before, and for one that was never given out; 0 and every number of this epoch go on."""
    later.client.made("/patients", {"first_name": "Ana", "last_name": "Feed"})
    whole = later.client.read("/events", after=0, limit=1000)
    assert [e["sequence"] for e in whole["items"]] == list(range(FEED + 1, FEED + 1 + len(whole["items"])))
    assert later.client.read("/events", after=FEED, limit=1000)["items"][: len(whole["items"])] == whole["items"]
    last = later.head()
    assert later.client.read("/events", after=last) == {"items": [], "next_after": last, "has_more": False}
    for after in (1, FEED - 1, last + 1):
        gone = later.client.get("/events", params={"after": after})
        assert refused(gone, 410) == {("query", "after"): "feed_reset"}
    cursor = later.client.read("/patients/cursor", first=1)["page_info"]["end_cursor"]
    assert later.client.get("/patients/cursor", params={"first": 1, "after": cursor}).status_code == 200

    async def move() -> None:
        async with connected(house.data_dir, "superuser") as connection:
            await connection.execute("UPDATE orgs SET version_base = version_base + 10 WHERE id = $1", later.org.id)

    asyncio.run(move())
    try:
        fresh = later.org.desk("read_only")
        gone = fresh.get("/patients/cursor", params={"first": 1, "after": cursor})
        assert refused(gone, 410) == {("query", "after"): "feed_reset"}
    finally:
        asyncio.run(_back(house, later.org.id))


async def _back(house: House, org_id: str) -> None:
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute("UPDATE orgs SET version_base = $2 WHERE id = $1", org_id, VERSIONS)


async def raced(later: Builder, by: str) -> list[httpx.Response]:
    """The answers to two who name the present version of a record whose row is locked until both wait for it."""
    made = later.client.made("/employers", {"name": f"Raced {later.number()}"})
    desks = [later.org.desk() for _ in range(2)]

    def change(order: int) -> httpx.Response:
        sent = {"item_order": order + 1} | ({"base_version": VERSIONS + 1} if by == "base_version" else {})
        headers = {"If-Match": f'"{VERSIONS + 1}"'} if by == "if_match" else {}
        return desks[order].patch(f"/employers/{made['id']}", json=sent, headers=headers)

    async with connected(later.org.house.data_dir, "superuser") as database:
        with ThreadPoolExecutor(2) as crew:
            async with database.transaction():
                await database.execute("SELECT FROM employers WHERE id = $1 FOR UPDATE", made["id"])
                racers = [crew.submit(change, order) for order in range(2)]
                while (  # noqa: ASYNC110 - nothing tells of a wait for a lock
                    await database.fetchval(BLOCKED) < 2 and not any(racer.done() for racer in racers)
                ):
                    await asyncio.sleep(0.01)
            return [racer.result() for racer in racers]


@pytest.mark.parametrize("by", ["base_version", "if_match"])
async def test_the_loser_of_a_race_is_told_the_version_of_this_epoch(later: Builder, by: str) -> None:
    """Both have read the present version; the second finds it changed when it comes to write."""
    answers = await raced(later, by)
    while any(answer.status_code == 503 for answer in answers):  # a wait for the lock ended before both had begun
        answers = await raced(later, by)
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    status, told = {
        "base_version": (409, {("body", "base_version"): "version_conflict"}),
        "if_match": (412, {("header", "if-match"): "precondition_failed"}),
    }[by]
    assert won.status_code == 200
    assert refused(lost, status) == told
    assert lost.json()["detail"][0]["current_version"] == VERSIONS + 2 == won.json()["version"]
