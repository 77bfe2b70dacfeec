"""Everything that is kept for a time goes after it, from every org, whichever worker wrote it and however long ago."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from chairside import embedded
from chairside.engine.ids import new_id
from chairside.engine.retention import ANSWERS, Retention
from chairside.store.pool import Place, Pool
from tests.cli.hands import command, refused
from tests.database import Connection, connected
from tests.house import House, Org, new_house

NAME = "retention of tests"  # the running server has the lease of its own
MANY = 2500  # more than one statement drops
KEY = (
    "INSERT INTO idempotency_keys (org_id, caller_id, key, fingerprint, created_at)"
    " SELECT $1, gen_random_uuid(), 'kept-' || n, '', now() - $2::interval - n * interval '1 ms'"
    " FROM generate_series(1, $3) AS n"
)
GUESS = (
    "INSERT INTO wrong_guesses (org_id, user_id, patient_id, guess, at) SELECT $1, gen_random_uuid(),"
    " gen_random_uuid(), '\\x01', now() - make_interval(days => $2) FROM generate_series(1, $3)"
)
VOLUME = (
    "INSERT INTO shown_volumes (org_id, user_id, day, patients) SELECT $1, gen_random_uuid(),"
    " (now() AT TIME ZONE 'UTC')::date - $2::int, B'0'::bit(8192) FROM generate_series(1, $3)"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server of its own, for the job of one that is shared would meet this one's rows."""
    folder = tmp_path_factory.mktemp("kept")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    with new_house(folder, workers=1) as house:
        yield house


@asynccontextmanager
async def job(house: House) -> AsyncIterator[Retention]:
    at = embedded.endpoint(house.data_dir)
    pool = Pool(Place(host=at.host, port=at.port, user=at.app, database=at.database), size=1)
    try:
        yield Retention(pool, partial(connected, house.data_dir, "owner"), NAME)
    finally:
        await pool.close()


async def fill(database: Connection, org: Org) -> None:
    """Answers, guesses and volumes on both sides of their bounds."""
    for age, number in ((ANSWERS * 0.9, 3), (ANSWERS * 1.1, MANY)):
        await database.execute(KEY, org.id, age, number)
    for days, number in ((29, 3), (31, MANY)):
        await database.execute(GUESS, org.id, days, number)
        await database.execute(VOLUME, org.id, days, number)


async def left(database: Connection, org: Org) -> tuple[int, int, int]:
    keys = await database.fetchval(
        "SELECT count(*) FROM idempotency_keys WHERE org_id = $1 AND key LIKE 'kept-%'", org.id
    )
    guesses = await database.fetchval("SELECT count(*) FROM wrong_guesses WHERE org_id = $1", org.id)
    return keys, guesses, await database.fetchval("SELECT count(*) FROM shown_volumes WHERE org_id = $1", org.id)


async def due(database: Connection) -> None:
    """Make the job due again."""
    await database.execute("DELETE FROM leases")


async def test_a_server_that_starts_drops_what_others_left(home: House) -> None:
    """Orgs whose keys no running worker has seen are cleaned too, each to its last expired row, and no other row."""
    orgs = [home.org("One"), home.org("Two")]
    async with connected(home.data_dir, "superuser") as database:
        for org in orgs:
            await fill(database, org)
        await due(database)
    home.stop()
    home.start(workers=1)
    async with connected(home.data_dir, "superuser") as database:
        await _until(database, orgs)


async def _until(database: Connection, orgs: list[Org]) -> None:
    for _ in range(750):  # the job looks at its lease each minute
        if [await left(database, org) for org in orgs] == [(3, 3, 3)] * len(orgs):
            return
        await asyncio.sleep(0.2)
    raise AssertionError([await left(database, org) for org in orgs])


async def test_one_worker_runs_the_job_at_a_time(home: House) -> None:
    """Of many that try at once one does, and none until the job is due again."""
    async with connected(home.data_dir, "superuser") as database, job(home) as one, job(home) as other:
        await due(database)
        jobs = [one, other]
        assert sorted(await asyncio.gather(*(each.run() for each in jobs))) == [False, True]
        assert [await each.run() for each in jobs] == [False, False]
        await due(database)
        assert await other.run()


async def test_a_lease_of_a_killed_worker_ends(home: House) -> None:
    """A worker that was killed keeps the job from others for two minutes, not for good."""
    async with connected(home.data_dir, "superuser") as database, job(home) as other:
        held = "INSERT INTO leases VALUES ($1, $2, now() + $3 * interval '1 second')"
        await due(database)
        await database.execute(held, NAME, new_id(), 60)
        assert not await other.run()
        await due(database)
        await database.execute(held, NAME, new_id(), -1)
        assert await other.run()


async def test_a_worker_that_lost_its_lease_stops(home: House) -> None:
    """A worker that was too slow leaves the job to the worker that took it over."""
    org = home.org("Slow")
    async with connected(home.data_dir, "superuser") as database, job(home) as slow:
        await due(database)
        await database.execute(KEY, org.id, ANSWERS * 1.1, 1)
        await database.execute("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
            " UPDATE public.leases SET holder = gen_random_uuid(), until = now() + interval '1 hour'; RETURN OLD; END$$"
            " SECURITY DEFINER")  # fmt: skip
        await database.execute(
            "CREATE TRIGGER lose AFTER DELETE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION lose()"
        )
        try:
            assert not await slow.run()
        finally:
            await database.execute("DROP FUNCTION lose CASCADE")


