"""The OpenAPI document is what clients are generated from: valid, complete, and true of its own examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from chairside.app import every_operation, openapi
from chairside.records import ALL
from chairside.rest.naming import named
from tests.house import House

DOCUMENT = openapi()
METHODS = ("get", "post", "put", "patch", "delete")
AT_LEAST = {
    "get": {"401", "403", "404", "422", "503"},
    "post": {"401", "403", "404", "409", "413", "415", "422", "503"},
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


EVERY = [pytest.param(m, p, o, id=o.get("operationId", f"{m} {p}")) for m, p, o in operations()]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Checks values against a schema of the document, references and formats included."""
    whole = Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", whole)
    schema = _absolute(schema)
    return Draft202012Validator(schema, registry=registry, format_checker=FormatChecker())


def _absolute(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: "urn:document" + v if k == "$ref" else _absolute(v) for k, v in node.items()}
    return [_absolute(v) for v in node] if isinstance(node, list) else node


def resolved(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer, itself or as it stands in components/responses."""
    name = answer.get("$ref", "").removeprefix("#/components/responses/")
    return dict(DOCUMENT["components"]["responses"][name]) if name else answer


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON content of an operation, its request and its answers, by where it stands."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield "request", media
    for status, answer in operation["responses"].items():
        for media in resolved(answer).get("content", {}).values():
            yield status, media


def test_the_document_served_is_the_one_these_tests_look_at(house: House) -> None:
    """What is checked here is what a client downloads."""
    answer = httpx.get(f"{house.url}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


def test_the_document_is_valid_openapi_3_1() -> None:
    """Generators refuse a document with a single fault."""
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [str(fault) for fault in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_operation_of_the_server_is_in_the_document() -> None:
    """An operation that is not described is a door that nobody looks at."""
    served = {(o.method.lower(), "/api/v1/{org_id}/" + o.path) for o in every_operation()}
    assert {(method, path) for method, path, _ in operations()} == served
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_an_operation_says_what_it_does(method: str, path: str, operation: dict[str, Any]) -> None:
    """Summary, description, a tag, its path parameters, and a word on each parameter of its query."""
    assert 5 < len(operation["summary"]) < 60
    assert operation["description"].endswith(".")
    assert operation["description"] != operation["summary"]
    assert operation["tags"]
    named = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
    assert named == [part[1:-1] for part in path.split("/") if part.startswith("{")]
    assert all(p["description"].endswith(".") for p in operation["parameters"] if p["in"] != "path")


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_an_operation_names_its_errors(method: str, path: str, operation: dict[str, Any]) -> None:
    """Each with the one error schema and the codes that lead to it; who writes is told of conflicts and limits."""
    answers = operation["responses"]
    assert AT_LEAST["get" if method == "get" else "post"] <= set(answers)
    assert len([status for status in answers if status.startswith("2")]) == 1
    for status, answer in answers.items():
        if status >= "400":
            shown = resolved(answer)
            assert shown["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
            assert shown["description"].startswith("`")


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_the_examples_of_an_operation_fit_their_schemas(method: str, path: str, operation: dict[str, Any]) -> None:
    """People paste examples; one that is refused costs an afternoon."""
    for where, media in contents(operation):
        if where < "400" or where == "request":
            assert "example" in media, where
            faults = [
                f"{where} {list(f.path)}: {f.message}" for f in validator(media["schema"]).iter_errors(media["example"])
            ]
            assert not faults
    for parameter in operation["parameters"]:
        if "default" in parameter["schema"]:
            assert validator(parameter["schema"]).is_valid(parameter["schema"]["default"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_a_schema_is_a_valid_schema(name: str) -> None:
    """Its own defaults and examples fit it, too."""
    schema = DOCUMENT["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    for key, part in schema.get("properties", {}).items():
        for value in [*part.get("examples", []), *([part["default"]] if "default" in part else [])]:
            assert validator(part).is_valid(value), (key, value)


def nodes(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object within a part of the document, with its place; examples are left out."""
    if isinstance(node, dict):
        yield place, node
        for key, part in node.items():
            if key not in ("example", "examples"):
                yield from nodes(part, f"{place}/{key}")
    elif isinstance(node, list):
        for part in node:
            yield from nodes(part, place)


def test_an_answer_that_operations_repeat_is_written_once() -> None:
    """A generator makes one type of it; the document is a third smaller."""
    written = [
        json.dumps([status, answer])
        for _, _, operation in operations()
        for status, answer in operation["responses"].items()
        if status >= "300" and "$ref" not in answer
    ]
    assert len(set(written)) == len(written)
    assert {"Unauthenticated", "Forbidden", "NotFound", "VersionConflict"} <= set(DOCUMENT["components"]["responses"])


def test_lists_name_the_schema_of_their_records() -> None:
    """Directly: generators make untyped lists of schemas that are put together by allOf, or of inline objects."""
    for place, node in nodes(DOCUMENT):
        assert "allOf" not in node, place
        if node.get("type") == "array" and isinstance(node["items"], dict):
            assert "properties" not in node["items"], place
            assert node["items"].get("type") != "object", place
        if "/properties/" in place:
            assert "object" not in types_of(node), f"{place} is an object without a name"


def types_of(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", "object" if "properties" in schema else [])
    return [types] if isinstance(types, str) else list(types)


def test_enums_are_schemas_with_names_of_their_own() -> None:
    """Each once, under components/schemas, whatever the number of fields and parameters that use it."""
    schemas = DOCUMENT["components"]["schemas"]
    enums = {name: tuple(schema["enum"]) for name, schema in schemas.items() if "enum" in schema}
    assert {place.rpartition("/")[2] for place, node in nodes(DOCUMENT) if "enum" in node} == set(enums)
    assert len(set(enums.values())) == len(enums) > 20
    assert {"PatientStatus", "AlertScope", "SortDirection"} <= set(enums)
    assert not any("title" in node for place, node in nodes(schemas) if not place.endswith("/properties"))


def test_two_enums_never_share_a_name() -> None:
    """Named by place, the enums of two kinds could; then the document is not made, and the error names them."""
    status = {"type": "object", "properties": {"status": {"type": "string", "enum": ["a"]}}}
    other = {"type": "object", "properties": {"status": {"type": "string", "enum": ["b"]}}}
    with pytest.raises(ValueError, match="VisitStatus"):
        named({"paths": {}, "components": {"schemas": {"CreateVisitIn": status, "UpdateVisitIn": other}}})


VERBS = {
    "archive", "check", "count", "create", "disable", "dismiss", "get", "import", "list", "override", "replace",
    "restore", "search", "set", "transition", "update", "walk",
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_an_operation_is_named_by_a_verb_and_its_object(method: str, path: str, operation: dict[str, Any]) -> None:
    """As in search_patients: one style, so that a generated client has methods that can be guessed."""
    verb, _, thing = operation["operationId"].partition("_")
    assert verb in VERBS
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", thing)
    assert (method == "get") == (verb in {"get", "list", "search", "walk", "count"})


def test_a_field_with_a_default_is_optional_in_requests() -> None:
    """Generators make a required field of one with the keyword `default`, so the description tells the default."""
    bodies = {name: s for name, s in DOCUMENT["components"]["schemas"].items() if name.endswith(("In", "Meta"))}
    assert not [place for place, node in nodes(bodies) if "default" in node and "type" in node]
    status = bodies["CreatePatientIn"]["properties"]["status"]
    assert status["description"].endswith('Default: `"active"`.')
    assert bodies["CreatePatientIn"]["required"] == ["first_name", "last_name"]


A_BEFORE_A_VOWEL = re.compile(r"\b[Aa] (?=[aeiouAEIOU])(?!user|unit|uniq|UUID|US\b|one\b)\w+")
AN_BEFORE_A_CONSONANT = re.compile(r"\b[Aa]n (?![aeiouAEIOU])(?!hour|RxCUI|[FHLMNRSX][A-Z])\w+")


def texts(node: Any) -> Iterator[str]:
    for _, part in nodes(node):
        yield from (part[key] for key in ("summary", "description") if isinstance(part.get(key), str))


def test_texts_are_grammatical() -> None:
    """No "a employer", no "1 orgs", no sort order written as a column name, no word twice."""
    assert A_BEFORE_A_VOWEL.search("Create a employer")
    assert AN_BEFORE_A_CONSONANT.search("Read an patient")
    assert not A_BEFORE_A_VOWEL.search("a user, a UUID, a unit, a US number")
    for text in texts(DOCUMENT):
        assert not A_BEFORE_A_VOWEL.search(text), text
        assert not AN_BEFORE_A_CONSONANT.search(text), text
        assert not re.search(r"\bby -|\b1 \w+s\b|\b(\w+) \1\b", text), text
    for _, _, operation in operations():
        assert re.fullmatch(r"[A-Z][\w' ]+", operation["summary"]), operation["summary"]
        assert operation["summary"].split()[0].lower() not in {"a", "an", "the"}


def test_the_answer_to_the_bulk_example_is_its_example(house: House) -> None:
    """Sent as it stands, the example of the request is answered with the example of the answer."""
    operation = DOCUMENT["paths"]["/api/v1/{org_id}/patients/bulk"]["post"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    answer = house.org("Examples Dental").desk().post("/patients/bulk", json=sent)
    assert (answer.status_code, answer.json()) == (200, shown)


def test_request_bodies_refuse_what_they_do_not_know() -> None:
    """The document says about unknown fields what the server does about them."""
    for _, _, operation in operations():
        for where, media in contents(operation):
            if where == "request":
                name = media["schema"]["$ref"].rpartition("/")[2]
                assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.name)
def test_an_answer_schema_promises_every_field(kind: Any) -> None:
    """Every field is in every answer, with null where there is nothing: generated clients need no guards."""
    schema = DOCUMENT["components"]["schemas"][f"{kind.schema}Out"]
    assert schema["required"] == list(schema["properties"])
    assert all(part.get("description", "").endswith(".") for part in schema["properties"].values())


def test_links_lead_from_what_was_made_to_everything_one_can_do_with_it() -> None:
    """Whatever stands below a record is linked from its create, and each link fills the whole path of its target."""
    by_name = {operation["operationId"]: (path, operation) for _, path, operation in operations()}
    for kind in (k for k in ALL if "create" in k.verbs):
        links = by_name[f"create_{kind.name}"][1]["responses"]["201"].get("links", {})
        below = f"/api/v1/{{org_id}}/{kind.path}/{{{kind.id_param}}}"
        reached = {
            n for n, (path, o) in by_name.items() if path.startswith(below) and len(_ids(o)) <= len(_ids_of(kind))
        }
        assert set(links) == reached
        for link in links.values():
            given = {name.removeprefix("path."): value for name, value in link["parameters"].items()}
            assert set(_ids(by_name[link["operationId"]][1])) <= set(given)
            assert given[kind.id_param] == "$response.body#/id"


def _ids(operation: dict[str, Any]) -> list[str]:
    return [p["name"] for p in operation["parameters"] if p["in"] == "path"]


def _ids_of(kind: Any) -> list[str]:
    return ["org_id", *([] if kind.parent is None else ["patient_uuid"]), kind.id_param]


@pytest.mark.parametrize("value", ["a", "2026-03-01 b", '"a b"', "x" * 255, 'a"b', "x" * 256, "", '"', '""', '"a', "é"])
def test_the_document_says_which_idempotency_keys_are_taken(house: House, value: str) -> None:
    """A client that checks a key by the document never refuses a right one, nor sends a wrong one."""
    operation = DOCUMENT["paths"]["/api/v1/{org_id}/employers"]["post"]
    [key] = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
    desk = house.org(f"Keys {value[:9]!r}").desk()
    headers = {b"Idempotency-Key": value.encode("latin-1")}
    taken = desk.post("/employers", json={"name": "Mill"}, headers=headers).status_code == 201
    assert taken == validator(key["schema"]).is_valid(value)


@pytest.mark.parametrize(
    "value",
    ["00:00", "09:30", "19:05:00", "23:59:59", "23:59:59Z", "24:00", "09:60", "09:30:60", "9:30", "09:30:00.5",
     "09:30:00+01:00", "0930", "noon", "", "٠٩:٣٠"],
)  # fmt: skip
def test_the_document_says_which_times_of_day_are_taken(house: House, value: str) -> None:
    """By the pattern: JSON Schema's format `time` alone would ask for a zone, which a time of day has not."""
    pattern = DOCUMENT["components"]["schemas"]["CreateVitalSignsIn"]["properties"]["time_taken"]["pattern"]
    desk = house.org(f"Clock {value[:9]!r}").desk()
    patient = desk.made("/patients", {"first_name": "Ana", "last_name": "Lind"})["id"]
    reading = {"date_taken": "2026-03-01", "time_taken": value}
    answer = desk.post(f"/patients/{patient}/vital-signs", json=reading)
    fits = validator({"type": "string", "pattern": pattern}).is_valid
    assert (answer.status_code == 201) == fits(value)
    assert answer.status_code != 201 or fits(answer.json()["time_taken"])


def test_the_document_says_that_a_comma_parts_the_entries_of_a_list() -> None:
    """A list in a query may be sent as one value with commas, so none of its entries can hold one."""
    [types] = [p for p in DOCUMENT["paths"]["/api/v1/{org_id}/events"]["get"]["parameters"] if p["name"] == "types"]
    assert validator(types["schema"]).is_valid(["patient.created", "patient.updated"])
    assert not validator(types["schema"]).is_valid(["patient.created,patient.updated"])


def test_a_real_answer_fits_its_schema(house: House) -> None:
    """The promise is of the server, not of the document alone: a created patient, a list and a refusal."""
    desk = house.org("Open API").desk()
    made = desk.made("/patients", {"first_name": "Ana", "last_name": "Lindqvist", "date_of_birth": "1984-02-11"})
    path = "/api/v1/{org_id}/patients"
    cases = [
        ("post", path, "201", made),
        ("get", path, "200", desk.read("/patients")),
        ("get", path + "/{patient_uuid}", "200", desk.read(f"/patients/{made['id']}")),
        ("get", path + "/search", "200", desk.read("/patients/search", q="lind")),
        ("get", path + "/cursor", "200", desk.read("/patients/cursor")),
        ("get", path + "/counts/by-location", "200", desk.read("/patients/counts/by-location")),
        ("get", path, "422", desk.get("/patients", params={"page": "0"}).json()),
        ("get", "/api/v1/{org_id}/events", "200", desk.read("/events")),
        ("get", "/api/v1/{org_id}/audit-events", "200", desk.read("/audit-events")),
    ]
    for method, template, status, body in cases:
        schema = DOCUMENT["paths"][template][method]["responses"][status]
        schema = resolved(schema)["content"]["application/json"]["schema"]
        faults = [f"{template} {list(f.path)}: {f.message}" for f in validator(schema).iter_errors(body)]
        assert not faults
