"""Tokens end by themselves, are bound to networks if wanted, and go with their user's suspension."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chairside.access.tokens import Doorkeeper, new_token
from chairside.app import server_place
from chairside.settings import from_environment
from chairside.store.pool import Pool
from tests.cli.hands import answered, command, refused
from tests.database import connected
from tests.house import House, Org, new_house, problems, wait_for

ASKS = 12  # so that every worker is asked


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that believes what its own machine says of source addresses."""
    folder = tmp_path_factory.mktemp("proxied")
    folder.chmod(0o755)
    with new_house(folder, workers=2, CHAIRSIDE_TRUSTED_PROXIES="127.0.0.1") as house:
        yield house


def make(org: Org, *options: str, role: str = "read_only") -> str:
    return answered("token", "create", "--org", org.id, "--role", role, *options, data_dir=org.house.data_dir)


def test_no_prefix_reads_as_an_option() -> None:
    """One random text in 64 would begin with a minus, and `token revoke` would refuse it."""
    org_id = str(uuid4())
    assert not [made for made in (new_token(org_id).prefix for _ in range(2000)) if made.startswith("-")]


def codes(org: Org, token: str, **headers: str) -> set[tuple[int, str]]:
    """Status and code of every worker's answer to a token."""
    found = set()
    for _ in range(ASKS):
        answer = httpx.get(f"{org.base}/patients", headers={"Authorization": f"Bearer {token}", **headers})
        found.add((answer.status_code, "" if answer.is_success else next(iter(problems(answer).values()))))
    return found


def row_of(org: Org, token: str) -> dict[str, Any]:
    secret = token.split("_", 2)[2]
    rows = json.loads(answered("token", "list", "--json", "--org", org.id, data_dir=org.house.data_dir))
    [row] = [row for row in rows if secret.startswith(row["prefix"])]
    return dict(row)


def sql(org: Org, statement: str, *args: object) -> None:
    async def run() -> None:
        async with connected(org.house.data_dir, "superuser") as connection:
            await connection.execute(statement, org.id, *args)

    asyncio.run(run())


def aged(org: Org, token: str, days: int, used: int | None = None) -> None:
    """Lets a token be made, and used, so many days ago."""
    sql(
        org,
        "UPDATE tokens SET created_at = now() - make_interval(days => $3),"
        " last_used_at = now() - make_interval(days => $4) WHERE org_id = $1 AND prefix = $2",
        token.split("_", 2)[2][:8],
        days,
        used,
    )


def test_a_token_ends_after_a_year_and_after_90_idle_days_by_default(org: Org) -> None:
    """Other numbers are taken as given; --permanent means neither, and goes with none of them."""
    before = datetime.now(UTC)
    plain, own, endless = make(org), make(org, "--expires", "10", "--idle", "3"), make(org, "--permanent")
    row = row_of(org, plain)
    expires = datetime.fromisoformat(row["expires_at"])
    assert timedelta(days=365) <= expires - before < timedelta(days=365, minutes=10)
    assert (row["idle_days"], row["state"], row["networks"], row["last_used_at"]) == (90, "active", None, None)
    assert datetime.fromisoformat(row["ends_at"]) - before < timedelta(days=90, minutes=10)
    assert row_of(org, own)["idle_days"] == 3
    row = row_of(org, endless)
    assert (row["expires_at"], row["idle_days"], row["ends_at"]) == (None, None, None)
    said = refused(
        *("token", "create", "--org", org.id, "--role", "admin", "--permanent", "--idle", "9"),
        data_dir=org.house.data_dir,
    )
    assert "neither --expires nor --idle" in said
    assert "no end" in answered("token", "list", "--org", org.id, data_dir=org.house.data_dir)


@pytest.mark.parametrize(
    ("made", "used", "works"), [(91, None, False), (200, 91, False), (89, None, True), (200, 89, True), (366, 1, True)]
)
def test_a_token_that_was_not_used_for_long_is_refused(org: Org, made: int, used: int | None, works: bool) -> None:
    """Counted from its last use, or from when it was made; its own end is kept apart."""
    token = make(org)
    aged(org, token, made, used)
    assert codes(org, token) == {(200, "") if works else (401, "unauthenticated")}
    assert row_of(org, token)["state"] == ("active" if works else "expired")


