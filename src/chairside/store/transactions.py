"""The transactions of an org, and the limits of all that is asked of the database."""

from __future__ import annotations

import asyncio
from types import TracebackType

import asyncpg

from chairside.errors import refuse
from chairside.store.clock import catch_up, clocks
from chairside.store.lending import Connection, Lender
from chairside.store.replication import confirm
from chairside.types import is_uuid

WRITING = "chairside write "
# Seconds. A database that is there answers sooner, so whatever takes longer is taken for dead and left, a look of the
# lender's later at most: the rest of the five within which the server must work again go to connecting anew. Large
# operations may take their time.
CONNECTING, PATIENCE, LONGEST, LONGEST_LARGE = 3.0, 5.0, 4.3, 60.0
# The database gives up by itself a little earlier, and ends what a vanished connection left behind, locks above all.
LIMITS = {
    "statement_timeout": "4s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "4s",
    "idle_session_timeout": "15min",
}
# Large ones wait for one another, because an import has to see the patients that another one adds. They are planned
# for what they are given: a plan for a handful of ids, made while the tables were still empty, would read all of an org
# for each of thousands.
LARGE_LIMITS = (
    "; SET LOCAL statement_timeout = '55s'; SET LOCAL idle_in_transaction_session_timeout = '55s'"
    "; SET LOCAL lock_timeout = '50s'"
    "; SET LOCAL plan_cache_mode = force_custom_plan"
)
# Not what they write: a row's references are looked up by plans of their own, which would be made for each row.
WRITING_MANY = "SET LOCAL plan_cache_mode = force_generic_plan"
# None of these counts while the database waits for the rest of a statement that it was sent a part of. From release 17
# on it can end the whole transaction; a limit that runs already is changed by way of none.
WHOLE = "SET transaction_timeout = '7s'"
LARGE_WHOLE = "; SET LOCAL transaction_timeout = 0; SET LOCAL transaction_timeout = '5min'"
WHOLE_SINCE = 17


class Transaction:
    """The one place that begins and commits: everything in the block, as one org, or nothing.

    What only reads has nothing to commit. Where somebody waits in the lender's line for its connection it is left for
    them to end in the exchange that begins theirs, which is one less.
    """

    # A class, for a generator in each place of this costs a read as much as the way through the rest of the pool.
    __slots__ = ("_connection", "_large", "_lender", "_org_id", "_stamps", "_writes")

    def __init__(
        self, lender: Lender | Lent, org_id: str, *, writes: bool, stamps: bool = False, large: bool = False
    ) -> None:
        self._lender, self._org_id = lender, org_id
        self._writes, self._stamps, self._large = writes, stamps, large

    async def __aenter__(self) -> Connection:
        if not is_uuid(self._org_id):
            raise refuse("not_found", "path", "org_id")
        self._connection = await self._lender.borrow(LONGEST_LARGE if self._large else LONGEST)
        try:
            await self._connection.execute(self._beginning())
            if self._stamps:
                # After the mark is set: who does not see the mark has read no more than this does.
                await catch_up(self._connection, self._org_id)
        except BaseException as fault:
            await self._undo(fault)
            raise
        return self._connection

    def _beginning(self) -> str:
        connection, org_id = self._connection, self._org_id
        mode = "" if self._writes else " READ ONLY"
        marks = LARGE_LIMITS + LARGE_WHOLE * bounds_the_whole(connection) if self._large else ""
        if self._stamps:
            # Who reads by time of change can see since when this has been writing in their org (queries/sync.sql).
            mark = f"{WRITING}{clocks.microseconds(org_id)} {org_id.replace('-', '')[-20:]}"
            marks += f"; SET LOCAL application_name = '{mark}'"
        # Literal text, because a distributed engine carries SET LOCAL to its workers but not set_config().
        return f"{left_open(connection)}BEGIN{mode}; SET LOCAL app.org = '{org_id}'{marks}"

    async def __aexit__(
        self, _kind: type[BaseException] | None, fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if fault is not None:
            await self._undo(fault)
            return
        try:
            if self._writes or not self._lender.wanted:
                await self._connection.execute("COMMIT")
                confirm(self._connection)
        except BaseException as failed:
            await self._undo(failed)
            raise
        self._lender.give_back(self._connection)

    async def _undo(self, fault: BaseException) -> None:
        try:
            if isinstance(fault, asyncio.CancelledError | TimeoutError):
                self._connection.terminate()  # it has not answered yet, and would not answer this either
            else:
                await _roll_back(self._connection)
        finally:
            self._lender.give_back(self._connection)


async def act_for(connection: Connection, org_id: str) -> None:
    """Goes on as another org in the transaction that is open, for what must be done for many orgs or for none."""
    if not is_uuid(org_id):
        raise refuse("not_found", "path", "org_id")
    await connection.execute(f"SET LOCAL app.org = '{org_id}'")


async def if_not_locked(connection: Connection, statement: str, seconds: float) -> bool:
    """Runs a statement in the transaction that is open, unless it would wait for a lock for so many seconds."""
    await connection.execute(f"SAVEPOINT locking; SET LOCAL lock_timeout = '{seconds}s'")
    try:
        await connection.execute(statement)
    except asyncpg.LockNotAvailableError:
        await connection.execute("ROLLBACK TO SAVEPOINT locking; RELEASE SAVEPOINT locking")
        return False
    await connection.execute("RELEASE SAVEPOINT locking")
    return True


class Lent:
    """A connection of one's own in a lender's place."""

    wanted = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def borrow(self, _longest: float) -> Connection:
        return self._connection

    def give_back(self, connection: Connection) -> None:
        """Nobody else wants it."""


def transaction(
    connection: Connection, org_id: str, *, writes: bool, stamps: bool = False, large: bool = False
) -> Transaction:
    """The same over a connection of one's own."""
    return Transaction(Lent(connection), org_id, writes=writes, stamps=stamps, large=large)


def left_open(connection: Connection) -> str:
    """What ends a read that was left open. Never COMMIT: whatever else it might have been must not be kept."""
    return "ROLLBACK; " if connection.is_in_transaction() else ""


def bounds_the_whole(connection: Connection) -> bool:
    return connection.get_server_version().major >= WHOLE_SINCE


async def _roll_back(connection: Connection) -> None:
    try:
        await asyncio.wait_for(connection.execute("ROLLBACK"), 1)
    except Exception:  # noqa: BLE001 - whatever happened, a connection not provably idle must not be used again
        connection.terminate()
