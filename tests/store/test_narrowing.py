"""In which way those with a tag are found hangs on how many of the org have it."""

from __future__ import annotations

import pytest

from tests.statements import tagged


@pytest.mark.parametrize(
    ("some", "of", "way"),
    [
        (0, 0, "leads"),
        (1, 1, "leads"),
        (0, 100_000, "leads"),
        (316, 100_000, "leads"),
        (317, 100_000, "among"),
        (5_375, 100_000, "among"),
        (5_376, 100_000, "asks"),
        (100_000, 100_000, "asks"),
        (100, 100, "among"),
    ],
)
def test_the_way_changes_at_the_root_and_at_seventeen_times_the_root(some: int, of: int, way: str) -> None:
    chosen = tagged(some, of).chosen
    found = {"leads": bool(chosen.found), "among": chosen.steady, "asks": chosen.uneven}
    assert [name for name, is_so in found.items() if is_so] == [way]
