"""The key file: made on the first start, checked on every other, rotated on demand."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from chairside.app import owner_place
from chairside.engine.vault import AUDIT, KeyFault, Vault
from chairside.settings import Settings
from chairside.store.pool import Pool, connect
from chairside.store.sql import queries
from chairside.store.transactions import LONGEST_LARGE

PAUSE_SECONDS = 0.2
MOST_SECONDS = 3 * LONGEST_LARGE


async def ensure(settings: Settings) -> Vault:
    """The vault of this server. Makes the key file only for a database that was never used with one."""
    owner = await connect(owner_place(settings))
    try:
        rows = await owner.fetch(queries()["keys.known"])
        known = {row["id"]: row["fingerprint"] for row in rows}
        if not settings.key_file.exists():
            if known:
                raise KeyFault(
                    f"The key file {settings.key_file} is missing; put it back from your backup, for without it sealed"
                    " values such as social security numbers cannot be read."
                )
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            vault = Vault.create(settings.key_file)
        else:
            vault = Vault(settings.key_file)
            if AUDIT not in known and not vault.has_audit_key:
                vault.add_audit_key()
        held = vault.fingerprints()
        for name, fingerprint in known.items():
            if held.get(name) != fingerprint:
                raise KeyFault(
                    f"The key file {settings.key_file} is not the one this database was used with (key {name})."
                )
        for name, fingerprint in held.items():
            await owner.execute(queries()["keys.remember"], name, fingerprint)
    finally:
        await owner.close()
    return vault


async def rotate_audit(settings: Settings) -> int:
    """Adds an audit key to the key file, with its fingerprint to the database; its number."""
    number = (await ensure(settings)).rotate_audit_key()
    await ensure(settings)
    return number


async def rotate(settings: Settings, pool: Pool, orgs: list[str]) -> tuple[str, int]:
    """A new key in front, every sealed value made anew under it, then the old keys forgotten.

    Cut off at any point, the next rotation goes on: old keys stay until no value needs them. Returns the new key's
    id and how many values were sealed again.
    """
    vault = await ensure(settings)
    name = next(iter(vault.keys())) if len(vault.keys()) > 1 else vault.add_key()
    await ensure(settings)
    sealed = await _rotate_all(pool, vault, orgs, name)
    # A write that began before the end of the pass may still put a value of an old key behind it, a large one long
    # after, so the old keys stay until all of those have ended and a whole pass then finds nothing.
    owner = await connect(owner_place(settings))
    try:
        await _earlier_writes_ended(owner)
        while late := await _rotate_all(pool, vault, orgs, name):
            sealed += late
            await _earlier_writes_ended(owner)
        await owner.execute(queries()["keys.forget_others"], name)
    finally:
        await owner.close()
    vault.drop_old_keys()
    return name, sealed


async def _earlier_writes_ended(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    """Returns once every write that is going on now has ended; each bears the time since when."""
    now, end = time.time_ns() // 1000, time.monotonic() + MOST_SECONDS
    while await owner.fetchval(queries()["keys.earlier_writes"], now):
        if time.monotonic() > end:
            raise KeyFault("Some write does not end, so the old key is kept; run `chairside rotate-key` again.")
        await asyncio.sleep(PAUSE_SECONDS)


async def _rotate_all(pool: Pool, vault: Vault, orgs: list[str], name: str) -> int:
    sealed = 0
    for org_id in orgs:
        while count := await _rotate_some(pool, vault, org_id, name):
            sealed += count
    return sealed


async def _rotate_some(pool: Pool, vault: Vault, org_id: str, name: str) -> int:
    async with pool.transaction(org_id, writes=True) as connection:
        rows = await connection.fetch(queries()["patients.sealed_before"], org_id, name.encode() + b"\0")
        ids, sealed, indexes, was = [], [], [], []
        for row in rows:
            about = f"{org_id}/patients/social_security_number/{row['id']}"
            old = row["social_security_number_sealed"]
            plain = vault.open(old, about)
            ids.append(row["id"])
            anew, index = vault.put_away(plain, about, org_id)
            sealed.append(anew)
            indexes.append(index)
            was.append(old)
        await connection.execute(queries()["patients.seal_again"], org_id, ids, sealed, indexes, was)
    return len(rows)
