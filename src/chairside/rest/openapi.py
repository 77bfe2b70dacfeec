"""The OpenAPI 3.1 document, made from the same declarations that answer requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chairside import __version__
from chairside.engine.operations import Operation
from chairside.errors import CODES
from chairside.fields import Body, Entry, Reference
from chairside.resource import Kind
from chairside.rest import examples
from chairside.rest.errors import RETRY_AFTER, status_of, success_of
from chairside.rest.naming import named as named_parts
from chairside.rest.reading import KEY_FORM
from chairside.rest.schemas import SHARED, list_schema
from chairside.standing import BASE_VERSION, VERSION
from chairside.types import Many, Text, or_blank
from chairside.types.texts import NOT_BLANK

Schema = dict[str, Any]
PREFIX = "/api/v1/{org_id}/"
REF = "#/components/schemas/"
# For each form of a list: how its schema's name ends, and the key of its records.
LISTS = {"page": ("Page", "items"), "items": ("List", "items"), "cursor": ("CursorPage", "data")}
ALWAYS = (
    "unauthenticated", "token_suspended", "forbidden", "network_not_allowed", "not_found", "missing",
    "too_many_requests", "unavailable",
)  # fmt: skip
ABOUT = (
    "Patient records of dental practices. Every request carries a bearer token of its org. POST, PUT and PATCH may"
    " carry an Idempotency-Key and can then be repeated safely. Answers carry the record's version as ETag; If-Match"
    " and If-None-Match are honoured. An empty query parameter counts as absent. Errors of every status have one form,"
    " with a stable code in `type`."
)


def document(
    operations: Sequence[Operation], kinds: Sequence[Kind], named: Mapping[str, Schema], held: Sequence[Body]
) -> Schema:
    """The whole document; `named` are the schemas of answers that are not a kind's, `held` bodies within others."""
    schemas: dict[str, Schema] = {**SHARED, **named}
    for kind in kinds:
        schemas[f"{kind.schema}Out"] = answer_schema(kind)
    schemas |= dict(_lists(o.answer for o in operations))
    bodies = [body for o in operations for body in (o.body, o.portal_body, o.clinical_body) if body is not None]
    for body in (*held, *bodies):
        schemas[body.schema] = body_schema(body)
    paths: dict[str, Schema] = {}
    for operation in operations:
        shown = _operation(operation, kinds, schemas)
        if operation.created and (links := _links(operation, operations)):
            shown["responses"]["201"]["links"] = links
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = shown
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Chairside",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": t} for t in dict.fromkeys(_tag(o, kinds) for o in operations)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }
    return named_parts(whole)


def answer_schema(kind: Kind) -> Schema:
    """Every field is always there; null where it may be empty."""
    properties: dict[str, Schema] = {}
    for field in kind.answered:
        # Null to a role that does not read charts.
        must = not field.clearable and not field.clinical
        shown = {"$ref": REF + "Reference"} if isinstance(field, Reference) else dict(field.type.schema)
        if field.sealed:
            shown = {"type": "string"}
        if "anyOf" in shown:  # decimals are answered as text
            shown = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
        shown = {
            k: v
            for k, v in shown.items()
            if k not in ("minLength", "examples") and not (k == "pattern" and v == NOT_BLANK)
        }
        properties[field.name] = (shown if must else nullable(shown)) | {"description": field.doc}
    return {"type": "object", "description": kind.doc, "properties": properties, "required": list(properties)}


def nullable(schema: Schema) -> Schema:
    if "$ref" in schema or "anyOf" in schema or "if" in schema or not isinstance(schema.get("type"), str):
        return {"anyOf": [schema, {"type": "null"}]}
    changed = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def body_schema(body: Body) -> Schema:
    properties = {e.key: _entry_schema(e) for e in body.entries.values()}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed := [e.key for e in body.entries.values() if e.required]:
        schema["required"] = needed
    return schema | ({"description": body.doc} if body.doc else {})


def _entry_schema(entry: Entry) -> Schema:
    shown = or_blank(entry.type.schema) if entry.blank_is_null else dict(entry.type.schema)
    shown = nullable(shown) if entry.nullable or entry.null_is_absence else shown
    # Generators make a required field of one that has the keyword `default`, so the description tells it.
    told = f" Default: `{json.dumps(entry.default)}`." if entry.default is not None else ""
    return shown | ({"description": entry.doc + told} if entry.doc else {})


def _operation(operation: Operation, kinds: Sequence[Kind], schemas: Mapping[str, Schema]) -> Schema:
    success = str(success_of(operation))
    responses: dict[str, Schema] = {success: _success(operation, schemas)}
    changes_by_itself = any(kind.name == operation.subject and kind.computed for kind in kinds)
    if operation.method == "GET" and operation.versioned and not changes_by_itself:
        responses["304"] = {"description": "The caller has this version already."}
    for status, codes in _errors(operation).items():
        refused = responses[str(status)] = {
            "description": " ".join(f"`{c}`: {CODES[c]}" for c in codes),
            "content": {"application/json": {"schema": {"$ref": REF + "Error"}}},
        }
        if not RETRY_AFTER.keys().isdisjoint(codes):
            refused["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    shown: Schema = {
        "operationId": _id(operation),
        "tags": [_tag(operation, kinds)],
        "summary": operation.summary,
        "description": operation.doc,
        "parameters": _parameters(operation),
        "responses": responses,
    }
    if operation.body is not None:
        content: Schema = {"schema": {"$ref": REF + operation.body.schema}}
        content["example"] = operation.body.example or examples.of_body(operation.body)
        shown["requestBody"] = {"required": bool(operation.body.required), "content": {"application/json": content}}
    return shown


