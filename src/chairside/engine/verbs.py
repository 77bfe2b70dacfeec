"""The verbs, once for every kind: load, decide, save."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from chairside.changes import Asked, Reply
from chairside.engine.answers import etag
from chairside.engine.desk import Desk
from chairside.errors import refuse
from chairside.resource import Kind, Verb


async def list_(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    patient_id = await _parent(kind, desk, asked)
    return Reply(data=await desk.page(kind.name, asked), patient_id=patient_id)


async def get(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    record_id = asked.path[kind.id_param]
    owner = (asked.path["patient_uuid"],) if kind.parent else ()
    archived = asked.query.get("archived") and not desk.context.caller.portal
    table = desk.tables[kind.name]
    rows = await desk.fetch(table.get_any if archived else table.get, record_id, *owner)
    if not rows:
        raise refuse("not_found", "path", kind.id_param)
    data = desk.shapes.of_row(kind, rows[0], desk.view, desk.version_base)
    if asked.query.get("reveal"):
        data |= await _revealed(kind, desk, record_id, asked.query["reveal"], archived=bool(archived))
    named = asked.path.get("patient_uuid") or (data.get("patient") or {}).get("id")
    patient_id = record_id if kind.name == "patient" else named
    tag = None
    if kind.versioned:
        revision = rows[0]["self.revision"] if kind.bookkept else 0
        tag = etag(kind, rows[0]["version"] + desk.version_base, revision)
    return Reply(data=data, record_id=record_id, patient_id=patient_id, etag=tag, computed=kind.computed)


async def create(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    change = desk.change(kind.name, None, asked.body)
    if kind.parent:
        change.after["patient_id"] = asked.path["patient_uuid"]
    record = await desk.save(kind.name, change, "created")
    return desk.reply(kind.name, record, change.extra)


async def patch(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    before = await desk.load_own(kind.name, asked)
    change = desk.change(kind.name, before, asked.body)
    record = await desk.save(kind.name, change, "updated")
    return desk.reply(kind.name, record, change.extra)


async def archive(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    before = await desk.load_own(kind.name, asked)
    change = desk.change(kind.name, before, {"deleted_at": desk.now})
    if kind.archiving is not None:
        await kind.archiving(desk, change)
    reply = desk.reply(kind.name, await desk.save(kind.name, change, "archived"))
    if kind.archive_by == "query":
        return replace(reply, data=None, etag=None)
    return reply


async def restore(kind: Kind, desk: Desk, asked: Asked) -> Reply:
    at = ("path", kind.id_param)
    before = await desk.load(kind.name, asked.path[kind.id_param], at=at, archived=True)
    change = desk.change(kind.name, before, {"deleted_at": None})
    if before["deleted_at"] is None:
        raise refuse("not_archived", *at)
    return desk.reply(kind.name, await desk.save(kind.name, change, "restored"))


async def _parent(kind: Kind, desk: Desk, asked: Asked) -> str | None:
    """The patient a list belongs to; not_found where there is none."""
    if kind.parent is None:
        return None
    patient_id = asked.path["patient_uuid"]
    if not await desk.ask("patients.exists", patient_id):
        raise refuse("not_found", "path", "patient_uuid")
    return patient_id


async def _revealed(kind: Kind, desk: Desk, record_id: str, word: str, *, archived: bool) -> dict[str, object]:
    field = next(f for f in kind.fields if f.sealed == word)
    record = await desk.load(kind.name, record_id, at=("path", kind.id_param), archived=archived)
    sealed = record[f"{field.column}_sealed"]
    return {field.name: desk.vault.open(sealed, desk.about(kind, field.column, record_id)) if sealed else None}


VERBS: Mapping[Verb, Callable[..., Awaitable[Reply]]] = {
    "list": list_,
    "get": get,
    "create": create,
    "patch": patch,
    "archive": archive,
    "restore": restore,
}
