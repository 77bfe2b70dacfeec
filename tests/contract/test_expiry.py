"""A token ends on its day, whoever still holds it."""

from __future__ import annotations

from tests.database import connected
from tests.house import Org, wait_for

PAST = "UPDATE tokens SET expires_at = now() - interval '1 minute' WHERE org_id = $1 AND expires_at > now()"


async def test_an_expired_token_is_refused_like_an_unknown_one(org: Org) -> None:
    """401 with the same words, on every worker within a second of its end; until then it works."""
    desk = org.desk("read_only", "--expires", "1", "--name", "Leaving soon")
    assert desk.get("/patients").status_code == 200
    async with connected(org.house.data_dir, "superuser") as connection:
        assert await connection.execute(PAST, org.id) == "UPDATE 1"
    wait_for(lambda: all(desk.get("/patients").status_code == 401 for _ in range(10)), 10)
    ended = desk.get("/patients")
    desk.headers["Authorization"] = "Bearer " + "x" * 40
    unknown = desk.get("/patients")
    assert (ended.status_code, ended.json()) == (unknown.status_code, unknown.json())
    assert ended.headers["www-authenticate"] == "Bearer"
