"""Import of many patients in one call: each row judged alone, all of them written by a few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chairside.changes import Asked, Change, Desk, Record, Reply
from chairside.errors import Problem, Refused
from chairside.fields import Body, bounded, try_body
from chairside.records.patients.guarantors import Families, families_of
from chairside.records.patients.matching import WRITTEN, Judged, Matcher, Row
from chairside.types import is_mask, mask_of

STATUSES = (*WRITTEN, "unchanged", "skipped", "failed", "validated")
ANOTHER_PERSON = "The row shares a signal with a patient of another name and birth date."
PERHAPS_ANOTHER = "The row shares a signal with a patient who may be another person."
# Problems that the answer lists of a row and of all rows.
MOST_OF_A_ROW, MOST_OF_ALL = 20, 1000
GUARANTOR, SSN = "responsible_party_id", "social_security_number"
NO_OWN_MASK = "is not the mask that the matched record is answered with"


@dataclass(slots=True)
class Book:
    """What is there before the import, and what its rows have made of it so far, patient by patient."""

    before: Mapping[str, Record]
    charts: set[str]
    families: Families
    allergic: set[str]
    new: dict[str, Change] = field(default_factory=dict)
    held: dict[str, Change] = field(default_factory=dict)
    now: dict[str, Record] = field(default_factory=dict)


async def import_patients(desk: Desk, asked: Asked, *, body: Body) -> Reply:
    """Judge every row, then write the good ones; always answers with one result per row, in order."""
    meta = asked.body.get("meta") or {
        "mode": "commit",
        "atomic": False,
        "on_duplicate": "create",
        "match_on": ["chart_number"],
    }
    turns = desk.in_turns(enumerate(asked.body["rows"]))
    rows = [_read(desk, i, sent, body) async for few in turns for i, sent in few]
    await _check_references(desk, rows)
    validate = meta["mode"] == "validate"
    matcher, good = Matcher(meta["match_on"]), [r for r in rows if r.good]
    await matcher.look(desk, good, lock=not validate)
    book = await _decide(desk, good, matcher, meta["on_duplicate"])
    _conclude(rows, validate=validate, atomic=meta["atomic"])
    written = {id(r.change) for r in rows if r.status in WRITTEN}
    if written:
        await desk.save_many("patient", [c for c in book.new.values() if id(c) in written], "created")
        await desk.save_many("patient", [c for c in book.held.values() if id(c) in written], "updated")
    unmade = {own for own, change in book.new.items() if id(change) not in written}
    tally = Counter(r.status for r in rows)
    counts = {status: tally[status] for status in STATUSES}
    _shorten(rows)
    return Reply(data={"results": [r.shown(unmade) for r in rows], "total": len(rows), **counts})


def _read(desk: Desk, index: int, sent: object, body: Body) -> Row:
    row = Row(index)
    values, problems = try_body(body, sent, desk.now, "body", "rows", index)
    row.row_key = values.pop("row_key", None)  # type: ignore[assignment]  # text, by its entry
    row.problems.extend(bounded(problems, MOST_OF_A_ROW))
    if is_mask(str(values.get(SSN))):
        row.ssn_mask = str(values.pop(SSN))
    if row.good:
        row.change = desk.change("patient", None, values)
        _settle(desk, row, row.change)
    return row


def _shorten(rows: Sequence[Row]) -> None:
    """Lists so many problems of all rows together; a row after that says how many it has of each code."""
    left = MOST_OF_ALL
    for row in rows:
        row.problems = bounded(row.problems, left)
        left = max(0, left - len(row.problems))


def _settle(desk: Desk, row: Row, change: Change) -> None:
    try:
        desk.settle("patient", change)
    except Refused as refused:
        row.problems.extend(
            Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type, p.extra) for p in refused.problems
        )


async def _decide(desk: Desk, good: Sequence[Row], matcher: Matcher, on_duplicate: str) -> Book:
    """What becomes of each good row, one after the other: a row that failed is nobody's double and no guarantor."""
    book = await _opened(desk, good, matcher.found if on_duplicate == "update" else set())
    await desk.know_places("patient", [*(row.made.after for row in good), *book.before.values()])
    async for few in desk.in_turns(good):
        for row in few:
            own = row.made.after["id"]
            _decide_one(desk, row, matcher.judge(row, book.now), book, on_duplicate)
            if row.good:
                same = row.matches and on_duplicate != "create"
                matcher.remember(row, row.matches[0] if same else own)
    return book


def _decide_one(desk: Desk, row: Row, judged: Judged, book: Book, on_duplicate: str) -> None:
    row.matches = judged.same or judged.other or judged.unsure
    if not judged.same or on_duplicate != "update":
        _judge_days(desk, row, row.made)
    if not row.good:
        return
    if judged.other and not judged.same:
        row.fail("ambiguous_match", msg=ANOTHER_PERSON)
    elif not row.matches or on_duplicate == "create":
        _create(row, book)
    elif not judged.same:
        row.fail("ambiguous_match", msg=PERHAPS_ANOTHER)
    elif on_duplicate == "fail":
        row.fail("duplicate_row")
    elif on_duplicate == "skip":
        row.status = "skipped"
    else:
        _update(desk, row, book)