AGED = (
    "UPDATE events SET occurred_at = now() - make_interval(days => $2) WHERE org_id = $1 AND id IN"
    " (SELECT id FROM events WHERE org_id = $1 ORDER BY id LIMIT $3)"
)
EVENTS = (
    "INSERT INTO events (org_id, id, type, occurred_at, kind, record_id, version, actor_id, actor_name, actor_role,"
    " changed, notes) SELECT $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'provider.created',"
    " now() - interval '401 days', 'provider', $1, 1, $1, 'Ana', 'admin', '', '' FROM generate_series(1, $2) AS n"
)


def told(org: Org, after: int) -> list[int]:
    """The numbers of the events that the feed gives after a number."""
    return [event["sequence"] for event in org.desk().read("/events", after=after, limit=1000)["items"]]


def begins(org: Org, after: int = 0) -> int:
    """Where the feed begins, as the refusal of an older number says."""
    answer = org.desk().get("/events", params={"after": after})
    assert answer.status_code == 410
    [problem] = answer.json()["detail"]
    assert (problem["type"], problem["loc"]) == ("feed_truncated", ["query", "after"])
    return int(problem["kept_after"])


async def test_events_go_after_the_time_that_the_org_keeps_them(home: House) -> None:
    """A reader who asks for older ones is told so and where the feed begins; numbers go on without a gap."""
    usual, short = home.org("Usual"), home.org("Short")
    home.run("org", "retention", short.id, "--events-days", "30")
    for org in (usual, short):
        for number in range(4):
            org.desk().made("/providers", {"name": f"Provider {number}"})
    numbers = told(usual, 0)
    assert told(short, 0) == numbers
    async with connected(home.data_dir, "superuser") as database, job(home) as retention_job:
        for days, kept in ((29, (0, 0)), (31, (0, len(numbers) - 1)), (399, (0, len(numbers) - 1))):
            for org in (usual, short) if days < 100 else (usual,):
                await database.execute(AGED, org.id, days, len(numbers) - 1)
            await due(database)
            assert await retention_job.run()
            assert told(usual, kept[0]) == numbers
            if kept[1]:
                assert begins(short) == begins(short, kept[1] - 1) == kept[1]
            assert told(short, kept[1]) == numbers[kept[1] :]
        await database.execute(AGED, usual.id, 401, len(numbers))
        await due(database)
        assert await retention_job.run()
    assert begins(usual) == len(numbers)
    assert told(usual, len(numbers)) == []
    usual.desk().made("/providers", {"name": "The next"})
    assert told(usual, len(numbers)) == [len(numbers) + 1]
    assert usual.desk().read("/events", latest=True)["next_after"] == len(numbers) + 1


async def test_events_that_nobody_read_are_numbered_before_they_go(home: House) -> None:
    """So a reader who comes later learns that there were some, however many."""
    org = home.org("Unread")
    async with connected(home.data_dir, "superuser") as database, job(home) as retention_job:
        before = await database.fetchval("SELECT count(*) FROM events WHERE org_id = $1", org.id)
        await database.execute(EVENTS, org.id, MANY)
        await due(database)
        assert await retention_job.run()
        assert await database.fetchval("SELECT count(*) FROM events WHERE org_id = $1", org.id) == before
    assert begins(org) == MANY
    assert told(org, MANY) == list(range(MANY + 1, MANY + before + 1))


async def test_a_page_of_the_feed_is_refused_when_it_was_dropped_while_it_was_read(home: House) -> None:
    """Rows are compared with how far events were dropped when these rows were read, not before."""
    org = home.org("Raced")
    desk = org.desk()
    desk.made("/providers", {"name": "Early"})
    last = told(org, 0)[-1]
    async with connected(home.data_dir, "superuser") as database:
        await database.execute("UPDATE event_heads SET dropped = $2 WHERE org_id = $1", org.id, last - 1)
        assert begins(org, last - 2) == last - 1
        assert told(org, last - 1) == [last]
        await database.execute("UPDATE event_heads SET base = 1000000 WHERE org_id = $1", org.id)
        assert begins(org) == begins(org, 1000000 + last - 2) == 1000000 + last - 1
        assert told(org, 1000000 + last - 1) == [1000000 + last]


def test_the_policy_of_an_org_is_shown_and_set_by_the_command_line(home: House) -> None:
    """Events for 400 days and the trail for six years by default; the trail never for less."""
    org, data = home.org("Strict"), home.data_dir
    assert home.run("org", "retention", org.id) == "events: 400 days, audit trail: 6 years"
    said = home.run("org", "retention", org.id, "--events-days", "90", "--audit-years", "10")
    assert said == home.run("org", "retention", org.id) == "events: 90 days, audit trail: 10 years"
    assert home.run("org", "retention", org.id, "--audit-years", "7") == "events: 90 days, audit trail: 7 years"
    for option, value in (("--audit-years", "5"), ("--events-days", "29")):
        assert command("org", "retention", org.id, option, value, data_dir=data).returncode == 2
    assert "There is no org" in refused("org", "retention", new_id(), data_dir=data)
