"""What the tests of people do again and again: relate, credit, log, define, fill in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from tests.house import Client, problems
from tests.patients.acts import Json

_numbers = count(1)
NOBODY = "01890000-0000-7000-8000-000000000000"


def relate(desk: Client, one: Json, other: Json, kind: str, **more: Any) -> Json:
    """The relationship from one patient to another, which must have been made."""
    body = {"to_patient_uuid": other["id"], "relationship_type": kind} | more
    return desk.made(f"/patients/{one['id']}/relationships", body)


def credit(desk: Client, patient: Json, **fields: Any) -> Json:
    """A referral attribution that must have been made."""
    return desk.made(f"/patients/{patient['id']}/referral-attributions", fields)


def source(desk: Client) -> str:
    """The id of a new referral source."""
    return str(desk.made("/referral-sources", {"name": f"Source {uuid4().hex}"})["id"])


def log(desk: Client, patient: Json, when: str = "2026-03-02T15:04:05Z", **fields: Any) -> Json:
    """An entry of the communication log that must have been made."""
    return desk.made(f"/patients/{patient['id']}/communication-logs", {"communication_datetime": when} | fields)


def define(desk: Client, field_type: str, **fields: Any) -> Json:
    """A new field definition with these fields, and a name where none is given."""
    if field_type == "dropdown":
        fields = {"dropdown_options": ["A", "B"]} | fields
    return desk.made(
        "/patient-field-definitions", {"name": f"Field {next(_numbers)}", "field_type": field_type} | fields
    )


def put(desk: Client, patient: Json, values: Mapping[str, Any]) -> httpx.Response:
    """The answer to setting values, by id of their definition."""
    fields = [{"field_definition_uuid": d, "value": v} for d, v in values.items()]
    return desk.put(f"/patients/{patient['id']}/field-values", json={"fields": fields})


def fill(desk: Client, patient: Json, values: Mapping[str, Any]) -> list[Json]:
    """The values as they are after having been set, which must have succeeded."""
    answer = put(desk, patient, values)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def form(desk: Client, patient: Json) -> dict[str, Json]:
    """The form of a patient, by id of the definition."""
    items = desk.read(f"/patients/{patient['id']}/field-values/form")["items"]
    return {i["field_definition"]["id"]: i for i in items}


def held(desk: Client, patient: Json) -> dict[str, Json]:
    """The listed values of a patient, by id of the definition."""
    items = desk.read(f"/patients/{patient['id']}/field-values")["items"]
    return {i["field_definition"]["id"]: i for i in items}


def archived(desk: Client, path: str, version: int) -> Json:
    """A catalog entry after an archive that must have succeeded."""
    answer = desk.post(f"{path}/archive", json={"base_version": version})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def insist(do: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer once the server is not too busy to give one; what was answered 503 was not done."""
    answer = do()
    for _ in range(20):
        if answer.status_code != 503:
            break
        answer = do()
    return answer


def ids(found: Any) -> list[str]:
    """The ids of a list or a page, in their order."""
    return [r["id"] for r in (found["items"] if isinstance(found, dict) else found)]


def refusal(answer: httpx.Response) -> tuple[int, dict[tuple[Any, ...], str]]:
    """Status and the code of each problem by its place."""
    return answer.status_code, problems(answer)
