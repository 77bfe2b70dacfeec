"""The small check in CI can fail: it names what fell far below the kept ratios, and what is missing on either side."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from bench.check import BASELINE, CHECKED, checked, worse

KEPT = {"GET one": 0.4, "create": 0.5}


@pytest.mark.parametrize("found", [KEPT, {"GET one": 0.2, "create": 0.25}, {"GET one": 0.9, "create": 0.8}])
def test_ratios_within_half_of_the_baseline_are_good(found: dict[str, float]) -> None:
    assert worse(KEPT, found) == {}


def test_a_ratio_below_half_of_the_baseline_is_named() -> None:
    [said] = worse(KEPT, {"GET one": 0.19, "create": 0.5}).values()
    assert said.startswith("GET one: 0.19")


def test_what_was_not_measured_or_not_kept_is_named() -> None:
    assert worse(KEPT, {"GET one": 0.4}) == {"create": "create: was not measured"}
    assert worse(KEPT, KEPT | {"patch": 1.0}) == {"patch": "patch: is not in the baseline"}


@pytest.mark.parametrize(
    ("runs", "bad"),
    [
        ([{}], set()),
        ([{"patch": 0.1}, {}], set()),
        ([{"patch": 0.1, "create": 0.1}, {"create": 0.1}, {}], set()),
        ([{"patch": 0.1, "create": 0.1}, {"create": 0.1}, {"create": 0.1}], {"create"}),
        ([{"patch": 0.1}, {"patch": 0.1}, {"patch": 0.1}], {"patch"}),
    ],
)
def test_only_what_is_bad_three_times_is_bad(runs: list[dict[str, float]], bad: set[str]) -> None:
    """What was bad is measured again, and nothing else."""
    baseline, left, asked = dict.fromkeys(CHECKED, 1.0), list(runs), []

    def measure(names: Sequence[str]) -> dict[str, float]:
        asked.append(set(names))
        return dict.fromkeys(names, 1.0) | left.pop(0)

    assert set(checked(baseline, measure)) == bad
    assert asked == [set(CHECKED), *(set(run) for run in runs[:-1])]


def test_what_nobody_kept_is_bad_at_once() -> None:
    baseline = dict.fromkeys(CHECKED[1:], 1.0)
    assert set(checked(baseline, lambda names: dict.fromkeys(names, 1.0))) == {CHECKED[0]}


def test_the_baseline_has_what_is_checked() -> None:
    kept = msgspec.json.decode(BASELINE.read_bytes(), type=dict[str, float])
    assert set(kept) == set(CHECKED)
    assert all(ratio > 0 for ratio in kept.values())
