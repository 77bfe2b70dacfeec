"""The operations of every kind: its verbs and its actions, in one form for all ways in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chairside.changes import Asked, Reply
from chairside.engine import bodies
from chairside.engine.days import past_dates, refuse_ahead
from chairside.fields import Body, Entry
from chairside.resource import Action, Kind, Verb
from chairside.standing import BASE_VERSION, VERSION_ALONE, VERSION_IF_ANY

if TYPE_CHECKING:
    from chairside.engine.desk import Desk

Run = Callable[..., Awaitable[Reply]]
_KEPT = " A role that writes charts but not this kind of record may change only its clinical fields."


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API. `path` is relative to the org; `allow` is the right it needs in `area`.

    `answer` names a schema, or a form of one: page:X, array:X, items:X, cursor:X; empty where there is no body.
    """

    name: str
    method: str
    path: str
    subject: str
    id_param: str = ""
    area: str
    allow: str
    action: str
    summary: str
    doc: str
    answer: str
    run: Callable[[Desk, Asked], Awaitable[Reply]]
    query: tuple[Entry, ...] = ()
    body: Body | None = None
    portal_body: Body | None = None
    clinical_body: Body | None = None
    errors: tuple[str, ...] = ()
    writes: bool = False
    created: bool = False
    portal: bool = False
    large: bool = False
    versioned: bool = False
    operation_id: str = ""  # a verb and its object, where that is not the name

    @property
    def path_params(self) -> tuple[str, ...]:
        return _path_params(self.path)


@cache
def _path_params(path: str) -> tuple[str, ...]:
    return tuple(part[1:-1] for part in path.split("/") if part.startswith("{"))


def operations(kinds: Iterable[Kind], verbs: Mapping[Verb, Run]) -> list[Operation]:
    """All operations in reading order; `verbs` are the functions that do the verbs."""
    return [
        operation
        for kind in kinds
        for operation in (*(_FORMS[v](kind, partial(verbs[v], kind)) for v in kind.verbs), *_actions(kind))
    ]


def _list(kind: Kind, run: Run) -> Operation:
    steer = " For large reads the cursor walk is faster and skips nothing." if kind.sorts else ""
    return _verb(
        kind,
        run,
        name=f"list_{kind.plural.replace(' ', '_')}",
        method="GET",
        path=kind.path,
        allow="read",
        action="list",
        summary=f"List {kind.plural}" + (" of a patient" if kind.parent else ""),
        doc=f"{kind.doc} Archived ones are left out. Sorted by {bodies.order_in_words(kind)}.{steer}",
        answer=("array:" if kind.bare_list else "page:") + f"{kind.schema}Out",
        query=bodies.list_query(kind),
        errors=("not_found",) if kind.parent or any(f.refers_to for f in kind.filters) else (),
        portal=any(f.portal for f in kind.fields),
    )


def _get(kind: Kind, run: Run) -> Operation:
    return _verb(
        kind,
        run,
        name=f"get_{kind.name}",
        method="GET",
        path=_one(kind),
        allow="read",
        action="read",
        summary=f"Read {_a(kind)}",
        doc=f"{kind.doc} The ETag begins with the version.",
        query=bodies.get_query(kind),
        errors=("not_found",),
        portal=any(f.portal for f in kind.fields),
        versioned=kind.versioned,
    )


def _create(kind: Kind, run: Run) -> Operation:
    return _verb(
        kind,
        run,
        name=f"create_{kind.name}",
        method="POST",
        path=kind.path,
        allow="write",
        action="create",
        summary=f"Create {_a(kind)}",
        doc=f"{kind.doc} Safe to repeat with an Idempotency-Key.",
        body=bodies.create_body(kind),
        errors=("not_found", *(u.code for u in kind.unique), *kind.create_errors),
        writes=True,
        created=True,
        versioned=kind.versioned,
    )


