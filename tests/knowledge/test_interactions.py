"""The table of allergy-medication pairs, and what holds for any text."""

import csv
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chairside.knowledge.data_files import csv_rows, split_list
from chairside.knowledge.interactions import BASES, GRADES, Substance, check

CASES = list(csv.DictReader(Path(__file__).with_name("interaction_cases.csv").read_text().splitlines()))
INGREDIENTS = [row["name"] for row in csv_rows("data/ingredients.csv")]
KNOWN_WORDS = sorted(
    word
    for path in ("data/ingredients.csv", "data/combinations.csv")
    for row in csv_rows(path)
    for word in split_list(row["words"])
)
DOSES = ("", " 500 mg", " 200mg", " 2%", " 250 mg/5 mL", " 1 tab po tid prn", " 0.12 %", " 10mg x 7 days")
DRESSES = ("{}", "({})", "*{}*", " {} ", "{}.", "{}!", "- {};", "{}™", '"{}"')

any_text = st.text(max_size=60)
known_word = st.sampled_from(KNOWN_WORDS)


def _outcome(allergy: str, medication: str, severity: str | None = None) -> tuple[str, str] | None:
    warning = check(Substance(allergy), Substance(medication), allergy_severity=severity)
    return None if warning is None else (warning.severity, warning.basis)


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=[f"{c['allergy']} {c['allergy_severity']} + {c['medication']}".replace("  ", " ") for c in CASES],
)
def test_each_pair_of_the_table_gets_its_grade_and_basis_or_silence(case: dict[str, str]) -> None:
    """interaction_cases.csv is the agreement; an empty severity is silence."""
    expected = (case["severity"], case["basis"]) if case["severity"] else None
    assert _outcome(case["allergy"], case["medication"], case["allergy_severity"] or None) == expected


def test_the_table_is_large_and_holds_as_much_silence_as_warnings() -> None:
    """At least 120 pairs, about half of either kind, each pair once."""
    silent = sum(not case["severity"] for case in CASES)
    pairs = {(c["allergy"], c["allergy_severity"], c["medication"]) for c in CASES}
    assert len(CASES) == len(pairs) >= 120
    assert 0.45 <= silent / len(CASES) <= 0.55


@given(any_text, any_text, st.none() | any_text)
def test_any_text_gives_one_warning_or_none_and_never_an_error(a: str, b: str, severity: str | None) -> None:
    """Names are free text from anywhere: unicode, control characters, nonsense."""
    warning = check(Substance(a, a, b), Substance(b, b, a), allergy_severity=severity)
    assert warning is None or (warning.severity in GRADES and warning.basis in BASES and warning.source)


@given(known_word, known_word, st.sampled_from(DOSES), st.sampled_from(DRESSES), st.booleans())
def test_case_punctuation_and_dose_change_nothing(allergen: str, drug: str, dose: str, dress: str, upper: bool) -> None:
    """ "advil" and "(ADVIL) 200mg" are the same drug."""
    dressed = dress.format(drug.upper() if upper else drug.title()) + dose
    assert _outcome(dress.format(allergen.upper()), dressed) == _outcome(allergen, drug)


@given(known_word, known_word)
def test_a_shared_ingredient_is_found_both_ways_round(one: str, other: str) -> None:
    """Percocet against acetaminophen as acetaminophen against Percocet."""
    forth, back = _outcome(one, other), _outcome(other, one)
    if forth is not None and forth[1] == "same_ingredient":
        assert back == forth


@pytest.mark.parametrize("name", INGREDIENTS)
def test_every_ingredient_of_the_table_meets_itself(name: str) -> None:
    """An allergy to a drug warns of that very drug, named or coded, whatever its class does."""
    row = next(row for row in csv_rows("data/ingredients.csv") if row["name"] == name)
    for word in split_list(row["words"]):
        outcome = _outcome(name, word)
        assert outcome is not None
        assert outcome[1] == "same_ingredient"
    if row["rx_cui"]:
        coded = check(Substance("", row["rx_cui"]), Substance("see note", row["rx_cui"]))
        assert coded is not None
        assert coded.basis == "same_ingredient"


