"""The request bodies and list queries of every kind, from its declaration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chairside.fields import Body, Entry, Field
from chairside.resource import Kind
from chairside.standing import BASE_VERSION
from chairside.types import Boolean, Choice, Integer

ARCHIVED = Entry(
    key="archived", type=Boolean(), doc="Read the record even if it, or its patient, is archived.", default=False
)
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
    return _change_body(f"Update{kind.schema}In", [f for f in kind.fields if f.patch and not f.hidden])


def portal_body(kind: Kind) -> Body | None:
    """What a patient's own login may change; None where that is nothing."""
    return _narrower_body(kind, f"Portal{kind.schema}In", [f for f in kind.fields if f.portal == "write"])


def clinical_body(kind: Kind) -> Body | None:
    """The fields of another area that a role which writes charts may change; None where there are none."""
    return _narrower_body(kind, f"Clinical{kind.schema}In", [f for f in kind.fields if f.clinical and f.patch])


def _narrower_body(kind: Kind, schema: str, fields: Sequence[Field]) -> Body | None:
    """A PATCH of these fields only; the others are forbidden, not unknown."""
    if not fields:
        return None
    body = _change_body(schema, fields)
    return replace(body, forbidden=frozenset(patch_body(kind).entries.keys() - body.entries.keys()))


def _change_body(schema: str, fields: Sequence[Field]) -> Body:
    entries = [Entry(key=f.key, type=f.type, doc=f.doc, nullable=f.clearable, kept=f.required) for f in fields]
    return Body(schema=schema, entries={e.key: e for e in (*entries, BASE_VERSION)})


def list_query(kind: Kind) -> tuple[Entry, ...]:
    if kind.bare_list:
        return ()
    size = Entry(key="page_size", type=Integer(min=1, max=200), doc="How many on a page.", default=kind.page_size)
    sorts = tuple(s.name for s in kind.sorts if not s.cursor_only)
    sort = (
        (
            Entry(key="sort_by", type=Choice(sorts), doc="What to sort by.", default=sorts[0]),
            Entry(key="sort_dir", type=Choice(("asc", "desc"), name="SortDirection"), doc="Direction.", default="asc"),
        )
        if sorts
        else ()
    )
    return (PAGE, size, *sort, *(f.entry for f in kind.filters))


def order_in_words(kind: Kind) -> str:
    """The order of a kind's list, such as `is urgent, descending, then created at`."""
    columns = [column for column in kind.order if column.lstrip("-") != "id"]
    words = [column.lstrip("-").removesuffix("_key").replace("_", " ") for column in columns]
    return ", then ".join(w + ", descending" * c.startswith("-") for w, c in zip(words, columns, strict=True))


def get_query(kind: Kind) -> tuple[Entry, ...]:
    words = tuple(f.sealed for f in kind.fields if f.sealed)
    doc = "Show this value whole; for admin and billing, and audited."
    reveal = (Entry(key="reveal", type=Choice(words), doc=doc),) if words else ()
    return (*reveal, ARCHIVED)