def _patch(kind: Kind, run: Run) -> Operation:
    clinical, portal = bodies.clinical_body(kind), bodies.portal_body(kind)
    forbidden = ("field_forbidden",) if clinical or portal else ()
    return _verb(
        kind,
        run,
        name=f"update_{kind.name}",
        method="PATCH",
        path=_one(kind),
        allow="write",
        action="update",
        summary=f"Change {_a(kind)}",
        doc="Absent fields stay, null clears. A stale base_version is refused." + (_KEPT if clinical else ""),
        body=bodies.patch_body(kind),
        portal_body=portal,
        clinical_body=clinical,
        errors=("not_found", "version_conflict", *forbidden, *(u.code for u in kind.unique), *kind.patch_errors),
        writes=True,
        portal=portal is not None,
        versioned=kind.versioned,
    )


def _archive(kind: Kind, run: Run) -> Operation:
    return _verb(
        kind,
        run,
        name=f"archive_{kind.name}",
        method="POST",
        path=_one(kind) + "/archive",
        allow="write",
        action="archive",
        summary=f"Archive {_a(kind)}",
        doc="Takes it out of lists and answers; nothing is deleted.",
        answer="" if kind.archive_by == "query" else f"{kind.schema}Out",
        query=(BASE_VERSION,) if kind.archive_by == "query" else (),
        body=VERSION_ALONE if kind.archive_by == "body" else None,
        errors=("not_found", *(() if kind.archive_by == "id" else ("version_conflict",)), *kind.archive_errors),
        writes=True,
        versioned=kind.versioned,
    )


def _restore(kind: Kind, run: Run) -> Operation:
    return _verb(
        kind,
        run,
        name=f"restore_{kind.name}",
        method="POST",
        path=_one(kind) + "/restore",
        allow="write",
        action="restore",
        summary=f"Restore {_a(kind)}",
        doc="Brings an archived record back into lists. Refused while an active record has its name.",
        body=VERSION_IF_ANY,
        errors=("not_found", "not_archived", "version_conflict", *(u.code for u in kind.unique)),
        writes=True,
        versioned=kind.versioned,
    )


def _verb(kind: Kind, run: Run, **more: Any) -> Operation:
    shared: dict[str, Any] = {
        "subject": kind.name,
        "id_param": kind.id_param,
        "area": kind.area,
        "answer": f"{kind.schema}Out",
        "run": run,
    }
    return Operation(**(shared | more))


_FORMS: Mapping[Verb, Callable[[Kind, Run], Operation]] = {
    "list": _list,
    "get": _get,
    "create": _create,
    "patch": _patch,
    "archive": _archive,
    "restore": _restore,
}


def _actions(kind: Kind) -> Iterator[Operation]:
    for action in kind.actions:
        yield Operation(
            name=f"{kind.name}_{action.name}",
            operation_id=action.operation_id or f"{action.name}_{kind.name}",
            method=action.method,
            path=kind.path + action.path,
            subject=kind.name,
            id_param=kind.id_param,
            area=action.area or kind.area,
            allow=action.allow,
            action=action.name,
            summary=action.summary,
            doc=action.doc,
            answer=f"array:{action.answer}" if action.many else action.answer,
            run=_judged(action),
            query=action.query,
            body=action.body,
            errors=action.errors,
            writes=action.writes,
            large=action.large,
            versioned=action.answer == f"{kind.schema}Out" and not action.many,
        )


def _judged(action: Action) -> Callable[[Desk, Asked], Awaitable[Reply]]:
    """The action, once the dates of its body are known to have come where the org is."""
    body = action.body
    if body is None or not past_dates(body):
        return action.run

    async def run(desk: Desk, asked: Asked) -> Reply:
        await refuse_ahead(desk, past_dates(body), asked.body)
        return await action.run(desk, asked)

    return run


def _one(kind: Kind) -> str:
    return f"{kind.path}/{{{kind.id_param}}}"


def _a(kind: Kind) -> str:
    return f"{'an' if kind.title[0] in 'aeiou' else 'a'} {kind.title}"
