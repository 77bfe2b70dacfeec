"""Decides of whom a match by SSN may be told: to a caller who may not reveal it, only with birth date and last name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from chairside.changes import Desk

# The place of a probe, with the id of a patient whose SSN it may be told to match.
Told = set[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Claim:
    """The SSN that a caller sent, with the last name and birth date that were sent with it."""

    ssn: str = field(repr=False)
    last_name_key: str
    date_of_birth: date | None


async def tellable(desk: Desk, claims: Sequence[Claim | None]) -> Told | None:
    """Returns the matches by SSN that may be told; None where all may, to a caller who may reveal the number.

    The SSN of a patient with this last name and birth date is compared, and each comparison counts as a guess. No
    other is looked up, so that neither answer nor time tells of it.
    """
    if desk.may_reveal:
        return None
    asked = [(i, c.last_name_key, c.date_of_birth) for i, c in enumerate(claims) if c and c.date_of_birth]
    told: Told = set()
    if not asked:
        return told
    blind = {place: desk.blind(claim.ssn) for place, claim in enumerate(claims) if claim}
    columns = ([row[i] for row in asked] for i in range(3))
    for row in await desk.ask("patients.namesakes", *columns):
        claim, right = claims[row["place"]], row["index"] in blind[row["place"]]
        if claim is not None:
            desk.guess(row["id"], claim.ssn, right=right)
        if right:
            told.add((row["place"], row["id"]))
    return told
