"""A user who is shown unusually many patients in a day is reported once, whichever worker and operation showed them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from tests.database import connected
from tests.house import Client, House, Org, new_house, wait_for
from tests.patients.acts import Json, imported
from tests.rest.test_open_paths import numbers

FLOOR, MANY, EVENT = 40, 120, "security.unusual_volume"
BITS = "SELECT coalesce(bit_count(patients), 0) FROM shown_volumes WHERE org_id = $1 AND user_id = $2 ORDER BY day DESC"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("volume")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    with new_house(folder, workers=3, CHAIRSIDE_UNUSUAL_PATIENTS=str(FLOOR)) as house:
        yield house


@pytest.fixture(scope="module")
def crowd(home: House) -> Org:
    """An org with more patients than a user may see in a day."""
    org = home.org("Crowded Dental")
    imported(org.desk(), [{"first_name": "Ada", "last_name": f"Crowd {number:03}"} for number in range(MANY)])
    return org


@pytest.fixture
def reader(crowd: Org) -> Client:
    """A user who has seen nobody yet."""
    return crowd.desk("front_desk", "--name", f"Reader {uuid4().hex}")


def page(client: Client, number: int, size: int = 20) -> Json:
    """A page of the list over a connection of its own, so that any worker may answer."""
    path, query = f"{client.base_url}patients", {"page": number, "page_size": size}
    answer = httpx.get(path, params=query, headers={"Authorization": client.headers["authorization"]})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def user_of(org: Org, client: Client) -> str:
    """The id of the client's user, as the trail has it."""
    request_id = uuid4().hex
    client.get("/patients/counts/by-location", headers={"X-Request-Id": request_id})
    found = org.desk().read("/audit-events", first=50)["data"]
    return next(str(r["actor"]["id"]) for r in found if r["request_id"] == request_id)


def kept(org: Org, user: str) -> int:
    """The bits that the database has of the user's day."""

    async def look() -> int:
        async with connected(org.house.data_dir, "superuser") as database:
            return await database.fetchval(BITS, org.id, user) or 0

    return asyncio.run(look())


def reports(org: Org, user: str) -> list[Json]:
    """The events about the user; the feed is read to its end."""
    found: list[Json] = []
    for after in itertools.count(0):
        page = org.desk().read("/events", types=EVENT, after=found[-1]["sequence"] if found else 0, limit=1000)
        found += page["items"]
        if not page["has_more"]:
            break
        assert after < 100
    return [event for event in found if event["record_id"] == user]


