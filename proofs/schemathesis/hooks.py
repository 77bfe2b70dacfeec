"""What Schemathesis loads beside its own checks: a tally of answers, and what a refusal of fitting data may name."""

from __future__ import annotations

import json
import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.specs.openapi import checks, stateful

# What a request may break although it fits every schema: rules between fields, between records, of today's date, of
# the letters a text may hold, and codes that are looked up. Any other code says that the document is not true.
RULES = {
    "contradiction", "definition_in_use", "guarantor_archived", "guarantor_not_own", "guarantor_of_active_dependents",
    "guarantor_of_dependents", "active_allergies", "ambiguous_match", "duplicate_row", "not_active", "not_archived",
    "invalid_transition", "invalid_cursor", "invalid_timezone", "invalid_text", "invalid_email", "out_of_range",
    "precondition_failed", "not_deceased", "no_hold", "contact_of_deceased",
    "circular_relationship",
}  # fmt: skip
# The same for one field alone: of several fields one must be there, each of which may be null; a dropdown needs
# options, nothing else does; archived is a status that only archiving gives; a masked number must be the one that was
# answered; types of events may be patterns.
OF_FIELDS = {
    ("missing", "medication_definition_uuid"), ("missing", "provider_uuid"), ("missing", "dropdown_options"),
    ("invalid_choice", "status"), ("invalid_ssn", "social_security_number"), ("invalid_choice", "types"),
}  # fmt: skip
# One retry key of so many stays as it was generated.
REPEATED = 5
OK = 200
_numbers = count(1)
TALLY = Path(os.environ["PROOF_TALLY"])


def _every_create(operations: list[Any], transitions: Any, graph: Any) -> Any:  # noqa: ARG001 - called by name
    """Where a story may begin: at whatever has links. Guesses from names left out half, among them the patients."""
    roots = stateful.RootTransitions()
    linked = transitions.operations
    roots.reliable.update(o.label for o in operations if o.label in linked and linked[o.label].outgoing)
    return roots


def _gone(recorder: Any, case: Any, *, created_by: str | None = None) -> bool:
    """Whether a story has removed a record, which here is to archive it; the generator knows of DELETE alone."""
    removed = (
        prior.formatted_path.removesuffix("/archive")
        for prior in recorder.find_all_cases()
        if prior.path.endswith("/archive")
        and (answer := recorder.find_response(case_id=prior.id)) is not None
        and 200 <= answer.status_code < 300
    )
    return any(f"{case.formatted_path}/".startswith(f"{path}/") for path in removed) or _deleted(
        recorder, case, created_by=created_by
    )


def _rejects(ctx: Any, response: Any, case: Any) -> Any:
    """An import judges each row by itself: a 200 that tells of one that failed, and why, has refused it.

    An empty query parameter counts as absent, which no keyword of a schema says. An empty address counts as null,
    beside the format that the contract asks for.
    """
    if any(value in ("", [""]) for value in (case.query or {}).values()):
        return None
    if isinstance(case.body, dict) and case.body.get("email") == "":
        return None
    bulk = case.operation.path.endswith("/patients/bulk") and response.status_code == OK
    if bulk and any(row["status"] == "failed" and row["errors"] for row in response.json()["results"]):
        return None
    return _rejected(ctx, response, case)


stateful.classify_root_transitions = _every_create
_deleted = checks.resource_was_deleted
checks.resource_was_deleted = _gone
_rejected = checks._openapi_negative_data_rejection
checks._openapi_negative_data_rejection = _rejects


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: Any) -> None:
    """A time of day is of no zone, which JSON Schema's `time` must have: it is held to the pattern that stands beside.

    The generator takes what a format means from its libraries, which know one meaning of each. The contract asks for
    this word, and the document's own pattern says which times there are, no more and no less.
    """
    nodes = [raw_schema]
    for node in nodes:
        if isinstance(node, dict) and node.get("format") == "time" and _says_times(node.get("pattern", "")):
            del node["format"]
        nodes += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _says_times(pattern: str) -> bool:
    """Whether a pattern takes what is a time of day and nothing that is none; where it does not, the format counts."""
    right, wrong = ("00:00", "19:30:59"), ("24:00", "09:60", "09:30:60", "9:30", "09:30:00+01:00", "noon")
    return all(re.search(pattern, text) for text in right) and not any(re.search(pattern, text) for text in wrong)


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Simple texts come again and again: most retry keys are made fresh, or nearly every write would be a conflict."""
    if case.headers and "Idempotency-Key" in case.headers and case.meta.generation.mode.is_positive:
        number = next(_numbers)
        if number % REPEATED:
            case.headers["Idempotency-Key"] = f"fresh-{number}"


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """One line for each answer, so that a run that is cut off has told what it saw."""
    with TALLY.open("a") as tally:
        tally.write(json.dumps([f"{case.method} {case.operation.path}", response.status_code]) + "\n")


@schemathesis.check
def refused_by_a_rule(_ctx: Any, response: Any, case: Any) -> None:
    """Data that fits the document is refused for a rule that no schema can hold, never for its form."""
    if response.status_code not in (412, 422) or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for problem in response.json()["detail"]:
        named = {(problem["type"], part) for part in problem["loc"]}
        if problem["type"] not in RULES and not named & OF_FIELDS:
            raise AssertionError(f"fits its schema, refused as {problem}")
