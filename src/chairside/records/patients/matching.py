"""Rows of an import on their way, and whom each may double: patients that exist, and rows before it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from chairside.changes import Change, Desk, Record
from chairside.errors import CODES, Problem
from chairside.records.patients.duplicates import MOST_SHARING, Match, find, probe_of
from chairside.records.patients.identity import OWN_NUMBERS, Verdict, judge
from chairside.records.patients.locking import lock_signals
from chairside.records.patients.names import bare_names, first_names_agree
from chairside.records.patients.signals import Signals, signals_of

# A signal with its value.
Key = tuple[str, object]
WRITTEN = ("created", "updated")
SHARED = ("email", "mobile_phone")
# Patients remembered of one call for one value: more say nothing, or are copies of one row.
MOST_REMEMBERED = MOST_SHARING


@dataclass(slots=True)
class Row:
    """One row on its way: what was sent, what it becomes, and how it ended."""

    index: int
    row_key: str | None = None
    ssn_mask: str | None = None
    change: Change | None = None
    status: str = ""
    problems: list[Problem] = field(default_factory=list)
    matches: list[str] = field(default_factory=list)

    def fail(self, code: str, *loc: str | int, msg: str | None = None) -> None:
        self.problems.append(Problem(("body", "rows", self.index, *loc), msg or CODES[code], code))

    @property
    def made(self) -> Change:
        """The change of a row that was read well."""
        if self.change is None:
            raise ValueError("the row has no change")
        return self.change

    @property
    def good(self) -> bool:
        return not self.problems

    def shown(self, unmade: Set[str]) -> dict[str, Any]:
        """The result of the row; `unmade` are the ids of patients that the call would have made and did not."""
        kept = self.status in (*WRITTEN, "unchanged") and self.made.after["id"] not in unmade
        return {
            "index": self.index,
            "row_key": self.row_key,
            "status": self.status,
            "patient_id": self.made.after["id"] if kept else None,
            "errors": [p.shown() for p in self.problems],
            "duplicate_of": [match for match in self.matches if match not in unmade],
        }


@dataclass(slots=True)
class Candidate:
    """A patient who shares signals with a row, as the patient was found."""

    patient: Record
    signals: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Judged:
    """Ids of the candidates: one person with the row, certainly another person, or undecided."""

    same: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


class Matcher:
    """Finds for each row of a call the patients it shares signals with: those that are there, and earlier rows."""

    def __init__(self, match_on: Sequence[str]) -> None:
        self._match_on = match_on
        self._existing: dict[int, dict[str, Candidate]] = {}
        self._keys: dict[int, list[Key]] = {}
        self._common: set[Key] = set()
        self._ids: dict[Key, dict[str, None]] = defaultdict(dict)

    async def look(self, desk: Desk, rows: Sequence[Row], *, lock: bool) -> None:
        """Reads the patients that any of the rows may double, by a fixed number of statements.

        With `lock`, nobody else adds one of them until the transaction ends.
        """
        self._existing = {r.index: {} for r in rows}
        signals = [signals_of(r.made.after, r.made.after["social_security_number"], desk.region) for r in rows]
        self._keys = {r.index: list(_keys(r.made.after, s, self._match_on)) for r, s in zip(rows, signals, strict=True)}
        by_chart = "chart_number" in self._match_on
        charts = {r.made.after["chart_number"] for r in rows} - {None} if by_chart else set()
        if lock:
            people = ((r.made.after, s) for r, s in zip(rows, signals, strict=True))
            await lock_signals(desk, people, charts)
        if charts:
            await self._look_by_chart(desk, rows, charts)
        by_name = "name_dob" in self._match_on
        probes = [
            probe_of(desk, r.made.after if by_name else None, _chosen(s, self._match_on), r.made.after)
            for r, s in zip(rows, signals, strict=True)
        ]
        found = await find(desk, probes)
        self._common = _too_common(rows, self._keys, found)
        for row, matches in zip(rows, found, strict=True):
            self._note(row, matches)

    @property
    def found(self) -> set[str]:
        """The ids of all patients that a row shares a signal with."""
        return {own for candidates in self._existing.values() for own in candidates}

    async def _look_by_chart(self, desk: Desk, rows: Sequence[Row], charts: Set[str]) -> None:
        held = {c["chart_number"]: c for c in await desk.ask("patients.by_chart_number", list(charts), False)}
        for row in rows:
            if taken := held.get(row.made.after["chart_number"]):
                self._existing[row.index][taken["id"]] = Candidate(taken, {"chart_number"})

    def _note(self, row: Row, matches: Sequence[Match]) -> None:
        common = {signal for signal, value in self._keys[row.index] if (signal, value) in self._common}
        for match in matches:
            signals = {signal for signal, way in match.ways if _counts(signal, way, row, match)} - common
            if signals:
                at = self._existing[row.index].setdefault(match.patient["id"], Candidate(match.patient))
                at.signals |= signals

    def judge(self, row: Row, now: Mapping[str, Record]) -> Judged:
        """Judges all whom a row shares signals with; `now` has those whom earlier rows made or changed."""
        if not self._existing[row.index] and not any(self._ids.get(key) for key in self._keys[row.index]):
            return Judged()
        patient = row.made.after
        shared = {own: set(c.signals) for own, c in self._existing[row.index].items()}
        for signal, value in self._keys[row.index]:
            for own in self._ids.get((signal, value), ()):
                shared.setdefault(own, set()).add(signal)
        judged = Judged()
        for own, signals in shared.items():
            other = now.get(own) or self._existing[row.index][own].patient
            verdict = judge(patient, other, signals)
            if verdict is Verdict.SAME:
                judged.same.append(own)
            elif verdict is Verdict.UNSURE:
                judged.unsure.append(own)
            elif verdict is Verdict.OTHER:
                judged.other.append(own)
                if not OWN_NUMBERS.isdisjoint(signals):
                    # Somebody else's own number: no other match makes this right.
                    return Judged(other=[own])
        return judged

    def remember(self, row: Row, patient_id: str) -> None:
        """Lets later rows match the patient whom this row stands for."""
        for key in self._keys[row.index]:
            ids = self._ids[key]
            if key not in self._common and len(ids) < MOST_REMEMBERED:
                ids[patient_id] = None


def _chosen(signals: Signals, match_on: Collection[str]) -> Signals:
    return Signals(
        email=signals.email if "email" in match_on else None,
        phones=signals.phones if "mobile_phone" in match_on else (),
        ssn=signals.ssn if "ssn" in match_on else None,
    )


def _counts(signal: str, way: str, row: Row, match: Match) -> bool:
    """An import acts without anybody looking, so a name needs the first name too, and the whole last name."""
    if signal != "name_dob" or way == "exchanged_names":
        return True
    return way != "part_of_last_name" and first_names_agree(row.made.after, match.patient) is True


def _keys(patient: Record, signals: Signals, match_on: Collection[str]) -> Iterator[Key]:
    chosen = _chosen(signals, match_on)
    if "chart_number" in match_on and patient["chart_number"]:
        yield "chart_number", patient["chart_number"]
    if chosen.email:
        yield "email", chosen.email
    for number in chosen.phones:
        yield "mobile_phone", number
    if chosen.ssn:
        yield "ssn", chosen.ssn
    if "name_dob" in match_on and patient["date_of_birth"]:
        yield "name_dob", (patient["date_of_birth"], *sorted(bare_names(patient)))


def _too_common(rows: Sequence[Row], keys: Mapping[int, Sequence[Key]], found: Sequence[Sequence[Match]]) -> set[Key]:
    """The addresses and telephones that more people share than may, rows and patients counted together."""
    often = Counter(key for row in rows for key in keys[row.index] if key[0] in SHARED)
    many = max(often.values(), default=0) > MOST_SHARING
    sharing: dict[Key, set[object]] = defaultdict(set)
    for row, matches in zip(rows, found, strict=True):
        for key in keys[row.index] if many or matches else ():
            if key[0] in SHARED and often[key] + len(matches) > MOST_SHARING:
                sharing[key].add(_person(row.made.after))
                sharing[key].update(_person(m.patient) for m in matches if key[0] in m.reasons)
    return {key for key, people in sharing.items() if len(people) > MOST_SHARING}


def _person(patient: Record) -> object:
    return *bare_names(patient), patient["date_of_birth"]
