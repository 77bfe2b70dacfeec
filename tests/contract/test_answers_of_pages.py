"""A record on a page is answered as it is alone, field for field and in the same order, whatever kind it is of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from chairside.engine.answers import Shapes, View
from chairside.records import ALL
from chairside.resource import Kind

SHAPES = Shapes(ALL)


def rows(kind: Kind) -> Iterator[list[Any]]:
    """One with something in every column, one with nothing where that may be, in the order of the answer's columns."""
    shown, names = kind.answered, [f"name of {r.name}" for r in kind.references]
    yield [f.name for f in shown] + names + ["near"] * len(kind.beside)
    yield [f.name if f.required else None for f in shown] + names + ["near"] * len(kind.beside)


@pytest.mark.parametrize("portal", [False, True], ids=["staff", "portal"])
@pytest.mark.parametrize("kind", [k for k in ALL if k.present is None], ids=lambda k: k.name)
def test_a_page_answers_as_one_record_does(kind: Kind, portal: bool) -> None:
    alone = [SHAPES.of_row(kind, row, View.PORTAL if portal else View.WHOLE) for row in rows(kind)]
    page = SHAPES.of_rows(kind, rows(kind), View.PORTAL if portal else View.WHOLE)
    assert msgspec.json.encode(page) == msgspec.json.encode(alone)
    assert len(alone[0]) == len([f for f in kind.answered if f.portal or not portal])
