"""Requests as a client sends them, and the same as the engine is asked, read by the server's own functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from bench.running import BenchFault
from bench.statements import Ask
from bench.tasks import Paper
from chairside.app import every_operation
from chairside.engine.operations import Operation
from chairside.rest.reading import query_of

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Sent:
    """Method, path below the org with its query, and body."""

    method: str
    path: str
    body: Mapping[str, object] = field(default_factory=dict)

    def raw(self, paper: Paper) -> bytes:
        return paper.write(self.method, self.path, self.body or None)

    def ask(self) -> Ask:
        path, _, query = self.path.partition("?")
        for operation, form in _forms():
            if operation.method == self.method and (found := form.fullmatch(path)):
                values, _, problems = query_of(query.encode(), (), operation.query, datetime.now(UTC))
                if problems:
                    raise BenchFault(f"{self.path}: {problems}")
                return Ask(operation=operation.name, path=found.groupdict(), query=values, body=self.body)
        raise BenchFault(f"There is no operation {self.method} {path}.")


def get(path: str) -> Sent:
    return Sent("GET", path)


@cache
def _forms() -> list[tuple[Operation, re.Pattern[str]]]:
    return [(o, re.compile(_PLACE.sub(r"(?P<\1>[0-9a-f-]{36})", o.path))) for o in every_operation()]