def test_a_token_that_may_idle_forever_does(org: Org) -> None:
    """One of the releases before, and a permanent one."""
    token = make(org, "--permanent")
    aged(org, token, 3000)
    assert codes(org, token) == {(200, "")}


def test_a_reinstated_token_counts_as_used(org: Org) -> None:
    """After a restore of an old backup tokens would otherwise be idle for too long at once."""
    token = make(org)
    aged(org, token, 200, 100)
    sql(org, "UPDATE tokens SET suspended_at = now() WHERE org_id = $1")
    answered("token", "reinstate", "--all", "--org", org.id, data_dir=org.house.data_dir)
    assert codes(org, token) == {(200, "")}


async def noted(org: Org, token: str) -> None:
    """The steps of a worker whose token was used."""
    pool = Pool(server_place(from_environment({"CHAIRSIDE_DATA_DIR": str(org.house.data_dir)})), size=1)
    doorkeeper = Doorkeeper(pool)
    try:
        await doorkeeper.caller(token)
        await doorkeeper.note_use()
    finally:
        await pool.close()


def test_a_use_is_noted_and_shown(org: Org) -> None:
    """As the server notes it each minute; in the lists of tokens and of users."""
    token = make(org, "--name", "Front desk")
    assert row_of(org, token)["last_used_at"] is None
    options = ("--org", org.id)
    assert "never used" in answered("token", "list", *options, data_dir=org.house.data_dir)
    asyncio.run(noted(org, token))
    assert row_of(org, token)["last_used_at"] is not None
    assert "used 20" in answered("token", "list", *options, data_dir=org.house.data_dir)
    [line] = [x for x in answered("user", "list", *options, data_dir=org.house.data_dir).splitlines() if "Front" in x]
    assert "used 20" in line
    assert "1 token " in line


@pytest.mark.parametrize("by", ["name", "number", "id"])
def test_a_suspended_user_is_refused_with_all_tokens_at_once(org: Org, by: str) -> None:
    """On every worker within a second; others go on, and so does the user once reinstated."""
    data = org.house.data_dir
    mine, also, other = make(org, "--name", "Lee"), make(org, "--name", "Lee", role="admin"), make(org)
    listed = json.loads(answered("user", "list", "--json", "--org", org.id, data_dir=data))
    [lee] = [row for row in listed if row["name"] == "Lee"]
    assert (lee["tokens"], lee["suspended_at"]) == (2, None)
    assert codes(org, mine) == codes(org, also) == {(200, "")}
    answered("user", "suspend", "--org", org.id, str(lee[by]), data_dir=data)
    wait_for(lambda: codes(org, mine) == codes(org, also) == {(401, "token_suspended")})
    assert codes(org, other) == {(200, "")}
    assert row_of(org, mine)["state"] == "suspended"
    assert "suspended already" in refused("user", "suspend", "--org", org.id, "Lee", data_dir=data)
    made = ("token", "create", "--org", org.id, "--role", "admin", "--name", "Lee")
    assert "Lee is suspended" in refused(*made, data_dir=data)
    answered("user", "reinstate", "--org", org.id, str(lee[by]), data_dir=data)
    wait_for(lambda: codes(org, mine) == codes(org, also) == {(200, "")})
    assert "is not suspended" in refused("user", "reinstate", "--org", org.id, "Lee", data_dir=data)


def test_the_end_of_a_users_suspension_lets_no_suspended_token_in(org: Org) -> None:
    """A token that a restore has suspended waits for its own reinstatement."""
    token = make(org, "--name", "Lee")
    sql(org, "UPDATE tokens SET suspended_at = now() WHERE org_id = $1")
    for act in ("suspend", "reinstate"):
        answered("user", act, "--org", org.id, "Lee", data_dir=org.house.data_dir)
    assert codes(org, token) == {(401, "token_suspended")}


