"""Interaction warnings over HTTP: quiet by design, both ways round, never in the way."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chairside.knowledge.interactions import BASES, GRADES
from tests.chart.charting import Chart, Json, named
from tests.house import Client, problems
from tests.patients.acts import register

AMOXICILLIN_CODE = "723"

# Allergy (name of the definition), its severity, the medication, and severity and basis of the warning or silence.
# A medication in < > is one of the catalog, any other is free text.
CASES: list[tuple[str, str | None, str, tuple[str, str] | None]] = [
    ("Penicillin", None, "<Amoxicillin 500 mg capsule>", ("high", "same_class")),
    ("Penicillin", "severe", "<Amoxicillin 500 mg capsule>", ("contraindicated", "same_class")),
    ("Penicillin", "life_threatening", "amoxicillin 500", ("contraindicated", "same_class")),
    ("Penicillin", "mild", "amoxicillin 500", ("high", "same_class")),
    ("Penicillin", "itches a bit", "amoxicillin 500", ("high", "same_class")),
    ("PCN", None, "amox 500 mg tid", ("high", "same_class")),
    ("Amoxicillin", None, "Augmentin", ("contraindicated", "same_ingredient")),
    ("Aspirin", None, "Advil 200mg", ("high", "same_class")),
    ("Penicillin", None, "<Cephalexin 500 mg>", ("moderate", "cross_reactive")),
    ("Penicillin", "severe", "Keflex", ("high", "cross_reactive")),
    ("Lidocaine", None, "Septocaine", ("moderate", "same_class")),
    ("Latex", "severe", "<Amoxicillin 500 mg capsule>", None),
    ("Pollen", None, "<Amoxicillin 500 mg capsule>", None),
    ("Penicillin", "severe", "<Azithromycin 250 mg>", None),
    ("Penicillin", "severe", "cefdinir 300 mg", None),
    ("Lidocaine", None, "benzocaine gel", None),
    ("Sulfonamide antibiotics (sulfa)", "severe", "Lidocaine 2% with epinephrine 1:100,000", None),
    ("Penicillin", None, "no amoxicillin", None),
    ("Aspirin", "severe", "<Warfarin>", None),
]
IDS = [f"{a} {s or ''} + {m}" for a, s, m, _ in CASES]


class Pair:
    """An allergy and a medication, recorded for fresh patients in either order."""

    def __init__(self, desk: Client, allergy: Json, medication: Json) -> None:
        self.desk, self.allergy, self.medication = desk, allergy, medication

    def orders(self) -> list[tuple[Chart, Json, Json]]:
        """For each order the chart, the allergy and the medication as their creates answered."""
        done = []
        for first, second in (("allergies", "medications"), ("medications", "allergies")):
            chart = Chart(self.desk, register(self.desk))
            bodies = {"allergies": self.allergy, "medications": self.medication}
            made = {kind: chart.add(kind, **bodies[kind]) for kind in (first, second)}
            assert made[first]["interaction_warnings"] == []
            done.append((chart, made["allergies"], made["medications"]))
        return done


def warned(allergy: Json, medication: Json) -> list[Json]:
    """What either create warned of."""
    return [*allergy["interaction_warnings"], *medication["interaction_warnings"]]


def pair(desk: Client, allergy: str, severity: str | None, medication: str) -> Pair:
    taken: Json = {"med_descript": medication}
    if medication.startswith("<"):
        taken = {"medication_definition_uuid": named(desk, "medication-definitions", medication.strip("<>"))}
    return Pair(
        desk, {"allergy_definition_uuid": named(desk, "allergy-definitions", allergy), "severity": severity}, taken
    )


@pytest.mark.parametrize(("allergy", "severity", "medication", "expected"), CASES, ids=IDS)
def test_a_pair_warns_once_or_not_at_all(
    desk: Client, allergy: str, severity: str | None, medication: str, expected: tuple[str, str] | None
) -> None:
    """The same in either order, naming both records; a later read of either is without warnings."""
    for chart, made, taken in pair(desk, allergy, severity, medication).orders():
        found = warned(made, taken)
        assert [(w["severity"], w["basis"]) for w in found] == ([expected] if expected else [])
        for warning in found:
            assert warning["allergy"] == {"id": made["id"], "name": made["allergy_definition"]["name"]}
            name = taken["medication_definition"]["name"] if taken["medication_definition"] else medication
            assert warning["medication"] == {"id": taken["id"], "name": name}
            assert warning["severity"] in GRADES
            assert warning["basis"] in BASES
            assert warning["message"]
            assert warning["source"]
        for kind in ("allergies", "medications"):
            assert [r["interaction_warnings"] for r in chart.listed(kind)] == [[]]


def coded(desk: Client, catalog: str, code: str) -> str:
    """A definition whose name says nothing and whose code says all."""
    return str(desk.made(f"/{catalog}", {"name": f"House entry {uuid4().hex}", "rx_cui": code})["id"])


@pytest.mark.parametrize("where", ["definition", "medication"])
def test_codes_alone_are_enough(desk: Client, where: str) -> None:
    """Names that mean nothing, one RxNorm code on both sides; on the medication itself or on its definition."""
    taken: Json = {"med_descript": "white tablet", "rx_cui": AMOXICILLIN_CODE}
    if where == "definition":
        taken = {"medication_definition_uuid": coded(desk, "medication-definitions", AMOXICILLIN_CODE)}
    allergy = {"allergy_definition_uuid": coded(desk, "allergy-definitions", AMOXICILLIN_CODE)}
    for _, made, given in Pair(desk, allergy, taken).orders():
        assert [(w["severity"], w["basis"]) for w in warned(made, given)] == [("contraindicated", "same_ingredient")]


def test_a_class_in_words_is_enough(desk: Client) -> None:
    """An org's own entry with a name nobody knows and the class beside it."""
    body = {"name": f"House entry {uuid4().hex}", "allergen_class": "Penicillin antibiotic"}
    allergy = {"allergy_definition_uuid": desk.made("/allergy-definitions", body)["id"]}
    for _, made, given in Pair(desk, allergy, {"med_descript": "amoxicillin"}).orders():
        assert [w["basis"] for w in warned(made, given)] == ["same_class"]


