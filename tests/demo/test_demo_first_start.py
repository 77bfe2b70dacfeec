"""The first start of the demo can be cut off anywhere and goes on where it was."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chairside.cli.demo import PATIENTS, SEED
from chairside.cli.demo import TODAY as BORN_BY
from chairside.demo import chart, people, practice
from chairside.embedded import EmbeddedError
from tests.database import connected
from tests.house import PATIENCE_SECONDS, House, environment, free_port

TABLES = {
    "alert": "patient_alerts",
    "allergy": "patient_allergies",
    "appointment": "appointments",
    "communication_log": "patient_communication_logs",
    "disease": "patient_diseases",
    "medication": "patient_medications",
    "patient": "patients",
    "referral_attribution": "patient_referral_attributions",
    "relationship": "patient_relationships",
    "social_history": "patient_social_history",
    "tag": "patient_tags",
    "vital_signs": "patient_vital_signs",
    "field_value": "patient_field_values",
    "referral_partner": "referral_partners",
    "field_definition": "field_definitions",
    "provider": "providers",
}


@pytest.fixture
def cut_off() -> Iterator[House]:
    """A house whose first start nobody has waited for."""
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        Path(folder).chmod(0o755)
        house = House(Path(folder) / "data", free_port())
        yield house
        if house.process is not None and house.process.poll() is None:
            house.stop()
        if house.process is not None and house.process.stdout is not None:
            house.process.stdout.close()


async def test_a_first_start_killed_twice_makes_the_same_practice_and_nothing_twice(cut_off: House) -> None:
    """After kill -9 amid the charts, and again, the next start ends with exactly what the generator says."""
    await _start_and_kill(cut_off, "patient_vital_signs", 20)
    begun = json.loads((cut_off.data_dir / "demo.json").read_text())
    assert "token" not in begun
    await _start_and_kill(cut_off, "patient_relationships", 300)
    cut_off.start("--demo")
    finished = json.loads((cut_off.data_dir / "demo.json").read_text())
    assert finished["org_id"] == begun["org_id"]
    assert finished["token"] in "".join(cut_off.said)
    async with connected(cut_off.data_dir, "superuser") as connection:
        held = {kind: await connection.fetchval(f"SELECT count(*) FROM {table}") for kind, table in TABLES.items()}
        ended = await connection.fetchval("SELECT count(*) FROM patient_medications WHERE status <> 'active'")
    expected = _expected(datetime.date.fromisoformat(begun["made_on"]))
    assert held == {kind: expected[kind] for kind in TABLES}
    assert ended == expected["ended"]


def _expected(today: datetime.date) -> Counter[str]:
    made = practice(SEED, PATIENTS, BORN_BY)
    around = people(made.patients, SEED, today)
    charted = [row for place, person in enumerate(made.patients) for row in chart(person, place, SEED, today).rows()]
    counts = Counter(kind for kind, _ in charted) + Counter(r.kind for r in around.rows if r.kind != "field_value")
    counts["ended"] = sum("status" in row for kind, row in charted if kind == "medication")
    forms = [r.body["fields"] for r in around.rows if r.kind == "field_value"]
    counts["field_value"] = sum(len(form) for form in forms if isinstance(form, list))
    counts["tag"] = sum(len(person.tags) for person in made.patients)
    counts["patient"], counts["provider"] = PATIENTS, len(made.providers)
    counts["referral_partner"] = len(around.referral_partners)
    counts["field_definition"] = len(around.field_definitions)
    return counts


async def _start_and_kill(house: House, table: str, rows: int) -> None:
    """Start the demo and kill it as soon as so many rows are there, before it is finished."""
    process = _serve(house)
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while await _count(house.data_dir, table) < rows:
            assert process.poll() is None, "the server ended by itself"
            assert time.monotonic() < end, "it never came so far"
            time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs in this loop
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    assert "token" not in json.loads((house.data_dir / "demo.json").read_text()), "it was finished already"


def _serve(house: House) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "chairside", "serve", "--demo", "--port", str(house.port)]
    return subprocess.Popen(
        [*command, "--data-dir", str(house.data_dir)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )


async def _count(data_dir: Path, table: str) -> int:
    """How many rows a table has; none while there is no database, or no such table in it."""
    try:
        async with connected(data_dir, "superuser") as connection:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    except (OSError, EmbeddedError, asyncpg.PostgresError):
        return 0
