"""Every role is answered on every operation, field by field, what the printed table of roles says, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from chairside.app import every_operation, openapi
from chairside.engine.operations import Operation
from proofs.requests import KINDS, Asker
from proofs.trial import Trial
from tests.contract.builder import Attempt
from tests.house import Client
from tests.portal import ONE_PATIENT, SEEN

# Rounds are how often everything is tried, each time on other records.
SHORT, LONG = 1, 5
PRINTED = Path(__file__).parents[1] / "tests" / "snapshots" / "roles.txt"
DOCUMENT = openapi()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
SSN, MASKED = "987-65-4321", "***-**-4321"
# Which row of the table a path is in: the last word of the path that stands here.
ROWS = {
    "patients": "demographics", "balances": "balances", "alerts": "alerts", "allergies": "chart",
    "medications": "chart", "diseases": "chart", "vital-signs": "chart", "social-history": "chart",
    "medical-summary": "chart", "hold-overrides": "chart",
    "family": "people", "guardians": "people", "dependents": "people", "relationships": "people",
    "referral-attributions": "people", "communication-logs": "communications", "appointments": "appointments",
    "field-values": "fields", "tags": "tags", "org-settings": "org_settings", "events": "events",
    "audit-events": "audit",
}  # fmt: skip
OTHERS = "setup"
# What a role may change of a patient although the table does not let it write there, and a login of the patient's own.
CLINICAL = {
    "allergy_review_status", "premedication_required", "medical_urgent_note", "medical_summary", "treatment_notes",
}  # fmt: skip
CONTACT = {
    "pronoun", "email", "mobile_phone", "home_phone", "work_phone", "address_line1", "address_line2", "city", "state",
    "postal_code", "country", "preferred_language", "preferred_contact_method", "preferred_confirmation_method",
    "receives_sms", "receives_email", "emergency_contact_name", "emergency_contact_phone",
}  # fmt: skip
FORBIDDEN = "field_forbidden"
REFUSED_FIELDS = {"unknown_field", FORBIDDEN}
READING_POSTS = ("patient_check_duplicates",)
Table = dict[str, dict[str, set[str]]]


def prove(trial: Trial) -> None:
    table = printed()
    with trial.house() as house:
        for turn in range(trial.rounds):
            asker = Asker(house.org(f"Roles Dental {turn}"))
            own = asker.make(KINDS["patient"], {"social_security_number": SSN}).id
            clients = {r: asker.org.desk(r, *(["--patient", own] if r == "portal" else [])) for r in table["chart"]}
            for operation in every_operation():
                _try(trial, table, asker, clients, operation, own)
            for operation in every_operation():
                if operation.body is not None and operation.writes:
                    _try_fields(trial, table, asker, clients, operation, own)
            _try_reveal(trial, table, asker, clients, own)


def printed(text: str | None = None) -> Table:
    """The rights of each role in each area, as the table prints them."""
    head, *rows = (text or PRINTED.read_text()).partition("\n\n")[0].splitlines()
    roles = head.split()
    starts = [head.index(role) for role in roles]
    return {
        row.split()[0]: {
            role: set(row[start : start + 14].replace("-", "").split())
            for role, start in zip(roles, starts, strict=True)
        }
        for row in rows
    }


def expected(table: Table, operation: Operation, role: str, *, own: bool) -> int:
    """The status that the table promises a role; `own` says that the path names the portal login's own patient."""
    words = [word for word in operation.path.split("/") if not word.startswith("{")]
    area = next((ROWS[word] for word in reversed(words) if word in ROWS), OTHERS)
    reads = operation.method == "GET" or operation.name in READING_POSTS
    if role == "portal":
        shape = re.sub(r"/{(?!patient_uuid)\w+}$", "", operation.path)
        seen = operation.path == ONE_PATIENT or (shape in SEEN and shape != ONE_PATIENT)
        changes = operation.path == ONE_PATIENT and operation.method == "PATCH"
        return 200 if own and ((reads and seen) or changes) else 404
    if operation.name == "update_patient" and "wr" in table["chart"][role]:
        return 200
    right = "ov" if operation.name == "vital_signs_override" else "re" if reads else "wr"
    return 200 if right in table[area][role] else 403


def _try(trial: Trial, table: Table, asker: Asker, clients: dict[str, Client], operation: Operation, own: str) -> None:
    """One right request by each role in turn, made anew when it was carried out."""
    right: Attempt | None = None
    for role, client in clients.items():
        mine = own if role == "portal" and "patient_uuid" in operation.path_params else None
        if mine or right is None:
            right = _right(asker, operation, role, mine)
        answer, wanted = right.by(client), expected(table, operation, role, own=mine is not None)
        status = 200 if answer.is_success else answer.status_code
        trial.expect(
            status == wanted, f"{role} {operation.name}: {answer.status_code} {answer.text[:200]}, not {wanted}"
        )
        if answer.is_success:
            _look_at_answer(trial, role, operation, answer)
        if answer.is_success or mine:
            right = None
        trial.tried("operations by role")


