"""What is true of every patient: derived columns, the status machine, the guarantor, what a patient is found by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import phonenumbers

from chairside.changes import Change, Desk, Record, SearchWords, wrong
from chairside.errors import Problem
from chairside.records.patients.fields import BUCKETS, PHONES
from chairside.words import birth_word, fold, in_pairs, longest, name_words, phone_words, squeeze

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "prospective": ("active",),
    "active": ("inactive", "deceased"),
    "inactive": ("active",),
    "deceased": (),
}
RESTRICTING_BALANCE = Decimal("500.00")
NAME_SCOPE, OTHER_SCOPE, ARCHIVED_SCOPE = 0, 1, 2
# Typeahead counts exactly up to 1,000 people by reading a bounded number of words, so each has few.
MOST_NAME_WORDS = 12


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
    if changed("first_name", "last_name"):
        new["last_name_key"], new["first_name_key"] = squeeze(new["last_name"]), squeeze(new["first_name"])
    if changed("chart_number"):
        new["chart_number_key"] = new["chart_number"] and (squeeze(new["chart_number"]) or new["chart_number"])
    if changed("email"):
        new["email_key"] = new["email"] and fold(new["email"])
    for phone in PHONES:
        if changed(phone):
            new[f"{phone}_e164"] = e164(new[phone], change.region)
    if changed(*BUCKETS, "insurance_estimate"):
        _settle_balances(new)
    new["scheduling_restricted"] = new["status"] == "inactive" or (new["balance_total"] or 0) > RESTRICTING_BALANCE
    if changed("status") and new["status"] == "deceased":
        new["date_time_deceased"] = new["date_time_deceased"] or change.now
        new["receives_sms"] = new["receives_email"] = False


def _settle_balances(new: Record) -> None:
    buckets = [new[b] for b in BUCKETS]
    new["balance_total"] = (
        None if all(b is None for b in buckets) else sum((b or Decimal(0) for b in buckets), Decimal(0))
    )
    if new["balance_total"] is None:
        new["estimated_balance"] = None
    else:
        new["estimated_balance"] = new["balance_total"] - (new["insurance_estimate"] or Decimal(0))


# Ten digits as they are mostly written in these regions, which the library would only put together.
PLAIN_REGIONS = ("US", "CA")
_PLAIN_PHONE = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)|[2-9]\d\d)[ .-]?\d{3}[ .-]?\d{4}", re.ASCII)
_MARKS = str.maketrans("", "", "+() .-")


def e164(phone: str | None, region: str) -> str | None:
    """A telephone number in international form, or None where the text is not enough for one."""
    if not phone:
        return None
    if region in PLAIN_REGIONS and _PLAIN_PHONE.fullmatch(phone):
        return "+1" + phone.translate(_MARKS)[-10:]
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def search_words(patient: Record) -> SearchWords:
    """What a patient is found by: names and chart number first, each beside another, then telephones.

    Mobile phone, e-mail and birth date lead to patients by their own indexes (store/lists.py), which leave out the
    archived; for those they are words, too.
    """
    parts = (patient["chart_number"] or "").split()
    charts = patient["chart_number_key"], *(map(squeeze, parts) if len(parts) > 1 else ())
    whole = patient["last_name_key"], patient["first_name_key"]
    # A name of letters alone is its key.
    more = [name for name in (patient["first_name"], patient["last_name"]) if not name.isalnum()]
    if patient["preferred_name"]:
        more.append(patient["preferred_name"])
    rest = sorted(name_words(*more).difference(whole)) if more else ()
    names = [word for word in dict.fromkeys((*charts, *whole, *rest)) if word][:MOST_NAME_WORDS]
    middle = patient["middle_name"]
    others = name_words(middle) if middle else set()
    for phone, international in _NUMBERS:
        if typed := patient[phone]:
            others |= _number_words(patient[international], typed)
    if patient["deleted_at"]:
        born, mail = patient["date_of_birth"], patient["email_key"]
        others |= {birth_word(born)} if born else set()
        others |= {squeeze(mail)} if mail else set()
        return {(ARCHIVED_SCOPE, ""): {(word, "") for word in (*names, *others)}}
    others.discard(patient["mobile_phone_e164"])
    paired = set(in_pairs(longest(names)))
    return {(NAME_SCOPE, " ".join(whole)): paired, (OTHER_SCOPE, ""): {(w, "") for w in others.difference(names)}}


def _number_words(e164: str | None, typed: str) -> set[str]:
    whole = (e164 or "").lstrip("+")
    # Numbers of code 1 are most, and the library knows it among all others only.
    from_area_code = whole[1:] if whole.startswith("1") else _from_area_code(whole)
    return phone_words(e164, from_area_code, _digits(typed))


def _from_area_code(digits: str) -> str:
    """An international number without its country code; no such code begins another."""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((digits[n:] for n in (1, 2, 3) if digits and int(digits[:n]) in codes), "")


def _digits(phone: str) -> str:
    digits = phone.translate(_MARKS)
    if not (digits.isascii() and digits.isdecimal()):
        digits = _NO_DIGITS.sub("", phone)
    return digits if digits.isascii() else "".join(str(int(c)) for c in digits)


_NO_DIGITS = re.compile(r"\D")
_NUMBERS = tuple((phone, f"{phone}_e164") for phone in PHONES)


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
