"""The rules of every patient: derived columns, the status machine, the guarantor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chairside.changes import Change, Desk, Record, wrong
from chairside.errors import Problem
from chairside.records.patients.death import settle_death
from chairside.records.patients.fields import BUCKETS
from chairside.records.patients.keys import keys

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "prospective": ("active",),
    "active": ("inactive", "deceased"),
    "inactive": ("active",),
    "deceased": (),
}
RESTRICTING_BALANCE = Decimal("500.00")


def check_create(values: dict[str, Any], _now: datetime) -> Iterable[Problem]:
    """What the fields of a new patient must fulfil together."""
    if values.get("status") == "archived":
        yield Problem(("status",), "a new patient cannot be archived", "invalid_choice")
    account, guarantor = values.get("billing_account"), values.get("responsible_party_uuid")
    if account and guarantor:
        joined = account.get("guarantor_uuid")
        if joined != guarantor:
            yield Problem(("billing_account",), "names another guarantor than responsible_party_uuid", "contradiction")


def settle(change: Change) -> None:
    """Everything that follows from a patient's own fields."""
    new, changed = change.after, change.changed
    account = new.pop("billing_account", None)
    if account:
        new["responsible_party_id"] = account["guarantor_uuid"]
        change.given |= {"responsible_party_id"}
    if new["responsible_party_id"] is None:
        new["responsible_party_id"] = new["id"]
    # Always, for a record that was read before its keys were derived anew brings the old ones.
    new |= keys(new, change.region)
    if changed(*BUCKETS, "insurance_estimate"):
        _settle_balances(new)
    settle_death(change)
    new["scheduling_restricted"] = new["status"] == "inactive" or (new["balance_total"] or 0) > RESTRICTING_BALANCE


def _settle_balances(new: Record) -> None:
    buckets = [new[b] for b in BUCKETS]
    new["balance_total"] = (
        None if all(b is None for b in buckets) else sum((b or Decimal(0) for b in buckets), Decimal(0))
    )
    if new["balance_total"] is None:
        new["estimated_balance"] = None
    else:
        new["estimated_balance"] = new["balance_total"] - (new["insurance_estimate"] or Decimal(0))


async def keep_nkda_true(desk: Desk, change: Change) -> None:
    """No known drug allergies, and an active allergy: not both, also when two requests race (the row is locked)."""
    new = change.after
    if change.before is None or new["allergy_review_status"] != "nkda" or not change.changed("allergy_review_status"):
        return
    await desk.ask("patients.lock", [new["id"]])
    if await desk.ask("chart.active_allergies", new["id"]):
        raise wrong("active_allergies", "allergy_review_status")


async def keep_guarantor_whole(desk: Desk, change: Change) -> None:
    """No chains: a guarantor is their own guarantor, also when two requests race (both rows are locked)."""
    own, guarantor = change.after["id"], change.after["responsible_party_id"]
    if guarantor == own or not change.changed("responsible_party_id"):
        return
    key = "billing_account" if "billing_account" in change.given else "responsible_party_uuid"
    locked = {row["id"]: row for row in await desk.ask("patients.lock", [own, guarantor])}
    if guarantor not in locked or locked[guarantor]["deleted_at"] is not None:
        raise wrong("not_found", key)
    if locked[guarantor]["responsible_party_id"] != guarantor:
        raise wrong("guarantor_not_own", key)
    if change.before is not None and await desk.ask("patients.dependents", own):
        raise wrong("guarantor_of_dependents", key)
