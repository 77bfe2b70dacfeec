"""A new org can chart at once: its catalogs are there, with codes, and say which of them were checked."""

from __future__ import annotations

import pytest

from chairside.knowledge.catalogs import starter
from tests.chart.charting import Chart, Json
from tests.house import Client, House, Org
from tests.patients.acts import register

SIZES = {
    "allergy-definitions": (60, 80),
    "medication-definitions": (200, 230),
    "disease-definitions": (80, 100),
    "patient-alert-definitions": (20, 20),
    "communication-types": (5, 20),
    "billing-types": (5, 20),
}
CODED = ("allergy-definitions", "medication-definitions", "disease-definitions")


@pytest.fixture(scope="module")
def new(house: House) -> Org:
    """An org whose catalogs nobody changes."""
    return house.org("New Dental")


@pytest.fixture(scope="module")
def fresh(new: Org) -> Client:
    return new.desk()


def entries(desk: Client, catalog: str) -> list[Json]:
    found: list[Json] = []
    for page in (1, 2):
        found += desk.read(f"/{catalog}", page=page, page_size=200)["items"]
    return found


@pytest.mark.parametrize("catalog", SIZES)
def test_a_new_org_has_its_catalogs(fresh: Client, catalog: str) -> None:
    """As many as a practice needs, each once, in the order of the list."""
    found = entries(fresh, catalog)
    least, most = SIZES[catalog]
    assert least <= len(found) <= most
    assert len({e["name"].casefold() for e in found}) == len(found)
    assert [e["item_order"] for e in found] == sorted(e["item_order"] for e in found)
    assert {e["version"] for e in found} == {1}


@pytest.mark.parametrize("catalog", CODED)
def test_every_code_says_whether_it_was_checked(fresh: Client, catalog: str) -> None:
    """As the project's own table says; most of them were, and none counts as checked without a code."""
    found = entries(fresh, catalog)
    known = {str(r["name"]): r["codes_verified"] for r in starter(catalog.replace("-", "_"))}
    assert {e["name"]: e["codes_verified"] for e in found} == known
    assert set(known.values()) <= {True, False}
    assert sum(bool(v) for v in known.values()) > len(known) / 2
    codes = ("rx_cui", "snomed_code", "icd10_code")
    assert all(any(e.get(c) for c in codes) for e in found if e["codes_verified"])


def test_conditions_have_the_codes_that_claims_ask_for(fresh: Client) -> None:
    """ICD-10-CM on every one; a few that everybody knows."""
    by_name = {e["name"]: e for e in entries(fresh, "disease-definitions")}
    assert all(e["icd10_code"] for e in by_name.values())
    assert (by_name["Hypertension"]["icd10_code"], by_name["Hypertension"]["snomed_code"]) == ("I10", "38341003")


def test_an_entry_of_ones_own_is_not_checked_unless_said(org: Org) -> None:
    """codes_verified is false for what somebody typed."""
    made = org.desk().made("/allergy-definitions", {"name": "Clove oil (house)", "rx_cui": "2579"})
    assert made["codes_verified"] is False


def test_an_entry_can_be_found_renamed_and_put_away(org: Org) -> None:
    """The catalogs are the practice's own from the first day."""
    desk = org.desk()
    [found] = desk.read("/medication-definitions", search="warfarin")["items"]
    place = f"/medication-definitions/{found['id']}"
    assert desk.patch(place, json={"base_version": 1, "name": "Warfarin (Coumadin)"}).status_code == 200
    assert desk.post(f"{place}/archive", json={"base_version": 2}).status_code == 200
    assert desk.read("/medication-definitions", search="warfarin")["items"] == []


def test_alert_definitions_cover_patient_and_family(fresh: Client) -> None:
    """Both scopes and both urgencies are among them, and categories to filter by."""
    found = entries(fresh, "patient-alert-definitions")
    assert {e["default_scope"] for e in found} == {"patient", "family"}
    assert {e["default_is_urgent"] for e in found} == {True, False}
    for category in {e["category"] for e in found}:
        listed = fresh.read("/patient-alert-definitions", category=category, page_size=200)["items"]
        assert [e["id"] for e in listed] == [e["id"] for e in found if e["category"] == category]


def test_the_first_chart_of_a_new_org_warns_from_its_catalogs(fresh: Client) -> None:
    """Penicillin and amoxicillin as they stand in the lists, without a word typed."""
    chart = Chart(fresh, register(fresh))
    [penicillin] = [e for e in entries(fresh, "allergy-definitions") if e["name"] == "Penicillin"]
    [capsule] = [e for e in entries(fresh, "medication-definitions") if e["name"] == "Amoxicillin 500 mg capsule"]
    chart.add("allergies", allergy_definition_uuid=penicillin["id"])
    [warning] = chart.add("medications", medication_definition_uuid=capsule["id"])["interaction_warnings"]
    assert (warning["severity"], warning["basis"]) == ("high", "same_class")
