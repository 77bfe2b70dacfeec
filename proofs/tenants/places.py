"""Every place of a request in which an id can stand, with another org's id there and with the id of no record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chairside.engine.bodies import create_body
from chairside.engine.operations import Operation
from chairside.fields import Entry
from chairside.types import Many, Uuid
from proofs.requests import KINDS
from proofs.sweep import CARRIED
from proofs.tenants.canary import Canary
from tests.contract.builder import Attempt, Body, Builder


@dataclass(frozen=True)
class Intrusion:
    """One request twice: with what belongs to another org, and with what belongs to nobody."""

    operation: Operation
    place: str
    foreign: Attempt
    random: Attempt
    sent: tuple[tuple[str, str], ...]


def intrusions(victim: Canary, operation: Operation, right: Attempt, own: Builder) -> Iterator[Intrusion]:
    yield from _in_path(victim, operation, right)
    yield from _in_query(victim, operation, right)
    yield from _in_body(victim, operation, right, own)


def _in_path(victim: Canary, operation: Operation, right: Attempt) -> Iterator[Intrusion]:
    parts, template = right.path.strip("/").split("/"), operation.path.split("/")
    ids = [i for i, part in enumerate(template) if part.startswith("{")]
    for chosen in [[i] for i in ids] + ([ids] if len(ids) > 1 else []):
        pairs = [(victim.id_for(template[i][1:-1], operation.subject), str(uuid.uuid4())) for i in chosen]
        changed = [list(parts), list(parts)]
        for i, pair in zip(chosen, pairs, strict=True):
            changed[0][i], changed[1][i] = pair
        foreign, random = (replace(right, path="/" + "/".join(c)) for c in changed)
        yield Intrusion(operation, "path " + " ".join(template[i] for i in chosen), foreign, random, tuple(pairs))


def _in_query(victim: Canary, operation: Operation, right: Attempt) -> Iterator[Intrusion]:
    for entry in operation.query:
        if _holds_id(entry):
            pair = (victim.id_for(entry.key, operation.subject), str(uuid.uuid4()))
            foreign, random = (replace(right, params={**right.params, entry.key: value}) for value in pair)
            yield Intrusion(operation, f"query {entry.key}", foreign, random, (pair,))


def _in_body(victim: Canary, operation: Operation, right: Attempt, own: Builder) -> Iterator[Intrusion]:
    """A field beside what the right body holds; of references that exclude each other only the foreign one."""
    for key, wrapped in _places(operation, right, own):
        pair = (victim.id_for(key, operation.subject), str(uuid.uuid4()))
        foreign, random = (replace(right, json=wrapped(value)) for value in pair)
        yield Intrusion(operation, f"body {key}", foreign, random, (pair,))


def _places(operation: Operation, right: Attempt, own: Builder) -> Iterator[tuple[str, Any]]:
    body: Body = dict(right.json or {})
    if operation.name == "patient_bulk":
        for entry in create_body(KINDS["patient"]).entries.values():
            if _holds_id(entry):
                yield entry.key, lambda value, key=entry.key: {"rows": [_row(own) | {key: value}], "meta": body["meta"]}
        yield "guarantor_uuid", lambda value: {"rows": [_row(own) | _joining(value)], "meta": body["meta"]}
        return
    if operation.name == "field_value_put":
        yield "field_definition_uuid", lambda value: {"fields": [{"field_definition_uuid": value, "value": "x"}]}
    if operation.name == "create_patient":
        yield "guarantor_uuid", lambda value: body | _joining(value)
    for entry in operation.body.entries.values() if operation.body else ():
        if _holds_id(entry):
            many = isinstance(entry.type, Many)
            kept = {
                k: v for k, v in body.items() if operation.subject != "referral_attribution" or k != "provider_uuid"
            }
            yield entry.key, lambda value, k=entry.key, m=many, kept=kept: kept | {k: [value] if m else value}


def _joining(guarantor: str) -> Body:
    return {"billing_account": {"mode": "join", "guarantor_uuid": guarantor}}


def _row(own: Builder) -> Body:
    return {"first_name": "Row", "last_name": f"Of bulk {own.number()}"} | CARRIED


def _holds_id(entry: Entry) -> bool:
    inner = entry.type.item if isinstance(entry.type, Many) else entry.type
    return isinstance(inner, Uuid)
