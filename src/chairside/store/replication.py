"""Refuses a commit that PostgreSQL acknowledges although no synchronous standby may have it."""

from __future__ import annotations

from typing import Any

import asyncpg

from chairside.store.lending import Connection

# The function of PostgreSQL that waits for standbys. Its warning has no SQLSTATE of its own, and translated text.
WAITING = "SyncRepWaitForLSN"


def watch(connection: Connection) -> None:
    """Ends the connection when PostgreSQL warns that it waits for standbys no longer.

    pg_cancel_backend, or a cancel request, ends that wait: the transaction is committed here, the client is told
    success, and the warning comes before it in the same answer.
    """
    connection.add_log_listener(_end_when_cancelled)


def confirm(connection: Connection) -> None:
    """To be called after a statement that commits; ConnectionError when it was committed on this machine only."""
    if connection.is_closed():
        raise ConnectionError("the commit was not confirmed by a standby")


def _end_when_cancelled(connection: Any, message: asyncpg.PostgresLogMessage) -> None:
    if getattr(message, "server_source_function", None) == WAITING:
        connection.terminate()
