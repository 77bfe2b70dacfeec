"""Import of many patients in one call: each row judged alone, all of them written by a few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.errors import CODES, Problem, Refused
from chairside.fields import Body, try_body
from chairside.records.patients.duplicates import Probe, find, probe_of
from chairside.words import squeeze

STATUSES = ("created", "updated", "skipped", "failed", "validated")


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
    def good(self) -> bool:
        return not self.problems

    def shown(self, written: bool) -> dict[str, Any]:
        kept = self.status in ("created", "updated") and self.change is not None
        return {
            "index": self.index,
            "row_key": self.row_key,
            "status": self.status,
            "patient_id": self.change.after["id"] if written and kept and self.change else None,
            "errors": [p.shown() for p in self.problems],
            "duplicate_of": self.matches,
        }


async def import_patients(desk: Desk, asked: Asked, *, body: Body) -> Reply:
    """Judge every row, then write the good ones; always answers with one result per row, in order."""
    meta = asked.body.get("meta") or {
        "mode": "commit",
        "atomic": False,
        "on_duplicate": "create",
        "match_on": ["chart_number"],
    }
    rows = [_read(desk, i, sent, body) for i, sent in enumerate(asked.body["rows"])]
    await _match(desk, rows, meta["match_on"])
    await _check_references(desk, rows)
    inserts, updates = await _decide(desk, rows, meta["on_duplicate"])
    await _check_guarantors(desk, rows)
    _conclude(rows, validate=meta["mode"] == "validate", atomic=meta["atomic"])
    written = {id(r.change) for r in rows if r.status in ("created", "updated")}
    if written:
        await desk.save_many("patient", [c for c in inserts if id(c) in written], "created")
        await desk.save_many("patient", [c for c in updates if id(c) in written], "updated")
    tally = Counter(r.status for r in rows)
    counts = {status: tally[status] for status in STATUSES}
    return Reply(data={"results": [r.shown(bool(written)) for r in rows], "total": len(rows), **counts})


def _read(desk: Desk, index: int, sent: object, body: Body) -> Row:
    row = Row(index)
    values, problems = try_body(body, sent, desk.now, "body", "rows", index)
    row.row_key = values.pop("row_key", None)  # type: ignore[assignment]  # text, by its entry
    row.problems.extend(problems)
    if row.good:
        row.change = desk.change("patient", None, values)
        _settle(desk, row)
    return row


def _settle(desk: Desk, row: Row) -> None:
    assert row.change is not None  # noqa: S101 - only rows that were read well come here
    try:
        desk.settle("patient", row.change)
    except Refused as refused:
        row.problems.extend(
            Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type, p.extra) for p in refused.problems
        )


async def _match(desk: Desk, rows: Sequence[Row], match_on: Sequence[str]) -> None:
    """Whom each row may double: patients that exist, and rows before it in this call."""
    judged = [r for r in rows if r.change is not None and r.good]
    existing = await _existing(desk, judged, match_on)
    seen: dict[tuple[str, object], str] = {}
    for row in judged:
        assert row.change is not None  # noqa: S101 - chosen so above
        patient = row.change.after
        keys = list(_keys(patient, match_on))
        earlier = [seen[k] for k in keys if k in seen]
        row.matches = list(dict.fromkeys([*existing[row.index], *earlier]))
        for key in keys:
            seen.setdefault(key, patient["id"])


async def _existing(desk: Desk, rows: Sequence[Row], match_on: Sequence[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {r.index: [] for r in rows}
    if "chart_number" in match_on:
        charts = {r.change.after["chart_number"] for r in rows if r.change and r.change.after["chart_number"]}
        held = {c["chart_number"]: c["id"] for c in await desk.ask("patients.by_chart_number", list(charts), False)}
        for row in rows:
            if row.change and (taken := held.get(row.change.after["chart_number"])):
                found[row.index].append(taken)
    signals = set(match_on) - {"chart_number"}
    if signals:
        probes = [_probe(desk, r.change.after, signals) for r in rows if r.change]
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
    assert row.change is not None  # noqa: S101 - only judged rows are matched
    if item["match_reasons"] != ["name_dob"]:
        return True
    return bool(squeeze(item["first_name"]) == row.change.after["first_name_key"])


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


async def _decide(desk: Desk, rows: Sequence[Row], on_duplicate: str) -> tuple[list[Change], list[Change]]:
    """What becomes of each good row, and the changes to write: new patients, and patients that exist."""
    new: dict[str, Change] = {}
    held: dict[str, Change] = {}
    targets = {m for r in rows if on_duplicate == "update" for m in r.matches}
    before = {p["id"]: p for p in await desk.ask("patients.records", list(targets))} if targets else {}
    charts = await _charts_taken(desk, rows)
    for row in (r for r in rows if r.good and r.change):
        assert row.change is not None  # noqa: S101 - filtered above
        if row.matches and on_duplicate in ("skip", "fail"):
            row.status = "skipped" if on_duplicate == "skip" else ""
            if on_duplicate == "fail":
                row.fail("duplicate_row")
        elif row.matches and on_duplicate == "update":
            _update(desk, row, new, held, before)
        else:
            _create(row, charts)
            if row.good:
                new[row.change.after["id"]] = row.change
    return list(new.values()), list(held.values())


async def _charts_taken(desk: Desk, rows: Sequence[Row]) -> set[str]:
    wanted = {r.change.after["chart_number"] for r in rows if r.change and r.change.after["chart_number"]}
    return (
        {c["chart_number"] for c in await desk.ask("patients.by_chart_number", list(wanted), True)} if wanted else set()
    )


def _create(row: Row, charts: set[str]) -> None:
    assert row.change is not None  # noqa: S101 - the caller filtered
    chart = row.change.after["chart_number"]
    if chart in charts:
        row.fail("duplicate_chart_number", "chart_number")
        return
    if chart:
        charts.add(chart)
    row.status = "created"


def _update(desk: Desk, row: Row, new: dict[str, Change], held: dict[str, Change], before: dict[str, Record]) -> None:
    """Put the row's values onto the one patient it matches, who may be a row of this very call."""
    assert row.change is not None  # noqa: S101 - the caller filtered
    if len(row.matches) > 1:
        row.fail("ambiguous_match")
        return
    target = row.matches[0]
    onto = new.get(target) or held.get(target)
    sent = {column: row.change.after[column] for column in row.change.given if column != "billing_account"}
    status = sent.pop("status", None)
    if sent.get("responsible_party_id") == row.change.after["id"]:
        sent["responsible_party_id"] = target
    if onto is None:
        if target not in before:
            row.fail("ambiguous_match", msg="matches a row that was not imported")
            return
        onto = desk.change("patient", before[target], {})
    if status is not None and status != onto.after["status"]:
        row.fail("invalid_transition", "status")
        return
    onto.after.update(sent)
    onto.given |= frozenset(sent)
    row.change, row.status = onto, "updated"
    _settle(desk, row)
    if onto.before is not None:
        held[target] = onto