def test_a_medication_against_several_allergies_warns_of_each_that_counts(desk: Client, chart: Chart) -> None:
    """One warning per pair: two of three allergies speak against it."""
    wanted = ["Penicillin", "Latex", "Amoxicillin"]
    made = {
        name: chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", name))
        for name in wanted
    }
    taken = chart.add("medications", med_descript="Amoxil 250 mg")
    found = {w["allergy"]["id"]: w["basis"] for w in taken["interaction_warnings"]}
    assert found == {made["Penicillin"]["id"]: "same_class", made["Amoxicillin"]["id"]: "same_ingredient"}
    assert len(taken["interaction_warnings"]) == 2


def test_a_warning_never_blocks(desk: Client, chart: Chart) -> None:
    """The gravest there is: both records are there."""
    definition = named(desk, "allergy-definitions", "Amoxicillin")
    chart.add("allergies", allergy_definition_uuid=definition, severity="life_threatening")
    answer = chart.post("medications", med_descript="amoxicillin")
    assert answer.status_code == 201
    assert answer.json()["interaction_warnings"][0]["severity"] == "contraindicated"
    assert (len(chart.listed("allergies")), len(chart.listed("medications"))) == (1, 1)


GONE: dict[str, list[tuple[str, str, Json | None]]] = {
    "an inactive allergy": [("allergies", "patch", {"status_is_active": False})],
    "an archived allergy": [("allergies", "archive", None)],
}
OVER: dict[str, list[tuple[str, str, Json | None]]] = {
    **{
        f"a {s} medication": [("medications", "patch", {"status": s})] for s in ("discontinued", "completed", "on_hold")
    },
    "an archived medication": [("medications", "archive", None)],
}


def _do(chart: Chart, record: Json, steps: list[tuple[str, str, Json | None]]) -> None:
    for kind, verb, fields in steps:
        if verb == "archive":
            chart.archive(kind, record)
        else:
            chart.change(kind, record, **(fields or {}))


