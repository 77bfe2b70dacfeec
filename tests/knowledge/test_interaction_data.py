"""The data files of the interaction check are whole: nothing dangles, nothing is said twice."""

import tomllib
from collections import Counter
from importlib.resources import files

from chairside.knowledge.data_files import csv_rows, split_list

INGREDIENTS = csv_rows("data/ingredients.csv")
COMBINATIONS = csv_rows("data/combinations.csv")
PACKAGE = files("chairside.knowledge")
CLASSES = tomllib.loads(PACKAGE.joinpath("data/drug_classes.toml").read_text())["drug_class"]
KNOWLEDGE = tomllib.loads(PACKAGE.joinpath("data/reactions.toml").read_text())


def test_each_spelling_names_one_thing() -> None:
    """A word in two rows would silently mean the later one."""
    words = [word for row in (*INGREDIENTS, *COMBINATIONS) for word in split_list(row["words"])]
    words += [word for drug_class in CLASSES for word in drug_class["words"]]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert all(word == word.casefold() and word.strip() == word for word in words)


def test_each_ingredient_and_code_stands_once() -> None:
    """Names are keys, and a code belongs to one ingredient."""
    codes = [row["rx_cui"] for row in INGREDIENTS if row["rx_cui"]]
    assert len({row["name"].casefold() for row in INGREDIENTS}) == len(INGREDIENTS)
    assert len(set(codes)) == len(codes)
    assert all(code.isascii() and code.isdigit() and not code.startswith("0") for code in codes)


def test_a_code_is_marked_verified_or_not_and_an_absent_one_never_is() -> None:
    """No code passes as looked up by default."""
    assert {row["codes_verified"] for row in INGREDIENTS} == {"true", "false"}
    assert [row["name"] for row in INGREDIENTS if not row["rx_cui"] and row["codes_verified"] == "true"] == []


def test_every_group_a_reaction_names_has_members_and_every_group_is_used() -> None:
    """A misspelled group would be a silent hole."""
    groups = {group for row in INGREDIENTS for group in (row["name"], *split_list(row["groups"]))}
    groups |= {group for drug_class in CLASSES for group in drug_class["groups"]}
    used = {row[side] for row in KNOWLEDGE["reaction"] for side in ("allergy", "medication")}
    used |= {group for row in KNOWLEDGE["excipient"] for group in row["when"]}
    assert used - groups == set()
    assert groups - used - {row["name"] for row in INGREDIENTS} - {"sulfites"} == set()


def test_combinations_and_exceptions_name_ingredients_of_the_table() -> None:
    """Every part of a brand is a known ingredient."""
    names = {row["name"] for row in INGREDIENTS}
    parts = {part for row in COMBINATIONS for part in split_list(row["ingredients"])}
    parts |= {part for row in KNOWLEDGE["same_ingredient"] for part in row.get("ingredients", ())}
    parts |= {row["adds"] for row in KNOWLEDGE["excipient"]}
    assert parts - names == set()


def test_every_row_of_knowledge_names_a_source() -> None:
    """Grades without a source are opinions."""
    rows = [row for table in KNOWLEDGE.values() for row in table]
    assert all(len(row["source"]) > 20 and isinstance(row["verified"], bool) for row in rows)


def test_no_pair_of_groups_is_graded_twice() -> None:
    """Two rows for one pair would disagree one day."""
    pairs = Counter((row["allergy"], row["medication"]) for row in KNOWLEDGE["reaction"])
    assert [pair for pair, count in pairs.items() if count > 1] == []