def test_pages_over_all_workers_are_counted_together(crowd: Org, reader: Client) -> None:
    """Below the bound nothing is told; above it one event, and no second one however many more follow."""
    user = user_of(crowd, reader)
    for number in (1, 2):
        page(reader, number, FLOOR // 2)
    wait_for(lambda: kept(crowd, user) >= FLOOR - 2)
    assert not reports(crowd, user)
    for number in (3, 4):
        page(reader, number, FLOOR // 2)
    wait_for(lambda: reports(crowd, user))
    for number in (5, 6):
        page(reader, number, FLOOR // 2)
    wait_for(lambda: kept(crowd, user) > 2.5 * FLOOR)
    [event] = reports(crowd, user)
    assert (event["type"], event["kind"], event["patient_id"], event["changed"], event["notes"]) == (
        EVENT, "security", None, [], []
    )  # fmt: skip
    assert event["actor"]["id"] == user
    [record] = crowd.desk().read("/audit-events", action="unusual_volume", actor=user)["data"]
    assert (record["kind"], record["outcome"], record["patient_ids"]) == ("security", "allowed", [])
    assert FLOOR < record["count"] <= MANY
    assert record["route"] == "/api/v1/{org_id}/patients"


def _pages(client: Client, crowd: Org) -> None:
    client.read("/patients", page_size=100)


def _search(client: Client, crowd: Org) -> None:
    client.read("/patients", search="Crowd", page_size=100)


def _walk(client: Client, crowd: Org) -> None:
    client.read("/patients/cursor", first=100)


def _one_by_one(client: Client, crowd: Org) -> None:
    for patient in crowd.desk().read("/patients", page_size=100)["items"][: FLOOR + 10]:
        client.read(f"/patients/{patient['id']}")


WAYS: dict[str, Callable[[Client, Org], None]] = {
    "list": _pages, "search": _search, "cursor": _walk, "one by one": _one_by_one,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_whichever_operation_shows_them(crowd: Org, reader: Client, way: str) -> None:
    """A whole page of a list and as many single reads are the same volume."""
    user = user_of(crowd, reader)
    WAYS[way](reader, crowd)
    wait_for(lambda: reports(crowd, user))


def test_an_import_answer_counts_too(crowd: Org) -> None:
    """A caller may ask for the ids of patients by sending their names."""
    org = crowd.house.org("Imported Dental")
    sender = org.desk("integration")
    imported(sender, [{"first_name": "Ada", "last_name": f"Sent {number:03}"} for number in range(FLOOR + 10)])
    wait_for(lambda: reports(org, user_of(org, sender)))


def test_the_same_patients_again_are_no_volume(crowd: Org, reader: Client) -> None:
    """A screen that reloads its list all day shows the same few people."""
    user = user_of(crowd, reader)
    for _ in range(20):
        page(reader, 1, FLOOR // 2)
    page(reader, 3, FLOOR // 4)  # other patients, so that the wait below ends only when all before it are kept
    wait_for(lambda: kept(crowd, user) > FLOOR // 2)
    assert kept(crowd, user) < FLOOR
    assert not reports(crowd, user)


def test_a_day_goes_on_after_a_restart(home: House, crowd: Org, reader: Client) -> None:
    """Patients shown right before a stop count with those shown after it."""
    user = user_of(crowd, reader)
    for number in (1, 2, 3):
        page(reader, number, FLOOR // 4)
    home.stop()
    home.start(workers=3, CHAIRSIDE_UNUSUAL_PATIENTS=str(FLOOR))
    assert not reports(crowd, user)
    for number in (4, 5):
        page(reader, number, FLOOR // 4)
    wait_for(lambda: reports(crowd, user))


async def _earlier(org: Org, user: str, days: int, seen: int) -> None:
    bits = "1" * seen + "0" * (8192 - seen)
    async with connected(org.house.data_dir, "superuser") as database:
        for ago in range(1, days + 1):
            await database.execute(
                f"INSERT INTO shown_volumes (org_id, user_id, day, patients) VALUES ($1, $2, $3, B'{bits}')",
                org.id, user, datetime.now(UTC).date() - timedelta(days=ago),
            )  # fmt: skip


@pytest.mark.parametrize(("days", "told"), [(5, False), (4, True)])
def test_a_usual_day_is_not_reported(crowd: Org, reader: Client, days: int, told: bool) -> None:
    """A user who saw half as many on five other days is as usual; four days are too few to say what is usual."""
    user = user_of(crowd, reader)
    asyncio.run(_earlier(crowd, user, days, MANY // 2))
    for number in (1, 2, 3, 4, 5):
        page(reader, number)
    if told:
        wait_for(lambda: reports(crowd, user))
        return
    wait_for(lambda: kept(crowd, user) > 2 * FLOOR)
    assert not reports(crowd, user)


def test_a_multiple_of_the_usual_day_is_reported(crowd: Org, reader: Client) -> None:
    """Above the bound, and more than three times the median of the other days."""
    user = user_of(crowd, reader)
    asyncio.run(_earlier(crowd, user, 9, MANY // 4))
    for number in range(1, 7):
        page(reader, number)
    wait_for(lambda: reports(crowd, user))


def test_the_metrics_count_reports_without_users_or_patients(crowd: Org, reader: Client) -> None:
    """One number for each type of security event."""
    before = numbers(crowd.house, "chairside_security_events_total", type=EVENT)
    user = user_of(crowd, reader)
    _pages(reader, crowd)
    wait_for(lambda: numbers(crowd.house, "chairside_security_events_total", type=EVENT) > before)
    told = httpx.get(crowd.house.metrics).text
    assert user not in told
    assert crowd.id not in told
    assert "Crowd" not in told
