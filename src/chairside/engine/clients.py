"""The clients that audit records name: token, source address and user agent, stored once for each combination."""

from __future__ import annotations

from typing import NamedTuple

from chairside.engine.context import Caller
from chairside.engine.vault import Vault
from chairside.store.pool import Pool
from chairside.store.sql import queries

MOST_REMEMBERED = 10_000


class Origin(NamedTuple):
    """Where a request came from, as far as it says: already bounded and free of control characters."""

    address: str | None
    agent: str | None


class Clients:
    """Ids of clients. Each is in the database before the first record that names it."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool, self._vault = pool, vault
        self._known: dict[tuple[str, str, Origin], str] = {}

    async def id_of(self, caller: Caller, origin: Origin) -> str:
        """The id of the caller's client; raises one of AWAY when it can be neither found nor stored."""
        place = (caller.org_id, caller.token_id, origin)
        if (known := self._known.get(place)) is not None:
            return known
        row = (caller.org_id, caller.token_id, *origin)
        client_id = self._vault.audit.newest.client_id(row)
        async with self._pool.transaction(caller.org_id, writes=True) as connection:
            await connection.execute(queries()["audit.add_client"], caller.org_id, client_id, *row[1:])
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[place] = client_id
        return client_id
