"""The demo's charts fit the people they belong to, and warn exactly where they were made to."""

import datetime
import hashlib
import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from chairside.demo import Chart, Person, chart, practice
from chairside.demo.noted import SUMMARIES, URGENT
from chairside.demo.stories import CONDITIONS, SILENT, STORIES, WARNING, Story
from chairside.knowledge import growth, vital_ranges
from chairside.knowledge.catalogs import starter
from chairside.knowledge.interactions import Substance, check

SEED, BORN_BY = 8400, datetime.date(2026, 1, 5)
TODAY = datetime.date(2026, 11, 22)
DIGEST = """
import datetime, hashlib
from chairside.demo import chart, practice
people = practice(7, 600, datetime.date(2026, 1, 5)).patients
charts = [chart(person, place, 7, datetime.date(2026, 11, 22)) for place, person in enumerate(people)]
print(hashlib.sha256(repr(charts).encode()).hexdigest())
"""
SIGNS = ("bp_systolic", "bp_diastolic", "pulse", "oxygen_saturation", "respiration_rate", "temperature_f")


@cache
def charted(count: int) -> list[tuple[Person, Chart]]:
    """Everyone who has a chart."""
    people = practice(SEED, count, BORN_BY).patients
    both = [(person, chart(person, place, SEED, TODAY)) for place, person in enumerate(people)]
    return [(person, made) for person, made in both if made != Chart()]


@cache
def catalog(kind: str) -> dict[str, dict[str, object]]:
    return {str(row["name"]): row for row in starter(kind)}


def warned(allergies: list[tuple[str, str]], taken: list[str]) -> list[tuple[str, str]]:
    """Pairs the checker speaks against; allergies with severity, medications by catalog name or in words."""
    return [
        (name, drug)
        for name, severity in allergies
        for drug in taken
        if check(allergen(name), medication(drug), allergy_severity=severity)
    ]


def allergen(name: str) -> Substance:
    row = catalog("allergy_definitions")[name]
    return Substance(name, str(row["rx_cui"] or ""), str(row["allergen_class"]))


def medication(name: str) -> Substance:
    row = catalog("medication_definitions").get(name)
    if row is None:
        return Substance(name)
    return Substance(f"{name} / {row['generic_name']}", str(row["rx_cui"] or ""), str(row["drug_class"]))


def warnings_of(made: Chart) -> list[tuple[str, str]]:
    allergies = [(str(a["allergy_definition"]), str(a["severity"])) for a in made.allergy]
    taken = [str(m.get("medication_definition", m.get("med_descript"))) for m in made.medication if "status" not in m]
    return warned(allergies, taken)


def years(person: Person) -> int:
    return (TODAY - born(person)).days * 4 // 1461


def born(person: Person) -> datetime.date:
    return datetime.date.fromisoformat(str(person.fields["date_of_birth"]))


def names(story: Story) -> tuple[list[tuple[str, str]], list[str]]:
    return [(a.name, a.severity) for a in story.allergies], [t.name for t in story.takes if not t.reason]


@pytest.mark.parametrize("place", range(len(STORIES)))
def test_a_story_warns_exactly_if_it_says_so(place: int) -> None:
    """What was planted to warn does, and the near misses stay silent, as the checker of the API judges."""
    story = STORIES[place]
    assert bool(warned(*names(story))) == story.warns, names(story)


def test_stories_stand_where_they_belong() -> None:
    """Those that warn say so; near misses have both an allergy and a drug; the rest have no allergy."""
    assert all(s.warns for s in WARNING)
    assert not any(s.warns for s in (*SILENT, *CONDITIONS))
    assert all(s.allergies and names(s)[1] for s in SILENT)
    assert not any(s.allergies for s in CONDITIONS)


@pytest.mark.parametrize("story", [*STORIES, *URGENT.values(), *SUMMARIES.values()])
def test_every_name_is_in_the_starter_catalogs(story: Story) -> None:
    """A new org knows all that a chart names, whether or not the demo happens to draw it."""
    assert {a.name for a in story.allergies} <= catalog("allergy_definitions").keys()
    assert {t.name for t in story.takes if not t.said} <= catalog("medication_definitions").keys()
    assert not {t.name for t in story.takes if t.said} & catalog("medication_definitions").keys()
    assert set(story.has) <= catalog("disease_definitions").keys()
    assert {n.name for n in story.alerts} <= catalog("alert_definitions").keys()


def test_a_chart_warns_exactly_where_a_story_was_planted() -> None:
    """What notes and stories add up to brings no warning that nobody meant, and loses none."""
    for _, made in charted(10_000):
        allergies = {a["allergy_definition"] for a in made.allergy}
        taken = {m.get("medication_definition", m.get("med_descript")) for m in made.medication if "status" not in m}
        planted = any(
            {a.name for a in s.allergies} <= allergies and {t.name for t in s.takes} <= taken for s in WARNING
        )
        assert bool(warnings_of(made)) == planted


def test_the_demo_shows_warnings_and_near_misses() -> None:
    """Among its 500 are several of each, those that people try first among them."""
    charts = [made for _, made in charted(500)]
    pairs = [pair for made in charts for pair in warnings_of(made)]
    assert len(set(pairs)) >= 6
    assert ("Penicillin", "Amoxicillin 500 mg capsule") in pairs
    assert ("Aspirin", "Advil 200mg") in pairs
    silent = [m for m in charts if m.allergy and m.medication and not warnings_of(m)]
    assert len(silent) >= 6


def test_about_a_quarter_has_a_chart_and_the_dead_have_none() -> None:
    """Nor has anyone without a birth date, whose age nothing could fit."""
    everyone = charted(10_000)
    assert 0.2 < len(everyone) / 10_000 < 0.3
    assert not any(person.fields["status"] == "deceased" for person, _ in everyone)
    assert all("date_of_birth" in person.fields for person, _ in everyone)


