"""Rows of an import on their way, and whom each may double: patients that exist, and rows before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from chairside.changes import Change, Desk, Record
from chairside.errors import CODES, Problem
from chairside.records.patients.duplicates import Probe, find, probe_of
from chairside.words import squeeze


@dataclass(slots=True)
class Row:
    """One row on its way: what was sent, what it becomes, and how it ended."""

    index: int
    row_key: str | None = None
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
        kept = self.status in ("created", "updated")
        return {
            "index": self.index,
            "row_key": self.row_key,
            "status": self.status,
            "patient_id": self.made.after["id"] if kept else None,
            "errors": [p.shown() for p in self.problems],
            "duplicate_of": [match for match in self.matches if match not in unmade],
        }


class Seen:
    """Whom the rows so far stand for, by what makes a match."""

    def __init__(self, match_on: Sequence[str]) -> None:
        self._match_on = match_on
        self._ids: dict[tuple[str, object], str] = {}

    def earlier(self, patient: Record) -> list[str]:
        return [self._ids[key] for key in _keys(patient, self._match_on) if key in self._ids]

    def note(self, patient: Record, patient_id: str) -> None:
        for key in _keys(patient, self._match_on):
            self._ids.setdefault(key, patient_id)


async def existing_matches(desk: Desk, rows: Sequence[Row], match_on: Sequence[str]) -> dict[int, list[str]]:
    """For each row, by its index, the patients whom it may double."""
    found: dict[int, list[str]] = {r.index: [] for r in rows}
    if "chart_number" in match_on:
        charts = {r.made.after["chart_number"] for r in rows if r.made.after["chart_number"]}
        held = {c["chart_number"]: c["id"] for c in await desk.ask("patients.by_chart_number", list(charts), False)}
        for row in rows:
            if taken := held.get(row.made.after["chart_number"]):
                found[row.index].append(taken)
    signals = set(match_on) - {"chart_number"}
    if signals:
        probes = [_probe(desk, r.made.after, signals) for r in rows]
        for row, items in zip(rows, await find(desk, probes), strict=True):
            found[row.index].extend(i["id"] for i in items if _same(i, row))
    return found


def _probe(desk: Desk, patient: Record, signals: set[str]) -> Probe:
    whole = probe_of(desk, patient, patient["social_security_number"] if "ssn" in signals else None)
    return Probe(
        last_name_key=whole.last_name_key if "name_dob" in signals else None,
        date_of_birth=whole.date_of_birth,
        email_key=whole.email_key if "email" in signals else None,
        mobile_phone_e164=whole.mobile_phone_e164 if "mobile_phone" in signals else None,
        ssn=whole.ssn,
    )


def _same(item: dict[str, Any], row: Row) -> bool:
    """Twins share last name and birth date, so an import asks for the first name too."""
    if item["match_reasons"] != ["name_dob"]:
        return True
    return bool(squeeze(item["first_name"]) == row.made.after["first_name_key"])


def _keys(patient: Record, match_on: Sequence[str]) -> Iterable[tuple[str, object]]:
    if "chart_number" in match_on and patient["chart_number"]:
        yield "chart_number", patient["chart_number"]
    if "email" in match_on and patient["email_key"]:
        yield "email", patient["email_key"]
    if "mobile_phone" in match_on and patient["mobile_phone_e164"]:
        yield "mobile_phone", patient["mobile_phone_e164"]
    if "ssn" in match_on and patient["social_security_number"]:
        yield "ssn", patient["social_security_number"]
    if "name_dob" in match_on and patient["date_of_birth"]:
        yield "name_dob", (patient["last_name_key"], patient["first_name_key"], patient["date_of_birth"])
