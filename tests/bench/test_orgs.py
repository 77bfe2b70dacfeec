"""What the bench measures on is what the product would have made: generated orgs agree with its own rules."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import pytest_asyncio

from bench.orgs import Made, make, mixed, single
from bench.orgs.made import superuser
from bench.orgs.pattern import BESIDE, TABLES
from bench.running import Client, command, server
from chairside.changes import Change, SearchWords
from chairside.records.patients import PATIENTS
from chairside.store.pool import connect
from tests.database import Connection, connected
from tests.house import House

PATIENTS_MADE, PATTERN = 1000, 60


@dataclass
class Site:
    """A generated org of which a server is running."""

    made: Made
    data_dir: Path
    desk: Client

    def get(self, path: str) -> Any:
        self.desk.leave()  # the server closes a connection on which nobody asked for ten seconds
        answer = self.desk.fetch(path)
        return msgspec.json.decode(answer)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="orgs-") as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "data"
        made = make(data_dir, single(PATIENTS_MADE), lambda _: None, PATTERN)
        with server(data_dir, 1) as running:
            token = command("token", "create", "--org", made.org_id, "--role", "admin", data_dir=data_dir)
            yield Site(made, data_dir, Client(running.port, made.org_id, token))


@pytest_asyncio.fixture(loop_scope="session")
async def database(site: Site) -> AsyncIterator[Connection]:
    connection = await connect(superuser(site.data_dir))
    yield connection
    await connection.close()


async def drawn(database: Connection, number: int) -> list[dict[str, Any]]:
    """Generated patients that stand apart from each other."""
    rows = await database.fetch(
        "SELECT * FROM patients WHERE created_at < now() - interval '1 hour' ORDER BY md5(id::text) LIMIT $1", number
    )
    return [dict(row) for row in rows]


def test_the_doctor_finds_nothing_wrong(site: Site) -> None:
    command("doctor", data_dir=site.data_dir)


async def test_generated_patients_are_as_the_rules_make_them(database: Connection) -> None:
    """The rules find nothing to derive anew: keys, telephones, balances and restrictions are there and right."""
    for record in await drawn(database, 300):
        change = Change(before=None, after=dict(record), given=frozenset(record), now=record["created_at"])
        assert PATIENTS.settle
        PATIENTS.settle(change)
        assert change.after == record


async def test_generated_patients_have_the_words_that_the_engine_would_write(database: Connection) -> None:
    held: dict[str, SearchWords] = {}
    for row in await database.fetch("SELECT * FROM patient_words"):
        found = held.setdefault(row["patient_id"], {}).setdefault((row["scope"], row["name"]), set())
        found.add((row["word"], row["beside"]))
    records = [dict(row) for row in await database.fetch("SELECT * FROM patients")]
    assert PATIENTS.search_words
    written = {record["id"]: PATIENTS.search_words(record, "US") for record in records}
    assert held == {key: {scope: pairs for scope, pairs in of.items() if pairs} for key, of in written.items()}
    assert len(records) == PATIENTS_MADE


async def test_the_summaries_say_what_counting_gives(site: Site, database: Connection) -> None:
    cells = "archived, status, location_id, primary_provider_id"
    summed = await database.fetch(f"SELECT {cells}, sum(n) AS n FROM patient_counts GROUP BY {cells}")
    counted = await database.fetch(
        f"SELECT {cells}, count(*) AS n FROM (SELECT *, deleted_at IS NOT NULL AS archived FROM patients) p"
        f" GROUP BY {cells}"
    )
    assert {tuple(row) for row in summed} == {tuple(row) for row in counted}
    live = await database.fetchval("SELECT count(*) FROM patients WHERE deleted_at IS NULL")
    assert site.get("patients?page_size=1")["total"] == live < PATIENTS_MADE
    told = await database.fetch("SELECT archived, tag_definition_id, sum(n) AS n FROM tag_counts GROUP BY 1, 2")
    carried = await database.fetch(
        "SELECT p.deleted_at IS NOT NULL, tag_definition_id, count(*) FROM patient_tags t"
        " JOIN patients p ON p.id = t.patient_id WHERE t.deleted_at IS NULL GROUP BY 1, 2"
    )
    assert {tuple(row) for row in told} == {tuple(row) for row in carried}
    assert len(carried) > 1


async def test_no_reference_leads_nowhere(database: Connection) -> None:
    """COPY ran without the checks of references; these are the same checks."""
    references = await database.fetch(
        "SELECT conrelid::regclass::text AS of, confrelid::regclass::text AS to,"
        " (SELECT attname::text FROM pg_attribute a WHERE a.attrelid = conrelid AND a.attnum = conkey[2]) AS by"
        " FROM pg_constraint WHERE contype = 'f' AND array_length(conkey, 1) = 2"
    )
    assert references
    for row in references:
        lost = await database.fetchval(
            f"SELECT count(*) FROM {row['of']} f WHERE {row['by']} IS NOT NULL AND NOT EXISTS"
            f" (SELECT FROM {row['to']} t WHERE t.org_id = f.org_id AND t.id = f.{row['by']})"
        )
        assert not lost, row


async def test_all_indexes_are_back(house: House, database: Connection) -> None:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
    async with connected(house.data_dir, "superuser") as other:
        wanted = {row["indexdef"] for row in await other.fetch(query)}
    assert {row["indexdef"] for row in await database.fetch(query)} == wanted


async def test_the_api_answers_for_generated_patients(site: Site, database: Connection) -> None:
    for record in await drawn(database, 30):
        path = f"patients/{record['id']}"
        shown = site.get(path)
        assert (shown["last_name"], shown["chart_number"]) == (record["last_name"], record["chart_number"])
        if record["social_security_number"]:
            revealed = site.get(f"{path}?reveal=ssn")["social_security_number"]
            assert revealed[-4:] == record["social_security_number"][-4:]
            assert "*" not in revealed
        if record["deleted_at"] is None:
            assert site.get(f"{path}/medical-summary")
            found = site.get(f"patients/search?q={quote(record['chart_number'])}")["items"]
            assert record["id"] in {item["id"] for item in found}


async def test_the_people_and_their_charts_are_believable(database: Connection) -> None:
    """About twelve entries to a chart, some names common and none everybody's, families, and gaps as records have."""
    entries = [await database.fetchval(f"SELECT count(*) FROM {TABLES[kind]}") for kind in BESIDE[:-1]]
    assert all(entries)
    assert 11 <= sum(entries) / PATIENTS_MADE <= 14
    records = await drawn(database, PATIENTS_MADE)
    names = Counter(record["last_name"] for record in records)
    assert 2 < names.most_common(1)[0][1] < len(records) * 0.03
    dependents = sum(record["responsible_party_id"] != record["id"] for record in records)
    assert 0.2 < dependents / len(records) < 0.6
    for column in ("date_of_birth", "email", "mobile_phone_e164", "location_id"):
        assert 0 < sum(record[column] is None for record in records) < len(records) / 2, column
    for table in (TABLES["tag"], TABLES["field_value"]):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") > PATIENTS_MADE / 20


def test_a_thousand_orgs_are_few_large_ones_and_many_small() -> None:
    plan = mixed()
    assert len(plan.sizes) == 1000
    assert 290_000 < plan.patients <= 300_000
    assert plan.sizes[0] > 30_000
    assert 20 <= plan.sizes[-1] < 100
