"""What the chart tests do again and again: write to a chart, read it, look up a definition, read its events."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx

from tests.house import Client

Json = dict[str, Any]
LISTS = ("alerts", "allergies", "medications", "diseases", "vital-signs", "social-history")
DEFINITIONS = ("patient-alert-definitions", "allergy-definitions", "medication-definitions", "disease-definitions")
DAY = "2026-03-02"


def definition(desk: Client, catalog: str, name: str, **fields: Any) -> str:
    """The id of a new definition; its name gets an ending, so that no two are the same."""
    return str(desk.made(f"/{catalog}", {"name": f"{name} {uuid4().hex[:8]}", **fields})["id"])


def named(desk: Client, catalog: str, name: str) -> str:
    """The id of the definition of exactly this name, from the starter catalog or made now."""
    found = desk.read(f"/{catalog}", search=name, page_size=200)["items"]
    same = [d["id"] for d in found if d["name"].casefold() == name.casefold()]
    return str(same[0] if same else desk.made(f"/{catalog}", {"name": name})["id"])


class Chart:
    """The chart of one patient, as one caller writes and reads it."""

    def __init__(self, desk: Client, patient: Json) -> None:
        self.desk, self.id = desk, str(patient["id"])

    def path(self, *parts: str) -> str:
        return "/".join((f"/patients/{self.id}", *parts))

    def add(self, kind: str, **fields: Any) -> Json:
        """A record that could be made."""
        return self.desk.made(self.path(kind), fields)

    def post(self, kind: str, **fields: Any) -> httpx.Response:
        return self.desk.post(self.path(kind), json=fields)

    def change(self, kind: str, record: Json, **fields: Any) -> Json:
        """The record after a PATCH that must have succeeded."""
        answer = self.patch(kind, record, **fields)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def patch(self, kind: str, record: Json, **fields: Any) -> httpx.Response:
        return self.desk.patch(self.path(kind, record["id"]), json={"base_version": record["version"]} | fields)

    def archive(self, kind: str, record: Json) -> Json:
        answer = self.desk.post(self.path(kind, record["id"], "archive"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def listed(self, kind: str, **query: Any) -> list[Json]:
        return list(self.desk.read(self.path(kind), page_size=200, **query)["items"])

    def ids(self, kind: str, **query: Any) -> list[str]:
        return [r["id"] for r in self.listed(kind, **query)]

    def patient(self) -> Json:
        return dict(self.desk.read(self.path()))

    def summary(self) -> Json:
        return dict(self.desk.read(self.path("medical-summary")))

    def events(self, *types: str) -> list[Json]:
        """The events of this patient, oldest first, of these types or all."""
        found: list[Json] = []
        after, more = 0, True
        while more:
            query = {"types": ",".join(types)} if types else {}
            page = self.desk.read("/events", after=after, limit=1000, **query)
            found += [e for e in page["items"] if e["patient_id"] == self.id]
            after, more = page["next_after"], page["has_more"]
        return found


def smallest(desk: Client, kind: str) -> Json:
    """The smallest body of a new record of the chart."""
    definitions = dict(zip(LISTS, DEFINITIONS, strict=False))
    if kind in definitions:
        key = {"alerts": "alert", "allergies": "allergy", "medications": "medication", "diseases": "disease"}[kind]
        return {f"{key}_definition_uuid": definition(desk, definitions[kind], "Small")}
    return {"date_taken": DAY} if kind == "vital-signs" else {"category": "diet", "value": "Vegetarian"}


def as_reading(latest: Json) -> Json:
    """The latest vital signs of a summary with the fields that a reading has."""
    return {name: value for name, value in latest.items() if name not in ("by_vital", "holds")}


def today() -> date:
    """The day as the server counts it."""
    return datetime.now(UTC).date()