@given(known_word, st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=4))
def test_a_longer_word_that_begins_like_a_drug_is_not_that_drug(word: str, tail: str) -> None:
    """ "penicillamine" is not a penicillin: words match whole, a plural s aside."""
    longer = word + tail
    # After a digit a letter starts a word of its own ("mso4 iv"), so nothing is lengthened there.
    assume(word[-1].isalpha() and not {longer, longer.removesuffix("s"), longer + "s"} & {word, *KNOWN_WORDS})
    before = " ".join(word.split()[:-1]) or "nothing"
    assert _outcome(longer, word) in {None, _outcome(before, word)}


def test_the_code_speaks_before_the_words() -> None:
    """A definition under a local name is recognised by its RxNorm code."""
    warning = check(Substance("PCN class (imported)", "7980"), Substance("House brand capsule", "723"))
    assert warning is not None
    assert warning.message == "Amoxicillin is a penicillin; a penicillin allergy is recorded."
    assert check(Substance("Local name", "6387"), Substance("Other local name", "6759")) is not None


def test_an_unknown_drug_is_judged_by_the_class_it_was_entered_with() -> None:
    """An org's own definition has a class in words; a known name makes the class unimportant."""
    own = Substance("Housebrand 500", drug_class="Penicillin antibiotic")
    assert _grade(Substance("Amoxicillin"), own) == "high"
    assert _grade(own, Substance("amoxicillin")) == "high"
    assert _grade(Substance("Reaction at another office", drug_class="Drug"), own) is None
    assert _grade(Substance("Azithromycin", drug_class="Penicillin antibiotic"), own) is None


def test_an_unknown_code_still_matches_itself() -> None:
    """Orgs add drugs this table does not hold."""
    assert _grade(Substance("A", "999999"), Substance("B", "999999")) == "contraindicated"
    assert _grade(Substance("A", "999999"), Substance("B", "999998")) is None
    assert _grade(Substance("A", ""), Substance("B", "")) is None


def test_a_message_never_repeats_what_a_user_wrote() -> None:
    """Warnings are logged and shown; free text may hold a name."""
    texts = ("Penicillin - told by Zachariasz", "amoxicillin for Zachariasz")
    warning = check(Substance(texts[0]), Substance(texts[1]))
    assert warning is not None
    assert "zachariasz" not in warning.message.casefold()
    same = check(Substance("Zachariasz"), Substance("Zachariasz"))
    assert same is not None
    assert "zachariasz" not in same.message.casefold()


@pytest.mark.parametrize(
    ("allergy", "medication", "message"),
    [
        ("PCN", "amox", "Amoxicillin is a penicillin; a penicillin allergy is recorded."),
        ("Aspirin", "Advil 200mg", "Ibuprofen is an NSAID; an aspirin allergy is recorded."),
        ("NSAIDs", "Advil", "Ibuprofen is an NSAID; an NSAID allergy is recorded."),
        ("Codeine", "T3 codeine", "This medication contains codeine; a codeine allergy is recorded."),
        ("Amoxicillin", "penicillin", "This medication is a penicillin; an amoxicillin allergy is recorded."),
    ],
)
def test_a_message_reads_like_a_sentence(allergy: str, medication: str, message: str) -> None:
    """Articles and capitals are right, for abbreviations too."""
    warning = check(Substance(allergy), Substance(medication))
    assert warning is not None
    assert warning.message == message


def test_severity_never_lowers_a_grade() -> None:
    """A severe allergy weighs at least as much, for every pair of the table."""
    for case in CASES:
        plain = check(Substance(case["allergy"]), Substance(case["medication"]))
        severe = check(Substance(case["allergy"]), Substance(case["medication"]), allergy_severity="severe")
        assert (plain is None) == (severe is None)
        if plain is not None and severe is not None:
            assert GRADES.index(severe.severity) >= GRADES.index(plain.severity)


def _grade(allergy: Substance, medication: Substance) -> str | None:
    warning = check(allergy, medication)
    return None if warning is None else warning.severity
