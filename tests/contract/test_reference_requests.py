"""Requests as clients of the reference send them: each sample body of it, with its nulls and its form, is taken.

The fields and their order are facts of the reference; ids, days and words stand where it has placeholders of a type.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.builder import Builder

Body = dict[str, Any]
DAY, LATER, TEXT = "2024-01-15", "2024-02-15", "string"
VERSION = {"base_version": 1}
CONTRACT = json.loads((Path(__file__).parent.parent / "contract.json").read_text())
ANY = re.compile(r"<[^>]*>")


@dataclass
class Clinic:
    """A patient with one record of each kind, made anew for each sample so that its version is 1."""

    home: Builder
    made: dict[str, str] = field(default_factory=dict)

    def id(self, name: str) -> str:
        if name not in self.made:
            path, body = self.records(name)
            self.made[name] = self.home.client.made(path, body)["id"]
        return self.made[name]

    def records(self, name: str) -> tuple[str, Body]:
        own = {"name": f"Sample {uuid4()}"}
        catalogs = {
            "provider": "/providers",
            "partner": "/referral-partners",
            "source": "/referral-sources",
            "allergen": "/allergy-definitions",
            "problem": "/disease-definitions",
            "drug": "/medication-definitions",
            "talk": "/communication-types",
            "alert definition": "/patient-alert-definitions",
            "tag definition": "/patient-tag-definitions",
        }
        if name in catalogs:
            return catalogs[name], own
        if name in ("patient", "other"):
            return "/patients", {"first_name": "Ana", "last_name": "Lind", "date_of_birth": "1984-02-11"}
        if name == "field definition":
            return "/patient-field-definitions", own | {"field_type": "text"}
        path = f"/patients/{self.id('patient')}"
        of_patient: dict[str, tuple[str, Body]] = {
            "visit": ("", {"patient_uuid": self.id("patient"), "starts_at": "2025-01-15T09:00:00Z"}),
            "alert": ("/alerts", {"alert_definition_uuid": self.id("alert definition")}),
            "allergy": ("/allergies", {"allergy_definition_uuid": self.id("allergen")}),
            "disease": ("/diseases", {"disease_definition_uuid": self.id("problem")}),
            "medication": ("/medications", {"med_descript": TEXT}),
            "attribution": ("/referral-attributions", {"provider_uuid": self.id("provider")}),
            "relationship": (
                "/relationships",
                {"to_patient_uuid": self.id("other"), "relationship_type": "sibling"},
            ),
            "vitals": ("/vital-signs", {"date_taken": "2025-01-15"}),
        }
        if name == "visit":
            return "/appointments", of_patient[name][1]
        below, body = of_patient[name]
        return path + below, body


# Method, path, body. A word in <angle brackets> is the id of a record of that name.
SAMPLES: list[tuple[str, str, Body]] = [
    ("POST", "/patients", {
        "address_line1": TEXT, "address_line2": TEXT, "address_note": TEXT, "allergy_review_status": "nkda",
        "appointment_module_note": TEXT, "first_name": TEXT, "last_name": TEXT}),
    ("POST", "/patients/<patient>/alerts", {
        "alert_definition_uuid": "<alert definition>", "alert_scope": "patient", "disable_on": "2099-01-15",
        "is_urgent": False, "note": TEXT}),
    ("POST", "/patients/<patient>/alerts", {
        "alert_definition_uuid": "<alert definition>", "alert_scope": None, "is_urgent": None, "note": ""}),
    ("POST", "/patients/<patient>/alerts/<alert>/archive", {}),
    ("POST", "/patients/<patient>/alerts/<alert>/disable", VERSION),
    ("POST", "/patients/<patient>/alerts/bulk-dismiss", {"alert_uuids": ["<alert>"]}),
    ("POST", "/patients/<patient>/allergies", {
        "allergy_definition_uuid": "<allergen>", "date_adverse_reaction": DAY, "reaction": TEXT, "severity": TEXT,
        "snomed_reaction": TEXT, "status_is_active": None}),
    ("POST", "/patients/<patient>/communication-logs", {
        "appointment_uuid": "<visit>", "communication_datetime": "2025-01-15T09:00:00Z",
        "communication_type_uuid": "<talk>", "direction": "sent", "mode": "phone"}),
    ("POST", "/patients/<patient>/diseases", {
        "date_start": DAY, "date_stop": LATER, "disease_definition_uuid": "<problem>", "function_status": "problem",
        "patient_note": TEXT, "problem_status": None}),
    ("POST", "/patients/<patient>/medications", {
        "date_start": DAY, "date_stop": LATER, "dosage": TEXT, "frequency": TEXT, "is_cpoe": False,
        "medication_definition_uuid": "<drug>"}),
    ("POST", "/patients/<patient>/medications", {"med_descript": TEXT, "is_cpoe": None, "rx_cui": "", "route": ""}),
    ("POST", "/patients/<patient>/referral-attributions", {
        "attribution_role": "assist", "provider_uuid": "<provider>"}),
    ("POST", "/patients/<patient>/referral-attributions", {
        "attribution_role": None, "referral_partner_uuid": "<partner>", "provider_uuid": None, "source_note": ""}),
    ("POST", "/patients/<patient>/referral-attributions", {"referral_source_uuid": "<source>"}),
    ("POST", "/patients/<patient>/referral-attributions", {"referring_patient_uuid": "<other>"}),
    ("POST", "/patients/<patient>/relationships", {
        "is_guardian": None, "note": TEXT, "relationship_type": "caregiver", "to_patient_uuid": "<other>"}),
    ("POST", "/patients/<patient>/transition-status", {"base_version": 1, "new_status": "inactive"}),
    ("POST", "/patients/<patient>/vital-signs", {
        "bmi": None, "bmi_percentile": 1, "bp_diastolic": 80, "bp_systolic": 120, "date_taken": "2025-01-15",
        "has_followup_plan": None}),
    ("POST", "/patients/bulk", {"meta": {}, "rows": [{"first_name": TEXT, "last_name": TEXT, "receives_sms": None}]}),
    ("POST", "/patients/bulk", {"meta": {"mode": None, "atomic": None, "on_duplicate": None}, "rows": [
        {"first_name": TEXT, "last_name": TEXT}]}),
    ("POST", "/patients/check-duplicates", {
        "date_of_birth": "1984-02-11", "email": "", "last_name": TEXT, "mobile_phone": "",
        "social_security_number": ""}),
    ("POST", "/patients/<patient>/archive", {}),
    ("PUT", "/patients/<patient>/field-values", {"fields": [
        {"field_definition_uuid": "<field definition>", "value": TEXT}]}),
    ("PATCH", "/patients/<patient>", {
        "address_line1": TEXT, "address_line2": TEXT, "address_note": TEXT, "allergy_review_status": None,
        "appointment_module_note": TEXT, **VERSION}),
    ("PATCH", "/patients/<patient>/alerts/<alert>", {
        "alert_scope": None, **VERSION, "date_disabled": None, "disable_on": "2099-01-15", "is_urgent": None}),
    ("PATCH", "/patients/<patient>/allergies/<allergy>", {
        "allergy_definition_uuid": "<allergen>", **VERSION, "date_adverse_reaction": DAY, "reaction": TEXT,
        "severity": TEXT, "status_is_active": None}),
    ("PATCH", "/patients/<patient>/diseases/<disease>", {
        **VERSION, "date_start": DAY, "date_stop": LATER, "disease_definition_uuid": "<problem>",
        "function_status": "cognitive_result", "problem_status": None}),
    ("PATCH", "/patients/<patient>/medications/<medication>", {
        **VERSION, "date_start": DAY, "date_stop": LATER, "discontinuation_reason": TEXT, "dosage": TEXT,
        "is_cpoe": None, "status": None}),
    ("PATCH", "/patients/<patient>/referral-attributions/<attribution>", {
        "attribution_role": None, **VERSION, "source_note": TEXT}),
    ("PATCH", "/patients/<patient>/relationships/<relationship>", {
        **VERSION, "is_guardian": None, "note": TEXT, "relationship_type": "parent"}),
    ("PATCH", "/patients/<patient>/vital-signs/<vitals>", {
        **VERSION, "bmi": None, "bmi_percentile": 1, "bp_diastolic": 80, "bp_systolic": 120,
        "has_followup_plan": None}),
    ("POST", "/patient-alert-definitions", {
        "category": TEXT, "default_is_urgent": False, "default_scope": "patient", "description": TEXT,
        "item_order": 1, "name": "<new>"}),
    ("POST", "/patient-alert-definitions", {
        "category": "", "default_is_urgent": None, "default_scope": None, "description": "", "name": "<new>"}),
    ("POST", "/patient-alert-definitions/<alert definition>/archive", VERSION),
    ("PATCH", "/patient-alert-definitions/<alert definition>", {
        **VERSION, "category": TEXT, "default_is_urgent": None, "default_scope": "family", "description": TEXT}),
    ("POST", "/patient-field-definitions", {
        "description": TEXT, "dropdown_options": None, "field_type": "text", "is_required": False, "item_order": 0,
        "name": "<new>"}),
    ("POST", "/patient-field-definitions", {"field_type": "date", "is_required": None, "name": "<new>"}),
    ("POST", "/patient-field-definitions/<field definition>/archive", VERSION),
    ("PATCH", "/patient-field-definitions/<field definition>", {
        **VERSION, "description": TEXT, "dropdown_options": None, "field_type": "number", "is_required": None}),
    ("POST", "/patient-tag-definitions", {
        "category": TEXT, "color": "#2f855a", "description": TEXT, "item_order": 1, "name": "<new>"}),
    ("POST", "/patient-tag-definitions", {"category": "", "color": "", "description": "", "name": "<new>"}),
    ("POST", "/patient-tag-definitions/<tag definition>/archive", VERSION),
    ("PATCH", "/patient-tag-definitions/<tag definition>", {
        **VERSION, "category": TEXT, "color": "#2f855a", "description": TEXT, "item_order": 1}),
]  # fmt: skip


def filled(clinic: Clinic, value: Any) -> Any:
    """A sample with the ids of records in place of their names."""
    if isinstance(value, dict):
        return {key: filled(clinic, part) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(clinic, part) for part in value]
    if value == "<new>":
        return f"Sample {uuid4()}"
    if not isinstance(value, str) or "<" not in value:
        return value
    before, _, rest = value.partition("<")
    name, _, after = rest.partition(">")
    return filled(clinic, before + clinic.id(name) + after)


@pytest.mark.parametrize(
    ("method", "path", "sent"), SAMPLES, ids=[f"{i} {m} {p}" for i, (m, p, _) in enumerate(SAMPLES)]
)
def test_a_request_of_a_client_of_the_reference_is_taken(home: Builder, method: str, path: str, sent: Body) -> None:
    """2xx for every one of them."""
    clinic = Clinic(home)
    body, at = filled(clinic, sent), filled(clinic, path)
    answer = home.client.request(method, at, json=body)
    assert answer.is_success, answer.text
    if path == "/patients/bulk":
        assert answer.json()["created"] == len(body["rows"]), answer.text


# Operations of the contract that take a body or none, and are writes; tags and social history have no sample there.
UNSAMPLED = ("/tags", "/social-history", "/restore")


def test_every_write_that_the_reference_documents_has_a_sample() -> None:
    """An operation without one would be tried by nobody."""
    promised = {
        (e["method"], e["path"].removeprefix("/api/v1/{org_id}").replace("{", "<").replace("}", ">"))
        for e in CONTRACT["endpoints"]
        if e["method"] != "GET" and e["documented"]
    }
    tried = {(method, ANY.sub("<>", path)) for method, path, _ in SAMPLES}
    wanted = {(method, ANY.sub("<>", path)) for method, path in promised}
    missing = {row for row in wanted - tried if not any(word in row[1] for word in UNSAMPLED)}
    archives = {row for row in missing if row[1].endswith("/archive")}  # no body, or only a version
    assert missing == archives
