"""Canaries in every field of every kind, and wherever they are wrong, with all errors that can be provoked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from chairside.engine.bodies import create_body
from chairside.records import ALL
from chairside.resource import Kind
from proofs.leaks.canaries import Canaries, Marked, dashed
from proofs.trial import Trial

Answers = list[httpx.Response]


def everything(trial: Trial, builder: Marked) -> Answers:
    """Each kind made, read, changed, refused in all ways and archived; the refusals."""
    refused: Answers = []
    for kind in ALL:
        if "create" in kind.verbs:
            made = builder.make(kind)
            _asked(builder, made.collection)
            if "patch" in kind.verbs:
                change = {"base_version": 1, **builder.change(made)}
                for _again in range(2):  # the second is a conflict of versions
                    refused.append(builder.client.patch(made.path, json=change))
            refused += _wrong(builder, kind, made.collection)
            if "archive" in kind.verbs:
                refused += [builder.archive(made, 99), builder.archive(made)]
            trial.tried("kinds with canaries in every field")
    refused += [*_wrong_places(builder), *_bulk(builder)]
    trial.tried("refusals provoked", sum(not r.is_success for r in refused))
    return [r for r in refused if not r.is_success]


def _asked(builder: Marked, collection: str) -> None:
    canaries, client = builder.canaries, builder.client
    client.get(collection)
    for path, query in (
        ("/patients", {"search": canaries.name}),
        ("/patients/cursor", {"search": canaries.phone, "first": "1"}),
        ("/patients/search", {"q": canaries.born}),
    ):
        client.get(path, params=query)


def _wrong(builder: Marked, kind: Kind, collection: str) -> Iterator[httpx.Response]:
    """Each field with a list of all canaries, then text that is too long, then the same record once more."""
    for wrong in (lambda: [*builder.canaries.every_text()], lambda: "".join(builder.canaries.every_text()) * 400):
        body = {entry.key: wrong() for entry in create_body(kind).entries.values()}
        yield builder.client.post(collection, json=body)
    twice = builder.body(kind)
    for _ in range(2):
        yield builder.client.post(collection, json=twice, headers={"Idempotency-Key": f"{kind.name}-twice"})
    yield builder.client.post(collection, json=twice)
    yield builder.client.post(collection, json=builder.body(kind), headers={"Idempotency-Key": f"{kind.name}-twice"})


def _wrong_places(builder: Marked) -> Iterator[httpx.Response]:
    """In ids, parameters, headers, names of nothing, and bodies that are no JSON."""
    client = builder.client
    for text in builder.canaries.every_text():
        yield client.get(f"/patients/{text}")
        yield client.get("/patients", params={"status": text, "dob_from": text, "page": text})
        yield client.get("/patients/cursor", params={"after": text, "sort_by": text})
        yield client.get("/patients", headers={"Authorization": f"Bearer {text}x"})
        yield client.get("/patients", headers={"If-None-Match": text})
        yield client.post("/patients", content=f'{{"first_name": "{text}', headers={"Content-Type": "application/json"})
        yield client.post("/patients", content=text.encode(), headers={"Content-Type": text})
        yield client.request("PURGE", f"/{text}")


def _bulk(builder: Marked) -> Iterator[httpx.Response]:
    canaries: Canaries = builder.canaries
    rows: list[dict[str, Any]] = [
        {"first_name": canaries.name, "last_name": canaries.name, "social_security_number": dashed(canaries.number()),
         "mobile_phone": canaries.phone, "date_of_birth": canaries.born, "row_key": str(n)}
        for n in range(20)
    ]  # fmt: skip
    rows.append({"first_name": canaries.name, "last_name": "", "date_of_birth": canaries.name, "email": canaries.phone})
    for how in ("create", "skip", "update", "fail"):
        meta = {"on_duplicate": how, "match_on": ["ssn", "name_dob", "mobile_phone"]}
        yield builder.client.post("/patients/bulk", json={"rows": rows, "meta": meta})
    same = {"last_name": canaries.name, "social_security_number": canaries.numbers[-1], "date_of_birth": canaries.born}
    yield builder.client.post("/patients/check-duplicates", json=same)
