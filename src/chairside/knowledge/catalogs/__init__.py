"""The catalogs every new org starts with."""

from chairside.knowledge.data_files import csv_rows

KINDS: tuple[str, ...] = (
    "allergy_definitions",
    "medication_definitions",
    "disease_definitions",
    "alert_definitions",
    "communication_types",
    "billing_types",
    "referral_sources",
)

_FLAGS = frozenset({"codes_verified", "default_is_urgent"})


def starter(kind: str) -> list[dict[str, object]]:
    """The rows of one catalog in the order they should be shown, each a fresh dict keyed by field.

    An empty cell is None. `codes_verified` (allergies, medications, diseases) says whether every code of the
    row was looked up; docs/knowledge.md says where. KeyError names a kind that is not one of KINDS.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    return [{key: _value(key, cell) for key, cell in row.items()} for row in csv_rows(f"catalogs/{kind}.csv")]


def _value(key: str, cell: str) -> object:
    return {"true": True, "false": False}[cell] if key in _FLAGS else cell or None
