"""What an org decides for itself."""

from __future__ import annotations

from chairside.changes import Asked, Desk, Reply
from chairside.fields import Body, Entry, Field
from chairside.knowledge.vital_ranges import PRESETS
from chairside.resource import Action, Kind
from chairside.standing import BASE_VERSION
from chairside.types import Choice, Timezone

BLOCKING_PRESET = Field(
    name="blocking_preset",
    type=Choice(PRESETS),
    doc="Which readings of vital signs hold a procedure; applies to answers at once.",
    default="reference",
)


TIMEZONE = Field(
    name="timezone",
    type=Timezone(),
    doc="IANA time zone that days are counted in, where a patient's location has none of its own; applies at once.",
    required=True,
)


async def read(desk: Desk, _asked: Asked) -> Reply:
    return desk.reply("org_settings", await desk.load("org_settings", desk.org_id, at=("path", "org_id")))


async def change(desk: Desk, asked: Asked) -> Reply:
    before = await desk.load("org_settings", desk.org_id, at=("path", "org_id"))
    changed = desk.change("org_settings", before, asked.body)
    return desk.reply("org_settings", await desk.save("org_settings", changed, "updated"))


ORG_SETTINGS = Kind(
    name="org_settings",
    table="org_settings",
    path="org-settings",
    id_param="org_id",
    schema="OrgSettings",
    title="org settings",
    plural="org settings",
    area="org_settings",
    doc="What the org has decided for all its patients; one record, with the org's id.",
    verbs=(),
    moments=("created_at", "updated_at"),
    more_events=("updated",),
    label=(),
    fields=(BLOCKING_PRESET, TIMEZONE),
    actions=(
        Action(
            name="read",
            operation_id="get_org_settings",
            method="GET",
            path="",
            allow="read",
            summary="Read the org's settings",
            doc="What the org has decided for all its patients.",
            answer="OrgSettingsOut",
            run=read,
        ),
        Action(
            name="update",
            method="PATCH",
            path="",
            allow="write",
            summary="Change the org's settings",
            doc="Absent fields stay. A stale base_version is refused.",
            answer="OrgSettingsOut",
            run=change,
            writes=True,
            body=Body(
                schema="UpdateOrgSettingsIn",
                entries={f.key: Entry(key=f.key, type=f.type, doc=f.doc) for f in (BLOCKING_PRESET, TIMEZONE)}
                | {"base_version": BASE_VERSION},
            ),
            errors=("version_conflict",),
        ),
    ),
)
