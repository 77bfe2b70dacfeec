"""Who may do what: one table of role, area and right."""

from __future__ import annotations

from collections.abc import Mapping

from chairside.engine.context import Caller
from chairside.errors import refuse

ROLES = ("admin", "clinician", "front_desk", "billing", "read_only", "integration", "portal")
AREAS = (
    "demographics",
    "chart",
    "alerts",
    "people",
    "communications",
    "appointments",
    "fields",
    "tags",
    "balances",
    "setup",
    "org_settings",
    "events",
    "audit",
)
RIGHTS = ("read", "write", "reveal", "override")

_NONE, _READ, _WRITE = frozenset[str](), frozenset({"read"}), frozenset({"read", "write"})

# A portal login is bound to one patient: what it may reach is declared with the fields themselves.
TABLE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "demographics": {
        "admin": _WRITE | {"reveal"},
        "clinician": _READ,
        "front_desk": _WRITE,
        "billing": _READ | {"reveal"},
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "chart": {
        # A hold is overridden by a person who answers for it, never by a program.
        "admin": _WRITE | {"override"},
        "clinician": _WRITE | {"override"},
        "front_desk": _READ,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "alerts": {
        "admin": _WRITE,
        "clinician": _WRITE,
        "front_desk": _WRITE,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "people": {
        "admin": _WRITE,
        "clinician": _READ,
        "front_desk": _WRITE,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "communications": {
        "admin": _WRITE,
        "clinician": _WRITE,
        "front_desk": _WRITE,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "appointments": {
        "admin": _WRITE,
        "clinician": _READ,
        "front_desk": _WRITE,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "fields": {
        "admin": _WRITE,
        "clinician": _READ,
        "front_desk": _WRITE,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "tags": {
        "admin": _WRITE,
        "clinician": _READ,
        "front_desk": _WRITE,
        "billing": _READ,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "balances": {
        "admin": _WRITE,
        "clinician": _NONE,
        "front_desk": _NONE,
        "billing": _WRITE,
        "read_only": _NONE,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "setup": {
        "admin": _WRITE,
        "clinician": _READ,
        "front_desk": _READ,
        "billing": _READ,
        "read_only": _READ,
        "integration": _WRITE,
        "portal": _NONE,
    },
    "org_settings": {
        "admin": _WRITE,
        "clinician": _NONE,
        "front_desk": _NONE,
        "billing": _NONE,
        "read_only": _NONE,
        "integration": _NONE,
        "portal": _NONE,
    },
    "events": {
        "admin": _READ,
        "clinician": _READ,
        "front_desk": _READ,
        "billing": _NONE,
        "read_only": _READ,
        "integration": _READ,
        "portal": _NONE,
    },
    "audit": {
        "admin": _READ,
        "clinician": _NONE,
        "front_desk": _NONE,
        "billing": _NONE,
        "read_only": _NONE,
        "integration": _NONE,
        "portal": _NONE,
    },
}


def charts(caller: Caller) -> bool:
    """Whether the caller may read charts, and with them the clinical fields of records of other areas."""
    return "read" in TABLE["chart"][caller.role]


def may_reveal(caller: Caller) -> bool:
    """Whether the caller may see the sealed values of patients whole."""
    return "reveal" in TABLE["demographics"][caller.role]


def clinical(caller: Caller, area: str) -> bool:
    """Whether the caller may write charts, but not this area: of its records they keep the clinical fields alone."""
    return "write" not in TABLE[area][caller.role] and "write" in TABLE["chart"][caller.role]


def allow(caller: Caller, area: str, right: str, *, portal: bool, patient_id: str | None) -> None:
    """Returns when the caller may do this; forbidden otherwise, or for a portal login not_found.

    `portal` says whether the operation has a shape for patients' own logins, `patient_id` whom the path names.
    """
    if caller.portal:
        if not portal or right == "reveal" or patient_id is None or patient_id != caller.patient_id:
            raise refuse("not_found", "path")
        return
    if right not in TABLE[area][caller.role]:
        raise refuse("forbidden", "header", "authorization", msg=f"the role {caller.role} may not do this")
