"""`chairside routes` and `chairside describe`: the API and its kinds on one screen."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from chairside.app import every_operation
from chairside.cli.place import AsJson, DataDir, Fault, out
from chairside.cli.wording import with_article
from chairside.fields import Field, Reference
from chairside.records import ALL
from chairside.resource import Kind


def routes(as_json: AsJson = False, data_dir: DataDir = None) -> None:  # noqa: ARG001 - every command takes it
    """List every operation of the API: method, path and summary."""
    rows = [(o.method, f"/api/v1/{{org_id}}/{o.path}", o.summary) for o in every_operation()]
    if as_json:
        out(json.dumps([{"method": m, "path": p, "summary": s} for m, p, s in rows], indent=1))
        return
    width = max(len(path) for _, path, _ in rows)
    for method, path, summary in rows:
        out(f"{method:<6}{path:<{width + 2}}{summary}")


def describe(
    kind: Annotated[str, typer.Argument(help="Name of the kind, such as patient or tag_definition.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Show the fields of a kind of record, when they may be sent, and its operations."""
    found = {k.name: k for k in ALL}.get(kind)
    if found is None:
        raise Fault(f"There is no kind {kind!r}; there are: {', '.join(k.name for k in ALL)}.")
    fields = [f for f in found.every_field if not f.hidden]
    if as_json:
        shown = [{"name": f.name, "schema": f.type.schema, "required": f.required, "doc": f.doc} for f in fields]
        out(json.dumps({"kind": found.name, "doc": found.doc, "fields": shown}, indent=1))
        return
    _print(found, fields)


def _print(kind: Kind, fields: list[Field]) -> None:
    out(f"{kind.title}: {kind.doc}\n")
    width = max(len(f.key) for f in fields)
    for field in fields:
        sent = "+" if field.create else " "
        sent += "~" if field.patch else " "
        need = "required" if field.required and field.create else ""
        to = f" ({with_article(field.to.replace('_', ' '))})" if isinstance(field, Reference) else ""
        out(f"  {sent} {field.key:<{width}}  {need:<9}{field.doc}{to}")
    out("\n  + may be sent on create, ~ on PATCH\n")
    for operation in every_operation():
        if operation.subject == kind.name:
            out(f"  {operation.method:<6}/{operation.path}")
