"""An org with a record of every kind whose texts are all words that stand nowhere else."""

from __future__ import annotations

from typing import Any

from chairside import types
from chairside.fields import Entry
from chairside.resource import Kind
from proofs.requests import KINDS, Asker
from tests.contract.builder import EXAMPLES
from tests.house import Org

WORD = "Canary"
MAIL, PHONE, SSN = "canary.bird@example.org", "(773) 555-0199", "987-65-4321"
# Any of these in another org's answer is a leak; the word without its case, for a rule may fold it.
SIGNS = ("canary", "773) 555", "17735550199", "7735550199", "987-65-4321", "987654321", "6543-21")


class Canary(Asker):
    """Fills every text field, whatever the form of the field lets it say."""

    def __init__(self, org: Org) -> None:
        super().__init__(org)
        self.ids: dict[str, str] = {"org_settings": org.id}

    def value(self, kind: Kind, entry: Entry, number: int, turn: int = 0) -> Any:
        match entry.type:
            case types.Text(max=most) if entry.key not in EXAMPLES.get(kind.name, {}) and most >= 12:
                return f"{WORD} {number}"
            case types.Email():
                return MAIL
            case types.Phone():
                return PHONE
            case types.Ssn():
                return SSN
        return super().value(kind, entry, number, turn)

    def fill(self) -> None:
        """One record of every kind, all of one patient."""
        patient = self.make(KINDS["patient"]).id
        self.ids["patient"] = patient
        for kind in KINDS.values():
            if "create" in kind.verbs and kind.name != "patient":
                made = self.make(kind, patient=patient if kind.parent else None)
                self.ids[kind.name] = made.id
        sent = {"fields": [{"field_definition_uuid": self.ids["field_definition"], "value": f"{WORD} value"}]}
        answer = self.client.put(f"/patients/{patient}/field-values", json=sent)
        self.ids["field_value"] = answer.raise_for_status().json()[0]["id"]
        answer = self.client.post(f"{self.hold(patient).path}/override", json={"reason": f"{WORD} reason"})
        self.ids["hold_override"] = answer.raise_for_status().json()["id"]

    def id_for(self, key: str, subject: str) -> str:
        """The id of a record of the kind that a key of a path, a query or a body names, of operations on a subject."""
        name = key.removesuffix("s").removesuffix("_uuid")
        if name == "definition":
            return self.ids[subject]
        if found := next((kind for kind in KINDS.values() if kind.id_param == key), None):
            return self.ids[found.name]
        fitting = [kind for kind in KINDS if name == kind or name.endswith("_" + kind)]
        return self.ids[max(fitting, key=len, default="patient")]
