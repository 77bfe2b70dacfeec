"""Examples for the OpenAPI document, made from the schemas so that they cannot go stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chairside.fields import Body

REF = "#/components/schemas/"
UUID = "0199a3c4-5b6e-7d21-8f3a-6c1d2e4b5f60"
TEXTS: Mapping[str, str] = {
    "date": "1984-02-11",
    "date-time": "2026-03-01T09:30:00Z",
    "time": "09:30:00",
    "uuid": UUID,
    "email": "ana.lindqvist@example.org",
}
WORDS: Mapping[str, str] = {
    "first_name": "Ana",
    "last_name": "Lindqvist",
    "name": "Lakeview",
    "city": "Springfield",
    "state": "IL",
    "postal_code": "62701",
    "country": "US",
    "row_key": "1",
    "msg": "is required",
    "method": "GET",
    "route": "/api/v1/{org_id}/patients",
    "action": "read",
    "kind": "patient",
    "social_security_number": "***-**-6789",
}


def of_body(body: Body) -> dict[str, Any]:
    """A small request that this body takes: what is required, and one thing more when nothing is."""
    needed = [e for e in body.entries.values() if e.required]
    chosen = needed or list(body.entries.values())[:1]
    if body.schema.startswith("Update") or body.schema.startswith("Portal"):
        chosen = [*chosen, next(e for e in body.entries.values() if not e.required)]
    return {e.key: of_schema(e.type.schema, {}, e.key) for e in chosen}


def of_schema(schema: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], key: str = "") -> Any:  # noqa: PLR0911 - any JSON
    """A value that fits a schema."""
    if "$ref" in schema:
        return of_schema(schemas[schema["$ref"].removeprefix(REF)], schemas, key)
    if "allOf" in schema:
        merged: dict[str, Any] = {}
        for part in schema["allOf"]:
            merged |= of_schema(part, schemas, key)
        return merged
    if "anyOf" in schema:
        if any(part.get("type") == "number" for part in schema["anyOf"]):
            return 120.5
        return None if {"type": "null"} in schema["anyOf"] else of_schema(schema["anyOf"][0], schemas, key)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("examples") and "null" not in _types(schema):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    return _plain(schema, schemas, key)


def _plain(schema: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], key: str) -> object:
    types = _types(schema)
    if "object" in types:
        return {name: of_schema(part, schemas, name) for name, part in schema.get("properties", {}).items()}
    if "array" in types:
        return [of_schema(schema["items"], schemas, key)]
    if "null" in types and key not in WORDS:
        return None
    if "string" in types:
        if "pattern" in schema and "format" not in schema and key not in WORDS:
            return "120.50"
        return TEXTS.get(schema.get("format", ""), WORDS.get(key, key.replace("_", " ") or "text"))
    if "boolean" in types:
        return False
    return max(1, schema.get("minimum", 1))


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    types = schema.get("type", "object" if "properties" in schema else "string")
    return (types,) if isinstance(types, str) else tuple(types)
