"""What a patient's own login may see and change, and that all else is as if it were not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chairside.engine.bodies import patch_body
from chairside.records.patients import PATIENTS
from tests.house import Client, House, Org, chairside, problems
from tests.patients.acts import Json, act, register

READS = {
    "id", "first_name", "last_name", "middle_name", "preferred_name", "date_of_birth", "gender", "status",
    "primary_provider", "location", "version",
}  # fmt: skip
WRITES: Json = {
    "pronoun": "they_them",
    "email": "new@example.com",
    "mobile_phone": "312-555-0101",
    "home_phone": "312-555-0102",
    "work_phone": "312-555-0103",
    "address_line1": "1 Elm St",
    "address_line2": "Apt 2",
    "city": "Chicago",
    "state": "IL",
    "postal_code": "60601",
    "country": "US",
    "preferred_language": "Spanish",
    "preferred_contact_method": "email",
    "preferred_confirmation_method": "text",
    "receives_sms": True,
    "receives_email": True,
    "emergency_contact_name": "Eva Lind",
    "emergency_contact_phone": "312-555-0104",
}
# Whole and hidden. Four digits alone could be a part of any id.
NUMBER = ("900-12-3456", "900123456", "***-**-3456")
NOTES: Json = {
    "address_note": "SECRET-NOTE", "treatment_notes": "SECRET-NOTE", "medical_summary": "SECRET-NOTE",
    "medical_urgent_note": "SECRET-NOTE", "appointment_module_note": "SECRET-NOTE", "chart_number": "SECRET-CHART",
    "medicaid_id": "SECRET-ID", "social_security_number": NUMBER[0],
}  # fmt: skip


class Own:
    """A patient with a login of their own, in an org with another patient."""

    def __init__(self, org: Org) -> None:
        self.org, self.admin = org, org.desk()
        self.patient = register(self.admin, first_name="Ana", last_name="Lind", **NOTES)
        self.other = register(self.admin, first_name="Eva", last_name="Lind", responsible_party_uuid=self.patient["id"])
        self.path = f"/patients/{self.patient['id']}"
        self.login = org.desk("portal", "--patient", str(self.patient["id"]))

    @property
    def version(self) -> int:
        return int(self.admin.read(self.path)["version"])


@pytest.fixture(scope="module")
def own(own_org: Org) -> Own:
    return Own(own_org)


def test_a_patient_reads_their_own_demographics_in_the_reduced_shape(own: Own) -> None:
    """Exactly the fields they may see: no notes, balances, number, guarantor, duplicates."""
    own.admin.put(f"{own.path}/balances", json=dict.fromkeys(BUCKETS, "77.77"))
    answer = own.login.get(own.path)
    assert answer.status_code == 200
    assert set(answer.json()) == READS | set(WRITES)
    for secret in ("SECRET", "77.77", *NUMBER, own.other["id"]):
        assert secret not in answer.text
    assert (answer.json()["first_name"], answer.headers["etag"]) == ("Ana", f'"{own.version}-1"')


BUCKETS = ("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90")


def test_a_patient_never_sees_the_number_whole(own: Own) -> None:
    """`?reveal=ssn` is for administrators and billing: refused, and nothing of it is in the answer."""
    answer = own.login.get(own.path, params={"reveal": "ssn"})
    assert answer.status_code in (403, 404), answer.text
    assert not any(form in answer.text for form in NUMBER)


def test_a_patient_changes_their_own_contact_fields(own: Own) -> None:
    """Each of them; the answer has the reduced shape too, and the practice sees the change."""
    answer = own.login.patch(own.path, json={"base_version": own.version} | WRITES)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == READS | set(WRITES)
    seen = own.admin.read(own.path)
    assert {k: seen[k] for k in WRITES} == WRITES
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("field", [*sorted(READS), *NOTES, "responsible_party_uuid", "allergy_review_status"])
def test_a_patient_changes_nothing_else(own: Own, field: str) -> None:
    """Names, birth date, notes, guarantor and the rest are the practice's: 403 at what others may change."""
    before = own.admin.read(own.path)
    body = {"base_version": before["version"], field: before.get(field), "city": "Springfield"}
    answer = own.login.patch(own.path, json=body)
    told = (403, "field_forbidden") if field in patch_body(PATIENTS).entries else (422, "unknown_field")
    assert (answer.status_code, problems(answer)) == (told[0], {("body", field): told[1]})
    assert own.admin.read(own.path) == before


