"""Every operation that exists is, field for field, the one the contract (tests/contract.json) promises to clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chairside.app import openapi

Node = dict[str, Any]
CONTRACT: Node = json.loads((Path(__file__).parent.parent / "contract.json").read_text())
DOCUMENT = openapi()
PROMISED = CONTRACT["endpoints"]
SCALARS = {
    "string (uuid)": "uuid",
    "string (date)": "date",
    "string (date-time)": "date-time",
    "string (time)": "time",
    "number": "string",  # decimals are answered as exact text
}


def schema_of(node: Node) -> Node:
    """A schema with its reference followed, its parts merged, and null taken out."""
    if "$ref" in node:
        node = DOCUMENT["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    if "anyOf" in node:
        [node] = [n for n in map(schema_of, node["anyOf"]) if n.get("type") != "null"] or [{}]
    if "allOf" in node:
        parts = [schema_of(part) for part in node["allOf"]]
        merged = {k: v for part in parts for k, v in part.items()}
        return merged | {"properties": {k: v for part in parts for k, v in part.get("properties", {}).items()}}
    if isinstance(node.get("type"), list):
        node = node | {"type": next(t for t in node["type"] if t != "null")}
    return node


def kinds_of(node: Node) -> set[str]:
    """What a schema accepts, in the contract's words: a format, a type, `[x]` for a list of x, enum."""
    if "anyOf" in node:
        return set().union(*(kinds_of(part) for part in node["anyOf"])) - {"null"}
    node = schema_of(node)
    if "enum" in node:
        return {"enum", "string"}
    if node.get("type") == "array":
        return {f"[{kind}]" for kind in kinds_of(node["items"])}
    return {node["format"] if node.get("format") in SCALARS.values() else node.get("type", "object")}


def wanted_kind(word: str) -> str:
    if word.endswith("[]"):
        return f"[{SCALARS.get(word[:-2], word[:-2])}]"
    return SCALARS.get(word, word)


def unlike(name: str, node: Node, *, sent: bool) -> Iterator[str]:
    """How a schema of the document differs from the contract's schema of that name."""
    promised, shown = CONTRACT["schemas"][name], schema_of(node)
    properties, required = shown.get("properties", {}), set(shown.get("required", []))
    yield from (f"{name}.{field} is missing" for field in promised.keys() - properties.keys())
    if sent:
        yield from (f"{name}.{field} was not promised" for field in properties.keys() - promised.keys())
        needed = {field for field, spec in promised.items() if spec.get("required")}
        yield from (f"{name}.{field} is required on one side alone" for field in needed ^ required)
    for field in promised.keys() & properties.keys():
        spec, found = promised[field], kinds_of(properties[field])
        if wanted_kind(spec["type"]) not in found:
            yield f"{name}.{field} is {sorted(found)}, not {spec['type']}"
        if spec["type"] == "enum":
            words = {word for word in schema_of(properties[field])["enum"] if word is not None}
            yield from (f"{name}.{field}: {word}" for word in words ^ set(CONTRACT["enums"][spec["enum"]]))


def content_of(holder: Node) -> Node:
    return dict(holder["content"]["application/json"]["schema"])


def answer_differences(row: Node, answer: Node) -> Iterator[str]:
    form = row["response"]
    if form == "204, no body":
        if "content" in answer:
            yield "has a body that was not promised"
        return
    node = content_of(answer)
    if form.startswith("array of "):
        assert node["type"] == "array"
        yield from unlike(form.removeprefix("array of "), node["items"], sent=False)
        return
    yield from unlike(form, node, sent=False)
    if row.get("items"):
        yield from unlike(row["items"], schema_of(node)["properties"]["items"]["items"], sent=False)


def differences(row: Node) -> Iterator[str]:
    operation = DOCUMENT["paths"][row["path"]][row["method"].lower()]
    query = {p["name"]: p["schema"] for p in operation["parameters"] if p["in"] == "query"}
    yield from (f"query {name} is missing" for name in row["query"].keys() - query.keys())
    for name in row["query"].keys() & query.keys():
        if "default" in row["query"][name] and query[name].get("default") != row["query"][name]["default"]:
            yield f"query {name} has the default {query[name].get('default')!r}"
    if row["request"]:
        yield from unlike(row["request"], content_of(operation["requestBody"]), sent=True)
    elif "requestBody" in operation:
        yield "takes a body that was not promised"
    answers = operation["responses"]
    [success] = [status for status in answers if status.startswith("2")]
    if (success == "204") != row["response"].startswith("204"):
        yield f"answers {success}"
    yield from answer_differences(row, answers[success])
    yield from (f"status {status} is not described" for status in row["errors"] if str(status) not in answers)


@pytest.mark.parametrize("row", PROMISED, ids=lambda row: f"{row['method']} {row['path'].partition('}/')[2]}")
def test_an_operation_keeps_the_contract(row: Node) -> None:
    """Clients written against the contract work: parameters, defaults, bodies, answers and error statuses."""
    assert sorted(differences(row)) == []


def test_the_contract_is_whole() -> None:
    """The list that is compared must not shrink in silence."""
    assert len(PROMISED) == 74
    assert len(CONTRACT["schemas"]) == 55


def test_the_comparison_sees_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that finds nothing must be able to find something."""
    monkeypatch.setitem(CONTRACT["schemas"]["PatientOut"], "shoe_size", {"type": "integer"})
    assert list(differences(PROMISED[1])) == ["PatientOut.shoe_size is missing"]