def _id(operation: Operation) -> str:
    return operation.operation_id or operation.name


def _success(operation: Operation, schemas: Mapping[str, Schema]) -> Schema:
    headers = {name: {"schema": {"type": "string"}} for name in ("X-Request-Id", "RateLimit-Policy", "RateLimit")}
    if operation.versioned:
        headers["ETag"] = {"schema": {"type": "string"}}
    if operation.created:
        headers["Location"] = {"schema": {"type": "string"}}
    if not operation.answer:
        return {"description": "Done.", "headers": headers}
    schema = _answer(operation.answer)
    content = {"schema": schema, "example": examples.of_schema(schema, schemas)}
    return {"description": "Done.", "headers": headers, "content": {"application/json": content}}


def _links(create: Operation, operations: Iterable[Operation]) -> Schema:
    """Where one can go from a record just made: every operation on it, and on what belongs to it."""
    made = f"{create.path}/{{{create.id_param}}}"
    known = {n: f"$request.path.{n}" for n in ("org_id", *create.path_params)} | {create.id_param: "$response.body#/id"}
    links: Schema = {}
    for operation in operations:
        needed = ("org_id", *operation.path_params)
        if f"{operation.path}/".startswith(f"{made}/") and known.keys() >= set(needed):
            parameters = {f"path.{n}": known[n] for n in needed}
            if BASE_VERSION in operation.query:
                parameters[f"query.{BASE_VERSION.key}"] = f"$response.body#/{VERSION.name}"
            links[_id(operation)] = {"operationId": _id(operation), "parameters": parameters}
    return links


def _answer(form: str) -> Schema:
    """The schema of an answer form: X, page:X, array:X, items:X or cursor:X."""
    shape, _, name = form.rpartition(":")
    if shape == "array":
        return {"type": "array", "items": {"$ref": REF + name}}
    return {"$ref": REF + (name.removesuffix("Out") + LISTS[shape][0] if shape else name)}


def _lists(forms: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    """Name and schema of every list form among the answers."""
    for form in forms:
        shape, _, name = form.rpartition(":")
        if shape in LISTS:
            ending, key = LISTS[shape]
            yield name.removesuffix("Out") + ending, list_schema(ending, key, name)


def _errors(operation: Operation) -> dict[int, list[str]]:
    codes = [*ALWAYS, *operation.errors]
    if operation.method != "GET":
        codes += ["idempotency_conflict", "unsupported_media_type", "incomplete_body", "body_too_large"]
    if operation.writes and operation.versioned and not operation.created:
        codes.append("precondition_failed")
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(status_of(code), []).append(code)
    return dict(sorted(by_status.items()))


def _parameters(operation: Operation) -> list[Schema]:
    uuid = {"type": "string", "format": "uuid"}
    path = [{"name": n, "in": "path", "required": True, "schema": uuid} for n in ("org_id", *operation.path_params)]
    query = [_query(e) for e in operation.query]
    headers = []
    if operation.method in ("POST", "PUT", "PATCH"):
        key = {"type": "string", "pattern": f"^[ \\t]*({KEY_FORM})[ \\t]*$", "examples": ["intake-2026-03-01"]}
        headers.append(_header("Idempotency-Key", key, "Makes the request safe to repeat."))
    if operation.writes and operation.versioned and not operation.created:
        headers.append(_header("If-Match", {"type": "string"}, "ETag that the record must still have."))
    if operation.method == "GET" and operation.versioned:
        headers.append(_header("If-None-Match", {"type": "string"}, "ETag that the caller has."))
    return path + query + headers


def _query(entry: Entry) -> Schema:
    schema = dict(entry.type.schema) | ({"default": entry.default} if entry.default is not None else {})
    if isinstance(entry.type, Many) and isinstance(entry.type.item, Text):
        schema["items"] = {"pattern": "^[^,]+$"} | entry.type.item.schema  # a comma parts one from the next
    shown = {
        "name": entry.key,
        "in": "query",
        "required": entry.required,
        "schema": schema,
        "description": entry.doc,
    }
    return shown | ({"style": "form", "explode": True} if isinstance(entry.type, Many) else {})


def _header(name: str, schema: Schema, doc: str) -> Schema:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": doc}


def _tag(operation: Operation, kinds: Iterable[Kind]) -> str:
    plural = {k.name: k.plural for k in kinds}
    return plural.get(operation.subject, operation.subject.replace("_", " ") + "s").capitalize()
