"""What is asked for: every read and write of the long bench, for people drawn from the org."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import msgspec

from bench.long.requests import Sent, get
from bench.orgs import Made
from bench.orgs.made import superuser
from bench.running import Client
from chairside.store.pool import connect

PEOPLE, DEEP_PAGES, PAGE, STRIDE = 2000, 10_000, 50, 200
_PEOPLE = """
SELECT org_id, id, first_name_key, last_name, last_name_key, right(mobile_phone_e164, 10) AS telephone, email,
  date_of_birth::text AS born, latest_vitals_date IS NOT NULL AS measured
FROM patients
WHERE org_id = ANY ($1::uuid[]) AND deleted_at IS NULL AND mobile_phone_e164 IS NOT NULL AND email IS NOT NULL
  AND date_of_birth IS NOT NULL AND first_name ~ '^[A-Za-z]{2,}$' AND last_name ~ '^[A-Za-z]{3,}$'
ORDER BY md5(id::text) LIMIT $2"""
Person = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Work:
    """An operation by its plain name, requests for it, and the ratio to pgbench that is the goal, if any."""

    name: str
    group: str
    sent: Sequence[Sent]
    goal: float | None = None

    @property
    def key(self) -> str:
        """A name for tables and variables."""
        return "".join(c if c.isalnum() else "_" for c in self.name.lower())


async def people(data_dir: Path, orgs: Sequence[str], most: int = PEOPLE) -> list[Person]:
    """Some of whom a name, a telephone, an e-mail address and a birth date are known, drawn as if by lot."""
    connection = await connect(superuser(data_dir))
    try:
        return [dict(row) for row in await connection.fetch(_PEOPLE, orgs, most)]
    finally:
        await connection.close()


def reads(some: Sequence[Person], made: Made, deep: Sequence[str]) -> list[Work]:
    """All of them; `deep` are cursors far down the list."""

    def each(path: Callable[[Person], str]) -> list[Sent]:
        return [get(path(person)) for person in some]

    def listed(**query: str) -> Sent:
        return get("patients?" + urlencode(query))

    def typed(letters: int) -> list[Sent]:
        names = (p["last_name_key"][:letters] for p in some if len(p["last_name_key"]) >= letters)
        return [get(f"patients/search?q={quote_plus(name)}") for name in names]

    ids = made.ids
    return [
        Work("GET one", "records", each(lambda p: f"patients/{p['id']}"), 0.30),
        Work("medical summary", "records", each(lambda p: f"patients/{p['id']}/medical-summary")),
        Work("allergies", "records", each(lambda p: f"patients/{p['id']}/allergies")),
        Work("check duplicates", "records", [Sent("POST", "patients/check-duplicates", _double(p)) for p in some]),
        Work("list of 50", "lists", [get("patients")], 0.35),
        Work("by first name", "lists", [listed(sort_by="first_name")]),
        Work("by birth date, youngest first", "lists", [listed(sort_by="date_of_birth", sort_dir="desc")]),
        Work("by chart number", "lists", [listed(sort_by="chart_number")]),
        Work("by creation, newest first", "lists", [listed(sort_by="created_at", sort_dir="desc")]),
        Work("of a status", "filters", [listed(status=s) for s in ("active", "inactive", "prospective")]),
        Work("of a location", "filters", [listed(location_uuid=one) for one in ids["location"]]),
        Work(
            "of a provider and a status",
            "filters",
            [listed(primary_provider_uuid=one, status="active") for one in ids["provider"]],
        ),
        Work("of a tag", "filters", [listed(tag_definition_uuid=one) for one in ids["tag_definition"]]),
        Work("counts by location", "filters", [get("patients/counts/by-location")]),
        Work("first cursor page", "pages", [get("patients/cursor")]),
        Work("deep cursor page", "pages", [get(f"patients/cursor?after={cursor}") for cursor in deep]),
        *(Work(f"typeahead, letters: {n}", "typeahead", typed(n)) for n in (1, 2, 3, 8)),
        Work(
            "typeahead, two words",
            "typeahead",
            each(lambda p: f"patients/search?q={quote_plus(p['last_name_key'][:3] + ' ' + p['first_name_key'][:2])}"),
        ),
        Work("search by telephone", "searches", each(lambda p: f"patients?search={quote_plus(p['telephone'])}")),
        Work("search by e-mail", "searches", each(lambda p: f"patients?search={quote_plus(p['email'])}")),
        Work("search by birth date", "searches", each(lambda p: f"patients?search={p['born']}")),
    ]


def vital_signs(some: Sequence[Person]) -> Work:
    """Readings of a day before the newest, which leave the patient's own row as it is."""
    body = {"date_taken": "2015-02-03", "bp_systolic": 118, "bp_diastolic": 76, "pulse": 70}
    sent = [Sent("POST", f"patients/{p['id']}/vital-signs", body) for p in some if p["measured"]]
    return Work("create vital signs", "writes", sent)


def _double(person: Person) -> dict[str, object]:
    return {
        "last_name": person["last_name"],
        "date_of_birth": person["born"],
        "email": person["email"],
        "mobile_phone": person["telephone"],
    }


class _Info(msgspec.Struct):
    has_next_page: bool
    end_cursor: str


class _Page(msgspec.Struct):
    page_info: _Info


def deep_cursors(desk: Client, patients: int) -> list[str]:
    """Walks there as a client does: 10,000 pages of 50 deep, or nearly to the end of a smaller org."""
    steps = min(DEEP_PAGES * PAGE, int(patients * 0.9)) // STRIDE
    cursors = [""]
    for _ in range(steps):
        after = f"&after={cursors[-1]}" if cursors[-1] else ""
        page = msgspec.json.decode(desk.fetch(f"patients/cursor?first={STRIDE}{after}"), type=_Page)
        cursors.append(page.page_info.end_cursor)
    return cursors[-4:] if steps >= 4 else cursors[-1:]
