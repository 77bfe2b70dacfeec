"""A request that would be right, for every operation of the API, about records that were made for it."""

from __future__ import annotations

import re
from typing import Any

from chairside.engine.operations import Operation
from chairside.records import ALL
from chairside.resource import Kind
from proofs.sweep import CARRIED
from tests.contract.builder import Attempt, Body, Builder

KINDS = {kind.name: kind for kind in ALL}
VERBS = {
    "list_": "list", "get_": "get", "create_": "create", "update_": "patch", "archive_": "archive",
    "restore_": "restore",
}  # fmt: skip


class Asker(Builder):
    """Makes right requests in one org; each names records of its own, so that any of them may be sent."""

    def body(self, kind: Kind, *, small: bool = False) -> Body:
        return super().body(kind, small=small) | (CARRIED if kind.name == "patient" else {})

    def right(self, operation: Operation, patient: str | None = None) -> Attempt:
        """A request that this operation would answer with success, about this patient where it is about one."""
        verb = next((v for start, v in VERBS.items() if operation.name.startswith(start)), "")
        kind = KINDS.get(operation.subject)
        if kind is None or verb not in kind.verbs or "create" not in kind.verbs:
            return self._special(operation, patient)
        if kind.name == "patient" and patient:
            return self._of_patient(operation, verb, patient)
        made = self.make(kind, small=True, patient=patient)
        if verb == "restore":
            self.archive(made).raise_for_status()
        return next(a for a in self.attempts(made) if a.verb == verb)

    def _of_patient(self, operation: Operation, verb: str, patient: str) -> Attempt:
        path = "/" + operation.path.format(patient_uuid=patient)
        version = self.client.read(f"/patients/{patient}")["version"] if verb == "patch" else 1
        body = {"base_version": version, "city": f"Town {self.number()}"} if verb == "patch" else None
        if verb == "create":
            body = self.body(KINDS["patient"], small=True)
        return Attempt(verb, operation.method, path, body)  # type: ignore[arg-type]  # one of the five verbs

    def _special(self, operation: Operation, patient: str | None) -> Attempt:
        """Actions, and kinds that are not created one by one."""
        body: Body | None = dict(operation.body.example or {}) if operation.body else None
        ids: dict[str, str] = {}
        if "patient_uuid" in operation.path_params:
            ids["patient_uuid"] = patient or self.make(KINDS["patient"], small=True).id
        match operation.name:
            case "patient_restore" if not patient:
                self.client.post(f"/patients/{ids['patient_uuid']}/archive").raise_for_status()
            case "patient_bulk":
                row = {"first_name": "Bulk", "last_name": f"Row {self.number()}", "row_key": "a"} | CARRIED
                body = {"rows": [row], "meta": {"mode": "commit"}}
            case "alert_disable" | "alert_bulk_dismiss":
                ids["alert_uuid"] = self.make(KINDS["alert"], small=True, patient=ids["patient_uuid"]).id
                body = (
                    {"base_version": 1} if operation.name == "alert_disable" else {"alert_uuids": [ids["alert_uuid"]]}
                )
            case "field_value_put":
                body = self._filled_in()
            case "get_field_value":
                values = f"/patients/{ids['patient_uuid']}/field-values"
                ids["field_value_uuid"] = self.client.put(values, json=self._filled_in()).json()[0]["id"]
            case "vital_signs_override" | "get_hold_override":
                reading = self.hold(ids["patient_uuid"])
                ids["vitals_uuid"] = reading.id
                if operation.name == "get_hold_override":
                    made = self.client.post(f"{reading.path}/override", json={"reason": "Emergency"}).raise_for_status()
                    ids["hold_override_uuid"] = made.json()["id"]
            case "org_settings_update":
                body = {"base_version": self.client.read("/org-settings")["version"], "blocking_preset": "reference"}
        path = re.sub(r"{(\w+)}", lambda found: ids[found.group(1)], operation.path)
        query: dict[str, Any] = {"q": "row"} if operation.name == "patient_search" else {}
        return Attempt("get" if operation.method == "GET" else "create", operation.method, f"/{path}", body, query)

    def _filled_in(self) -> Body:
        """A value of a new custom field."""
        definition = self.make(KINDS["field_definition"], small=True).id
        return {"fields": [{"field_definition_uuid": definition, "value": "yes"}]}
