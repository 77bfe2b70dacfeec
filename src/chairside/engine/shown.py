"""Reads from any answer, by its declared schema, which patients it shows, so that no action can forget to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chairside.errors import Problem
from chairside.fields import Borrowed, Reference
from chairside.resource import Kind

Schema = Mapping[str, Any]
# Adds the patients of one value to the ids found so far; a dictionary, because it keeps their order.
Finder = Callable[[Any, dict[str, None]], None]
# Marks the schema of a patient's id, or of a reference to a patient, in a schema that no kind declares.
PATIENT_MARK = "x-patient"
PATIENT = "patient"
_REF = "#/components/schemas/"
_LISTED = {"page": "items", "items": "items", "cursor": "data"}
_LISTS = ("items", "data", "results")


@dataclass(frozen=True, slots=True)
class Shown:
    """Patients that an answer shows, each once, and the number of entries of its list; None where it is no list."""

    patients: Sequence[str] = ()
    count: int | None = None


NOTHING = Shown()


class Finders:
    """The finders of all answers, each made once from its schema."""

    def __init__(self, kinds: Iterable[Kind], schemas: Mapping[str, Schema]) -> None:
        self._kinds = {f"{kind.schema}Out": kind for kind in kinds}
        self._schemas = schemas
        self._made: dict[str, Finder | None] = {}
        self._answers: dict[str, Finder | None] = {}

    def shown(self, answer: str, data: object) -> Shown:
        """The patients in `data`, which has the answer form `answer` of an operation."""
        if data is None:
            return NOTHING
        if answer not in self._answers:
            self._answers[answer] = self._of_answer(answer)
        find = self._answers[answer]
        found: dict[str, None] = {}
        if find is not None:
            find(data, found)
        return Shown(tuple(found), _count(data))

    def told(self, problems: Iterable[Problem]) -> Shown:
        """The patients that a refusal names in what helps to go on."""
        extras = [problem.shown() for problem in problems if problem.extra]
        return Shown(self.shown("array:Problem", extras).patients) if extras else NOTHING

    def _of_answer(self, answer: str) -> Finder | None:
        form, _, name = answer.rpartition(":")
        one = self._named(name)
        if one is None or not form:
            return one
        listed = _each(one)
        return listed if form == "array" else _entries(((_LISTED[form], listed),))

    def _named(self, name: str) -> Finder | None:
        if name not in self._made:
            kind = self._kinds.get(name)
            self._made[name] = self._of_kind(kind) if kind else self._of_schema(self._schemas.get(name, {}))
        return self._made[name]

    def _of_kind(self, kind: Kind) -> Finder | None:
        found: list[tuple[str, Finder]] = [("id", _id)] if kind.name == PATIENT else []
        for field in kind.answered:
            if isinstance(field, Reference):
                if field.to == PATIENT:
                    found.append((field.name, _reference))
            elif not isinstance(field, Borrowed) and (find := self._of_schema(field.type.schema)):
                found.append((field.name, find))
        return _entries(tuple(found)) if found else None

    def _of_schema(self, schema: Schema) -> Finder | None:
        if PATIENT_MARK in schema:
            return _reference if "$ref" in schema else _id
        if "$ref" in schema:
            return self._named(schema["$ref"].removeprefix(_REF))
        if "items" in schema:
            inner = self._of_schema(schema["items"])
            return _each(inner) if inner else None
        for choice in schema.get("anyOf", ()):
            if find := self._of_schema(choice):
                return find
        properties = ((key, self._of_schema(value)) for key, value in schema.get("properties", {}).items())
        found = tuple((key, find) for key, find in properties if find)
        return _entries(found) if found else None


def _count(data: Any) -> int | None:
    if isinstance(data, dict):
        data = next((data[key] for key in _LISTS if isinstance(data.get(key), list)), None)
    return len(data) if isinstance(data, list) else None


def _id(value: Any, found: dict[str, None]) -> None:
    found[value] = None


def _reference(value: Any, found: dict[str, None]) -> None:
    found[value["id"]] = None


def _each(inner: Finder) -> Finder:
    def find(values: Any, found: dict[str, None]) -> None:
        for value in values:
            inner(value, found)

    return find


def _entries(inner: tuple[tuple[str, Finder], ...]) -> Finder:
    def find(value: Any, found: dict[str, None]) -> None:
        plain = type(value) is dict
        for key, find_in in inner:
            held = value.get(key) if plain else getattr(value, key)  # pages are made of structs
            if held is not None:
                find_in(held, found)

    return find
