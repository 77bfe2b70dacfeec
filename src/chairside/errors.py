"""Every error code of the API with its meaning, and the one exception that carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CODES: Mapping[str, str] = {
    # who is asking
    "unauthenticated": "No token was sent, or it is unknown, expired, unused for too long or revoked.",
    "token_suspended": (
        "The token or its user is suspended, as all tokens are after a restore, until an administrator reinstates it."
    ),
    "network_not_allowed": "The token is bound to networks, and the request does not come from one of them.",
    "forbidden": "The caller's role may not do this.",
    "field_forbidden": "The caller's role may not change this field.",
    "not_found": "There is no such record, or it is not for this caller.",
    "method_not_allowed": "The path exists, but not with this method.",
    # the form of a request
    "invalid_json": "The body is not well-formed JSON.",
    "unsupported_media_type": "A body must be sent as application/json.",
    "too_deep": "The body is nested deeper than any field is.",
    "more_problems": "There are more problems than are listed; codes says how many of each.",
    "ambiguous_request": "The request has two Host headers, or a transfer coding other than chunked alone.",
    "incomplete_body": "The body did not come whole, or not in time; nothing was done.",
    "body_too_large": "The body is larger than this operation takes.",
    "invalid_header": "A header has a value that cannot be used.",
    "repeated_field": "The field stands more than once in its object.",
    "unknown_field": "The body has a field that this operation does not know.",
    "unknown_parameter": "The query has a parameter that this operation does not know.",
    "repeated_parameter": "A query parameter that takes one value was sent more than once.",
    "missing": "A required field or parameter is absent.",
    "null_not_allowed": "This field cannot be cleared.",
    "wrong_type": "The value has another JSON type than this field takes.",
    "invalid_text": "The text has characters that cannot be stored: NUL or half a surrogate pair.",
    "too_long": "The text or list is longer than allowed.",
    "too_short": "The text or list is shorter than allowed; blanks at the ends do not count.",
    "out_of_range": "The number or date lies outside what is allowed.",
    "invalid_choice": "The value is not one of those allowed; the message names them.",
    "invalid_uuid": "The value is not a UUID.",
    "invalid_date": "The value is not a date of the calendar, YYYY-MM-DD.",
    "invalid_datetime": "The value is not an RFC 3339 time with an offset.",
    "invalid_time": "The value is not a time of day, HH:MM or HH:MM:SS.",
    "invalid_email": "The value is not an e-mail address.",
    "invalid_phone": "The value holds too few or too many digits for a telephone number.",
    "invalid_ssn": "The value is not a social security number of nine digits.",
    "invalid_code": "The value has not the form of a code of its system.",
    "invalid_color": "The value is not a colour of the form #rrggbb.",
    "invalid_npi": "The value is not a National Provider Identifier of ten digits.",
    "invalid_timezone": "The value is not a name of the IANA time zone database.",
    "contradiction": "Two fields of the request exclude each other.",
    "invalid_cursor": "The cursor is damaged, or was made for another sort, direction or filter.",
    # versions and retries
    "version_conflict": "The record has changed since base_version; current_version says where it is now.",
    "precondition_failed": "The record's version is not the one named in If-Match.",
    "idempotency_conflict": "The Idempotency-Key was used before for another method, path, query or body.",
    "idempotency_in_progress": "A request with this Idempotency-Key is still running; send it again later.",
    "feed_reset": "The server was restored since this number or cursor was given out; read all again from the start.",
    "feed_truncated": "Events after this number are no longer kept; read all records again and go on after kept_after.",
    # rules of the records
    "duplicate_chart_number": "Another patient of the org, archived ones included, has this chart number.",
    "duplicate_name": "Another active record of this catalog has this name.",
    "duplicate_allergy": "The patient already has an active allergy of this definition.",
    "duplicate_relationship": "This relationship between the two is recorded already.",
    "primary_exists": "The patient has an active primary attribution already.",
    "definition_in_use": "Patients have values that this change would make false.",
    "duplicate_category": "The patient already has an entry of this category; change that one.",
    "active_allergies": "The patient has active allergies, so there are known ones.",
    "not_active": "Only an active alert can be disabled.",
    "no_hold": "No value of this reading holds a procedure now: it is in range, measured again or overridden.",
    "duplicate_tag": "The patient already has this tag.",
    "duplicate_row": "The row matches an existing patient or an earlier row.",
    "invalid_transition": "A patient cannot go from the present status to this one.",
    "not_deceased": "Only a deceased patient has a time of death; transition-status makes one deceased.",
    "contact_of_deceased": "A deceased patient receives no messages, so this flag cannot be set.",
    "circular_relationship": "Each of two patients would be the other's parent, grandparent or guardian.",
    "not_archived": "Only an archived record can be restored.",
    "guarantor_not_own": "A guarantor must be their own guarantor.",
    "guarantor_of_dependents": "Others name this patient as guarantor, so the patient cannot join another.",
    "guarantor_archived": "The patient's guarantor is archived; restore the guarantor first.",
    "ambiguous_match": "The row matches several patients, or one who may be another person; nothing is changed.",
    "guarantor_of_active_dependents": "The patient is guarantor of patients who are not archived.",
    # the server itself
    "internal_error": "Something failed on the server; the request id finds it in the log.",
    "too_many_guesses": (
        "The caller has tried too many values for sealed numbers; retry_after says in how many seconds to try again."
    ),
    "too_many_requests": "The org has too much under way; nothing was done, and Retry-After says when to try again.",
    "unavailable": "The server is full, or its database away or busy; Retry-After says when to try again.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its place in the request, a sentence, a code of CODES, and what helps to go on."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    extra: Mapping[str, object] = field(default_factory=dict)

    def shown(self) -> dict[str, object]:
        return {"loc": list(self.loc), "msg": self.msg, "type": self.type, **self.extra}


class Refused(Exception):
    """The request is refused for these problems; nothing of it is written."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(", ".join(p.type for p in self.problems))


def refuse(code: str, *loc: str | int, msg: str | None = None, **extra: object) -> Refused:
    """A refusal with one problem; the code's meaning is its message unless a better one is given."""
    return Refused([Problem(tuple(loc), msg or CODES[code], code, extra)])
