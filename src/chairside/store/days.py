"""Days in SQL: the day at a record's place, whether a day has come there, and on which day a moment was.

Each expression names the org as $1. The time zone data of PostgreSQL decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from chairside.days import FURTHEST_AHEAD, FURTHEST_BEHIND
from chairside.resource import Kind

_OF_ORG = "(SELECT d.timezone FROM org_settings d WHERE d.org_id = $1 AND d.id = $1)"
_OF_LOCATION = "(SELECT d.timezone FROM locations d WHERE d.org_id = $1 AND d.id = {}.location_id)"
_OF_PATIENT = (
    "(SELECT d.timezone FROM patients h JOIN locations d ON d.org_id = $1 AND d.id = h.location_id"
    " WHERE h.org_id = $1 AND h.id = {}.patient_id)"
)
_AHEAD, _BEHIND = (f"interval '{n.total_seconds() / 3600:.0f} hours'" for n in (FURTHEST_AHEAD, FURTHEST_BEHIND))


def zone_of(kind: Kind, alias: str = "r") -> str:
    """The time zone of a record: its own, else that of its location, else of its patient's location, else the org's."""
    named = {f.column for f in kind.stored}
    if "timezone" in named:
        return f"coalesce({alias}.timezone, {_OF_ORG})"
    location, patient = _OF_LOCATION.format(alias), _OF_PATIENT.format(alias)
    if not {"location_id", "patient_id"} <= named:
        own = [e for column, e in (("location_id", location), ("patient_id", patient)) if column in named]
        return f"coalesce({', '.join([*own, _OF_ORG])})"
    return f"coalesce(CASE WHEN {alias}.location_id IS NULL THEN {patient} ELSE {location} END, {_OF_ORG})"


def day_of(moment: str, zone: str) -> str:
    """The day of a moment in a time zone."""
    return f"({moment} AT TIME ZONE {zone})::date"


def today_of(kind: Kind, alias: str = "r") -> str:
    """The day it is at the record's place."""
    return day_of("now()", zone_of(kind, alias))


def has_come(day: str, zone: str, now: str = "now()") -> str:
    """The condition that a day has begun in a time zone, which is looked up only while that can differ."""
    utc = f"{now} AT TIME ZONE 'UTC'"
    somewhere, everywhere = f"({utc} + {_AHEAD})::date", f"({utc} - {_BEHIND})::date"
    return f"({day} <= {somewhere} AND ({day} <= {everywhere} OR {day} <= {day_of(now, zone)}))"


def start_of(day: str, zone: str) -> str:
    """The first moment of a day in a time zone.

    Of a midnight that happens twice PostgreSQL takes the second; where that is, clocks go back by an hour. Of one that
    does not exist it takes the moment at which clocks go forward.
    """
    earlier = "m.at - interval '1 hour'"
    return (
        f"(SELECT CASE WHEN {day_of(f'({earlier})', 'm.zone')} >= {day} THEN {earlier} ELSE m.at END"
        f" FROM (SELECT z.zone, {day}::timestamp AT TIME ZONE z.zone AS at FROM (SELECT {zone} AS zone) z) m)"
    )


# The first moments of two days where the org is.
STARTS = f"SELECT {start_of('$2::date', _OF_ORG)} AS first, {start_of('$3::date', _OF_ORG)} AS last"


def from_day(kind: Kind, column: str, places: Sequence[str]) -> str:
    """The condition that a moment is on a day or later at the record's place; `places` hold the values of `bounds`."""
    day, first, last = places
    return f"({column} >= {first} AND ({column} >= {last} OR {day_of(column, zone_of(kind))} >= {day}))"


def before_day(kind: Kind, column: str, places: Sequence[str]) -> str:
    """The condition that a moment is before a day at the record's place; `places` hold the values of `bounds`."""
    day, first, last = places
    return f"({column} < {last} AND ({column} < {first} OR {day_of(column, zone_of(kind))} < {day}))"


def bounds(day: date) -> tuple[date, datetime, datetime]:
    """A day, and between which moments it begins everywhere: an index finds those, the zone decides between them."""
    midnight = datetime.combine(day, time.min, tzinfo=UTC)
    return day, midnight - FURTHEST_AHEAD, midnight + FURTHEST_BEHIND