def test_a_patients_stale_change_is_refused(own: Own) -> None:
    """409 with the present version and nothing else of the record."""
    answer = own.login.patch(own.path, json={"base_version": 10_000, "city": "Boston"})
    assert (answer.status_code, answer.json()["detail"][0]["current_version"]) == (409, own.version)


NOT_THERE: list[tuple[str, str, Any]] = [
    ("GET", "/patients", None),
    ("GET", "/patients/cursor", None),
    ("GET", "/patients/search?q=lind", None),
    ("GET", "/patients/counts/by-location", None),
    ("POST", "/patients", {"first_name": "A", "last_name": "B"}),
    ("POST", "/patients/bulk", {"rows": [{"first_name": "A", "last_name": "B"}]}),
    ("POST", "/patients/check-duplicates", {"last_name": "Lind"}),
    ("POST", "{own}/archive", None),
    ("POST", "{own}/restore", None),
    ("POST", "{own}/transition-status", {"base_version": 1, "new_status": "inactive"}),
    ("PUT", "{own}/balances", dict.fromkeys(BUCKETS, 0)),
    ("GET", "{own}/tags", None),
    ("POST", "{own}/tags", {"tag_definition_uuid": "01890000-0000-7000-8000-000000000000"}),
    ("GET", "{other}", None),
    ("PATCH", "{other}", {"base_version": 1, "city": "Boston"}),
    ("POST", "{other}/archive", None),
    ("GET", "/patients/01890000-0000-7000-8000-000000000000", None),
    ("GET", "/providers", None),
    ("GET", "/locations", None),
    ("GET", "/patient-tag-definitions", None),
    ("POST", "/providers", {"name": "Dr. Ito"}),
    ("GET", "/events", None),
    ("GET", "/audit-events", None),
]


@pytest.mark.parametrize(("method", "path", "body"), NOT_THERE, ids=[f"{m} {p}" for m, p, _ in NOT_THERE])
def test_everything_else_is_not_there_for_a_patient(own: Own, method: str, path: str, body: Any) -> None:
    """404, never 403, and nothing changes."""
    place = path.format(own=own.path, other=f"/patients/{own.other['id']}")
    before = (own.admin.read(own.path), own.admin.read(f"/patients/{own.other['id']}"), own.admin.read("/patients"))
    answer = own.login.request(method, place, json=body)
    assert (answer.status_code, set(problems(answer).values())) == (404, {"not_found"}), answer.text
    assert "Lind" not in answer.text
    after = (own.admin.read(own.path), own.admin.read(f"/patients/{own.other['id']}"), own.admin.read("/patients"))
    assert after == before


def test_somebody_elses_record_and_none_at_all_are_told_alike(own: Own) -> None:
    """A login cannot find out who else is a patient."""
    told = [own.login.get(f"/patients/{p}").json() for p in (own.other["id"], "01890000-0000-7000-8000-000000000000")]
    assert json.dumps(told[0]) == json.dumps(told[1])


def test_a_login_ends_with_the_archiving_of_its_patient(own: Own) -> None:
    """An archived record is gone for the patient as well."""
    leaving = register(own.admin)
    login, path = own.org.desk("portal", "--patient", str(leaving["id"])), f"/patients/{leaving['id']}"
    assert login.get(path).status_code == 200
    act(own.admin, leaving, "archive")
    assert login.get(path).status_code == 404


def test_a_login_is_made_for_a_patient_of_the_org_alone(house: House, own: Own, desk: Client) -> None:
    """`token create --role portal` without a patient, or with another org's, fails with one sentence."""
    stranger = register(desk)
    for more in ((), ("--patient", stranger["id"])):
        done = chairside("token", "create", "--org", own.org.id, "--role", "portal", *more, data_dir=house.data_dir)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