async def _check_references(desk: Desk, rows: Sequence[Row]) -> None:
    judged = [r for r in rows if r.good and r.change]
    found = await desk.name_references("patient", [r.change for r in judged if r.change])
    for row, problems in zip(judged, found, strict=True):
        row.problems.extend(Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type) for p in problems)


async def _check_guarantors(desk: Desk, rows: Sequence[Row]) -> None:
    """The rules of keep_guarantor_whole for all rows at once, as if one came after the other."""
    joining = [r for r in rows if r.good and r.change and _joins(r.change)]
    if not joining:
        return
    changes = [r.change for r in joining if r.change]
    ids = sorted({c.after["responsible_party_id"] for c in changes} | {c.after["id"] for c in changes})
    locked = {row["id"]: row for row in await desk.ask("patients.lock", ids)}
    named = {row["responsible_party_id"] for row in await desk.ask("patients.named_guarantors", ids)}
    joined: set[str] = set()
    for row, change in zip(joining, changes, strict=True):
        guarantor = locked.get(change.after["responsible_party_id"])
        if guarantor is None or guarantor["deleted_at"] is not None:
            row.fail("not_found", "responsible_party_uuid")
        elif guarantor["responsible_party_id"] != guarantor["id"] or guarantor["id"] in joined:
            row.fail("guarantor_not_own", "responsible_party_uuid")
        elif change.after["id"] in named:
            row.fail("guarantor_of_dependents", "responsible_party_uuid")
        else:
            named.add(guarantor["id"])
            joined.add(change.after["id"])


def _joins(change: Change) -> bool:
    return bool(change.changed("responsible_party_id") and change.after["responsible_party_id"] != change.after["id"])


def _conclude(rows: Sequence[Row], *, validate: bool, atomic: bool) -> None:
    for row in rows:
        if not row.good:
            row.status = "failed"
    failed = any(row.status == "failed" for row in rows)
    for row in rows:
        if validate and row.status in ("created", "updated"):
            row.status = "validated"
        elif atomic and failed and row.status != "failed":
            row.status = "skipped"
