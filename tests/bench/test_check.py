"""The small check in CI can fail: it names what fell far below the kept ratios, and what is missing on either side."""

from __future__ import annotations

import msgspec
import pytest

from bench.check import BASELINE, CHECKED, worse

KEPT = {"GET one": 0.4, "create": 0.5}


@pytest.mark.parametrize("found", [KEPT, {"GET one": 0.2, "create": 0.25}, {"GET one": 0.9, "create": 0.8}])
def test_ratios_within_half_of_the_baseline_are_good(found: dict[str, float]) -> None:
    assert worse(KEPT, found) == []


def test_a_ratio_below_half_of_the_baseline_is_named() -> None:
    [said] = worse(KEPT, {"GET one": 0.19, "create": 0.5})
    assert said.startswith("GET one: 0.19")


def test_what_was_not_measured_or_not_kept_is_named() -> None:
    assert worse(KEPT, {"GET one": 0.4}) == ["create: was not measured"]
    assert worse(KEPT, KEPT | {"patch": 1.0}) == ["patch: is not in the baseline"]


def test_the_baseline_has_what_is_checked() -> None:
    kept = msgspec.json.decode(BASELINE.read_bytes(), type=dict[str, float])
    assert set(kept) == set(CHECKED)
    assert all(ratio > 0 for ratio in kept.values())
