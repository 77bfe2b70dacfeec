"""Finds who may be the same person: one finder, by birth date with last name, e-mail, telephones and SSN."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.records.patients.disclosure import Claim, Told, tellable
from chairside.records.patients.fields import PHONES
from chairside.records.patients.locking import lock_signals
from chairside.records.patients.names import (
    FIRST_NAME_MATCHES,
    FirstNameMatch,
    HowNamed,
    bare,
    exchanged,
    exchanged_by_nickname,
    first_name_match,
    last_and_first,
    surname_match,
)
from chairside.records.patients.shapes import FOUND, SIGNALS
from chairside.records.patients.signals import Signals, phone_field, signals_of
from chairside.words import fold, squeeze

MOST = 50
# An e-mail address or a telephone that more live patients have identifies nobody. The statement reads one row more.
MOST_SHARING = 20
SHARED = ("email", "phone")
# The place of a probe, with the signal and the value that found a patient.
Via = tuple[int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A person to look for; `person` is None where names do not count, `ssn` are blind indexes."""

    person: Record | None
    email: str | None
    phones: tuple[str, ...]
    ssn: Sequence[bytes] = field(default_factory=tuple)
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A patient that the statement found, with the signals and values that did."""

    patient: Record
    by: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Match:
    """A patient who may be the person of a probe, with the signals, and in which way each matched."""

    patient: Record
    ways: tuple[tuple[str, str], ...]
    first_name: FirstNameMatch | None

    @property
    def reasons(self) -> list[str]:
        """The signals in the order of SIGNALS."""
        return [signal for signal, _ in self.ways]

    def shown(self) -> dict[str, Any]:
        details = [{"reason": signal, "matched": way} for signal, way in self.ways]
        return {f: self.patient[f] for f in FOUND} | {
            "match_reasons": self.reasons,
            "match_details": details,
            "first_name_match": self.first_name,
        }


def probe_of(desk: Desk, person: Record | None, signals: Signals, sent: Record) -> Probe:
    """The probe of the signals; `sent` has last name and birth date of the person, also where names do not count."""
    last, born = sent["last_name"], sent["date_of_birth"]
    return Probe(
        person=person,
        email=signals.email,
        phones=signals.phones,
        ssn=desk.blind(signals.ssn) if signals.ssn else (),
        claim=Claim(signals.ssn, squeeze(last), born) if signals.ssn else None,
    )


async def find(desk: Desk, probes: Sequence[Probe]) -> list[list[Match]]:
    """Returns for each probe the patients that match, most reasons first, at most 50; archived ones are left out."""
    told = await tellable(desk, [probe.claim for probe in probes])
    columns = _asked(probes, told)
    if not any(columns):
        return [[] for _ in probes]
    found: list[dict[str, Hit]] = [{} for _ in probes]
    sharing: Counter[Via] = Counter()
    for row in await desk.ask("patients.duplicates", *columns):
        place, via = row["place"], (row["via"], row["value"])
        if row["via"] == "ssn" and told is not None and (place, row["id"]) not in told:
            continue
        hit = found[place].setdefault(row["id"], Hit(row))
        if via not in hit.by:
            hit.by.add(via)
            sharing[place, *via] += 1
    common = {via for via, patients in sharing.items() if patients > MOST_SHARING and via[1] in SHARED}
    return [_ranked(desk.region, place, probe, found[place].values(), common) for place, probe in enumerate(probes)]


def _asked(probes: Sequence[Probe], told: Told | None) -> list[list[object]]:
    """The parameters of the statement: for names, addresses, telephones and SSNs the probes and their values."""
    named = [(i, *_names(p.person)) for i, p in enumerate(probes) if p.person and p.person["date_of_birth"]]
    mailed = [(i, p.email) for i, p in enumerate(probes) if p.email]
    called = [(i, number) for i, p in enumerate(probes) for number in p.phones]
    places = {place for place, _ in told} if told is not None else range(len(probes))
    numbered = [(i, index) for i, p in enumerate(probes) if i in places for index in p.ssn]
    return [*_columns(named, 4), *_columns(mailed, 2), *_columns(called, 2), *_columns(numbered, 2)]


def _names(person: Record) -> tuple[object, str, str | None]:
    first = person.get("first_name")
    last = bare(person["last_name"], person.get("last_name_key"))
    return person["date_of_birth"], last, squeeze(first) if first else None


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [[row[i] for row in rows] for i in range(width)]


def _ranked(region: str, place: int, probe: Probe, hits: Iterable[Hit], common: Set[Via]) -> list[Match]:
    matches = []
    for hit in hits:
        told = {(via, value) for via, value in hit.by if (place, via, value) not in common}
        if ways := _ways(hit.patient, probe, told, region):
            matches.append(Match(hit.patient, ways, _first_name(probe.person, hit.patient)))

    def rank(match: Match) -> tuple[object, ...]:
        patient, first = match.patient, match.first_name
        closeness = FIRST_NAME_MATCHES.index(first) if first else 0
        return -len(match.ways), closeness, patient["last_name"], patient["first_name"], patient["id"]

    return sorted(matches, key=rank)[:MOST]


def _first_name(person: Record | None, patient: Record) -> FirstNameMatch | None:
    return first_name_match(person, patient) if person and person.get("first_name") else None


def _ways(patient: Record, probe: Probe, told: Set[tuple[str, str]], region: str) -> tuple[tuple[str, str], ...]:
    """Every signal that a patient matches by, in the order of SIGNALS."""
    by = {via for via, _ in told}
    held = (
        how_named(probe.person, patient) if probe.person else None,
        "email" if "email" in by else None,
        phone_field(patient, {value for via, value in told if via == "phone"}, region) if "phone" in by else None,
        "ssn" if "ssn" in by else None,
    )
    return tuple((signal, way) for signal, way in zip(SIGNALS, held, strict=True) if way)


def how_named(person: Record, row: Record) -> HowNamed | None:
    """Tells how two people born on the same day match by name; None where they do not."""
    if person["date_of_birth"] is None or person["date_of_birth"] != row["date_of_birth"]:
        return None
    if how := surname_match(person["last_name"], row["last_name"]):
        return how
    if person.get("first_name"):
        return "exchanged_names" if exchanged(person, row) or exchanged_by_nickname(person, row) else None
    return "exchanged_names" if squeeze(row["first_name"]) == squeeze(person["last_name"]) else None


async def note_duplicates(desk: Desk, change: Change) -> None:
    """Tells the caller who creates a patient which others may be the same person; never in the way."""
    if change.before is None:
        new = change.after
        signals = signals_of(new, new["social_security_number"], desk.region)
        await lock_signals(desk, [(new, signals)])
        probe = probe_of(desk, new, signals, new)
        change.extra["potential_duplicates"] = [match.shown() for match in (await find(desk, [probe]))[0]]


async def check_duplicates(desk: Desk, asked: Asked) -> Reply:
    body = asked.body
    last, first = last_and_first(body["last_name"])
    person: Record = {"first_name": first, "last_name": last, "date_of_birth": body.get("date_of_birth")}
    known: Record = {
        "email_key": fold(body["email"]) if body.get("email") else None,
        **dict.fromkeys(PHONES),
        "mobile_phone": body.get("mobile_phone"),
    }
    probe = probe_of(desk, person, signals_of(known, body.get("social_security_number"), desk.region), person)
    items = [match.shown() for match in (await find(desk, [probe]))[0]]
    return Reply(data={"items": items, "total": len(items)})
