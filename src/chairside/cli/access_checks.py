"""Checks of `chairside doctor` on the database's users: who owns the tables, and that orgs are kept apart."""

from __future__ import annotations

from typing import Any

import asyncpg

from chairside.app import server_place
from chairside.cli.findings import Finding, Owner, fault, fine
from chairside.cli.wording import counted
from chairside.settings import Settings
from chairside.store.pool import ROLE, connect
from chairside.store.sql import queries

_REFUSED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidParameterValueError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


async def of_database(owner: Owner) -> list[Finding]:
    """Whether this user may work here: it can write, it owns the tables, and the text is UTF-8."""
    row = await owner.fetchrow(queries()["doctor.database"])
    assert row is not None  # noqa: S101 - a SELECT without FROM
    found = []
    if row["encoding"] != "UTF8":
        remedy = "make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        found.append(fault("encoding", f"{row['encoding']} cannot hold every name; {remedy}"))
    if row["standby"]:
        found.append(fault("writes", "this is a standby, which can only be read; name the primary instead"))
    elif row["read_only"] == "on":
        found.append(fault("writes", "default_transaction_read_only is on; reset it for this user and database"))
    return [*found, _user(row)]


def _user(row: Any) -> Finding:
    if not row["owners"]:
        return fine("database user", row["name"])
    owners = ", ".join(row["owners"])
    return fault(
        "database user",
        f"{row['name']} is not the owner of the tables; CHAIRSIDE_DATABASE_URL must name {owners}"
        " (other checks need that user)",
    )


async def role_to_be(owner: Owner) -> Finding:
    """Before the first migration: whether the server's role is there, or can be made."""
    row = await owner.fetchrow(queries()["doctor.may_become"], ROLE)
    assert row is not None  # noqa: S101 - a SELECT without FROM
    if row["there"]:
        return fine("role", f"{ROLE} is there")
    if row["may_create"]:
        return fine("role", f"{ROLE} is not there yet; the migration makes it")
    return fault(
        "role",
        f"{ROLE} is missing, and {row['name']} may not create roles; as a superuser:"
        f" CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO {row['name']}",
    )


async def isolation(owner: Owner) -> list[Finding]:
    tables = await owner.fetch(queries()["doctor.walls"])
    loose = [row["name"] for row in tables if not (row["forced"] and row["policy"])]
    role = _role(await owner.fetchrow(queries()["doctor.role"], ROLE))
    if loose:
        return [fault("row-level security", f"not forced on {', '.join(loose)}"), role]
    return [fine("row-level security", f"forced on all {counted(len(tables), 'tenant table')}"), role]


def _role(role: Any) -> Finding:
    if role is None:
        return fault("role", f"the role {ROLE} is missing; run `chairside migrate`")
    faults = [
        text
        for bad, text in (
            (role["rolsuper"], "is a superuser"),
            (role["rolbypassrls"], "bypasses row-level security"),
            (role["owns"], f"owns {counted(role['owns'], 'table')}"),
        )
        if bad
    ]
    if faults:
        return fault("role", f"{ROLE} {' and '.join(faults)}")
    return fine("role", f"{ROLE} owns nothing and bypasses nothing")


async def server_role(settings: Settings) -> Finding:
    """Whether a connection of the server really works as the role that owns nothing."""
    try:
        connection = await connect(server_place(settings))
    except _REFUSED:
        return fault("server connects as", f"this user may not become {ROLE}; a superuser must run GRANT {ROLE} TO it")
    try:
        current = await connection.fetchval(queries()["doctor.whoami"])
    finally:
        await connection.close()
    return fine("server connects as", current) if current == ROLE else fault("server connects as", current)
