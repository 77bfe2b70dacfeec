"""Packs answers that are kept for retries: compressed, with what most of them have in common left out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

# The first byte of a packed answer. Answers kept by releases before are JSON, or nothing.
PACKED = b"\x01"
LEVEL = 3
# Texts that answers consist of. They never change, because packed answers need them to be read: another dictionary gets
# another first byte.
_NULLS = """middle_name preferred_name salutation title chart_number date_of_birth gender pronoun marital_status
  social_security_number medicaid_id email mobile_phone home_phone work_phone address_line1 address_line2 city state
  postal_code country address_note preferred_language preferred_contact_method preferred_confirmation_method"""
_MORE_NULLS = """medical_summary medical_urgent_note treatment_notes appointment_module_note ask_to_arrive_early_mins
  consent_flags date_first_visit date_time_deceased smoking_snomed latest_vitals_date primary_provider
  secondary_provider location"""
_LAST_NULLS = """fee_schedule billing_type employer billing_cycle_day balance_0_30 balance_31_60 balance_61_90
  balance_over_90 balance_total insurance_estimate estimated_balance payment_plan_due"""


def _nulls(names: str) -> str:
    return "".join(f'"{name}":null,' for name in names.split())


_DICTIONARY = (
    '{"items":[{"results":[{"status":"created","patient":{"id":"0","name":"reaction":"severity":"onset_date":null,'
    '"recorded_by":null,"is_active":true,"note":null,"notes":null,"body":"author":{"id":"entered_in_error":false,'
    '{"id":"0","first_name":"","last_name":"",'
    + _nulls(_NULLS)
    + '"receives_sms":false,"receives_email":false,"emergency_contact_name":null,"emergency_contact_phone":null,'
    '"status":"active","allergy_review_status":"not_reviewed","premedication_required":false,'
    + _nulls(_MORE_NULLS)
    + '"responsible_party":{"id":"0","name":""},'
    + _nulls(_LAST_NULLS)
    + '"scheduling_restricted":false,"potential_duplicates":[],"created_at":"2026-01-01T00:00:00.000000Z",'
    '"updated_at":"2026-01-01T00:00:00.000000Z","deleted_at":null,"version":1}'
).encode()


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts of an answer that are the same each time it is given."""

    body: bytes
    etag: str | None
    location: str | None


def pack(kept: Kept) -> bytes:
    """Returns the answer as it is stored."""
    head = f"{kept.etag or ''}\n{kept.location or ''}\n".encode()
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_DICTIONARY)
    return PACKED + packing.compress(head + kept.body) + packing.flush()


def unpack(stored: bytes) -> Kept:
    """Returns the answer that `pack` was given."""
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_DICTIONARY)
    etag, location, body = (unpacking.decompress(stored[len(PACKED) :]) + unpacking.flush()).split(b"\n", 2)
    return Kept(body, etag.decode() or None, location.decode() or None)
