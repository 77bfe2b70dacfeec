"""The demo practice: an org with families, catalogs and tags, made through the API's own operations."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from chairside.cli.clerk import Clerk, create_org, create_token
from chairside.demo import Person, Practice, practice
from chairside.engine.ids import new_id
from chairside.engine.work import Work
from chairside.settings import Settings
from chairside.store.pool import Pool

SEED, PATIENTS = 8400, 500
# The same practice wherever it is made: ages are as of this day.
TODAY = date(2026, 1, 5)
FILE = "demo.json"
Ids = dict[str, list[str]]


def read(data_dir: Path) -> dict[str, str]:
    """The demo org's id and token, kept from the first start; without token while it is not finished."""
    try:
        return {key: str(value) for key, value in json.loads((data_dir / FILE).read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


async def make(settings: Settings, pool: Pool, work: Work) -> dict[str, str]:
    """Make the demo org, or go on where a start before was cut off; keep its token, readable by its owner alone."""
    kept = read(settings.data_dir)
    if not kept:
        kept = {"org_id": new_id()}
        _keep(settings.data_dir / FILE, kept)
    made = practice(SEED, PATIENTS, TODAY)
    clerk = await create_org(settings, pool, work, kept["org_id"], made.name)
    ids = await _catalogs(clerk, made)
    patients = await _patients(clerk, made.patients, ids)
    await _details(clerk, made.patients, patients, ids)
    token = await create_token(pool, clerk.caller.org_id, "admin", name="Demo administrator")
    kept |= {"token": token.text, "patient_id": patients[0]}
    _keep(settings.data_dir / FILE, kept)
    return kept


async def _catalogs(clerk: Clerk, made: Practice) -> Ids:
    held = {row["name"]: row["id"] for row in (await clerk.do("list_billing_types", {}))["items"]}
    rows: dict[str, Sequence[dict[str, object]]] = {
        "location": made.locations,
        "provider": made.providers,
        "fee_schedule": made.fee_schedules,
        "billing_type": made.billing_types,
        "employer": made.employers,
        "tag_definition": made.tag_definitions,
    }
    return {
        kind: [held.get(row["name"]) or (await clerk.do(f"create_{kind}", row))["id"] for row in listed]
        for kind, listed in rows.items()
    }


async def _patients(clerk: Clerk, people: Sequence[Person], ids: Ids) -> list[str]:
    """Guarantors first, for those who depend on them name them by id."""
    known: dict[int, str] = {}
    for wave in (False, True):
        chosen = [i for i, person in enumerate(people) if (person.guarantor is not None) == wave]
        rows = [_row(people[i], ids, known) for i in chosen]
        answer = await clerk.do("patient_bulk", {"rows": rows})
        for i, result in zip(chosen, answer["results"], strict=True):
            if result["status"] != "created":
                raise RuntimeError(f"demo row {i} was not created: {result['errors']}")
            known[i] = result["patient_id"]
    return [known[i] for i in range(len(people))]


def _row(person: Person, ids: Ids, known: dict[int, str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(person.fields)
    for key, kind in (
        ("location", "location"),
        ("primary_provider", "provider"),
        ("secondary_provider", "provider"),
        ("fee_schedule", "fee_schedule"),
        ("billing_type", "billing_type"),
        ("employer", "employer"),
    ):
        if (place := getattr(person, key)) is not None:
            row[f"{key}_uuid"] = ids[kind][place]
    if person.guarantor is not None:
        row["billing_account"] = {"mode": "join", "guarantor_uuid": known[person.guarantor]}
    return row


async def _details(clerk: Clerk, people: Sequence[Person], patients: Sequence[str], ids: Ids) -> None:
    for person, patient_id in zip(people, patients, strict=True):
        for tag in person.tags:
            body = {"tag_definition_uuid": ids["tag_definition"][tag]}
            await clerk.do("create_tag", body, patient_uuid=patient_id)
        if person.balances is not None:
            names = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")
            body = {n: str(v) for n, v in zip(names, person.balances, strict=True)}
            await clerk.do("patient_put_balances", body, patient_uuid=patient_id)


def _keep(path: Path, kept: dict[str, str]) -> None:
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
