"""Bounds guesses of sealed values over time, for callers who may not reveal them, and reports bursts of wrong ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chairside.engine import security
from chairside.engine.audit import Trail
from chairside.engine.audit_keys import AuditKeys
from chairside.engine.context import Context
from chairside.engine.shown import Shown
from chairside.errors import Refused, refuse
from chairside.store.lending import Connection
from chairside.store.sql import queries

# Different values that one user may try about one patient, right ones included, and wrong ones in all. Typing errors
# and old numbers of an import of 5,000 rows stay below; five hidden digits are 100,000 values.
MOST_ABOUT_ONE, ABOUT_ONE_WINDOW = 5, timedelta(days=30)
MOST_WRONG, WRONG_WINDOW = 500, timedelta(days=1)
# So many wrong values within WRONG_WINDOW are an event.
BURST = 20
MOST_NAMED = 200
CODE = "too_many_guesses"

# The comparisons: patient and mark of the value, with whether it was right.
Guesses = Mapping[tuple[str, bytes], bool]


class TooManyGuesses(Refused):
    """The refusal, with the guesses, which must be kept although the request is rolled back."""

    def __init__(self, guesses: Guesses, seconds: int) -> None:
        self.guesses = guesses
        super().__init__(refuse(CODE, "body", retry_after=seconds).problems)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Wrong guesses of a user within the longer window, each with its time."""

    guesses: Mapping[tuple[str, bytes], datetime]
    now: datetime

    @property
    def lately(self) -> list[datetime]:
        return [at for at in self.guesses.values() if at > self.now - WRONG_WINDOW]

    def wait(self, new: Guesses) -> timedelta | None:
        """The time until these guesses may be answered; None when they may be now.

        Whether they are right makes no difference once a bound is reached, else the refusal would tell.
        """
        unknown = {guess: right for guess, right in new.items() if guess not in self.guesses}
        lately, wrong = self.lately, sum(not right for right in unknown.values())
        if unknown and (len(lately) >= MOST_WRONG or len(lately) + wrong > MOST_WRONG):
            return min(lately, default=self.now) + WRONG_WINDOW - self.now
        about: dict[str, set[bytes]] = defaultdict(set)
        for patient, mark in (*self.guesses, *unknown):
            about[patient].add(mark)
        crowded = {patient for patient, _ in unknown if len(about[patient]) > MOST_ABOUT_ONE}
        if not crowded:
            return None
        times = [at for (patient, _), at in self.guesses.items() if patient in crowded]
        return min(times, default=self.now) + ABOUT_ONE_WINDOW - self.now


async def charge(connection: Connection, context: Context, keys: AuditKeys, trail: Trail, guesses: Guesses) -> None:
    """Keeps the wrong guesses in this transaction; TooManyGuesses when these may not be answered.

    One request of a user at a time is charged, so parallel ones cannot pass together.
    """
    org_id, user_id = context.caller.org_id, context.caller.user_id
    await connection.fetch(queries()["guessing.hold"], org_id, user_id)
    since = context.now - ABOUT_ONE_WINDOW
    rows = await connection.fetch(queries()["guessing.kept"], org_id, user_id, since)
    kept = _Kept({(row["patient_id"], row["guess"]): row["at"] for row in rows}, context.now)
    wait = kept.wait(guesses)
    new = [guess for guess, right in guesses.items() if not right and guess not in kept.guesses]
    # A user who is over a bound already adds nothing, so refused requests cannot fill the table.
    if new and len(kept.lately) < MOST_WRONG:
        patients, marks = [patient for patient, _ in new], [mark for _, mark in new]
        await connection.execute(queries()["guessing.keep"], org_id, user_id, patients, marks, context.now, since)
        before, after = len(kept.lately), len(kept.lately) + len(new)
        if wait is not None or before < BURST <= after:
            await _report(connection, context, keys, trail, patients, refused=wait is not None)
    if wait is not None:
        raise TooManyGuesses(guesses, max(1, int(wait.total_seconds())))


async def _report(
    connection: Connection,
    context: Context,
    keys: AuditKeys,
    trail: Trail,
    patients: list[str],
    *,
    refused: bool,
) -> None:
    """Tells of the guesses, and names the patients in the audit record."""
    named = Shown(tuple(dict.fromkeys(patients))[:MOST_NAMED], len(patients))
    outcome, status = ("denied", context.status_guessed) if refused else ("allowed", context.status)
    await security.report(connection, context, keys, trail, security.GUESSING, named, status=status, outcome=outcome)
