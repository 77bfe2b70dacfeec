"""Interaction warnings as answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chairside.changes import Record
from chairside.fields import Field
from chairside.knowledge.interactions import BASES, GRADES, Substance
from chairside.knowledge.interactions import Warning as InteractionWarning
from chairside.types import Many, Structure

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One allergy that speaks against one medication. Never in the way of recording either.",
    "properties": {
        "severity": {"type": "string", "enum": list(GRADES)},
        "message": {"type": "string"},
        "allergy": {"$ref": "#/components/schemas/Reference"},
        "medication": {"$ref": "#/components/schemas/Reference"},
        "basis": {"type": "string", "enum": list(BASES)},
        "source": {"type": "string"},
    },
    "required": ["severity", "message", "allergy", "medication", "basis", "source"],
}
WARNINGS = Field(
    name="interaction_warnings",
    type=Many(item=Structure({"$ref": "#/components/schemas/InteractionWarningOut"}, check=lambda value, _now: value)),
    doc="What the recorded allergies and medications say against each other; on writing alone, empty on later reads.",
    default=(),
    create=False,
    patch=False,
    stored=False,
)


def substance(medication: Record) -> Substance:
    """A medication as the checker takes it: catalog name, generic name and free text, code and class."""
    words = dict.fromkeys(w for w in (medication["name"], medication["generic_name"], medication["med_descript"]) if w)
    return Substance(" / ".join(words), medication["rx_cui"], medication["drug_class"])


def shown(
    warning: InteractionWarning, allergy: Mapping[str, object], medication: Mapping[str, object]
) -> dict[str, Any]:
    return {
        "severity": warning.severity,
        "message": warning.message,
        "allergy": allergy,
        "medication": medication,
        "basis": warning.basis,
        "source": warning.source,
    }
