"""Bearer tokens: made once, stored as hashes, looked up inside their own org, dead within a second of their end."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from chairside.engine.context import Caller
from chairside.errors import Refused, refuse
from chairside.store.lending import Connection
from chairside.store.pool import Pool
from chairside.store.sql import queries

# chs_<org id, base32>_<256 random bits, base64url>: the org in clear keeps the look-up inside one tenant and shard.
_FORM = re.compile(r"chs_([a-z2-7]{26})_([A-Za-z0-9_-]{43})", re.ASCII)
SHOWN = 8
FRESH_FOR = 0.8
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment it is whole, and what is stored of it."""

    text: str
    prefix: str
    hash: bytes


def new_token(org_id: str) -> NewToken:
    org = base64.b32encode(UUID(org_id).bytes).decode().rstrip("=").lower()
    secret = _secret()
    text = f"chs_{org}_{secret}"
    return NewToken(text, secret[:SHOWN], _hash(text))


def _secret() -> str:
    """256 random bits as text that opens with no minus: `token revoke` would read such a prefix as an option."""
    while (secret := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return secret


def _hash(token: str) -> bytes:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


def org_of(token: str) -> str | None:
    """The org that a token says it belongs to, or None for what is no token."""
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    return str(UUID(bytes=base64.b32decode(found.group(1).upper() + "======")))


@dataclass(slots=True)
class _Known:
    caller: Caller | None
    refusal: str
    until: float
    expires: float | None


class Doorkeeper:
    """Who a token stands for, remembered for less than a second so that revocation is never late."""

    def __init__(self, pool: Pool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._known: dict[bytes, _Known] = {}
        self._used: dict[str, set[str]] = {}

    async def caller(self, token: str) -> Caller:
        """Returns the caller; Refused for a token that is unknown, has ended, is revoked or suspended.

        A token ends on its day, or after so many days without use.
        """
        key, now = _hash(token), self._clock()
        known = self._known.get(key)
        if known is None or known.until < now:
            org_id = org_of(token)
            if org_id is None:
                raise refused("unauthenticated")
            known = await self._look_up(org_id, key, now)
        if known.caller is None:
            raise refused(known.refusal)
        if known.expires is not None and known.expires <= time.time():
            raise refused("unauthenticated")
        return known.caller

    async def _look_up(self, org_id: str, key: bytes, now: float) -> _Known:
        async with self._pool.transaction(org_id, writes=False) as connection:
            rows = await connection.fetch(queries()["access.token"], org_id, key)
        caller, expires, refusal = None, None, "unauthenticated"
        if rows and rows[0]["revoked_at"] is None and rows[0]["suspended"]:
            refusal = "token_suspended"
        elif rows and rows[0]["revoked_at"] is None:
            row = rows[0]
            expires = row["ends_at"].timestamp() if row["ends_at"] else None
            caller = Caller(
                org_id=org_id, user_id=row["user_id"], token_id=row["id"], name=row["name"], number=row["number"],
                role=row["role"], patient_id=row["patient_id"], region=row["region"], source=row["source"],
                version_base=row["version_base"], networks=tuple(row["networks"] or ()),
            )  # fmt: skip
            self._used.setdefault(org_id, set()).add(caller.token_id)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        known = _Known(caller, refusal, now + FRESH_FOR, expires)
        self._known[key] = known
        return known

    async def note_use(self) -> None:
        """Write down which tokens were used since the last time; meant to be called each minute."""
        used, self._used = self._used, {}
        now = datetime.now(UTC)
        for org_id, ids in used.items():
            async with self._pool.transaction(org_id, writes=True) as connection:
                await connection.execute(queries()["access.touch"], org_id, sorted(ids), now)


async def works(pool: Pool, token: str) -> bool:
    """Whether a token is one that a server would take now."""
    try:
        await Doorkeeper(pool).caller(token)
    except Refused:
        return False
    return True


def refused(code: str) -> Refused:
    """The refusal of a request without a token that works."""
    return refuse(code, "header", "authorization")


async def add_user(
    connection: Connection | asyncpg.Connection[asyncpg.Record], org_id: str, user_id: str, name: str, at: datetime
) -> int:
    """A user of an org and the number it gets, the next free one."""
    number = int(await connection.fetchval(queries()["access.next_number"], org_id))
    await connection.execute(queries()["access.add_user"], org_id, user_id, number, name, at)
    return number
