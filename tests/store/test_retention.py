"""Everything that is kept for a time goes after it, from every org, whichever worker wrote it and however long ago."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from chairside import embedded
from chairside.engine import retention
from chairside.engine.ids import new_id
from chairside.engine.retention import ANSWERS, Retention
from chairside.store.pool import Place, Pool
from tests.database import Connection, connected
from tests.house import House, Org, new_house

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
        yield Retention(pool, partial(connected, house.data_dir, "owner"))
    finally:
        await pool.close()


async def fill(database: Connection, org: Org) -> None:
    """Answers and guesses of both sides of their bounds."""
    for age, number in ((ANSWERS * 0.9, 3), (ANSWERS * 1.1, MANY)):
        await database.execute(KEY, org.id, age, number)
    for days, number in ((29, 3), (31, MANY)):
        await database.execute(GUESS, org.id, days, number)


async def left(database: Connection, org: Org) -> tuple[int, int]:
    keys = await database.fetchval(
        "SELECT count(*) FROM idempotency_keys WHERE org_id = $1 AND key LIKE 'kept-%'", org.id
    )
    return keys, await database.fetchval("SELECT count(*) FROM wrong_guesses WHERE org_id = $1", org.id)


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
        if [await left(database, org) for org in orgs] == [(3, 3)] * len(orgs):
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
        await database.execute(held, retention.NAME, new_id(), 60)
        assert not await other.run()
        await due(database)
        await database.execute(held, retention.NAME, new_id(), -1)
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