def test_whoever_has_no_known_allergies_has_none_on_the_chart() -> None:
    """The API would take such a chart for a correction; some of them have conditions and drugs all the same."""
    nkda = [made for person, made in charted(500) if person.fields.get("allergy_review_status") == "nkda"]
    assert not any(made.allergy for made in nkda)
    assert sum(bool(made.disease and made.medication) for made in nkda) >= 10


def test_conditions_fit_age_and_sex() -> None:
    """No child has what only adults have here, none drinks or works, and pregnant women are women."""
    children_may = {c for s in (*STORIES, *URGENT.values()) if s.ages.start < 18 for c in s.has}
    grown_up = {c for s in STORIES if s.ages.start >= 18 for c in s.has} - children_may
    assert {"Hypertension", "Pregnancy"} <= grown_up
    for person, made in charted(10_000):
        conditions = {str(d["disease_definition"]) for d in made.disease}
        if years(person) < 18:
            assert not conditions & grown_up
        if years(person) < 13:
            assert not {s["category"] for s in made.social_history} & {"tobacco", "alcohol", "drug_use", "occupation"}
        if "Pregnancy" in conditions:
            assert person.fields["gender"] == "female"
            assert 24 <= years(person) <= 40
            assert any(str(a.get("disable_on", "")) > TODAY.isoformat() for a in made.alert)


def test_nothing_on_a_chart_lies_ahead_or_before_birth() -> None:
    """Dates follow birth; readings also follow the first visit, one a day, the diastolic below the systolic."""
    for person, made in charted(10_000):
        for _, row in made.rows():
            for key in ("date_start", "date_stop", "date_taken", "date_recorded"):
                if key in row:
                    assert born(person).isoformat() <= str(row[key]) <= TODAY.isoformat()
        days = [str(row["date_taken"]) for row in made.vital_signs]
        assert len(set(days)) == len(days) <= 4
        assert all(str(person.fields["date_first_visit"]) <= day for day in days)
        assert all(int(str(v["bp_diastolic"])) < int(str(v["bp_systolic"])) for v in made.vital_signs)
        ended = [m for m in made.medication if "status" in m]
        assert all(str(m["date_start"]) <= str(m["date_stop"]) for m in ended)


def test_children_are_measured_and_grow_along_the_percentiles() -> None:
    """In the demo dozens of readings have a percentile, spread over the whole curve; nobody shrinks."""
    found = []
    for person, made in charted(500):
        sizes = [v for v in made.vital_signs if "height_inches" in v]
        heights = [float(str(v["height_inches"])) for v in sizes]
        assert heights == sorted(heights, reverse=True)
        for v in sizes:
            day = datetime.date.fromisoformat(str(v["date_taken"]))
            index = vital_ranges.bmi(float(str(v["height_inches"])), float(str(v["weight_lbs"])))
            months = (day - born(person)).days / 30.4375
            found.append(growth.bmi_percentile(float(index), sex=str(person.fields.get("gender")), age_months=months))
    percentiles = sorted(p for p in found if p is not None)
    assert len(percentiles) >= 30
    assert 1 < percentiles[0] < 25
    assert 75 < percentiles[-1] < 99.5


def test_only_the_high_pressures_block_and_usual_ones_raise_no_flag() -> None:
    """A visit is put off for the hypertensive whose story says so, and for nobody else."""
    seen = Counter[bool]()
    for person, made in charted(10_000):
        conditions = {str(d["disease_definition"]) for d in made.disease}
        for place, row in enumerate(made.vital_signs):
            reading = {name: float(str(row[name])) for name in SIGNS}
            blocks = vital_ranges.is_procedure_blocking(reading, preset="reference")
            assert blocks == (place == 0 and bool(row.get("has_followup_plan")))
            assert not blocks or ("Hypertension" in conditions and years(person) >= 40)
            seen[blocks] += 1
            if not conditions and not person.fields.get("medical_summary"):
                day = datetime.date.fromisoformat(str(row["date_taken"]))
                months = (day - born(person)).days * 12 // 366
                assert vital_ranges.flags(reading, age_months=months) == []
    assert seen[True] > 20
    assert any(row.get("has_followup_plan") for _, made in charted(500) for row in made.vital_signs)


def test_a_heart_valve_comes_with_its_cover() -> None:
    """Somebody of the demo has a mechanical valve, warfarin, the antibiotic, the alert and the mark on the patient."""
    valves = [
        (person, made)
        for person, made in charted(500)
        if any(d["disease_definition"] == "Prosthetic heart valve" for d in made.disease)
    ]
    assert valves
    for person, made in valves:
        assert person.fields["premedication_required"] is True
        taken = {m.get("medication_definition") for m in made.medication}
        assert {"Warfarin", "Amoxicillin 2 g before the procedure"} <= taken
        assert "Antibiotic prophylaxis needed" in {a["alert_definition"] for a in made.alert}


def test_every_urgent_note_has_its_records() -> None:
    """A chart never shows a warning in words that its lists know nothing of."""
    noted = [(person, made) for person, made in charted(10_000) if "medical_urgent_note" in person.fields]
    assert {str(person.fields["medical_urgent_note"])[:5] for person, _ in noted} == {words[:5] for words in URGENT}
    assert all(made.alert for _, made in noted)


def test_charts_are_equal_in_every_process() -> None:
    """A start that goes on after a crash says the same as before, so nothing is entered twice."""
    people = practice(7, 600, BORN_BY).patients
    charts = [chart(person, place, 7, TODAY) for place, person in enumerate(people)]
    expected = hashlib.sha256(repr(charts).encode()).hexdigest()
    for hash_seed in ("0", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == expected
