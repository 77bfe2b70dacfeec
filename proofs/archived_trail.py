"""Part of the proof `audit-chain`: archive files, and the place where the live trail goes on after them."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from chairside import embedded
from chairside.cli.audit import verify_archives
from chairside.engine.audit_keys import AuditKeys
from chairside.engine.checkpoints import kept_checkpoints
from chairside.engine.heads import kept_heads
from chairside.engine.vault import Vault
from chairside.engine.verification import Checkpoint, Verdict, verify
from proofs.trial import Trial
from tests.database import Connection, connected
from tests.house import House, Org, chairside
from tests.old_trail import COLUMNS, write_old_trail

Line = dict[str, Any]
GZIP_HEADER = 10  # bytes that say nothing of the content
COPIED = (
    f"INSERT INTO audit_events ({COLUMNS}, mac, mac_format, mac_key)"
    f" SELECT {COLUMNS.replace(' at,', ' (SELECT min(until) FROM audit_archives WHERE org_id = $1) - $2::interval,')},"
    " mac, mac_format, mac_key FROM audit_events WHERE org_id = $1 LIMIT 1"
)


@dataclass
class Tampering:
    """Somebody with the files and the database, but without the key. Each act returns what must be named."""

    trial: Trial
    database: Connection
    org: str
    folder: Path

    async def alter(self) -> str:
        """One value anywhere in a file: of its first line, a link, a record, or the manifest."""
        path = self._file()
        lines = _lines(path)
        line = self.trial.random.choice(lines)
        held = self.trial.random.choice([one for one in (line, line.get("link"), line.get("manifest")) if one])
        if line.get("records") and self.trial.random.random() < 0.5:
            held = self.trial.random.choice(line["records"])
        plain = [name for name, value in held.items() if not isinstance(value, dict | list)]
        key = self.trial.random.choice(plain or [*held])
        held[key] = f"{held[key]}0" if isinstance(held[key], str) else 8 if held[key] == 7 else 7
        return self._write(path, lines)

    async def drop_record(self) -> str:
        path = self._file()
        lines = _lines(path)
        line = self.trial.random.choice([line for line in lines if line.get("records")])
        line["records"].pop(self.trial.random.randrange(len(line["records"])))
        return self._write(path, lines)

    async def cut(self) -> str:
        """The end of a file, as lines or as bytes."""
        path = self._file()
        if self.trial.random.random() < 0.5:
            lines = _lines(path)
            return self._write(path, lines[: -self.trial.random.randint(1, len(lines) - 1)])
        content = path.read_bytes()
        path.write_bytes(content[: -self.trial.random.randint(1, len(content) - 1)])
        return _named(path)

    async def flip(self) -> str:
        """One bit of a file."""
        path = self._file()
        content = bytearray(path.read_bytes())
        content[self.trial.random.randrange(GZIP_HEADER, len(content))] ^= 1 << self.trial.random.randrange(8)
        path.write_bytes(content)
        return _named(path)

    async def reorder(self) -> str:
        """Two lines of a file change places."""
        path = self._file()
        lines = _lines(path)
        one, two = self.trial.random.sample(range(len(lines)), 2)
        lines[one], lines[two] = lines[two], lines[one]
        return self._write(path, lines)

    async def swap(self) -> str:
        """Two files change names."""
        one, two = self.trial.random.sample(self._files(), 2)
        kept = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(kept)
        return _named(self.trial.random.choice([one, two]))

    async def remove(self) -> str:
        path = self._file()
        path.unlink()
        return _named(path)

    async def forget(self) -> str:
        """Rows that the database keeps of the last archives are deleted, as if the trail had begun after them."""
        await self.database.execute(
            "DELETE FROM audit_archives WHERE org_id = $1 AND until >= (SELECT until FROM audit_archives"
            " WHERE org_id = $1 ORDER BY until OFFSET $2 LIMIT 1)",
            self.org, self.trial.random.randrange(len(self._files())),
        )  # fmt: skip
        return " missing"

    async def drop_between(self) -> str:
        """The oldest live links with their records: the gap between archive and live trail."""
        number = await self.database.fetchval(
            "SELECT min(number) + $2 FROM audit_links WHERE org_id = $1", self.org, self.trial.random.randrange(2)
        )
        await self.database.execute(
            "DELETE FROM audit_events WHERE org_id = $1 AND id IN"
            " (SELECT unnest(ids) FROM audit_links WHERE org_id = $1 AND number <= $2)",
            self.org, number,
        )  # fmt: skip
        await self.database.execute("DELETE FROM audit_links WHERE org_id = $1 AND number <= $2", self.org, number)
        return " missing"

    async def bring_back(self) -> str:
        """A record is added to a month that was archived and dropped."""
        ago = timedelta(days=self.trial.random.randint(1, 4000))
        await self.database.execute(COPIED, self.org, ago)
        return "this month was archived and dropped"

    def _files(self) -> list[Path]:
        return sorted((self.folder / self.org).iterdir())

    def _file(self) -> Path:
        return self.trial.random.choice(self._files())

    def _write(self, path: Path, lines: list[Line]) -> str:
        with gzip.open(path, "wb") as file:
            file.writelines(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        return _named(path)


def _lines(path: Path) -> list[Line]:
    with gzip.open(path, "rb") as file:
        return [json.loads(line) for line in file]


def _named(path: Path) -> str:
    return f"the archive {path.parent.name}/{path.name}"


Act = Callable[[Tampering], Awaitable[str]]
ACTS: tuple[Act, ...] = (
    Tampering.alter, Tampering.drop_record, Tampering.cut, Tampering.flip, Tampering.reorder, Tampering.swap,
    Tampering.remove, Tampering.forget, Tampering.drop_between, Tampering.bring_back,
)  # fmt: skip


def prove_archives(trial: Trial) -> None:
    """An org with three archived months, a live trail after them, and a checkpoint at its end."""
    with trial.house() as house:
        org = house.org("Archived Practice")
        house.stop()
        with embedded.attached(house.data_dir, progress=lambda _: None):
            asyncio.run(write_old_trail(org))
        (house.data_dir / "audit-heads.jsonl").unlink()
        house.start(workers=1)
        with org.desk() as desk:
            desk.read("/patients")
        house.sealed()
        folder = house.data_dir.parent / "archives"
        done = chairside("audit", "archive", str(folder), data_dir=house.data_dir)
        trial.expect(done.returncode == 0, f"the trail is not archived: {done.stderr}")
        with org.desk() as desk:
            desk.read("/patients")
        house.sealed()
        for options in ((), ("--incremental",)):
            done = chairside("audit", "verify", "--archives", str(folder), *options, data_dir=house.data_dir)
            trial.expect(done.returncode == 0, f"archives that nobody touched: {done.stdout[:300]}{done.stderr[:300]}")
        asyncio.run(_tamper(trial, house, org, folder))


async def _tamper(trial: Trial, house: House, org: Org, folder: Path) -> None:
    keys, since = Vault(house.data_dir / "keys.json").audit, kept_checkpoints(house.data_dir / "audit-verified.json")
    pristine = folder.with_name("pristine")
    shutil.copytree(folder, pristine)
    async with connected(house.data_dir, "superuser") as database:
        for turn in range(trial.rounds):
            act = ACTS[turn % len(ACTS)]
            undone = database.transaction()
            await undone.start()
            try:
                wanted = await act(Tampering(trial, database, org.id, folder))
                verdicts = [
                    await _verdict(house, database, org.id, keys, folder, checkpoint)
                    for checkpoint in (None, since[org.id])
                ]
            finally:
                await undone.rollback()
                shutil.rmtree(folder)
                shutil.copytree(pristine, folder)
            _judge(trial, act, wanted, verdicts)


def _judge(trial: Trial, act: Act, wanted: str, verdicts: list[Verdict]) -> None:
    name = act.__name__.replace("_", " ")
    trial.tried(f"archives: times {name}")
    for verdict, how in zip(verdicts, ("wholly", "incrementally"), strict=True):
        named = any(wanted in fault for fault in verdict.faults)
        trial.expect(named, f"archives, {name}, verified {how}: {wanted!r} not in {verdict.faults[:3]}")


async def _verdict(
    house: House, database: Connection, org: str, keys: AuditKeys, folder: Path, since: Checkpoint | None
) -> Verdict:
    """Returns the faults that `audit verify --archives` finds, with or without --incremental."""
    heads = [head for head in kept_heads(house.data_dir / "audit-heads.jsonl") if head.org_id == org]
    verdict = await verify(database, org, keys, heads, since)
    verify_archives(verdict, keys, folder)
    return verdict
