"""Sixteen writers and a few readers, who go on through every crash and put down what was acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from proofs.crash.ledger import Change, Entry, Ledger
from proofs.insistence import Write, insist
from proofs.line import Answer, Line, Lost
from proofs.sweep import CARRIED
from proofs.trial import Trial

WRITERS, READERS = 16, 4
ACTS = {"create": 8, "patch": 10, "archive": 2, "bulk": 3}
GOOD = {"create": 201, "patch": 200, "archive": 200, "bulk": 200}


@dataclass
class Crew:
    """What all of them share."""

    trial: Trial
    port: int
    base: str
    token: str
    ledger: Ledger
    resting: asyncio.Event = field(default_factory=asyncio.Event)
    attempts: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    async def work(self, round_number: int) -> None:
        """All of them at once, until they are told to rest and each knows how its last request ended."""
        self.resting.clear()
        if not hasattr(self, "writers"):
            self.writers = [Writer(self, n) for n in range(WRITERS)]
        readers = [self._read(f"r{round_number}.{n}") for n in range(READERS)]
        await asyncio.gather(*(w.work() for w in self.writers), *readers)

    async def _read(self, name: str) -> None:
        """Reads records that are known to be there; a read without an answer is nobody's."""
        line, dice = Line(self.port, self.token), random.Random(f"{self.trial.seed} {name}")
        for number in count():
            if self.resting.is_set():
                break
            if not self.shown:
                await asyncio.sleep(0.05)
                continue
            record, request_id = dice.choice(self.shown), f"{name}.{number}"
            self.attempts.append(request_id)
            try:
                answer = await line.ask("GET", f"{self.base}/patients/{record}", headers={"X-Request-Id": request_id})
            except Lost:
                await asyncio.sleep(0.05)
                continue
            if answer.good or answer.status == 404:  # archived meanwhile
                entry = Entry(act="read", request_id=request_id, status=answer.status, record=record)
                await self.ledger.note(entry)
                self.trial.tried("reads acknowledged")
            elif not answer.later:
                self.trial.breach(f"a read was answered {answer.status} {answer.code}")
            await asyncio.sleep(0.02)
        line.close()


class Writer:
    """One caller with records of its own, so that it alone says which version comes next."""

    def __init__(self, crew: Crew, number: int) -> None:
        self._crew, self._name = crew, f"w{number}"
        self._dice = random.Random(f"{crew.trial.seed} {self._name}")
        self._numbers = count()
        self._own: dict[str, tuple[int, str]] = {}

    async def work(self) -> None:
        line = Line(self._crew.port, self._crew.token)
        while not self._crew.resting.is_set():
            act = self._dice.choices(list(ACTS), list(ACTS.values()))[0]
            if not self._own:
                act = "create"
            await self._carry_out(line, act, f"{self._name}-{next(self._numbers)}")
        line.close()

    async def _carry_out(self, line: Line, act: str, key: str) -> None:
        method, path, body, read = getattr(self, f"_{act}")(key)
        sent = msgspec.json.encode(body) if body is not None else b""
        write = Write(method, f"{self._crew.base}/{path}", sent, key)
        answer = await insist(line, write)
        self._crew.attempts += write.attempts
        trial = self._crew.trial
        if answer.status != GOOD[act]:
            trial.breach(f"{act} with key {key} was answered {answer.status} {answer.body[:200]!r}")
            return
        trial.tried("writes acknowledged")
        retried = len(write.attempts) > 1
        if retried:
            trial.tried("unknown outcomes retried")
        if answer.replayed:
            trial.tried("of them done already")
            trial.expect(retried, f"the first answer to key {key} says that it is a replay")
        changes: list[Change] = read(answer)
        record = changes[0].record if act != "bulk" else None
        entry = Entry(
            act=act, request_id=write.attempts[-1], status=answer.status, record=record, method=method,
            path=write.path, sent=sent.decode(), key=key, digest=digest(answer.body), retried=retried, changes=changes,
        )  # fmt: skip
        await self._crew.ledger.note(entry)
        for change in changes:
            self._own[change.record] = (change.version, change.value)
            if change.event == "created":
                self._crew.shown.append(change.record)
            if change.event == "archived":
                del self._own[change.record]

    def _create(self, key: str) -> Any:
        return "POST", "patients", _person(key), self._one("created", key)

    def _patch(self, key: str) -> Any:
        record = self._dice.choice(list(self._own))
        body = {"base_version": self._own[record][0], "preferred_name": key}
        return "PATCH", f"patients/{record}", body, self._one("updated", key)

    def _archive(self, _key: str) -> Any:
        record = self._dice.choice(list(self._own))
        return "POST", f"patients/{record}/archive", None, self._one("archived", self._own[record][1])

    def _bulk(self, key: str) -> Any:
        names = [f"{key}/{n}" for n in range(self._dice.randint(2, 8))]

        def read(answer: Answer) -> list[Change]:
            results = answer.json()["results"]
            return [Change(r["patient_id"], 1, "created", n) for r, n in zip(results, names, strict=True)]

        return "POST", "patients/bulk", {"rows": [_person(name) for name in names]}, read

    def _one(self, event: str, value: str) -> Callable[[Answer], list[Change]]:
        def read(answer: Answer) -> list[Change]:
            told = answer.json()
            return [Change(told["id"], told["version"], event, value)]

        return read


def _person(name: str) -> dict[str, str]:
    return {"first_name": "Crash", "last_name": f"Proof {name}", "preferred_name": name} | CARRIED


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
