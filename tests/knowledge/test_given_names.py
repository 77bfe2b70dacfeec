"""Short forms of a first name lead to the name, and back."""

from __future__ import annotations

import pytest

from chairside.knowledge.given_names import nicknames_of


@pytest.mark.parametrize(
    ("typed", "name"),
    [("Bob", "robert"), ("Robert", "bob"), ("BILL", "william"), ("liz", "elizabeth"), ("Peggy ", "margaret"),
     ("Katherine", "kate"), ("Robert J.", "bob"), ("tony", "anthony")],
)  # fmt: skip
def test_a_short_form_and_its_name_lead_to_each_other(typed: str, name: str) -> None:
    """Any case of letters, with or without initials after the name."""
    assert name in nicknames_of(typed)


@pytest.mark.parametrize("typed", ["", " ", "Xqzt", "Robertson", "伟", "bobrobert"])
def test_an_unknown_name_has_no_short_form(typed: str) -> None:
    """Only whole names count, in the languages that the data covers."""
    assert nicknames_of(typed) == frozenset()


def test_no_name_is_a_short_form_of_itself() -> None:
    """And none has so many that a search by them is long."""
    for name in ("robert", "bob", "chris", "alexander", "maria"):
        assert name not in nicknames_of(name)
        assert len(nicknames_of(name)) < 20
