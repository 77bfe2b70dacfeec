"""Who may be the same person: one finder, by birth date with last name, e-mail, mobile telephone and SSN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.records.patients.shapes import FOUND, SIGNALS
from chairside.telephones import e164
from chairside.words import fold, squeeze

MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is known of somebody, in the form it is compared in."""

    last_name_key: str | None
    date_of_birth: date | None
    email_key: str | None
    mobile_phone_e164: str | None
    ssn: Sequence[bytes] = field(default_factory=tuple)


def probe_of(desk: Desk, patient: Record, ssn: str | None) -> Probe:
    return Probe(
        last_name_key=patient["last_name_key"],
        date_of_birth=patient["date_of_birth"],
        email_key=patient["email_key"],
        mobile_phone_e164=patient["mobile_phone_e164"],
        ssn=desk.blind(ssn) if ssn else (),
    )


async def find(desk: Desk, probes: Sequence[Probe]) -> list[list[dict[str, Any]]]:
    """For each probe the patients that match, most reasons first, at most 50; archived ones are left out."""
    named = [(i, p.last_name_key, p.date_of_birth) for i, p in enumerate(probes) if p.last_name_key and p.date_of_birth]
    mailed = [(i, p.email_key) for i, p in enumerate(probes) if p.email_key]
    called = [(i, p.mobile_phone_e164) for i, p in enumerate(probes) if p.mobile_phone_e164]
    numbered = [(i, index) for i, p in enumerate(probes) for index in p.ssn]
    found: list[dict[str, dict[str, Any]]] = [{} for _ in probes]
    if named or mailed or called or numbered:
        columns = (*_columns(named, 3), *_columns(mailed, 2), *_columns(called, 2), *_columns(numbered, 2))
        for row in await desk.ask("patients.duplicates", *columns):
            reasons = _reasons(row, probes[row["place"]])
            found[row["place"]][row["id"]] = {f: row[f] for f in FOUND} | {"match_reasons": reasons}
    return [_ranked(list(entries.values())) for entries in found]


def _reasons(row: Record, probe: Probe) -> list[str]:
    """All signals a patient matches by, whichever of them found the patient, in the order of SIGNALS."""
    name, born = probe.last_name_key, probe.date_of_birth
    held = (
        bool(name and born) and (row["last_name_key"], row["date_of_birth"]) == (name, born),
        bool(probe.email_key) and row["email_key"] == probe.email_key,
        bool(probe.mobile_phone_e164) and row["mobile_phone_e164"] == probe.mobile_phone_e164,
        row["social_security_number_index"] in probe.ssn,
    )
    return [signal for signal, holds in zip(SIGNALS, held, strict=True) if holds]


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [[row[i] for row in rows] for i in range(width)]


def _ranked(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda e: (-len(e["match_reasons"]), e["last_name"], e["first_name"], e["id"]))[:MOST]


async def note_duplicates(desk: Desk, change: Change) -> None:
    """Tells who creates a patient whom it may double; never in the way."""
    if change.before is None:
        ssn = change.after["social_security_number"]
        change.extra["potential_duplicates"] = (await find(desk, [probe_of(desk, change.after, ssn)]))[0]


async def check_duplicates(desk: Desk, asked: Asked) -> Reply:
    body = asked.body
    known: Record = {
        "last_name_key": squeeze(body["last_name"]),
        "date_of_birth": body.get("date_of_birth"),
        "email_key": fold(body["email"]) if body.get("email") else None,
        "mobile_phone_e164": e164(body.get("mobile_phone"), desk.region),
    }
    items = (await find(desk, [probe_of(desk, known, body.get("social_security_number"))]))[0]
    return Reply(data={"items": items, "total": len(items)})
