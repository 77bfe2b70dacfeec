"""A copy that is kept by the recipe of docs/sync.md is equal to a busy org, record by record, once the org is quiet.

`SYNC_SECONDS=60` lets the writers go on for a minute instead of a fixed number of acts.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import httpx

from chairside.fields import Borrowed
from chairside.records import ALL
from tests.database import connected
from tests.house import Client, House, Org

Json = dict[str, Any]
RECIPE = Path(__file__).parent.parent.parent / "docs" / "sync.md"
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)/\{id\}` \|$", re.MULTILINE)
# The second step of the recipe reads with the table that stands there.
PATHS: dict[str, str] = dict(ROW.findall(RECIPE.read_text()))
KINDS = {k.name: k for k in ALL}
WRITERS, ACTS = 4, 40
SECONDS = float(os.environ.get("SYNC_SECONDS", "0"))
# A record shows these of another record, whose own copy has them.
OF_OTHERS = {k.name: {f.name for f in k.every_field if isinstance(f, Borrowed)} for k in ALL}
OF_OTHERS["relationship"] |= {"from_patient_name", "to_patient_name"}


def where(kind: str, record_id: str, patient_id: str | None) -> str:
    return "/" + PATHS[kind].replace("{patient_uuid}", patient_id or "") + f"/{record_id}"


def by_ids(kind: str, record: Json) -> Json:
    """A record with references as ids, as the recipe keeps them."""
    return {
        name: value["id"] if isinstance(value, dict) and value.keys() == {"id", "name"} else value
        for name, value in record.items()
        if name not in OF_OTHERS[kind]
    }


class Reset(Exception):
    """The server was restored since the copy was last in step."""


class Copy:
    """The recipe, step by step."""

    def __init__(self, client: Client) -> None:
        self.client, self.resets = client, 0
        self.forget()

    def forget(self) -> None:
        """Begin again with an empty copy."""
        self.cursor: Json = {}
        self.sequence = 0
        self.records: dict[tuple[str, str], Json] = {}
        self.owner: dict[tuple[str, str], str | None] = {}

    def step(self) -> int:
        """Go on until nothing is left for now; how much came."""
        try:
            return self.patients() + self.others()
        except Reset:
            self.resets += 1
            self.forget()
            return self.patients() + self.others()

    def page(self, path: str, **query: Any) -> Json:
        """One page of the walk or of the feed."""
        answer = self.client.get(path, params=query)
        if answer.status_code == 410:
            assert [p["type"] for p in answer.json()["detail"]] == ["feed_reset"]
            raise Reset
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def patients(self) -> int:
        came = 0
        while True:
            page = self.page("/patients/cursor", sort_by="updated_at", status="all", first=200, **self.cursor)
            for patient in page["data"]:
                self.records["patient", patient["id"]] = patient
            came += len(page["data"])
            if page["page_info"]["end_cursor"]:
                self.cursor = {"after": page["page_info"]["end_cursor"]}
            if not page["page_info"]["has_next_page"]:
                return came

    def others(self) -> int:
        came = 0
        while True:
            page = self.page("/events", after=self.sequence, limit=1000)
            for event in page["items"]:
                if event["kind"] in PATHS:
                    self.owner[event["kind"], event["record_id"]] = event["patient_id"]
            for kind, record_id in self.noted(page["items"]):
                path = where(kind, record_id, self.owner[kind, record_id])
                self.records[kind, record_id] = self.client.read(path, archived=True)
            came += len(page["items"])
            self.sequence = page["next_after"]
            if not page["has_more"]:
                return came

    def noted(self, events: list[Json]) -> set[tuple[str, str]]:
        """The records to read: those of the events, and vital signs that are judged by something else from now on."""
        noted = {(e["kind"], e["record_id"]) for e in events if e["kind"] in PATHS}
        every = any(e["kind"] == "org_settings" for e in events)
        judged = {
            e["record_id"]
            for e in events
            if e["type"] == "patient.updated" and not {"date_of_birth", "gender"}.isdisjoint(e["changed"])
        }
        vitals = {(k, i) for (k, i), owner in self.owner.items() if k == "vital_signs" and (every or owner in judged)}
        return noted | vitals


class Writer:
    """One of several who do what a practice does all day, each act by chance of its own seed."""

    def __init__(self, org: Org, number: int, patients: list[str], catalog: dict[str, list[str]]) -> None:
        self.client, self.dice, self.number = org.desk(), Random(number), number
        self.patients, self.catalog = patients, catalog
        self.mine: dict[str, list[str]] = {}
        self.done: Counter[str] = Counter()
        self.acts: list[Callable[[], httpx.Response]] = [
            self.create, self.create, self.edit, self.edit, self.born, self.archive, self.restore, self.vitals,
            self.vitals, self.balances, self.allergy, self.alert, self.log, self.tag, self.untag, self.relate,
            self.fill, self.clear,
            self.end_chart, self.edit_chart, self.provider, self.end_provider, self.revive_provider, self.load,
            self.settings,
        ]  # fmt: skip

    def work(self, over: Event) -> None:
        """So many acts, or for as long as it says; what loses a race is refused, and that is part of the day."""
        end, turn = time.monotonic() + SECONDS, 0
        while not over.is_set() and (time.monotonic() < end if SECONDS else turn < ACTS):
            # Each act at least once, then by chance.
            act = self.acts[turn] if turn < len(self.acts) else self.dice.choice(self.acts)
            answer = act()
            assert answer.status_code < 500, answer.text
            self.done[act.__name__] += answer.is_success
            turn += 1

    def patient(self) -> str:
        return "/patients/" + self.dice.choice(self.patients)

    def one(self, of: str) -> str:
        return self.dice.choice(self.catalog[of])

    def version(self, path: str) -> int:
        answer = self.client.get(path, params={"archived": True})
        return int(answer.json().get("version", 1))

    def made(self, kind: str, path: str, body: Json) -> httpx.Response:
        answer = self.client.post(path, json=body)
        if answer.is_success:
            self.mine.setdefault(kind, []).append(f"{path}/{answer.json()['id']}")
        return answer

    def create(self) -> httpx.Response:
        body = {
            "first_name": "Ana",
            "last_name": f"Lind {self.number}",
            "date_of_birth": "2012-05-05",
            "gender": "male",
        }
        answer = self.client.post("/patients", json=body | {"location_uuid": self.one("locations")})
        self.patients.append(answer.json()["id"])
        return answer

    def edit(self) -> httpx.Response:
        path = self.patient()
        body = {"base_version": self.version(path), "city": f"City {self.dice.random()}", "medical_summary": ""}
        return self.client.patch(path, json=body)

    def born(self) -> httpx.Response:
        path, year = self.patient(), self.dice.choice([1950, 1980, 2012])
        return self.client.patch(path, json={"base_version": self.version(path), "date_of_birth": f"{year}-05-05"})

    def archive(self) -> httpx.Response:
        return self.client.post(f"{self.patient()}/archive")

    def restore(self) -> httpx.Response:
        page = self.client.read("/patients", status="archived", page_size=50)["items"]
        gone = self.dice.choice(page)["id"] if page else self.patients[0]
        return self.client.post(f"/patients/{gone}/restore")

    def vitals(self) -> httpx.Response:
        body = {"date_taken": f"2022-05-{self.dice.randrange(1, 28):02}", "height_inches": 54, "weight_lbs": 75}
        return self.made("chart", f"{self.patient()}/vital-signs", body | {"bp_systolic": self.dice.randrange(90, 200)})

    def balances(self) -> httpx.Response:
        owed = dict.fromkeys(("balance_0_30", "balance_31_60", "balance_61_90", "balance_over_90"), 0)
        return self.client.put(f"{self.patient()}/balances", json=owed | {"balance_0_30": self.dice.randrange(900)})

    def allergy(self) -> httpx.Response:
        body = {"allergy_definition_uuid": self.one("allergy-definitions"), "severity": "mild"}
        return self.made("chart", f"{self.patient()}/allergies", body)

    def alert(self) -> httpx.Response:
        body = {"alert_definition_uuid": self.one("patient-alert-definitions"), "note": f"{self.dice.random()}"}
        return self.made("chart", f"{self.patient()}/alerts", body)

    def log(self) -> httpx.Response:
        body = {"communication_datetime": "2026-03-01T09:30:00Z", "mode": "phone", "note": f"{self.dice.random()}"}
        return self.client.post(f"{self.patient()}/communication-logs", json=body)

    def tag(self) -> httpx.Response:
        body = {"tag_definition_uuid": self.one("patient-tag-definitions")}
        return self.made("tags", f"{self.patient()}/tags", body)

    def untag(self) -> httpx.Response:
        return self.client.post(f"{self.dice.choice(self.mine.get('tags') or [self.patient()])}/archive")

    def relate(self) -> httpx.Response:
        body = {"to_patient_uuid": self.dice.choice(self.patients), "relationship_type": "sibling", "is_guardian": None}
        return self.made("chart", f"{self.patient()}/relationships", body)

    def put(self, value: str | None) -> httpx.Response:
        entry = {"field_definition_uuid": self.one("patient-field-definitions"), "value": value}
        return self.client.put(f"{self.patient()}/field-values", json={"fields": [entry]})

    def fill(self) -> httpx.Response:
        return self.put(f"{self.dice.random()}")

    def clear(self) -> httpx.Response:
        return self.put(None)

    def charted(self) -> str:
        return self.dice.choice(self.mine.get("chart") or [self.patient()])

    def end_chart(self) -> httpx.Response:
        return self.client.post(f"{self.charted()}/archive")

    def edit_chart(self) -> httpx.Response:
        path = self.charted()
        return self.client.patch(path, json={"base_version": self.version(path), "note": f"{self.dice.random()}"})

    def provider(self) -> httpx.Response:
        return self.made("providers", "/providers", {"name": f"Dr. {self.number} {self.dice.random()}"})

    def end_provider(self) -> httpx.Response:
        path = self.dice.choice(self.mine["providers"])
        return self.client.post(f"{path}/archive", headers={"If-Match": f'"{self.version(path)}"'})

    def revive_provider(self) -> httpx.Response:
        return self.client.post(f"{self.dice.choice(self.mine['providers'])}/restore")

    def load(self) -> httpx.Response:
        rows = [
            {"first_name": "Row", "last_name": f"Lind {n}", "chart_number": f"R{n}-{self.number}"} for n in range(20)
        ]
        meta = {"on_duplicate": "update"}
        for row in rows[: self.dice.randrange(1, 20)]:
            row["city"] = f"City {self.dice.random()}"
        answer = self.client.post("/patients/bulk", json={"rows": rows, "meta": meta})
        self.patients.extend(r["patient_id"] for r in answer.json()["results"] if r["status"] == "created")
        return answer

    def settings(self) -> httpx.Response:
        preset = self.dice.choice(["reference", "conservative"])
        etag = self.client.get("/org-settings").headers["etag"]
        return self.client.patch("/org-settings", json={"blocking_preset": preset}, headers={"If-Match": etag})


def follow(copy: Copy, over: Event) -> None:
    while not over.is_set():
        copy.step()


def keep_busy(org: Org, copy: Copy) -> Counter[str]:
    """The acts of the writers while the copy followed."""
    client, patients = org.desk(), [org.desk().made("/patients", {"first_name": "Ana", "last_name": "First"})["id"]]
    catalog: dict[str, list[str]] = {}
    for path in ("locations", "patient-tag-definitions", "patient-field-definitions"):
        more = {"field_type": "text"} if "field" in path else {}
        catalog[path] = [client.made(f"/{path}", {"name": f"Entry {n}", **more})["id"] for n in range(3)]
    for path in ("allergy-definitions", "patient-alert-definitions"):
        catalog[path] = [row["id"] for row in client.read(f"/{path}", page_size=5)["items"]]
    writers = [Writer(org, number, patients, catalog) for number in range(WRITERS)]
    over, failed = Event(), Event()
    with ThreadPoolExecutor(WRITERS + 1) as crowd:
        following = crowd.submit(follow, copy, over)
        writing = [crowd.submit(writer.work, failed) for writer in writers]
        try:
            for job in writing:
                job.result()
        finally:
            failed.set()
            over.set()
        following.result()
    return sum((w.done for w in writers), Counter())


async def there(house: House, org: Org) -> list[tuple[str, str, str | None, bool]]:
    """Every record of the org from its tables: kind, id, patient, whether archived."""
    found = []
    async with connected(house.data_dir, "superuser") as connection:
        for name in ("patient", *PATHS):
            kind = KINDS[name]
            owner = "patient_id" if kind.parent else "NULL::uuid"
            columns = f"id, {owner} AS patient_id, deleted_at IS NOT NULL AS ended"
            rows = await connection.fetch(f"SELECT {columns} FROM {kind.table} WHERE org_id = $1", org.id)
            found += [(name, str(r["id"]), str(r["patient_id"] or "") or None, r["ended"]) for r in rows]
    return found


def test_the_recipe_names_the_path_of_every_kind() -> None:
    """A kind that is missing there would be missing in every copy."""
    assert {k.name: k.path for k in ALL if "get" in k.verbs and k.name != "patient"} == PATHS


def test_a_copy_kept_by_the_recipe_is_exact(house: House) -> None:
    """Several write, archive, restore and import at once; then each record is compared, archived ones included."""
    org = house.org("Busy")
    copy = Copy(org.desk("integration"))
    done = keep_busy(org, copy)
    assert all(done[act] for act in ("create", "edit", "archive", "vitals", "balances", "load", "restore", "untag")), (
        done
    )
    while copy.step():
        pass
    assert any(ended for _, _, _, ended in is_exact(copy, house, org))


def is_exact(copy: Copy, house: House, org: Org) -> list[tuple[str, str, str | None, bool]]:
    """Every record of the org, once each was compared with the copy's."""
    truth = asyncio.run(there(house, org))
    assert {(kind, record_id) for kind, record_id, _, _ in truth} == set(copy.records)
    reader = org.desk("integration")
    for kind, record_id, patient_id, ended in truth:
        path = f"/patients/{record_id}" if kind == "patient" else where(kind, record_id, patient_id)
        shown, kept = reader.read(path, archived=True), copy.records[kind, record_id]
        assert by_ids(kind, kept) == by_ids(kind, shown), (kind, record_id)
        assert (kept.get("deleted_at") is not None) == ended, (kind, record_id)
    return truth
