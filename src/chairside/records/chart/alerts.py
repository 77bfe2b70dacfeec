"""Alerts: notes that must be seen, for one patient or for the whole family."""

from __future__ import annotations

from chairside.changes import Asked, Change, Desk, Reply, wrong
from chairside.errors import Problem, Refused, refuse
from chairside.fields import Entry, Field, Reference, body_of
from chairside.records.catalogs import CATEGORY, SEARCH, catalog
from chairside.resource import Action, Filter, Kind, Lapse
from chairside.standing import VERSION_ALONE
from chairside.types import Boolean, Choice, Date, Integer, Many, Text, Timestamp, Uuid

SCOPES = ("patient", "family")
STATUSES = ("active", "disabled", "archived")
MOST_DISMISSED = 50
AT = ("path", "alert_uuid")

ALERT_DEFINITIONS = catalog(
    "alert_definition",
    "patient-alert-definitions",
    "AlertDefinition",
    "alert definitions",
    "An alert that can be put on patients.",
    Field(name="category", type=Text(max=64), doc="Groups alerts in a list."),
    Field(name="description", type=Text(max=1000), doc="What the alert means to the practice."),
    Field(
        name="default_scope",
        type=Choice(SCOPES, name="AlertScope"),
        doc="For the patient, or for the family.",
        default="patient",
    ),
    Field(name="default_is_urgent", type=Boolean(), doc="Whether it is urgent unless said otherwise.", default=False),
    id_param="definition_uuid",
    filters=(SEARCH, CATEGORY),
)


async def take_defaults(desk: Desk, change: Change) -> None:
    """Scope and urgency come from the definition where the caller left them out."""
    new = change.after
    if change.before is None:
        [definition] = await desk.ask("chart.alert_defaults", new["alert_definition_id"])
        if new["alert_scope"] is None:
            new["alert_scope"] = definition["default_scope"]
        if new["is_urgent"] is None:
            new["is_urgent"] = definition["default_is_urgent"]


def settle(change: Change) -> None:
    """Status, the day it ends and the moment it ended go together."""
    new = change.after
    if new["status"] == "active" and new["disable_on"] is not None and new["disable_on"] <= change.today:
        if "status" in change.given and "disable_on" not in change.given:
            new["disable_on"] = None  # brought back by hand, so the day that ended it no longer counts
        else:
            new["status"] = "disabled"
    if new["status"] == "active":
        if new["date_disabled"] is not None and "date_disabled" in change.given:
            raise wrong("contradiction", "date_disabled", "an active alert has not been disabled")
        new["date_disabled"] = None
    elif new["date_disabled"] is None:
        new["date_disabled"] = change.now
    if new["status"] == "archived" and new["deleted_at"] is None:
        new["deleted_at"] = change.now


async def archiving(_desk: Desk, change: Change) -> None:
    change.after["status"] = "archived"


async def disable(desk: Desk, asked: Asked) -> Reply:
    before = await desk.load_own("alert", asked)
    change = desk.change("alert", before, {"status": "disabled"})
    if before["status"] != "active":
        raise refuse("not_active", *AT, current_status=before["status"])
    return desk.reply("alert", await desk.save("alert", change, "disabled"))


async def dismiss(desk: Desk, asked: Asked) -> Reply:
    """Archive them all or none; one that is archived already stays as it is."""
    patient_id = asked.path["patient_uuid"]
    replies: list[object] = []
    missing: list[Problem] = []
    if not await desk.ask("patients.exists", patient_id):
        raise refuse("not_found", "path", "patient_uuid")
    named: list[str] = asked.body["alert_uuids"]
    for alert_id in dict.fromkeys(named):
        at = ("body", "alert_uuids", named.index(alert_id))
        try:
            alert = await desk.load("alert", alert_id, at=at, archived=True)
            if alert["patient_id"] != patient_id:
                raise refuse("not_found", *at)
        except Refused as refused:
            missing += refused.problems
            continue
        if alert["deleted_at"] is None:
            change = desk.change("alert", alert, {"status": "archived", "deleted_at": desk.now})
            alert = await desk.save("alert", change, "archived")
        replies.append(desk.reply("alert", alert).data)
    if missing:
        raise Refused(missing)
    return Reply(data=replies, patient_id=patient_id)


ALERTS = Kind(
    name="alert",
    table="patient_alerts",
    path="patients/{patient_uuid}/alerts",
    id_param="alert_uuid",
    schema="PatientAlert",
    title="alert",
    plural="alerts",
    area="alerts",
    doc="A note that must be seen, about one patient or the whole family.",
    parent="patient",
    more_events=("disabled",),
    label=(),
    order=("-is_urgent", "-created_at", "-id"),
    fields=(
        Reference(name="alert_definition", to="alert_definition", doc="Which alert.", required=True, patch=False),
        Field(
            name="alert_scope",
            type=Choice(SCOPES, name="AlertScope"),
            doc="As the definition says, if absent.",
            filled=True,
        ),
        Field(name="is_urgent", type=Boolean(), doc="As the definition says, if absent.", filled=True),
        Field(name="note", type=Text(max=2000), doc="What to know."),
        Field(
            name="disable_on",
            type=Date(),
            doc="Disabled from the start of this day at the patient's location.",
        ),
        Field(
            name="status", type=Choice(STATUSES), doc="Active, disabled or archived.", default="active", create=False
        ),
        Field(name="date_disabled", type=Timestamp(), doc="When it was disabled.", create=False),
        Field(name="created_by", type=Integer(), doc="Number of the user.", create=False, patch=False),
    ),
    filters=(
        Filter(
            entry=Entry(key="status", type=Choice(STATUSES), doc="Only alerts of this status; else all but archived."),
            column="status",
            how="state",
        ),
        Filter(
            entry=Entry(
                key="include_family",
                type=Boolean(),
                doc="Also family-scoped alerts of patients with the same guarantor.",
                default=False,
            ),
            how="family",
        ),
    ),
    lapse=Lapse(column="status", held="active", on="disable_on", becomes="disabled", stamp="date_disabled"),
    settle=settle,
    consult=take_defaults,
    archiving=archiving,
    actions=(
        Action(
            name="disable",
            method="POST",
            path="/{alert_uuid}/disable",
            allow="write",
            summary="Disable an alert",
            doc="Ends an active alert; it stays in the list.",
            answer="PatientAlertOut",
            run=disable,
            writes=True,
            body=VERSION_ALONE,
            errors=("not_found", "version_conflict", "not_active"),
        ),
        Action(
            name="bulk_dismiss",
            operation_id="dismiss_alerts",
            method="POST",
            path="/bulk-dismiss",
            allow="write",
            summary="Archive several alerts",
            doc="Up to 50 alerts of one patient, all or none; answers them as they are now.",
            answer="PatientAlertOut",
            run=dismiss,
            writes=True,
            many=True,
            body=body_of(
                "BulkDismissAlertsIn",
                Entry(
                    key="alert_uuids",
                    type=Many(Uuid(), min=1, max=MOST_DISMISSED),
                    doc="Which alerts.",
                    required=True,
                ),
            ),
            errors=("not_found",),
        ),
    ),
)
