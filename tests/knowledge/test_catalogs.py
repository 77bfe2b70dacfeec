"""The catalogs a new org starts with are complete, unique and known to the interaction check."""

import re

import pytest

from chairside.knowledge.catalogs import KINDS, starter
from chairside.knowledge.data_files import csv_rows
from chairside.knowledge.drug_names import drug_with_code, drugs_named_in

SIZES = {
    "allergy_definitions": (60, 80),
    "medication_definitions": (200, 230),
    "disease_definitions": (80, 100),
    "alert_definitions": (20, 20),
    "communication_types": (10, 14),
    "billing_types": (8, 10),
    "referral_sources": (12, 16),
}
CODED = ("allergy_definitions", "medication_definitions", "disease_definitions")
ICD10 = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
ALLERGIES_TO_DRUGS = [
    row for row in starter("allergy_definitions") if row["allergen_class"] not in {"Material", "Food", "Environment"}
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalog_is_as_large_as_a_practice_needs_and_names_each_thing_once(kind: str) -> None:
    """Names are unique case-blind, as the database will demand."""
    rows = starter(kind)
    least, most = SIZES[kind]
    assert least <= len(rows) <= most
    assert len({str(row["name"]).casefold() for row in rows}) == len(rows)
    assert all(row["name"] and str(row["name"]).strip() == row["name"] for row in rows)
    assert len({tuple(row) for row in rows}) == 1


def test_a_catalog_can_be_changed_by_its_reader_without_harm() -> None:
    """Each call gives fresh rows."""
    starter("billing_types")[0]["name"] = "changed"
    assert starter("billing_types")[0]["name"] != "changed"


def test_a_catalog_of_another_name_is_refused() -> None:
    """No path is made from the argument."""
    for kind in ("", "providers", "../data/ingredients"):
        with pytest.raises(KeyError):
            starter(kind)


@pytest.mark.parametrize("row", starter("disease_definitions"), ids=lambda row: row["icd10_code"])
def test_every_condition_has_a_code_of_icd10_shape(row: dict[str, object]) -> None:
    """All were looked up in the April 2026 ICD-10-CM tree (see docs/knowledge.md); the shape is kept here."""
    assert ICD10.fullmatch(str(row["icd10_code"]))
    assert row["snomed_code"] is None or _is_sctid(str(row["snomed_code"]))
    assert row["category"]


@pytest.mark.parametrize("kind", CODED)
def test_a_row_counts_as_verified_only_with_a_code(kind: str) -> None:
    """`codes_verified` never praises an empty cell."""
    for row in starter(kind):
        codes = [row.get(key) for key in ("rx_cui", "snomed_code", "icd10_code")]
        assert isinstance(row["codes_verified"], bool)
        assert any(codes) or not row["codes_verified"]


def test_every_snomed_code_has_a_valid_check_digit() -> None:
    """A mistyped SCTID fails its Verhoeff digit."""
    codes = [row["snomed_code"] for kind in CODED for row in starter(kind) if row.get("snomed_code")]
    assert len(codes) > 40
    assert [code for code in codes if not _is_sctid(str(code))] == []


@pytest.mark.parametrize("row", starter("medication_definitions"), ids=lambda row: row["name"])
def test_every_medication_is_recognised_by_name_generic_name_and_code(row: dict[str, object]) -> None:
    """What is prescribed from the catalog is checked; name, generic and code mean the same drugs."""
    generic = drugs_named_in(str(row["generic_name"]), in_an_allergy=False)
    named = drugs_named_in(str(row["name"]), in_an_allergy=False)
    assert generic
    assert named >= {drug for drug in generic if drug.label in str(row["name"]).casefold()}
    assert {drug.label for drug in drug_with_code(_text(row["rx_cui"]))} <= {drug.label for drug in generic}
    assert bool(row["rx_cui"]) <= (len(generic) == 1)


@pytest.mark.parametrize("row", ALLERGIES_TO_DRUGS, ids=lambda row: row["name"])
def test_every_allergy_to_a_drug_is_recognised(row: dict[str, object]) -> None:
    """A catalog allergy that no medication could ever meet would be a false comfort."""
    assert drugs_named_in(str(row["name"]), in_an_allergy=True)


def test_an_allergy_to_a_material_food_or_pollen_names_no_drug() -> None:
    """Latex and peanuts stay silent."""
    others = [row for row in starter("allergy_definitions") if row not in ALLERGIES_TO_DRUGS]
    assert len(others) >= 12
    assert not any(drugs_named_in(str(row["name"]), in_an_allergy=True) for row in others)


def test_codes_of_catalog_and_interaction_table_agree() -> None:
    """One drug, one code, one mark in both files."""
    table = {row["rx_cui"]: row for row in csv_rows("data/ingredients.csv") if row["rx_cui"]}
    for kind in ("allergy_definitions", "medication_definitions"):
        for row in starter(kind):
            if row["rx_cui"]:
                assert row["codes_verified"] is (table[str(row["rx_cui"])]["codes_verified"] == "true")


def test_every_alert_has_a_scope_an_urgency_and_a_sentence() -> None:
    """The two scopes of the contract; some alerts concern the family."""
    rows = starter("alert_definitions")
    assert {row["default_scope"] for row in rows} == {"patient", "family"}
    assert {row["default_is_urgent"] for row in rows} == {True, False}
    assert all(str(row["description"]).endswith(".") and row["category"] for row in rows)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _is_sctid(code: str) -> bool:
    """Verhoeff's check over all digits, as the SNOMED CT release format prescribes for identifiers."""
    flip = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    while len(flip) < 8:
        flip.append([flip[1][digit] for digit in flip[-1]])
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = _dihedral(check, flip[position % 8][int(digit)])
    return check == 0 and 6 <= len(code) <= 18


def _dihedral(one: int, other: int) -> int:
    """The product of two elements of the dihedral group of order ten."""
    if one < 5:
        return (one + other) % 5 if other < 5 else 5 + (one + other) % 5
    return 5 + (one - other) % 5 if other < 5 else (one - other) % 5
