"""Two clients act on a family at the same moment, again and again: no guarantor dangles or is chained."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.house import Client, Org, problems
from tests.patients.acts import at_once, register, unheard_of
from tests.people.deeds import insist

ACTS = ("create", "join", "leave", "archive", "restore")
# What an act may be told when the other client was faster, or when it was impossible to begin with.
REFUSALS = {
    "not_found", "guarantor_not_own", "guarantor_of_dependents", "guarantor_of_active_dependents", "guarantor_archived",
    "not_archived", "version_conflict",
}  # fmt: skip
act = st.tuples(st.sampled_from(ACTS), st.integers(0, 5), st.integers(0, 5))


class TwoClients(RuleBasedStateMachine):
    """Four patients to begin with; each step is two acts at once, each about one or two of them."""

    desks: ClassVar[list[Client]]
    done: ClassVar[set[str]]

    def __init__(self) -> None:
        super().__init__()
        self.name = unheard_of()
        self.patients = [str(register(self.desks[0], last_name=self.name)["id"]) for _ in range(4)]

    def perform(self, desk: Client, what: str, one: int, other: int) -> httpx.Response:
        patient, guarantor = (self.patients[n % len(self.patients)] for n in (one, other))
        place = f"/patients/{patient}"
        if what == "create":
            names = {"first_name": "Ana", "last_name": self.name, "responsible_party_uuid": guarantor}
            return insist(lambda: desk.post("/patients", json=names))
        if what in ("archive", "restore"):
            return insist(lambda: desk.post(f"{place}/{what}"))
        version = desk.get(place).json().get("version", 1)
        body = {"base_version": version, "responsible_party_uuid": guarantor if what == "join" else None}
        return insist(lambda: desk.patch(place, json=body))

    @rule(acts=st.tuples(act, act))
    def both(self, acts: tuple[tuple[str, int, int], tuple[str, int, int]]) -> None:
        answers = at_once(2, lambda n: self.perform(self.desks[n], *acts[n]))
        for (what, _, _), answer in zip(acts, answers, strict=True):
            if answer.is_success:
                self.done.add(what)
                if answer.status_code == 201:
                    self.patients.append(str(answer.json()["id"]))
            else:
                assert set(problems(answer).values()) <= REFUSALS, answer.text

    def listed(self, **query: Any) -> dict[str, str]:
        found = self.desks[0].read("/patients", search=self.name, page_size=200, **query)["items"]
        return {p["id"]: p["responsible_party"]["id"] for p in found}

    @invariant()
    def nobodys_guarantor_dangles_or_has_one_of_their_own(self) -> None:
        there, archived = self.listed(), self.listed(status="archived")
        assert set(there) | set(archived) == set(self.patients)
        assert all(there.get(g) == g for g in there.values())
        assert all((there | archived)[g] == g for g in archived.values())


def test_two_clients_at_once_leave_every_patient_a_good_guarantor(shared_org: Org) -> None:
    """12 made-up histories of 12 pairs of acts, the same on every run, judged after each pair."""
    desks, done = [shared_org.desk(), shared_org.desk()], set[str]()
    machine = type("TwoClientsOfTheServer", (TwoClients,), {"desks": desks, "done": done})
    bounds = settings(
        max_examples=12,
        stateful_step_count=12,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what depends on who was faster cannot be made smaller by trying it again
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=bounds)
    assert done == set(ACTS)
