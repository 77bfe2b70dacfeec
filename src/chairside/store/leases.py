"""Leases: of all workers of all servers on one database, one at a time runs a background job."""

from __future__ import annotations

from chairside.store.lending import Connection
from chairside.store.sql import queries

# A holder that was killed keeps the job from the others for so long.
SECONDS = 120.0


class Lease:
    """The lease of one job, as one worker (`holder`) sees it, over a connection as the owner of the tables."""

    def __init__(self, owner: Connection, name: str, holder: str) -> None:
        self._owner, self._name, self._holder = owner, name, holder

    async def take(self) -> bool:
        """Takes or renews the lease; False when another worker has it, or when the job is not due yet."""
        return bool(await self._owner.fetch(queries()["leases.take"], self._name, self._holder, SECONDS))

    async def end(self, pause: float) -> None:
        """Ends the run. No worker can take the lease before `pause` seconds have passed."""
        await self._owner.execute(queries()["leases.end"], self._name, self._holder, pause)
