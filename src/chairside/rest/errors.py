"""From refusals to HTTP: one table from error code to status, and one form of every error body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chairside.engine.operations import Operation
from chairside.errors import Problem
from chairside.fields import bounded

UNAUTHENTICATED, FORBIDDEN, INVALID = 401, 403, 422
# Problems that a refusal lists; of the others it tells the number by code.
MOST_LISTED = 100
STATUS: Mapping[str, int] = {
    "ambiguous_request": 400,
    "unauthenticated": 401,
    "token_suspended": 401,
    "network_not_allowed": 403,
    "forbidden": 403,
    "field_forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "incomplete_body": 408,
    "version_conflict": 409,
    "idempotency_conflict": 409,
    "idempotency_in_progress": 409,
    "duplicate_chart_number": 409,
    "duplicate_name": 409,
    "duplicate_tag": 409,
    "duplicate_allergy": 409,
    "duplicate_category": 409,
    "duplicate_relationship": 409,
    "primary_exists": 409,
    "feed_reset": 410,
    "feed_truncated": 410,
    "precondition_failed": 412,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "too_many_requests": 429,
    "too_many_guesses": 429,
    "internal_error": 500,
    "unavailable": 503,
    **dict.fromkeys(
        (
            "invalid_json",
            "too_deep",
            "more_problems",
            "invalid_header",
            "repeated_field",
            "unknown_field",
            "unknown_parameter",
            "repeated_parameter",
            "missing",
            "null_not_allowed",
            "wrong_type",
            "invalid_text",
            "too_long",
            "too_short",
            "out_of_range",
            "invalid_choice",
            "invalid_uuid",
            "invalid_date",
            "invalid_datetime",
            "invalid_time",
            "invalid_email",
            "invalid_phone",
            "invalid_ssn",
            "invalid_code",
            "invalid_color",
            "invalid_npi",
            "invalid_timezone",
            "contradiction",
            "invalid_cursor",
            "duplicate_row",
            "invalid_transition",
            "not_archived",
            "not_deceased",
            "contact_of_deceased",
            "circular_relationship",
            "guarantor_not_own",
            "guarantor_of_dependents",
            "guarantor_archived",
            "ambiguous_match",
            "guarantor_of_active_dependents",
            "active_allergies",
            "not_active",
            "no_hold",
            "definition_in_use",
        ),
        INVALID,
    ),
}
# Refusals that a later retry helps against, with the seconds to wait where the refusal itself does not say them.
RETRY_AFTER: Mapping[str, int] = {
    "idempotency_in_progress": 1, "too_many_requests": 1, "unavailable": 2, "too_many_guesses": 86_400,
}  # fmt: skip


def success_of(operation: Operation) -> int:
    if not operation.answer:
        return 204
    return 201 if operation.created else 200


def status_of(code: str) -> int:
    return STATUS[code]


def outcome_of(status: int) -> str:
    """The word of the audit trail for a status."""
    if status >= 500:
        return "failed"
    if status in (401, 403, 404, 429):
        return "denied"
    return "invalid" if status >= 400 else "allowed"


def body_of(problems: Sequence[Problem]) -> bytes:
    return msgspec.json.encode({"detail": [p.shown() for p in bounded(problems, MOST_LISTED)]})


def status_of_all(problems: Sequence[Problem]) -> int:
    """One status for several problems: first that the caller may not, then the form of the request, then the rest."""
    statuses = {status_of(p.type) for p in problems}
    return next((status for status in (FORBIDDEN, INVALID) if status in statuses), max(statuses))


def headers_of(problems: Sequence[Problem]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for problem in problems:
        if problem.type in RETRY_AFTER:
            headers["retry-after"] = str(problem.extra.get("retry_after", RETRY_AFTER[problem.type]))
        if status_of(problem.type) == UNAUTHENTICATED:
            headers["www-authenticate"] = "Bearer"
    return headers
