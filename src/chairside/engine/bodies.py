"""The request bodies and list queries of every kind, from its declaration."""

from __future__ import annotations

from chairside.fields import BASE_VERSION, Body, Entry
from chairside.resource import Kind
from chairside.types import Choice, Integer

PAGE = Entry(key="page", type=Integer(min=1, max=1_000_000), doc="Page, counted from 1.", default=1)


def create_body(kind: Kind) -> Body:
    entries = [
        Entry(key=f.key, type=f.type, doc=f.doc, required=f.required, nullable=f.clearable, default=f.default)
        for f in kind.fields
        if f.create and not f.hidden
    ]
    return Body(
        schema=kind.create_schema or f"Create{kind.schema}In",
        entries={e.key: e for e in (*entries, *kind.extra_create)},
        whole=kind.check_create,
    )


def patch_body(kind: Kind) -> Body:
    entries = [
        Entry(key=f.key, type=f.type, doc=f.doc, nullable=f.clearable) for f in kind.fields if f.patch and not f.hidden
    ]
    return Body(schema=f"Update{kind.schema}In", entries={e.key: e for e in (*entries, BASE_VERSION)})


def portal_body(kind: Kind) -> Body | None:
    """What a patient's own login may change; None where that is nothing."""
    entries = [
        Entry(key=f.key, type=f.type, doc=f.doc, nullable=f.clearable) for f in kind.fields if f.portal == "write"
    ]
    if not entries:
        return None
    return Body(schema=f"Portal{kind.schema}In", entries={e.key: e for e in (*entries, BASE_VERSION)})


def clinical_body(kind: Kind) -> Body | None:
    """What whoever writes charts may change of a record of another area; None where that is nothing."""
    entries = [
        Entry(key=f.key, type=f.type, doc=f.doc, nullable=f.clearable) for f in kind.fields if f.clinical and f.patch
    ]
    if not entries:
        return None
    return Body(schema=f"Clinical{kind.schema}In", entries={e.key: e for e in (*entries, BASE_VERSION)})


def list_query(kind: Kind) -> tuple[Entry, ...]:
    if kind.bare_list:
        return ()
    size = Entry(key="page_size", type=Integer(min=1, max=200), doc="How many on a page.", default=kind.page_size)
    sorts = tuple(s.name for s in kind.sorts if not s.cursor_only)
    sort = (
        (
            Entry(key="sort_by", type=Choice(sorts), doc="What to sort by.", default=sorts[0]),
            Entry(key="sort_dir", type=Choice(("asc", "desc")), doc="Direction.", default="asc"),
        )
        if sorts
        else ()
    )
    return (PAGE, size, *sort, *(f.entry for f in kind.filters))


def get_query(kind: Kind) -> tuple[Entry, ...]:
    words = tuple(f.sealed for f in kind.fields if f.sealed)
    doc = "Show this value whole; for admin and billing, and audited."
    return (Entry(key="reveal", type=Choice(words), doc=doc),) if words else ()
