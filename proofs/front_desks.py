"""Front desks that read and write without pause, retry with their keys, and remember everything they were told."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from proofs.sweep import CARRIED, SSN
from tests.house import KEEP_ALL

# No more than a hang is judged by this; what the settings of the server add up to is less.
MOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: what was asked, when (seconds of the monotonic clock) and how it ended."""

    act: str
    began: float
    ended: float
    status: int
    code: str
    request_id: str
    retry_after: bool

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def allowed(self) -> bool:
        """Success, or a refusal that says when to try again."""
        later = self.status == 503 or (self.status == 409 and self.code == "idempotency_in_progress")
        return self.good or (later and self.retry_after)


@dataclass
class Desk:
    """One writer with patients of its own: what it was told of each, by the name it gave."""

    name: str
    base: str
    token: str
    dice: random.Random
    ssn: str = SSN
    seen: list[Seen] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    number: int = 0

    def work(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.base, headers=headers, timeout=MOST_SECONDS, limits=KEEP_ALL) as self.client:
            try:
                while not self.stopping.is_set():
                    self._act()
            except Exception as fault:  # noqa: BLE001 - told to the proof, which fails by it
                self.faults.append(f"{self.name}: {fault!r}")

    def _act(self) -> None:
        act = self.dice.choice(("create", "patch", "read", "reveal", "walk", "search", "events"))
        some = self.dice.choice(list(self.made)) if self.made else ""
        if act == "create" or not some:
            self._create()
        elif act == "patch":
            self._patch(some)
        elif act == "read":
            self._once("read", "GET", f"/patients/{self.made[some]}")
        elif act == "reveal":
            self._reveal(self.made[some])
        elif act == "walk":
            self._walk()
        elif act == "search":
            self._once("search", "GET", f"/patients/search?q={some[:6]}")
        else:
            self._once("events", "GET", "/events?limit=5")

    def _create(self) -> None:
        self.number += 1
        name = f"{self.name}q{self.number}"
        body = {"first_name": "Fault", "last_name": name, "social_security_number": self.ssn} | CARRIED
        answer = self._until_done("create", name, "POST", "/patients", body)
        self.made[name], self.versions[name] = answer["id"], answer["version"]

    def _reveal(self, made: str) -> None:
        seen, answer = self._once("reveal", "GET", f"/patients/{made}?reveal=ssn")
        if seen.good and answer.json()["social_security_number"] != self.ssn:
            self.faults.append("a number is revealed otherwise than it was sent")

    def _walk(self) -> None:
        """A page and the next by its cursor, which is sealed too."""
        seen, answer = self._once("walk", "GET", "/patients/cursor?first=3")
        if seen.good and (after := answer.json()["page_info"]["end_cursor"]):
            self._once("walk", "GET", f"/patients/cursor?first=3&after={after}")

    def _patch(self, name: str) -> None:
        self.number += 1
        body = {"base_version": self.versions[name], "city": f"Town {self.number}"}
        answer = self._until_done("patch", name, "PATCH", f"/patients/{self.made[name]}", body)
        self.versions[name] = answer["version"]

    def _until_done(self, act: str, name: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Tried with one key until it is known to have happened."""
        key = {"Idempotency-Key": f"{self.name}-{self.number}"}
        end = time.monotonic() + 2 * MOST_SECONDS
        while time.monotonic() < end:
            seen, answer = self._once(act, method, path, json=body, headers=key)
            if seen.good:
                return dict(answer.json())
            self.again.add(name)
            time.sleep(self.dice.uniform(0.05, 0.3))  # sooner than told, to try harder
        raise AssertionError(f"{act} under one key never succeeded")

    def _once(self, act: str, method: str, path: str, **more: Any) -> tuple[Seen, httpx.Response]:
        began = time.monotonic()
        answer = self.client.request(method, path, **more)
        code = "" if answer.is_success else str(answer.json()["detail"][0]["type"])
        after, request_id = "retry-after" in answer.headers, answer.headers["x-request-id"]
        seen = Seen(act, began, time.monotonic(), answer.status_code, code, request_id, after)
        self.seen.append(seen)
        if not seen.allowed:
            self.faults.append(f"{act} was answered {seen.status} {code}, Retry-After: {after}")
        if act != "create" and not seen.good:
            time.sleep(0.05)
        return seen, answer


class Load:
    """Desks at work, each in a thread."""

    def __init__(self, base: str, token: str, desks: int, dice: random.Random, ssn: str = SSN) -> None:
        self.desks = [
            Desk(f"d{n}x{dice.randrange(16**6):06x}", base, token, random.Random(dice.random()), ssn)
            for n in range(desks)
        ]
        self._threads = [threading.Thread(target=desk.work, daemon=True) for desk in self.desks]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when every write has ended one way; a desk that hangs is a fault."""
        for desk in self.desks:
            desk.stopping.set()
        for desk, thread in zip(self.desks, self._threads, strict=True):
            thread.join(3 * MOST_SECONDS)
            if thread.is_alive():
                desk.faults.append(f"{desk.name} hangs")

    def working(self) -> bool:
        """Whether any desk still works; one stops at what it cannot understand, which is then among its faults."""
        return any(thread.is_alive() for thread in self._threads)

    def told(self) -> dict[str, int]:
        """The version of each patient, by its name, as far as its desk knows by now."""
        return {name: version for desk in self.desks for name, version in list(desk.versions.items())}

    def again(self) -> set[str]:
        """The names of patients of whom something was sent more than once."""
        return {name for desk in self.desks for name in desk.again}

    def seen(self) -> list[Seen]:
        return [seen for desk in self.desks for seen in desk.seen]

    def faults(self) -> list[str]:
        return [fault for desk in self.desks for fault in desk.faults]

    def statuses(self, since: float) -> Counter[int]:
        return Counter(s.status for s in self.seen() if s.ended >= since)

    def last_refused(self, since: float) -> tuple[float, float]:
        """Of the refusals that ended after a moment: how long after it the last was asked, and answered."""
        late = [s for s in self.seen() if s.ended >= since and not s.good]
        return max((0.0, *(s.began - since for s in late))), max((0.0, *(s.ended - since for s in late)))
