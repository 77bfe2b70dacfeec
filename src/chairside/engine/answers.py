"""From rows and records to answers: every field of the schema, references as id and name, as far as a caller sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from chairside.changes import Record
from chairside.fields import Borrowed, Reference
from chairside.resource import Kind
from chairside.standing import VERSION


class View(Enum):
    """Fields of a record that a caller sees: all; all but the clinical ones, which read null; or those for portals."""

    WHOLE = "whole"
    WITHOUT_CHART = "without chart"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class _Shape:
    names: tuple[str, ...]
    portal: tuple[str, ...]
    clinical: tuple[str, ...]
    beside: tuple[str, ...]
    struct: Callable[..., msgspec.Struct]
    named: tuple[tuple[int, int], ...]
    fixed: tuple[tuple[int, object], ...]
    version: int | None


def etag(kind: Kind, version: int, revision: int) -> str | None:
    """The version as callers see it, and behind it what the server wrote by itself since it moved; None for kinds
    without versions."""
    if not kind.versioned:
        return None
    return f"{version}-{revision}" if revision else str(version)


class Shapes:
    """The answer shapes of all kinds, worked out once."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._shapes = {k.name: _shape(k) for k in kinds}
        self._by_schema = {f"{k.schema}Out": self._shapes[k.name] for k in kinds}
        self._borrowed = {
            (k.name, r.name): tuple(f for f in k.every_field if isinstance(f, Borrowed) and f.via == r.name)
            for k in kinds
            for r in k.references
        }

    def borrowed(self, kind: Kind, reference: str) -> tuple[Borrowed, ...]:
        return self._borrowed[kind.name, reference]

    def of_row(self, kind: Kind, row: Iterable[Any], view: View = View.WHOLE, base: int = 0) -> dict[str, Any]:
        """The answer from a row of a kind's answer list: its fields in order, then the names of its references.

        `base` is what the org's epoch adds to stored versions.
        """
        shape = self._shapes[kind.name]
        values = _values(shape, row, base)
        answer = dict(zip(shape.names, values, strict=False))
        if kind.present is not None:
            kind.present(answer, dict(zip(shape.beside, values[len(values) - len(shape.beside) :], strict=True)))
        return _seen(shape, answer, view)

    def of_rows(self, kind: Kind, rows: Iterable[Iterable[Any]], view: View = View.WHOLE, base: int = 0) -> list[Any]:
        """The answers from the rows of a page, to be sent and not looked into: structs, where a kind computes nothing.

        They are made and written in less than half the time of dictionaries.
        """
        shape = self._shapes[kind.name]
        if kind.present is not None or view is View.PORTAL or (view is View.WITHOUT_CHART and shape.clinical):
            return [self.of_row(kind, row, view, base) for row in rows]
        return [shape.struct(*_values(shape, row, base)[: len(shape.names)]) for row in rows]

    def of_record(self, kind: Kind, record: Record, view: View = View.WHOLE, base: int = 0) -> dict[str, Any]:
        """The answer from a record and the names that were looked up for it."""
        values = [record.get(f.column if not isinstance(f, Borrowed) else f.name) for f in kind.answered]
        values += [record.get(f"{r.name}_name") for r in kind.references]
        values += [record[b.column if b.of == "self" else b.name] for b in kind.beside]
        return self.of_row(kind, values, view, base)

    def again(self, answer: str, body: bytes, view: View) -> tuple[bytes, Any]:
        """A stored answer of the form `answer` as this caller sees it now, and its content.

        The role may have changed since it was stored; the bytes are the stored ones where nothing is left out.
        """
        content = msgspec.json.decode(body) if body else None
        form, _, name = answer.rpartition(":")
        shape = self._by_schema.get(name)
        if shape is None or content is None or view is View.WHOLE:
            return body, content
        if form == "array":
            seen: Any = [_seen(shape, entry, view) for entry in content]
        else:
            seen = _seen(shape, content, view) if not form else content
        return (body, content) if seen == content else (msgspec.json.encode(seen), seen)


def _seen(shape: _Shape, answer: dict[str, Any], view: View) -> dict[str, Any]:
    if view is View.PORTAL:
        return {name: answer[name] for name in shape.portal if name in answer}
    if view is View.WITHOUT_CHART and shape.clinical:
        return answer | dict.fromkeys(shape.clinical)
    return answer


def _values(shape: _Shape, row: Iterable[Any], base: int) -> list[Any]:
    """The values of a row in the places of their columns: references with their names, constants, the version as
    callers see it."""
    values = list(row)
    for place, name in shape.named:
        if values[place] is not None:
            values[place] = {"id": values[place], "name": values[name]}
    for place, constant in shape.fixed:
        values[place] = constant
    if base and shape.version is not None:
        values[shape.version] += base
    return values


def _shape(kind: Kind) -> _Shape:
    shown = kind.answered
    place = {r.name: len(shown) + i for i, r in enumerate(kind.references)}
    names = tuple(f.name for f in shown)
    return _Shape(
        names=names,
        portal=tuple(f.name for f in shown if f.portal),
        clinical=tuple(f.name for f in shown if f.clinical),
        beside=tuple(b.name for b in kind.beside),
        struct=msgspec.defstruct(kind.schema, [(name, object) for name in names], gc=False),
        named=tuple((i, place[f.name]) for i, f in enumerate(shown) if isinstance(f, Reference)),
        fixed=tuple(
            (i, f.default)
            for i, f in enumerate(shown)
            if not f.stored and not isinstance(f, Borrowed) and f.default is not None
        ),
        version=names.index(VERSION.name) if VERSION.name in names else None,
    )
