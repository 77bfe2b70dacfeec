"""Status, time of death and contact flags of a deceased patient, which go together."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

from chairside.changes import Change, wrong

CONTACT_FLAGS = ("receives_sms", "receives_email")
# A day begins here first, so that a death on the day of birth is before birth nowhere.
EARLIEST_ZONE = timezone(timedelta(hours=14))


def settle_death(change: Change) -> None:
    """A time of death makes a new patient deceased; on others it needs that status. Nobody writes to the deceased."""
    new = change.after
    if change.before is None and new["date_time_deceased"] is not None and "status" not in change.given:
        new["status"] = "deceased"
    if change.changed("status"):
        _settle_status(change)
    if "date_time_deceased" in change.given and new["date_time_deceased"] is not None and new["status"] != "deceased":
        raise wrong("not_deceased", "date_time_deceased", _way_to_go(change), current_status=new["status"])
    _refuse_before_birth(change)
    if new["status"] == "deceased" and change.before is not None:
        for flag in CONTACT_FLAGS:
            if flag in change.given and new[flag]:
                raise wrong("contact_of_deceased", flag)


def _settle_status(change: Change) -> None:
    new = change.after
    if new["status"] == "deceased":
        new["date_time_deceased"] = new["date_time_deceased"] or change.now
        new["receives_sms"] = new["receives_email"] = False
    elif new["status"] != "archived" and change.before is not None:
        new["date_time_deceased"] = None  # restored from the archive, as inactive


def _way_to_go(change: Change) -> str:
    if change.before is None:
        return "leave out status, or send deceased: only a deceased patient has a time of death"
    return "move the patient to deceased with transition-status first; then the time of death can be corrected"


def _refuse_before_birth(change: Change) -> None:
    new = change.after
    died, born = new["date_time_deceased"], new["date_of_birth"]
    if died is None or born is None or not change.changed("date_time_deceased", "date_of_birth"):
        return
    if died < _first_moment(born):
        key = "date_time_deceased" if "date_time_deceased" in change.given else "date_of_birth"
        raise wrong("out_of_range", key, "the patient cannot have died before birth")


def _first_moment(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=EARLIEST_ZONE).astimezone(UTC)
