"""The guarantor rule for many rows at once, as if one came after the other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from chairside.changes import Desk


@dataclass(frozen=True, slots=True)
class Families:
    """Who names whom as guarantor, as earlier rows leave it; `named` are guarantors of others."""

    guarantor: dict[str, str]
    named: set[str]

    def join(self, own: str, guarantor: str) -> str | None:
        """Notes that a patient joins a guarantor, or leaves one; the code of the refusal where that may not be."""
        if guarantor != own:
            if guarantor not in self.guarantor:
                return "not_found"
            if self.guarantor[guarantor] != guarantor:
                return "guarantor_not_own"
            if own in self.named:
                return "guarantor_of_dependents"
            self.named.add(guarantor)
        self.guarantor[own] = guarantor
        return None


async def families_of(desk: Desk, ids: Collection[str]) -> Families:
    """The families of these patients, held until the transaction ends; archived ones are nobody's guarantor."""
    if not ids:
        return Families({}, set())
    held = await desk.ask("patients.lock", sorted(ids))
    named = await desk.ask("patients.named_guarantors", sorted(ids))
    present = {row["id"]: row["responsible_party_id"] for row in held if row["deleted_at"] is None}
    return Families(present, {row["responsible_party_id"] for row in named})
