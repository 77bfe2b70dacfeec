"""A clinic that the tests of one file share; each test looks at patients of its own."""

from __future__ import annotations

from itertools import count

import pytest

from tests.chart.charting import Chart, Json, definition
from tests.house import Client, House, Org
from tests.patients.acts import register

_numbers = count(1)


@pytest.fixture(scope="module")
def clinic(house: House) -> Org:
    """An org with the starter catalogs, whose settings nobody changes."""
    return house.org(f"Chart Dental {next(_numbers)}")


@pytest.fixture(scope="module")
def desk(clinic: Org) -> Client:
    """An administrator of the clinic."""
    return clinic.desk()


@pytest.fixture
def patient(desk: Client) -> Json:
    """A patient with an empty chart."""
    return register(desk)


@pytest.fixture
def chart(desk: Client, patient: Json) -> Chart:
    """The empty chart of that patient."""
    return Chart(desk, patient)


@pytest.fixture(scope="module")
def plain_alert(desk: Client) -> str:
    """A definition of alerts that are for the patient and not urgent."""
    return definition(desk, "patient-alert-definitions", "Plain", default_scope="patient", default_is_urgent=False)


@pytest.fixture(scope="module")
def family_alert(desk: Client) -> str:
    """A definition of alerts that are for the family and urgent."""
    return definition(desk, "patient-alert-definitions", "Family", default_scope="family", default_is_urgent=True)