def _right(asker: Asker, operation: Operation, role: str, patient: str | None) -> Attempt:
    right = asker.right(operation, patient)
    if operation.name == "update_patient" and role == "clinician" and right.json:
        right.json.clear()
        right.json.update(base_version=1, medical_urgent_note="Latex")
    return right


def _look_at_answer(trial: Trial, role: str, operation: Operation, answer: httpx.Response) -> None:
    """The shape is the document's for the staff, the reduced one for a portal; no number is shown whole."""
    trial.expect("987654321" not in answer.text.replace("-", ""), f"{role} {operation.name} shows a number whole")
    form, _, schema = operation.answer.rpartition(":")
    if not schema or operation.name in ("list_events", "list_audit_events"):
        return
    sent = answer.json()
    records = sent if form == "array" else sent["data" if form == "cursor" else "items"] if form else [sent]
    shape = re.sub(r"/{(?!patient_uuid)\w+}$", "", operation.path)
    wanted = SEEN[shape] if role == "portal" else set(SCHEMAS[schema]["properties"])
    for record in records:
        trial.expect(
            set(record) == wanted, f"{role} {operation.name} shows {set(record) ^ wanted} too much or too little"
        )
    trial.tried("answers by role", len(records))


def _try_fields(
    trial: Trial, table: Table, asker: Asker, clients: dict[str, Client], operation: Operation, own: str
) -> None:
    """Every field that exists in one body, each of a wrong type: which of them a role may send is in the refusal."""
    sendable = set(operation.body.entries) if operation.body else set()
    shown = set(SCHEMAS.get(operation.answer.rpartition(":")[2], {}).get("properties", {}))
    body = {key: {"wrong": ["type"]} for key in sendable | shown | {"org_id", "caller_id", "role"}}
    right = asker.right(operation)
    for role, client in clients.items():
        mine = role == "portal" and "patient_uuid" in operation.path_params
        path = "/" + operation.path.format(patient_uuid=own) if mine and operation.path == ONE_PATIENT else right.path
        answer = client.request(operation.method, path, json=body)
        wanted = expected(table, operation, role, own=mine)
        if wanted != 200:
            trial.expect(
                answer.status_code == wanted, f"{role} {operation.name} with wrong fields: {answer.status_code}"
            )
            continue
        told = [(p["type"], p["loc"][1]) for p in answer.json()["detail"] if len(p["loc"]) == 2]
        unknown = {field for code, field in told if code in REFUSED_FIELDS}
        may = _may_send(table, operation, role, sendable)
        # A field that others may change is forbidden, which counts before all that is wrong with the form.
        refusal = 403 if any(code == FORBIDDEN for code, _ in told) else 422
        trial.expect(answer.status_code == refusal, f"{role} {operation.name} with wrong fields: {answer.status_code}")
        trial.expect(
            refusal == 422 or may != sendable, f"{role} {operation.name} forbids a field that the role may send"
        )
        trial.expect(
            set(body) - unknown == may, f"{role} {operation.name} may send {(set(body) - unknown) ^ may} or not"
        )
        trial.tried("fields by role", len(body))


def _may_send(table: Table, operation: Operation, role: str, sendable: set[str]) -> set[str]:
    if operation.name == "update_patient":
        if role == "portal":
            return CONTACT | {"base_version"}
        if "wr" not in table["demographics"][role]:
            return CLINICAL | {"base_version"}
    return sendable


def _try_reveal(trial: Trial, table: Table, asker: Asker, clients: dict[str, Client], own: str) -> None:
    """A number is masked for everybody; whole only where the table says so, and each try is in the trail."""
    path, trail = f"/patients/{own}", Counter[tuple[str, str]]()
    for role, client in clients.items():
        plain, revealed = client.get(path), client.get(path, params={"reveal": "ssn"})
        may = "rv" in table["demographics"][role]
        masked = plain.json().get("social_security_number")
        trial.expect(masked == (None if role == "portal" else MASKED), f"{role} sees a number as {masked}")
        wanted = 200 if may else 404 if role == "portal" else 403
        trial.expect(revealed.status_code == wanted, f"{role} reveals: {revealed.status_code}, not {wanted}")
        whole = "987654321" in revealed.text.replace("-", "")
        trial.expect(whole == may, f"{role} {'sees' if whole else 'does not see'} the number whole")
        trail[role, "allowed" if may else "denied"] += 1
        trial.tried("reveals by role")
    seen = asker.client.read("/audit-events", patient=own, first=200)["data"]
    tried = Counter((e["actor"]["role"], e["outcome"]) for e in seen if e["action"] == "reveal")
    trial.expect(tried == trail, f"the trail tells of reveals {dict(tried)}, not {dict(trail)}")
