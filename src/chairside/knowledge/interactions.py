"""Says whether a recorded allergy speaks against a medication: at most one warning, the gravest, or silence.

The knowledge lies in data/: ingredients.csv and combinations.csv (names and codes), drug_classes.toml (what
people write for a class) and reactions.toml (grade, basis and source of each pair). See docs/knowledge.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import msgspec

from chairside.knowledge.data_files import toml_table
from chairside.knowledge.drug_names import Drug, drug_with_code, drugs_named_in, ingredient, plain_words

Grade = Literal["low", "moderate", "high", "contraindicated"]
Basis = Literal["same_ingredient", "same_class", "cross_reactive"]

GRADES: tuple[Grade, ...] = ("low", "moderate", "high", "contraindicated")
BASES: tuple[Basis, ...] = ("same_ingredient", "same_class", "cross_reactive")

_SEVERE = frozenset({"severe", "life_threatening"})
_NO_DRUG_NAMES = frozenset({"unknown", "nothing", "various", "allergy", "allergies", "medication"})


@dataclass(frozen=True, slots=True)
class Substance:
    """An allergen or a medication: its name or free text, its RxNorm code, its class in words."""

    name: str
    rx_cui: str | None = None
    drug_class: str | None = None


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the contract's word, and nothing here warns the Python way
    """`severity` is one of GRADES, `basis` one of BASES; `message` holds no text that a user wrote."""

    severity: Grade
    message: str
    basis: Basis
    source: str


def check(allergy: Substance, medication: Substance, *, allergy_severity: str | None = None) -> Warning | None:
    """The gravest warning for this pair, or None.

    `allergy_severity` is the severity the allergy was recorded with; severe and life_threatening raise the
    grade where the table says so, any other text leaves it. Never raises, whatever the words are.
    """
    severe = _is_severe(allergy_severity)
    warnings = list(_warnings(_drugs(allergy, in_an_allergy=True), _drugs(medication), severe))
    if _name_the_same(allergy, medication):
        warnings.append(_same_ingredient_by_name(severe))
    return max(warnings, key=_gravity, default=None)


def _warnings(allergens: frozenset[Drug], drugs: frozenset[Drug], severe: bool) -> Iterator[Warning]:
    for allergen in sorted(allergens, key=_by_label):
        for drug in sorted(drugs, key=_by_label):
            if drug == allergen and drug.is_ingredient:
                yield _same_ingredient_rule(drug.label).warning(drug, severe)
            else:
                yield from _class_warnings(allergen, drug, severe)


def _class_warnings(allergen: Drug, drug: Drug, severe: bool) -> Iterator[Warning]:
    for reaction in _knowledge().reaction:
        if reaction.allergy in allergen.groups and reaction.medication in drug.groups:
            yield reaction.warning(allergen, drug, severe)


def _drugs(substance: Substance, *, in_an_allergy: bool = False) -> frozenset[Drug]:
    named = drugs_named_in(substance.name, in_an_allergy=in_an_allergy)
    drugs = drug_with_code(substance.rx_cui) | named
    if not drugs and substance.drug_class:
        drugs = drugs_named_in(substance.drug_class, in_an_allergy=in_an_allergy)
    return drugs | _excipients(drugs)


def _excipients(drugs: frozenset[Drug]) -> frozenset[Drug]:
    groups = frozenset(group for drug in drugs for group in drug.groups)
    return frozenset(ingredient(row.adds) for row in _knowledge().excipient if groups.issuperset(row.when))


def _name_the_same(allergy: Substance, medication: Substance) -> bool:
    """For drugs the table does not know: one code, or one and the same long word, on both sides."""
    if _drugs(allergy, in_an_allergy=True) or _drugs(medication):
        return False
    code = (allergy.rx_cui or "").strip()
    if code and code == (medication.rx_cui or "").strip():
        return True
    words = plain_words(allergy.name)
    return len(words) == 1 and _may_name_a_drug(words[0]) and words == plain_words(medication.name)


def _may_name_a_drug(word: str) -> bool:
    # Short words and the listed ones are what people write when they have no drug to name.
    return len(word) >= 7 and word not in _NO_DRUG_NAMES


def _is_severe(allergy_severity: str | None) -> bool:
    words = (allergy_severity or "").casefold().replace("-", " ").replace("_", " ").split()
    return "_".join(words) in _SEVERE


def _gravity(warning: Warning) -> tuple[int, int]:
    return GRADES.index(warning.severity), -BASES.index(warning.basis)


def _by_label(drug: Drug) -> str:
    return drug.label


class _SameIngredient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    grade: Grade
    grade_if_severe: Grade
    message: str
    source: str
    verified: bool
    ingredients: frozenset[str] = frozenset()

    def warning(self, drug: Drug, severe: bool) -> Warning:
        message = self.message.format(ingredient=drug.label, allergy=drug.with_article)
        grade = self.grade_if_severe if severe else self.grade
        return Warning(grade, message, "same_ingredient", self.source)


class _Reaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allergy: str
    medication: str
    grade: Grade
    grade_if_severe: Grade
    basis: Basis
    message: str
    source: str
    verified: bool

    def warning(self, allergen: Drug, drug: Drug, severe: bool) -> Warning:
        named = drug.label if drug.is_ingredient else "this medication"
        message = self.message.format(
            medication=named[0].upper() + named[1:],
            medication_inline=named,
            allergy=allergen.with_article,
        )
        return Warning(self.grade_if_severe if severe else self.grade, message, self.basis, self.source)


class _Excipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    when: tuple[str, ...]
    adds: str
    source: str
    verified: bool


class _Knowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    same_ingredient: tuple[_SameIngredient, ...]
    excipient: tuple[_Excipient, ...]
    reaction: tuple[_Reaction, ...]


@cache
def _knowledge() -> _Knowledge:
    return toml_table("data/reactions.toml", _Knowledge)


def _same_ingredient_rule(label: str) -> _SameIngredient:
    rules = _knowledge().same_ingredient
    return next((rule for rule in rules if label in rule.ingredients), rules[0])


def _same_ingredient_by_name(severe: bool) -> Warning:
    rule = _knowledge().same_ingredient[0]
    message = "The medication and a recorded allergy have the same name or code."
    return Warning(rule.grade_if_severe if severe else rule.grade, message, "same_ingredient", rule.source)
