"""The demo practice: an org with families, charts and all around them, made through the API's own operations."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from chairside.changes import Asked, Reply
from chairside.cli.clerk import STARTERS, Clerk, create_org, create_token
from chairside.cli.place import demo_file, keep_demo, say
from chairside.days import first_day
from chairside.demo import Chart, People, Person, Practice, Row, chart, people, practice
from chairside.engine.desk import Desk
from chairside.engine.ids import new_id
from chairside.engine.operations import Operation
from chairside.engine.work import Work
from chairside.settings import Settings
from chairside.store.pool import Pool

SEED, PATIENTS = 8400, 500
# The same people wherever it is made: ages are as of this day.
TODAY = date(2026, 1, 5)
# As many as the clerk's pool has connections.
AT_ONCE = 4
SAY_EVERY_SECONDS = 1.0
# What bodies of the generator name, and the kind of it.
NAMED = {
    "patient": "patient",
    "to_patient": "patient",
    "referring_patient": "patient",
    "primary_provider": "provider",
    "secondary_provider": "provider",
    **{kind: kind for kind in ("location", "provider", "fee_schedule", "billing_type", "employer")},
    **{kind: kind for kind in ("tag_definition", "field_definition", "referral_partner", "appointment")},
    **{kind: kind for kind in STARTERS if kind != "billing_type"},
}
ENDING = ("status", "date_stop", "discontinuation_reason")
Ids = dict[str, dict[object, str]]


async def make(settings: Settings, pool: Pool, work: Work) -> dict[str, str]:
    """Makes the demo org, or continues an unfinished start; keeps its token in a file that only its owner can read."""
    kept = demo_file(settings.data_dir)
    if not kept:
        # The day has come at every location, and is kept: a start that goes on after midnight must say the same again.
        kept = {"org_id": new_id(), "made_on": first_day(datetime.now(UTC)).isoformat()}
        keep_demo(settings.data_dir, kept)
    if "patient_id" in kept:  # it is finished, and lost only its token: a backup without keys holds none
        return await _with_token(settings, pool, kept)
    today = date.fromisoformat(kept["made_on"])
    made = practice(SEED, PATIENTS, TODAY)
    around = people(made.patients, SEED, today)
    charts = [chart(person, place, SEED, today) for place, person in enumerate(made.patients)]
    clerk = await create_org(settings, pool, work, kept["org_id"], made.name)
    ids = await fill(clerk, made, charts, around)
    telling = next(place for place, c in enumerate(charts) if c.allergy and c.medication and c.vital_signs)
    return await _with_token(settings, pool, kept | {"patient_id": ids["patient"][telling]})


async def _with_token(settings: Settings, pool: Pool, kept: dict[str, str]) -> dict[str, str]:
    token = await create_token(pool, kept["org_id"], "admin", name="Demo administrator")
    kept = kept | {"token": token.text}
    keep_demo(settings.data_dir, kept)
    return kept


async def fill(clerk: Clerk, made: Practice, charts: Sequence[Chart], around: People) -> Ids:
    """Enter a practice, its patients with their charts and what lies around them; ids by kind, and by name or place."""
    ids: Ids = defaultdict(dict, await clerk.run(STARTER_IDS, {}))
    await _catalogs(clerk, made, ids)
    for kind, bodies in (
        ("referral_partner", around.referral_partners),
        ("field_definition", around.field_definitions),
    ):
        ids[kind] = {body["name"]: (await clerk.do(f"create_{kind}", body))["id"] for body in bodies}
    await _patients(clerk, made.patients, ids)
    await _enter(clerk, ids, [*_details(made.patients), *_charted(charts), *around.rows])
    return ids


async def _starter_ids(desk: Desk, asked: Asked) -> Reply:
    return Reply(data={k: {row["name"]: row["id"] for row in await desk.listed(k, asked)} for k in STARTERS})


STARTER_IDS = Operation(
    name="starter_ids",
    method="GET",
    path="",
    subject="catalog",
    area="setup",
    allow="read",
    action="list",
    summary="",
    doc="",
    answer="",
    run=_starter_ids,
)


async def _catalogs(clerk: Clerk, made: Practice, ids: Ids) -> None:
    """The lists of the practice, each entry known by its place; a billing type that is there already stays."""
    held = ids["billing_type"]
    rows: dict[str, Sequence[dict[str, object]]] = {
        "location": made.locations,
        "provider": made.providers,
        "fee_schedule": made.fee_schedules,
        "billing_type": made.billing_types,
        "employer": made.employers,
        "tag_definition": made.tag_definitions,
    }
    for kind, listed in rows.items():
        known = held if kind == "billing_type" else {}
        ids[kind] = {
            place: known.get(row["name"]) or (await clerk.do(f"create_{kind}", row))["id"]
            for place, row in enumerate(listed)
        }


async def _patients(clerk: Clerk, persons: Sequence[Person], ids: Ids) -> None:
    """Guarantors first, for those who depend on them name them by id."""
    known = ids["patient"]
    for wave in (False, True):
        chosen = [i for i, person in enumerate(persons) if (person.guarantor is not None) == wave]
        answer = await clerk.do("patient_bulk", {"rows": [_patient(persons[i], ids) for i in chosen]})
        for i, result in zip(chosen, answer["results"], strict=True):
            if result["status"] != "created":
                raise RuntimeError(f"demo row {i} was not created: {result['errors']}")
            known[i] = result["patient_id"]


def _patient(person: Person, ids: Ids) -> dict[str, Any]:
    keys = ("location", "primary_provider", "secondary_provider", "fee_schedule", "billing_type", "employer")
    places = {key: place for key in keys if (place := getattr(person, key)) is not None}
    row: dict[str, Any] = {**person.fields, **_by_id(places, ids)}
    if person.guarantor is not None:
        row["billing_account"] = {"mode": "join", "guarantor_uuid": ids["patient"][person.guarantor]}
    return row


def _details(persons: Sequence[Person]) -> Iterator[Row]:
    names = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")
    for place, person in enumerate(persons):
        for tag in person.tags:
            yield Row("tag", place, {"tag_definition": tag})
        if person.balances is not None:
            yield Row("balances", place, {n: str(v) for n, v in zip(names, person.balances, strict=True)})


def _charted(charts: Sequence[Chart]) -> Iterator[Row]:
    for place, one in enumerate(charts):
        yield from (Row(kind, place, body) for kind, body in one.rows())


async def _enter(clerk: Clerk, ids: Ids, rows: Sequence[Row]) -> None:
    """All rows, each patient's in their order, several patients at once; says how far it is."""
    by_patient: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_patient[row.patient].append(row)
    waiting = iter(by_patient.values())
    done, said = 0, time.monotonic()

    async def take() -> None:
        nonlocal done, said
        for own in waiting:
            for row in own:
                await _enter_one(clerk, ids, row)
            done += len(own)
            if time.monotonic() - said >= SAY_EVERY_SECONDS:
                said = time.monotonic()
                say(f"Making the demo practice: entered {done} of {len(rows)}")

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(take())


async def _enter_one(clerk: Clerk, ids: Ids, row: Row) -> None:
    body = _by_id(row.body, ids)
    path = {} if row.kind == "appointment" else {"patient_uuid": ids["patient"][row.patient]}
    ending = {key: body.pop(key) for key in ENDING if key in body} if row.kind == "medication" else {}
    special = {"balances": "patient_put_balances", "field_value": "field_value_put"}
    answer = await clerk.do(special.get(row.kind, f"create_{row.kind}"), body, **path)
    if row.label is not None:
        ids[row.kind][row.label] = answer["id"]
    if ending:
        changed = {"base_version": answer["version"], **ending}
        await clerk.do("update_medication", changed, **path, medication_uuid=answer["id"])


def _by_id(body: Mapping[str, object], ids: Ids) -> dict[str, Any]:
    """The body with ids in place of what it names, in lists of bodies too."""
    return {
        f"{key}_uuid" if key in NAMED else key: ids[NAMED[key]][value] if key in NAMED else _whole(value, ids)
        for key, value in body.items()
    }


def _whole(value: object, ids: Ids) -> object:
    if isinstance(value, list):
        return [_by_id(item, ids) if isinstance(item, dict) else item for item in value]
    return value