def _judge_days(desk: Desk, row: Row, change: Change) -> None:
    """The row's dates by the day at the location it names, else at that of the patient whom it changes."""
    row.problems.extend(
        Problem(("body", "rows", row.index, *p.loc[1:]), p.msg, p.type) for p in desk.ahead("patient", change)
    )


async def _opened(desk: Desk, rows: Sequence[Row], targets: set[str]) -> Book:
    before = {p["id"]: p for p in await desk.ask("patients.records", list(targets))} if targets else {}
    wanted = {row.made.after["chart_number"] for row in rows} - {None}
    taken = await desk.ask("patients.by_chart_number", list(wanted), True) if wanted else []
    joining = [row for row in rows if GUARANTOR in row.made.given]
    ids = {row.made.after[GUARANTOR] for row in joining} - {row.made.after["id"] for row in joining}
    families = await families_of(desk, ids | set(before) if joining else set())
    return Book(before, {c["chart_number"] for c in taken}, families, await _allergic(desk, rows, set(before)))


async def _allergic(desk: Desk, rows: Sequence[Row], targets: set[str]) -> set[str]:
    """Whom no row may say to have no known allergies; all are held, so that no allergy is recorded meanwhile."""
    if not targets or all(row.made.after["allergy_review_status"] != "nkda" for row in rows):
        return set()
    await desk.ask("patients.lock", list(targets))
    return {p["patient_id"] for p in await desk.ask("chart.allergic", list(targets))}


def _create(row: Row, book: Book) -> None:
    patient = row.made.after
    chart, guarantor = patient["chart_number"], patient[GUARANTOR]
    if row.ssn_mask:
        row.fail("invalid_ssn", SSN, msg=NO_OWN_MASK)
    elif chart in book.charts:
        row.fail("duplicate_chart_number", "chart_number")
    elif guarantor != patient["id"] and (code := book.families.join(patient["id"], guarantor)):
        row.fail(code, "responsible_party_uuid")
    else:
        book.charts.update(c for c in [chart] if c)
        book.new[patient["id"]], book.now[patient["id"]] = row.made, patient
        row.status = "created"


def _update(desk: Desk, row: Row, book: Book) -> None:
    """Put the row's values onto the one patient it matches, who may be a row of this very call."""
    target = row.matches[0]
    onto = book.new.get(target) or book.held.get(target)
    if onto is None and target in book.before:
        onto = desk.change("patient", book.before[target], {})
    if len(row.matches) > 1 or onto is None:
        row.fail("ambiguous_match")
        return
    sent = _sent(row, target)
    status, chart = sent.pop("status", None), sent.get("chart_number")
    if status is not None and status != onto.after["status"]:
        row.fail("invalid_transition", "status")
    if chart and chart != onto.after["chart_number"] and chart in book.charts:
        row.fail("duplicate_chart_number", "chart_number")
    _judge_mask(row, onto)
    if sent.get("allergy_review_status") == "nkda" and target in book.allergic:
        row.fail("active_allergies", "allergy_review_status")
    trial = replace(onto, after=onto.after | sent, given=onto.given | frozenset(sent))
    _settle(desk, row, trial)
    _judge_days(desk, row, trial)
    guarantor = trial.after[GUARANTOR]
    if row.good and guarantor != onto.after[GUARANTOR] and (code := book.families.join(target, guarantor)):
        row.fail(code, "responsible_party_uuid")
    if not row.good:
        return  # alone: what other rows put onto the same patient stays
    row.change, row.status = onto, "unchanged" if _equal(desk, onto, trial) else "updated"
    if row.status == "unchanged":
        return
    onto.after, onto.given = trial.after, trial.given
    book.now[target] = onto.after
    book.charts.update(c for c in [chart] if c)
    if onto.before is not None:
        book.held[target] = onto


def _equal(desk: Desk, onto: Change, trial: Change) -> bool:
    """True where a row says nothing new of its patient; an SSN is compared by its blind index until a row gave one."""
    ssn, told = trial.after[SSN], SSN in trial.given and SSN not in onto.given and onto.before is not None
    known = onto.after[SSN] if not told else onto.after[f"{SSN}_index"]
    same = known in desk.blind(ssn) if told and ssn else known == ssn
    if told and ssn and known:
        desk.guess(onto.after["id"], ssn, right=same)
    return same and all(trial.after[column] == value for column, value in onto.after.items() if column != SSN)


def _judge_mask(row: Row, onto: Change) -> None:
    """A mask in the row must be the patient's own, who holds it as stored, or a plain number from an earlier row."""
    kept = onto.after[SSN]
    if row.ssn_mask and (kept is None or row.ssn_mask != mask_of(kept)):
        row.fail("invalid_ssn", SSN, msg=NO_OWN_MASK)


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


def _conclude(rows: Sequence[Row], *, validate: bool, atomic: bool) -> None:
    for row in rows:
        if not row.good:
            row.status = "failed"
    failed = any(row.status == "failed" for row in rows)
    for row in rows:
        if validate and row.status in WRITTEN:
            row.status = "validated"
        elif atomic and failed and row.status != "failed":
            row.status = "skipped"
