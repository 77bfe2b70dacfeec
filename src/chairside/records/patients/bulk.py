"""Import of many patients in one call: each row judged alone, all of them written by a few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.errors import Problem, Refused
from chairside.fields import Body, try_body
from chairside.records.patients.matching import Row, match

STATUSES = ("created", "updated", "skipped", "failed", "validated")


async def import_patients(desk: Desk, asked: Asked, *, body: Body) -> Reply:
    """Judge every row, then write the good ones; always answers with one result per row, in order."""
    meta = asked.body.get("meta") or {
        "mode": "commit",
        "atomic": False,
        "on_duplicate": "create",
        "match_on": ["chart_number"],
    }
    rows = [_read(desk, i, sent, body) for i, sent in enumerate(asked.body["rows"])]
    await match(desk, rows, meta["match_on"])
    await _check_references(desk, rows)
    await _check_guarantors(desk, rows, meta["on_duplicate"])
    inserts, updates = await _decide(desk, rows, meta["on_duplicate"])
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
        _settle(desk, row, row.change)
    return row


def _settle(desk: Desk, row: Row, change: Change) -> None:
    try:
        desk.settle("patient", change)
    except Refused as refused:
        row.problems.extend(
            Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type, p.extra) for p in refused.problems
        )


async def _decide(desk: Desk, rows: Sequence[Row], on_duplicate: str) -> tuple[list[Change], list[Change]]:
    """What becomes of each good row, and the changes to write: new patients, and patients that exist."""
    new: dict[str, Change] = {}
    held: dict[str, Change] = {}
    targets = {m for r in rows if on_duplicate == "update" for m in r.matches}
    before = {p["id"]: p for p in await desk.ask("patients.records", list(targets))} if targets else {}
    charts = await _charts_taken(desk, rows)
    for row in (r for r in rows if r.good and r.change):
        if row.matches and on_duplicate in ("skip", "fail"):
            row.status = "skipped" if on_duplicate == "skip" else ""
            if on_duplicate == "fail":
                row.fail("duplicate_row")
        elif row.matches and on_duplicate == "update":
            _update(desk, row, new, held, before, charts)
        else:
            _create(row, charts)
            if row.good:
                new[row.made.after["id"]] = row.made
    return list(new.values()), list(held.values())


async def _charts_taken(desk: Desk, rows: Sequence[Row]) -> set[str]:
    wanted = {r.change.after["chart_number"] for r in rows if r.change and r.change.after["chart_number"]}
    return (
        {c["chart_number"] for c in await desk.ask("patients.by_chart_number", list(wanted), True)} if wanted else set()
    )


def _create(row: Row, charts: set[str]) -> None:
    chart = row.made.after["chart_number"]
    if chart in charts:
        row.fail("duplicate_chart_number", "chart_number")
        return
    if chart:
        charts.add(chart)
    row.status = "created"


def _update(
    desk: Desk,
    row: Row,
    new: dict[str, Change],
    held: dict[str, Change],
    before: dict[str, Record],
    charts: set[str],
) -> None:
    """Put the row's values onto the one patient it matches, who may be a row of this very call."""
    target = row.matches[0]
    onto = new.get(target) or held.get(target)
    if onto is None and target in before:
        onto = desk.change("patient", before[target], {})
    if len(row.matches) > 1 or onto is None:
        row.fail("ambiguous_match", msg=None if onto else "matches a row that was not imported")
        return
    sent = _sent(row, target)
    status, chart = sent.pop("status", None), sent.get("chart_number")
    if status is not None and status != onto.after["status"]:
        row.fail("invalid_transition", "status")
    if chart and chart != onto.after["chart_number"] and chart in charts:
        row.fail("duplicate_chart_number", "chart_number")
    trial = replace(onto, after=onto.after | sent, given=onto.given | frozenset(sent))
    _settle(desk, row, trial)
    if not row.good:
        return  # alone: what other rows put onto the same patient stays
    onto.after, onto.given = trial.after, trial.given
    charts.update(c for c in [chart] if c)
    row.change, row.status = onto, "updated"
    if onto.before is not None:
        held[target] = onto


def _sent(row: Row, target: str) -> dict[str, Any]:
    """What the row says of the patient it matches; their own guarantor is then that patient."""
    sent = {column: row.made.after[column] for column in row.made.given if column != "billing_account"}
    if sent.get("responsible_party_id") == row.made.after["id"]:
        sent["responsible_party_id"] = target
    return sent


async def _check_references(desk: Desk, rows: Sequence[Row]) -> None:
    judged = [r for r in rows if r.good and r.change]
    found = await desk.name_references("patient", [r.change for r in judged if r.change])
    for row, problems in zip(judged, found, strict=True):
        row.problems.extend(Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type) for p in problems)


async def _check_guarantors(desk: Desk, rows: Sequence[Row], on_duplicate: str) -> None:
    """The rules of keep_guarantor_whole for all rows at once, as if one came after the other.

    Judged before rows are put together, so that one with a wrong guarantor fails alone.
    """
    joining = [(row, _becomes(row, on_duplicate)) for row in rows if row.good and row.change and _joins(row.change)]
    if not joining:
        return
    ids = sorted({row.made.after["responsible_party_id"] for row, _ in joining} | {own for _, own in joining})
    locked = {row["id"]: row for row in await desk.ask("patients.lock", ids)}
    named = {row["responsible_party_id"] for row in await desk.ask("patients.named_guarantors", ids)}
    joined: set[str] = set()
    for row, own in joining:
        guarantor = locked.get(row.made.after["responsible_party_id"])
        if guarantor is None or guarantor["deleted_at"] is not None:
            row.fail("not_found", "responsible_party_uuid")
        elif guarantor["id"] == own:
            continue
        elif guarantor["responsible_party_id"] != guarantor["id"] or guarantor["id"] in joined:
            row.fail("guarantor_not_own", "responsible_party_uuid")
        elif own in named:
            row.fail("guarantor_of_dependents", "responsible_party_uuid")
        else:
            named.add(guarantor["id"])
            joined.add(own)


def _becomes(row: Row, on_duplicate: str) -> str:
    """Whose record the row is going to be."""
    return row.matches[0] if on_duplicate == "update" and row.matches else str(row.made.after["id"])


def _joins(change: Change) -> bool:
    return bool(change.after["responsible_party_id"] != change.after["id"])


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
