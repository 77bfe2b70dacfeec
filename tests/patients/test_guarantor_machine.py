"""Whatever is done in whatever order, every patient keeps a guarantor who is there and is their own."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.house import Client, problems
from tests.patients.acts import register, unheard_of


class Families(RuleBasedStateMachine):
    """Creates, joins, leaves, archives and restores patients, and knows which of these must be refused, and why."""

    desk: Client
    patients = Bundle("patients")

    def __init__(self) -> None:
        super().__init__()
        self.name = unheard_of()
        self.guarantor: dict[str, str] = {}
        self.archived: set[str] = set()

    def others_of(self, patient: str) -> set[str]:
        return {p for p, g in self.guarantor.items() if g == patient and p != patient}

    def expected_join(self, patient: str, guarantor: str) -> tuple[int, str]:
        if guarantor in self.archived:
            return 404, "not_found"
        if self.guarantor.get(guarantor, guarantor) != guarantor:
            return 422, "guarantor_not_own"
        if self.others_of(patient):
            return 422, "guarantor_of_dependents"
        return 200, ""

    @rule(target=patients)
    def create(self) -> str:
        made = str(register(self.desk, last_name=self.name)["id"])
        self.guarantor[made] = made
        return made

    @rule(target=patients, guarantor=patients, account=st.booleans())
    def create_joined(self, guarantor: str, account: bool) -> str:
        joins: dict[str, Any] = (
            {"billing_account": {"mode": "join", "guarantor_uuid": guarantor}}
            if account
            else {"responsible_party_uuid": guarantor}
        )
        answer = self.desk.post("/patients", json={"first_name": "Ana", "last_name": self.name} | joins)
        status, code = self.expected_join("", guarantor)
        if status == 200:
            assert answer.status_code == 201, answer.text
            made = str(answer.json()["id"])
            self.guarantor[made] = guarantor
            return made
        assert (answer.status_code, set(problems(answer).values())) == (status, {code})
        return guarantor

    @rule(patient=patients, guarantor=patients)
    def join(self, patient: str, guarantor: str) -> None:
        if patient in self.archived:
            status, code = 404, "not_found"
        elif guarantor in (patient, self.guarantor[patient]):
            status, code = 200, ""
        else:
            status, code = self.expected_join(patient, guarantor)
        version = 1 if patient in self.archived else self.desk.read(f"/patients/{patient}")["version"]
        body = {"base_version": version, "responsible_party_uuid": guarantor}
        answer = self.desk.patch(f"/patients/{patient}", json=body)
        assert answer.status_code == status, answer.text
        if status == 200:
            self.guarantor[patient] = guarantor
        else:
            assert set(problems(answer).values()) == {code}

    @rule(patient=patients)
    def leave(self, patient: str) -> None:
        if patient not in self.archived:
            body = {"base_version": self.desk.read(f"/patients/{patient}")["version"], "responsible_party_uuid": None}
            assert self.desk.patch(f"/patients/{patient}", json=body).status_code == 200
            self.guarantor[patient] = patient

    @rule(patient=patients)
    def archive(self, patient: str) -> None:
        answer = self.desk.post(f"/patients/{patient}/archive")
        held_by = sorted(self.others_of(patient) - self.archived)
        if patient in self.archived:
            assert answer.status_code == 404
        elif held_by:
            [problem] = answer.json()["detail"]
            assert (answer.status_code, problem["type"]) == (422, "guarantor_of_active_dependents")
            assert sorted(problem["dependents"]) == held_by
        else:
            assert answer.status_code == 200, answer.text
            self.archived.add(patient)

    @rule(patient=patients)
    def restore(self, patient: str) -> None:
        answer = self.desk.post(f"/patients/{patient}/restore")
        if patient not in self.archived:
            assert (answer.status_code, set(problems(answer).values())) == (422, {"not_archived"})
        elif self.guarantor[patient] != patient and self.guarantor[patient] in self.archived:
            assert (answer.status_code, set(problems(answer).values())) == (422, {"guarantor_archived"})
        else:
            assert answer.status_code == 200, answer.text
            self.archived.remove(patient)

    @invariant()
    def everybody_has_a_guarantor_who_is_there_and_their_own(self) -> None:
        listed = self.desk.read("/patients", search=self.name, page_size=200)["items"]
        shown = {p["id"]: p["responsible_party"]["id"] for p in listed}
        assert shown == {p: g for p, g in self.guarantor.items() if p not in self.archived}
        assert all(g in shown and shown[g] == g for g in shown.values())


def test_no_order_of_acts_leaves_a_patient_without_a_good_guarantor(desk: Client) -> None:
    """25 made-up histories of 20 acts each, the same on every run, judged after each act."""
    machine = type("FamiliesOfTheServer", (Families,), {"desk": desk})
    bounds = settings(
        max_examples=25,
        stateful_step_count=20,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=bounds)