def test_a_user_who_cannot_be_suspended_is_named(org: Org) -> None:
    """Nobody of this name, several of it, and the server's own."""
    data, suspend = org.house.data_dir, ("user", "suspend", "--org", org.id)
    assert "has no user Nobody" in refused(*suspend, "Nobody", data_dir=data)
    assert "own user" in refused(*suspend, "Chairside", data_dir=data)
    make(org, "--name", "2")
    make(org, "--name", "Third")
    sql(org, "UPDATE users SET name = 'Third' WHERE org_id = $1 AND name = '2'")
    assert "Several users are called Third" in refused(*suspend, "Third", data_dir=data)


def test_a_bound_token_works_from_its_networks_alone(org: Org) -> None:
    """Anywhere else it is 403, and the trail keeps the attempt with its address; a claimed address is not believed."""
    here = make(org, "--network", "127.0.0.0/8", "--network", "2001:db8::/32")
    away = make(org, "--network", "192.0.2.1")
    assert codes(org, here) == {(200, "")}
    assert codes(org, away) == {(403, "network_not_allowed")}
    assert codes(org, away, **{"X-Forwarded-For": "192.0.2.1"}) == {(403, "network_not_allowed")}
    assert row_of(org, here)["networks"] == ["127.0.0.0/8", "2001:db8::/32"]
    assert "from 192.0.2.1/32" in answered("token", "list", "--org", org.id, data_dir=org.house.data_dir)
    kept = org.desk().read("/audit-events", first=200)["data"]
    attempts = [entry for entry in kept if entry["token_id"] == row_of(org, away)["id"]]
    assert len(attempts) == 2 * ASKS
    assert {(e["status"], e["outcome"], e["source_address"]) for e in attempts} == {(403, "denied", "127.0.0.1")}


def test_a_bound_token_is_not_told_whether_a_record_is_there(org: Org) -> None:
    """Elsewhere, another org's path and a body that is wrong are answered like everything else."""
    client = httpx.Client(headers={"Authorization": f"Bearer {make(org, '--network', '192.0.2.0/24', role='admin')}"})
    for answer in (
        client.get(f"{org.house.url}/api/v1/{org.id[:-1]}0/patients"),
        client.post(f"{org.base}/patients", json={"nonsense": 1}),
        client.get(f"{org.base}/patients", params={"unknown": "x"}),
    ):
        assert (answer.status_code, set(problems(answer).values())) == (403, {"network_not_allowed"})


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("192.0.2.7", 200),
        ("2001:db8::9", 200),
        ("::ffff:192.0.2.7", 200),
        ("198.51.100.1", 403),
        ("192.0.2.7, 198.51.100.1", 403),
        ("nonsense", 403),
        (None, 403),
    ],
)
def test_behind_a_trusted_proxy_its_word_counts(behind_proxy: House, forwarded: str | None, status: int) -> None:
    """The address nearest to the proxy; what a client puts before it is its own word."""
    org = behind_proxy.org("Proxied Dental")
    token = make(org, "--network", "192.0.2.0/24", "--network", "2001:db8::/32")
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert {seen for seen, _ in codes(org, token, **headers)} == {status}


def test_a_network_that_is_none_is_refused(org: Org) -> None:
    """A mistyped one would lock its holder out."""
    made = ("token", "create", "--org", org.id, "--role", "admin", "--network")
    for wrong in ("clinic", "10.0.0.0/99", "10.0.0.1/8", ""):
        assert "is not a network, such as" in refused(*made, wrong, data_dir=org.house.data_dir)


def test_the_doctor_counts_tokens_that_never_end_or_wait(tmp_path: Path) -> None:
    """A warning, as a practice may want them; nothing to say where there are none."""
    tmp_path.chmod(0o755)
    with new_house(tmp_path, workers=1) as house:
        org = house.org("Endless Dental")

        def said() -> str:
            done = command("doctor", data_dir=house.data_dir)
            assert done.returncode == 0, done.stdout
            [line] = [line for line in done.stdout.splitlines() if "tokens:" in line]
            return line

        make(org)
        assert said() == "ok    tokens: all end some day, and none is suspended"
        make(org, "--permanent")
        assert said() == "warn  tokens: 1 token without an end, used or not; make others that have one"
        sql(org, "UPDATE tokens SET suspended_at = now() WHERE org_id = $1 AND idle_days IS NOT NULL")
        assert said().endswith("; 1 token suspended; reinstate or revoke them")
