"""No test of days runs over a midnight that it counts with."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.days.places import ZONES, today, today_in


@pytest.fixture(autouse=True)
def _before_midnight() -> None:
    """Waits where a day of the tests' zones ends within the next half minute."""
    while any(today_in(zone, timedelta(seconds=30)) > today(zone) for zone in ZONES):
        time.sleep(0.5)
