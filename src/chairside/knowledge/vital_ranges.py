"""Judges a set of vital signs by age, says whether it blocks a procedure, and computes the BMI.

The figures are data: data/vital_ranges.csv, data/age_bands.csv and data/blocking_presets.csv, each row with
its source. They are reference points for a conversation, not a diagnosis; see docs/knowledge.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from types import MappingProxyType
from typing import Literal

from chairside.knowledge.data_files import csv_rows

Severity = Literal["warning", "critical"]
Reading = Mapping[str, int | float | Decimal | None]

# Exact by the international yard and pound agreement of 1959; the familiar factor 703 is these two, rounded.
_METERS_PER_INCH = Decimal("0.0254")
_KILOGRAMS_PER_POUND = Decimal("0.45359237")

_NAMES_AND_UNITS = MappingProxyType(
    {
        "bp_systolic": ("Systolic pressure", " mmHg"),
        "bp_diastolic": ("Diastolic pressure", " mmHg"),
        "pulse": ("Pulse", "/min"),
        "oxygen_saturation": ("Oxygen saturation", " %"),
        "respiration_rate": ("Respiration", "/min"),
        "temperature_f": ("Temperature", " F"),
    }
)
VITALS: tuple[str, ...] = tuple(_NAMES_AND_UNITS)


@dataclass(frozen=True, slots=True)
class Flag:
    """One value outside the usual range of its age band; `value` is the one that was read."""

    vital: str
    value: float | int
    severity: Severity
    message: str


def flags(reading: Reading, *, age_months: int | None) -> list[Flag]:
    """What stands out, in the order of VITALS; absent, None and non-finite values are passed over.

    Pressures in mmHg, pulse and respiration per minute, saturation in percent, temperature in Fahrenheit.
    An unknown age is judged by the adult bands.
    """
    bands = _bands()[_age_band(age_months)]
    return [
        flag
        for vital in VITALS
        if (value := _number(reading.get(vital))) is not None
        if (flag := _flag(vital, value, _band_of(bands[vital], value))) is not None
    ]


def is_procedure_blocking(reading: Reading, *, preset: str) -> bool:
    """Whether any value lies in the blocking range of this preset; ValueError names the presets there are."""
    return bool(blocking_vitals(reading, preset=preset))


def blocking_vitals(reading: Reading, *, preset: str) -> list[str]:
    """The vital signs whose value lies in the blocking range of this preset, in the order of VITALS.

    ValueError names the presets there are.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}")
    blocking = {
        limit.vital
        for limit in _limits()[preset]
        if (value := _number(reading.get(limit.vital))) is not None and limit.holds(value)
    }
    return [vital for vital in VITALS if vital in blocking]


def bmi(height_inches: int | float | Decimal, weight_lbs: int | float | Decimal) -> Decimal:
    """Body mass index in kg/m2 to one decimal, halves up, by exact metric conversion.

    ValueError if the height is not above zero.
    """
    height = Decimal(str(height_inches)) * _METERS_PER_INCH
    if not height > 0:
        raise ValueError("height must be above zero")
    weight = Decimal(str(weight_lbs)) * _KILOGRAMS_PER_POUND
    return (weight / (height * height)).quantize(Decimal("0.1"), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class _Band:
    at_least: Decimal | None
    below: Decimal | None
    severity: Severity | None
    label: str

    def holds(self, value: Decimal) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.below is None or value < self.below)


@dataclass(frozen=True, slots=True)
class _Limit:
    vital: str
    comparison: str
    limit: Decimal

    def holds(self, value: Decimal) -> bool:
        match self.comparison:
            case "above":
                return value > self.limit
            case "at_least":
                return value >= self.limit
            case "below":
                return value < self.limit
        raise ValueError(f"unknown comparison {self.comparison!r} in data/blocking_presets.csv")


def _flag(vital: str, value: Decimal, band: _Band) -> Flag | None:
    if band.severity is None:
        return None
    name, unit = _NAMES_AND_UNITS[vital]
    shown = int(value) if value == value.to_integral_value() else float(value)
    return Flag(vital, shown, band.severity, f"{name} {shown}{unit} is {band.label}.")


def _band_of(bands: tuple[_Band, ...], value: Decimal) -> _Band:
    return next(band for band in bands if band.holds(value))


def _age_band(age_months: int | None) -> str:
    rows = _age_bands()
    if age_months is None:
        return rows[-1][0]
    return next(name for name, below in rows if below is None or age_months < below)


def _number(value: int | float | Decimal | None) -> Decimal | None:
    number = None if value is None else Decimal(str(value))
    return number if number is not None and number.is_finite() else None


@cache
def _age_bands() -> tuple[tuple[str, int | None], ...]:
    """The age bands from the youngest on, each with the month it ends before."""
    rows = csv_rows("data/age_bands.csv")
    return tuple((row["age_band"], int(row["below_month"]) if row["below_month"] else None) for row in rows)


@cache
def _bands() -> Mapping[str, Mapping[str, tuple[_Band, ...]]]:
    bands: dict[str, dict[str, list[_Band]]] = {}
    for row in csv_rows("data/vital_ranges.csv"):
        bands.setdefault(row["age_band"], {}).setdefault(row["vital"], []).append(_band(row))
    return {age: {vital: tuple(rows) for vital, rows in table.items()} for age, table in bands.items()}


def _band(row: Mapping[str, str]) -> _Band:
    severities: dict[str, Severity | None] = {"": None, "warning": "warning", "critical": "critical"}
    return _Band(_edge(row["at_least"]), _edge(row["below"]), severities[row["severity"]], row["label"])


def _edge(cell: str) -> Decimal | None:
    return Decimal(cell) if cell else None


@cache
def _limits() -> Mapping[str, tuple[_Limit, ...]]:
    limits: dict[str, list[_Limit]] = {}
    for row in csv_rows("data/blocking_presets.csv"):
        limits.setdefault(row["preset"], []).append(_Limit(row["vital"], row["comparison"], Decimal(row["limit"])))
    return {preset: tuple(rows) for preset, rows in limits.items()}


PRESETS: tuple[str, ...] = tuple(_limits())
