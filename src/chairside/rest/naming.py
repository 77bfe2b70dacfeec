"""Names the enums and the repeated answers of an OpenAPI document, so that generated clients have one type for each."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chairside.errors import CODES

Schema = dict[str, Any]
SCHEMAS, RESPONSES = "#/components/schemas/", "#/components/responses/"
_STEM = re.compile(r"^(?:Create|Update|Portal|Clinical|Upsert)?(.+?)(?:In|Out)?$")


def named(document: Schema) -> Schema:
    """The document with its enums in components/schemas and its repeated error answers in components/responses."""
    return _with_shared_answers(_with_named_enums(_without_all_of(document)))


def pascal(words: str) -> str:
    """`sort_by` as SortBy."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[_\W]+", words))


def _without_all_of(document: Schema) -> Schema:
    """Every schema that is put together of others as one object, which all generators type alike."""
    schemas = document["components"]["schemas"]

    def merge(schema: Schema) -> Schema:
        if "allOf" not in schema:
            return schema
        parts = [schemas[p["$ref"].removeprefix(SCHEMAS)] if "$ref" in p else p for p in schema["allOf"]]
        whole = {key: value for part in parts for key, value in part.items()}
        whole["properties"] = {k: v for part in parts for k, v in part.get("properties", {}).items()}
        whole["required"] = list(dict.fromkeys(name for part in parts for name in part.get("required", [])))
        return whole | {key: value for key, value in schema.items() if key != "allOf"}

    return dict(_changed(document, merge))


def _with_named_enums(document: Schema) -> Schema:
    enums: dict[tuple[str, ...], str] = {}
    for place, schema in _places(document):
        values = _values(schema)
        title = str(schema.get("title", ""))
        if values not in enums or title:
            enums[values] = title or enums.get(values) or place
    taken = Counter([*enums.values(), *document["components"]["schemas"]])
    if twice := [name for name, times in taken.items() if times > 1]:
        raise ValueError(f"Two schemas would be named {twice}: give each Choice a name of its own.")

    def rename(schema: Schema) -> Schema:
        if "enum" not in schema:
            return schema
        rest = {k: v for k, v in schema.items() if k not in ("type", "enum", "title")}
        ref = {"$ref": SCHEMAS + enums[_values(schema)]}
        return ({"anyOf": [ref, {"type": "null"}]} if None in schema["enum"] else ref) | rest

    changed = dict(_changed(document, rename))
    schemas = changed["components"]["schemas"]
    schemas |= {name: {"type": "string", "enum": list(values)} for values, name in enums.items()}
    changed["components"] |= {"schemas": dict(sorted(schemas.items()))}
    return changed


def _values(schema: Schema) -> tuple[str, ...]:
    return tuple(value for value in schema["enum"] if value is not None)


def _places(document: Schema) -> Iterator[tuple[str, Schema]]:
    """Every enum with the name that follows from its place: answers first, then bodies, then queries."""
    schemas = document["components"]["schemas"]
    for name in sorted(schemas, key=lambda name: not name.endswith("Out")):
        match = _STEM.match(name)
        yield from _enums(schemas[name], match[1] if match else name)
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation["parameters"]:
                yield from _enums(parameter["schema"], pascal(f"{operation['operationId']}_{parameter['name']}"))


def _enums(schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    if "enum" in schema:
        yield place, schema
    if "items" in schema:
        yield from _enums(schema["items"], place.removesuffix("s"))
    for name, part in schema.get("properties", {}).items():
        yield from _enums(part, place + pascal(name))


def _changed(node: Any, change: Callable[[Schema], Schema]) -> Any:
    """A copy of a part of the document in which every schema was changed; examples are left as they are."""
    if isinstance(node, dict):
        kept = ("example", "examples", "default", "enum", "const", "required")
        return change({k: v if k in kept else _changed(v, change) for k, v in node.items()})
    return [_changed(part, change) for part in node] if isinstance(node, list) else node


def _with_shared_answers(document: Schema) -> Schema:
    answers = [operation["responses"] for item in document["paths"].values() for operation in item.values()]
    texts = Counter(_text(status, a) for of in answers for status, a in of.items() if status >= "300")
    codes_of: dict[str, list[set[str]]] = {}
    for text in texts:
        status, answer = json.loads(text)
        codes_of.setdefault(status, []).append(set(_codes(answer)))
    shared: dict[str, Schema] = {}
    for of in answers:
        for status, answer in of.items():
            if status >= "300" and texts[_text(status, answer)] > 1:
                name = _answer_name(_codes(answer), codes_of[status])
                shared[name] = answer
                of[status] = {"$ref": RESPONSES + name}
    document["components"]["responses"] = dict(sorted(shared.items()))
    return document


def _text(status: str, answer: Schema) -> str:
    return json.dumps([status, answer], sort_keys=True)


def _codes(answer: Schema) -> list[str]:
    return [code for code in re.findall(r"`(\w+)`:", answer["description"]) if code in CODES]


def _answer_name(codes: Sequence[str], of_status: Sequence[set[str]]) -> str:
    """Named by the codes that other answers of the status have not; by its first code where there is none."""
    common = set.intersection(*of_status)
    own = [code for code in codes if code not in common] or codes[:1] or ["not_modified"]
    return "Or".join(map(pascal, own))