@pytest.mark.parametrize("steps", GONE.values(), ids=GONE)
def test_what_no_longer_holds_is_no_allergy(desk: Client, chart: Chart, steps: list[Any]) -> None:
    """An allergy that is inactive or archived warns of nothing."""
    _do(chart, chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin")), steps)
    assert chart.add("medications", med_descript="amoxicillin")["interaction_warnings"] == []


@pytest.mark.parametrize("steps", OVER.values(), ids=OVER)
def test_what_is_no_longer_taken_warns_of_nothing(desk: Client, chart: Chart, steps: list[Any]) -> None:
    """A medication that is over, on hold or archived."""
    _do(chart, chart.add("medications", med_descript="amoxicillin"), steps)
    definition = named(desk, "allergy-definitions", "Penicillin")
    assert chart.add("allergies", allergy_definition_uuid=definition)["interaction_warnings"] == []


def test_an_allergy_recorded_as_inactive_warns_when_it_becomes_active(desk: Client, chart: Chart) -> None:
    """Not before, and then at once."""
    chart.add("medications", med_descript="amoxicillin")
    definition = named(desk, "allergy-definitions", "Penicillin")
    allergy = chart.add("allergies", allergy_definition_uuid=definition, status_is_active=False)
    assert allergy["interaction_warnings"] == []
    active = chart.change("allergies", allergy, status_is_active=True)
    assert [w["basis"] for w in active["interaction_warnings"]] == ["same_class"]


def test_a_changed_definition_is_checked_again(desk: Client, chart: Chart) -> None:
    """From silence to a warning and back, for an allergy and for a medication; a changed note is not checked."""
    allergy = chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Latex"))
    taken = chart.add("medications", med_descript="amoxicillin")
    to_penicillin = chart.change(
        "allergies", allergy, allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin")
    )
    assert [w["medication"]["id"] for w in to_penicillin["interaction_warnings"]] == [taken["id"]]
    assert chart.change("allergies", to_penicillin, reaction="Hives")["interaction_warnings"] == []

    other = chart.change("medications", taken, med_descript="azithromycin")
    assert other["interaction_warnings"] == []
    catalog = named(desk, "medication-definitions", "Amoxicillin 875 mg tablet")
    again = chart.change("medications", other, med_descript=None, medication_definition_uuid=catalog)
    assert [w["allergy"]["id"] for w in again["interaction_warnings"]] == [allergy["id"]]
    assert chart.change("medications", again, dosage="1")["interaction_warnings"] == []


def test_a_medication_taken_up_again_is_checked_again(desk: Client, chart: Chart) -> None:
    """While it was on hold an allergy was recorded."""
    taken = chart.change("medications", chart.add("medications", med_descript="amoxicillin"), status="on_hold")
    chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    assert chart.change("medications", taken, status="active")["interaction_warnings"][0]["severity"] == "high"


def test_a_retried_create_answers_the_same_warnings(desk: Client, chart: Chart) -> None:
    """The stored answer is replayed whole."""
    chart.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (
        desk.post(chart.path("medications"), json={"med_descript": "amoxicillin"}, headers=key) for _ in range(2)
    )
    assert second.headers["idempotent-replayed"] == "true"
    assert first.content == second.content
    assert len(second.json()["interaction_warnings"]) == 1


def test_a_message_holds_nothing_that_a_user_wrote(desk: Client) -> None:
    """Names, notes, reactions and free text may hold anything; a message is made of the project's own words."""
    name = f"Penicillin ZZALLERGEN {uuid4().hex}"
    allergy = {
        "allergy_definition_uuid": desk.made("/allergy-definitions", {"name": name})["id"],
        "reaction": "ZZREACTION",
        "severity": "ZZSEVERITY",
    }
    taken = {"med_descript": "amoxicillin ZZFREETEXT", "patient_note": "ZZNOTE", "dosage": "ZZDOSE"}
    for _, made, given in Pair(desk, allergy, taken).orders():
        [warning] = warned(made, given)
        assert "ZZ" not in warning["message"] + warning["source"]


def test_warnings_cannot_be_sent(chart: Chart) -> None:
    """They are the server's to say."""
    answer = chart.post("medications", med_descript="Zinc", interaction_warnings=[])
    assert (answer.status_code, problems(answer)) == (422, {("body", "interaction_warnings"): "unknown_field"})


def test_another_patients_allergies_warn_of_nothing(desk: Client, chart: Chart) -> None:
    """Not even those of the family."""
    relative = Chart(desk, register(desk, responsible_party_uuid=chart.id))
    relative.add("allergies", allergy_definition_uuid=named(desk, "allergy-definitions", "Penicillin"))
    assert chart.add("medications", med_descript="amoxicillin")["interaction_warnings"] == []
