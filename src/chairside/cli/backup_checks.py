"""Refuses a backup that could not be whole or could not be restored, and a restore that could not work, beforehand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chairside.app import owner_place
from chairside.cli.place import Fault
from chairside.embedded import restoring
from chairside.embedded.backup import Backup
from chairside.embedded.restoring import quoted
from chairside.engine.vault import Vault
from chairside.settings import Settings
from chairside.store import migrate as schema
from chairside.store.lending import Connection
from chairside.store.pool import connect
from chairside.store.sql import queries


@dataclass(frozen=True, slots=True)
class Target:
    """The place of a restore on your own PostgreSQL: the tables' owner, None for the URL's user, and roles to make."""

    owner: str | None
    roles: list[str]


async def source(settings: Settings, *, with_keys: bool) -> dict[str, str]:
    """Returns what the backup must say of its database; Fault with the remedy when it could not be restored whole."""
    connection = await connect(owner_place(settings))
    try:
        schema.check_version(connection.get_server_version().major)
        row = await connection.fetchrow(queries()["backup.source"])
        assert row is not None  # noqa: S101 - the current user and database are there
        _check_place(row, hosted=bool(settings.database_url))
        if settings.database_url:
            await _check_readable(connection, row)
        await schema.pending(connection)  # a newer database belongs to a newer release
        await _check_needs(connection)
        if with_keys:
            await _check_keys(connection, settings)
        roles = [r["rolname"] for r in await connection.fetch(queries()["backup.roles"])]
        policies = [list(r.values()) for r in await connection.fetch(queries()["backup.policies"])]
        newest = await connection.fetchval(queries()["backup.newest"])
    finally:
        await connection.close()
    return {"schema": str(newest or 0), "roles": json.dumps(roles), "policies": json.dumps(policies)}


def _check_place(row: Any, *, hosted: bool) -> None:
    if row["schema"] not in (None, "public"):
        raise Fault(
            f"The tables are in the schema {row['schema']}, because search_path was changed; a backup takes them from"
            f" public: ALTER SCHEMA {row['schema']} RENAME TO public."
        )
    if not row["migrated"]:
        raise Fault("The database is not migrated, so there is nothing to back up; run `chairside migrate`.")
    if row["encoding"] == "SQL_ASCII":
        raise Fault(
            "The database has the encoding SQL_ASCII, so its text cannot be converted and restored; copy it into one"
            " made with ENCODING 'UTF8' TEMPLATE template0."
        )
    if hosted and not row["sees_all"]:
        raise Fault(
            f"The user {row['name']} cannot see all rows, because row-level security binds it, and the backup would"
            " lack records: set CHAIRSIDE_DATABASE_URL to a superuser for this command, or run as one"
            f" ALTER ROLE {quoted(row['name'])} BYPASSRLS."
        )


async def _check_readable(connection: Connection, row: Any) -> None:
    closed = [r["relname"] for r in await connection.fetch(queries()["backup.unreadable"])]
    if closed:
        raise Fault(
            f"The user {row['name']} may not read {', '.join(closed)}, and the backup would lack"
            f" {'it' if len(closed) == 1 else 'them'}: GRANT SELECT ON {', '.join(closed)} TO {quoted(row['name'])}."
        )


async def _check_needs(connection: Connection) -> None:
    needs = await connection.fetch(queries()["backup.outside"])
    if needs:
        listed = "; ".join(f"{r['object']} needs {r['needs']}" for r in needs[:5])
        raise Fault(
            "The schema public holds objects that a restored database could not have, because extensions and other"
            f" schemas are not in a backup: {listed}. Drop them, or move them to a schema of their own."
        )


async def _check_keys(connection: Connection, settings: Settings) -> None:
    """A backup with another key than its database's could be restored and never be opened."""
    if not await connection.fetchval(queries()["doctor.knows_keys"]):
        return
    known = {r["id"]: r["fingerprint"] for r in await connection.fetch(queries()["keys.known"])}
    if not known:
        return
    held = Vault(settings.key_file).fingerprints()
    if lost := [name for name, fingerprint in known.items() if held.get(name) != fingerprint]:
        raise Fault(
            f"The key file {settings.key_file} is not the one this database was used with (key {lost[0]}); put that"
            " one back, or use --no-keys and keep it apart."
        )


def known(held: Backup) -> None:
    """Fault for a backup of a newer release, which this one would not serve."""
    newest = max(m.number for m in schema.migrations())
    if int(held.about.get("schema", "0")) > newest:
        raise Fault(
            f"The backup {held.path} was made by a newer release ({held.about.get('made_by', 'unknown')}); restore it"
            " with that one."
        )


def roles(held: Backup, *, there: Sequence[str] = ()) -> list[str]:
    """Roles that the backup's rights and policies name, without those that are there."""
    return [str(role) for role in json.loads(held.about.get("roles", "[]")) if role not in there]


def handed_over(held: Backup, owner: str | None) -> str:
    """The statements that let policies for the old owner of a table be for its new one."""
    to = quoted(owner) if owner else "CURRENT_USER"
    listed = json.loads(held.about.get("policies", "[]"))
    altered = [restoring.alter_policy(name, table, to) for name, table in listed]
    return "\n".join(["RESET ROLE;", *altered]) if altered else ""


async def target(settings: Settings, held: Backup) -> Target:
    """Prepares your own PostgreSQL for the backup; Fault when it cannot take it."""
    connection = await connect(owner_place(settings))
    try:
        schema.check_version(connection.get_server_version().major)
        row = await connection.fetchrow(queries()["backup.target"])
        assert row is not None  # noqa: S101 - the current database is there
        if row["encoding"] != "UTF8":
            raise Fault(
                f"The database has the encoding {row['encoding']}, which cannot hold every name; make one with"
                " CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0."
            )
        if not row["may_create"]:
            raise Fault(f"The user {row['name']} may not create tables in the schema public of this database.")
        await schema.ensure_role(connection)
        missing = [r["name"] for r in await connection.fetch(queries()["backup.missing_roles"], roles(held))]
        if missing and not row["may_create_roles"]:
            made = " ".join(restoring.create_role(name) for name in missing)
            raise Fault(f"The backup names roles that are not there; run as a superuser: {made}")
        other = row["may_become_owner"] and row["owner"] != row["name"]
        return Target(row["owner"] if other else None, missing)
    finally:
        await connection.close()
