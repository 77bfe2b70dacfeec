"""Numbers agree with their nouns wherever a command prints one."""

from __future__ import annotations

import ast
import re

import pytest

from chairside.cli.wording import counted, with_article
from tests.cli.hands import answered
from tests.house import House
from tests.sources import sources


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "org", None, "0 orgs"),
        (1, "org", None, "1 org"),
        (2, "org", None, "2 orgs"),
        (1, "summary", "summaries", "1 summary"),
        (3, "summary", "summaries", "3 summaries"),
    ],
)
def test_a_noun_follows_its_number(number: int, noun: str, plural: str | None, text: str) -> None:
    """One alone is singular."""
    assert counted(number, noun, plural) == text


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        ("employer", "an employer"),
        ("provider", "a provider"),
        ("user", "a user"),
        ("alert", "an alert"),
        ("org", "an org"),
    ],
)
def test_an_article_follows_the_sound_of_its_noun(noun: str, text: str) -> None:
    """As it is spoken."""
    assert with_article(noun) == text


# A count in an f-string, then a space and a word: right for one number only.
COUNT = re.compile(r"^ (?!(has|does|is|was|less|lacks|holds)\b)[a-z]+s\b")


def test_no_command_prints_a_count_beside_a_fixed_plural() -> None:
    """Such as `1 orgs`; `counted` is the one place that knows the plural. Seconds and sizes carry a unit, no noun."""
    strays = []
    for source in (s for s in sources() if s.package == "cli"):
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.JoinedStr):
                continue
            for value, text in zip(node.values, node.values[1:], strict=False):
                plain = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
                if isinstance(value, ast.FormattedValue) and _is_count(value.value) and COUNT.match(plain):
                    strays.append(f"{source.place}:{node.lineno}{plain}")
    assert not strays


def _is_count(node: ast.expr) -> bool:
    """Lengths, attributes and names: text that is joined or called otherwise is no number."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "len"
    return isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) not in ("ROLE", "where")


def test_one_record_in_one_link_is_singular(house: House) -> None:
    """In the line of the audit, which counts both."""
    org = house.org("Single Dental")
    house.sealed()
    assert ": 1 record, 1 link" in answered("audit", "verify", "--org", org.id, data_dir=house.data_dir)


def test_a_reference_is_described_with_the_right_article(house: House) -> None:
    """`an employer` beside `a provider`."""
    shown = answered("describe", "patient", data_dir=house.data_dir)
    assert "(an employer)" in shown
    assert "(a provider)" in shown
    assert not re.search(r"\ba (?=[aeio])", shown)
