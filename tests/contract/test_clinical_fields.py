"""The clinical fields of a patient answer null to a role that does not read charts, in every shape and each time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chairside.access.roles import ROLES, TABLE
from chairside.app import every_operation
from chairside.engine.operations import Operation
from proofs.requests import KINDS, Asker
from tests.contract.builder import Attempt, Body
from tests.house import Client, House

KEPT: Body = {
    "allergy_review_status": "reviewed",
    "premedication_required": True,
    "medical_summary": "Kept from billing: summary",
    "medical_urgent_note": "Kept from billing: urgent",
    "treatment_notes": "Kept from billing: treatment",
}
COMPUTED = {"smoking_snomed", "latest_vitals_date"}
CLINICAL = {f.name for f in KINDS["patient"].fields if f.clinical}
STAFF = [role for role in ROLES if role != "portal"]
EVERY = every_operation()


@pytest.fixture(scope="module")
def asker(house: House) -> Asker:
    return Asker(house.org("Clinical Dental"))


@pytest.fixture(scope="module")
def callers(asker: Asker) -> dict[str, Client]:
    return {role: asker.org.desk(role) for role in STAFF}


@pytest.fixture(scope="module")
def patient(asker: Asker) -> str:
    """A patient of whom every clinical field is known."""
    name = "Zz" + uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))
    made = asker.make(KINDS["patient"], KEPT | {"last_name": name}).id
    asker.client.made(f"/patients/{made}/vital-signs", {"date_taken": "2025-03-01", "pulse": 70})
    return made


def patients_in(content: Any) -> list[Body]:
    """Every object of an answer that has a patient's clinical fields, however deep it stands."""
    if isinstance(content, list):
        return [found for entry in content for found in patients_in(entry)]
    if not isinstance(content, dict):
        return []
    inner = [found for value in content.values() for found in patients_in(value)]
    return [content, *inner] if CLINICAL & content.keys() else inner


def test_the_fields_marked_clinical_are_those_that_say_something_of_health() -> None:
    """A new one is marked where it is declared."""
    assert KEPT.keys() | COMPUTED == CLINICAL


@pytest.mark.parametrize("operation", EVERY, ids=[o.name for o in EVERY])
def test_only_a_role_that_reads_charts_sees_clinical_fields(
    asker: Asker, callers: dict[str, Client], patient: str, operation: Operation
) -> None:
    """Every operation, each role: null for those without the right, the values for the others."""
    read = operation.method == "GET" and operation.subject == "patient" and "patient_uuid" in operation.path_params
    about = patient if read else None
    for role, client in callers.items():
        answer = _about(asker, operation, about).by(client)
        if not answer.is_success or not answer.content:
            continue
        reads = "read" in TABLE["chart"][role]
        for found in patients_in(answer.json()):
            shown = {name: found[name] for name in CLINICAL & found.keys()}
            if not reads:
                assert not any(value is not None for value in shown.values()), f"{role} {operation.name}: {shown}"
            elif found.get("id") == patient:
                assert shown.items() >= KEPT.items(), f"{role} {operation.name}"
                assert shown["latest_vitals_date"] == "2025-03-01"
        assert reads or "Kept from billing" not in answer.text, f"{role} {operation.name}"


def _about(asker: Asker, operation: Operation, about: str | None) -> Attempt:
    right = asker.right(operation, about)
    if operation.name in ("list_patients", "patient_cursor"):
        newest = {"sort_by": "created_at", "sort_dir": "desc"}
        right.params.update(newest | ({"page_size": 200} if operation.name == "list_patients" else {"first": 200}))
    return right


def test_billing_sees_a_patient_without_them_in_every_shape(
    asker: Asker, callers: dict[str, Client], patient: str
) -> None:
    """Read, list, walk and the answer to its own balances; the rest of the record is as others see it."""
    billing, admin = callers["billing"], callers["admin"]
    whole = admin.read(f"/patients/{patient}")
    balances = {"balance_0_30": "1.00", "balance_31_60": "0", "balance_61_90": "0", "balance_over_90": "0"}
    put = billing.put(f"/patients/{patient}/balances", json=balances).json()
    whole |= {name: put[name] for name in put if "balance" in name or name in ("version", "updated_at")}
    listed = {"search": whole["last_name"]}
    shapes = [
        put,
        billing.read(f"/patients/{patient}"),
        *[p for p in billing.read("/patients", page_size=200, **listed)["items"] if p["id"] == patient],
        *[p for p in billing.read("/patients/cursor", first=200, **listed)["data"] if p["id"] == patient],
        {**billing.read(f"/patients/{patient}", reveal="ssn"), "social_security_number": put["social_security_number"]},
    ]
    assert len(shapes) == 5
    for shape in shapes:
        assert shape == whole | dict.fromkeys(CLINICAL)


def test_a_stored_answer_is_shown_as_the_caller_sees_it_now(asker: Asker, patient: str) -> None:
    """One person with two tokens, or one whose role has changed: a retry never shows more than a read would."""
    name = f"Two Hats {uuid4().hex[:6]}"
    admin, billing = asker.org.desk("admin", "--name", name), asker.org.desk("billing", "--name", name)
    keyed = {"Idempotency-Key": f"hats-{uuid4()}"}
    body = {"balance_0_30": "7.00", "balance_31_60": "0", "balance_61_90": "0", "balance_over_90": "0"}
    first = admin.put(f"/patients/{patient}/balances", json=body, headers=keyed)
    again = billing.put(f"/patients/{patient}/balances", json=body, headers=keyed)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json().items() >= KEPT.items()
    assert again.json() == first.json() | dict.fromkeys(CLINICAL)
    same = admin.put(f"/patients/{patient}/balances", json=body, headers=keyed)
    assert same.content == first.content
    portal = asker.org.desk("portal", "--patient", patient, "--name", name)
    keyed = {"Idempotency-Key": f"hats-{uuid4()}"}
    city = {"base_version": first.json()["version"], "city": "Elsewhere"}
    admin.patch(f"/patients/{patient}", json=city, headers=keyed).raise_for_status()
    shown = portal.patch(f"/patients/{patient}", json=city, headers=keyed)
    assert shown.headers["idempotent-replayed"] == "true"
    assert shown.json().keys() == portal.read(f"/patients/{patient}").keys()
