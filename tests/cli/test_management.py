"""Orgs, tokens and the small commands, against a real data directory with a running server and without one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import typer

from chairside.cli import app
from chairside.engine.ids import new_id
from tests.cli.hands import answered, command, refused
from tests.house import UUID, House, Org, chairside, new_house, wait_for

TOKEN = re.compile(r"chs_[a-z2-7]{26}_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A data directory whose server has stopped."""
    folder = tmp_path_factory.mktemp("asleep")
    with new_house(folder, workers=1) as house:
        assert house.stop() == 0
        yield house


def test_an_org_and_a_token_are_printed_alone(house: House) -> None:
    """A script takes the id and the token from standard output, so nothing else stands there."""
    made = command("org", "create", "Lakeview Dental", data_dir=house.data_dir)
    assert made.returncode == 0
    assert UUID.fullmatch(made.stdout.removesuffix("\n"))
    token = command("token", "create", "--org", made.stdout.strip(), "--role", "admin", data_dir=house.data_dir)
    assert TOKEN.fullmatch(token.stdout.removesuffix("\n"))
    bearer = {"Authorization": f"Bearer {token.stdout.strip()}"}
    assert httpx.get(f"{house.url}/api/v1/{made.stdout.strip()}/patients", headers=bearer).status_code == 200


def test_orgs_are_listed_for_people_and_for_scripts(house: House) -> None:
    """Both ways show id, name, region and time zone, oldest first."""
    org = answered("org", "create", "Zürich Dental", "--region", "ch", data_dir=house.data_dir)
    [row] = [row for row in json.loads(answered("org", "list", "--json", data_dir=house.data_dir)) if row["id"] == org]
    assert (row["name"], row["region"], row["timezone"]) == ("Zürich Dental", "CH", "Europe/Zurich")
    assert any(
        line.startswith(org) and line.endswith("Zürich Dental")
        for line in answered("org", "list", data_dir=house.data_dir).splitlines()
    )


@pytest.mark.parametrize(
    ("options", "zone"),
    [
        ((), "America/New_York"),
        (("--region", "nz"), "Pacific/Auckland"),
        (("--timezone", "America/Denver"), "America/Denver"),
        (("--region", "ZZ", "--timezone", "UTC"), "UTC"),
    ],
)
def test_an_org_counts_days_where_it_says_or_where_its_region_is(
    house: House, options: tuple[str, ...], zone: str
) -> None:
    """Its settings hold the zone from the first day."""
    org = Org(house, answered("org", "create", "Somewhere Dental", *options, data_dir=house.data_dir))
    assert org.desk().read("/org-settings")["timezone"] == zone


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_lists_for_people_show_days_on_the_orgs_clocks(house: House, zone: str) -> None:
    """The day an org was made and the day a token ends: on either side of the date line another."""
    before = datetime.now(ZoneInfo(zone)).date()
    org = house.org(f"Listed {zone}", zone)
    org.token("read_only", "--expires", "10")
    [line] = [line for line in house.run("org", "list").splitlines() if line.startswith(org.id)]
    [token] = [line for line in house.run("token", "list", "--org", org.id).splitlines() if "read_only" in line]
    after = datetime.now(ZoneInfo(zone)).date()
    assert any(f"{zone}  {day}  " in re.sub(r" +", "  ", line) for day in (before, after))
    assert any(f"until {day + timedelta(days=10)}" in token for day in (before, after))


def test_a_token_list_shows_no_token_whole(shared_org: Org) -> None:
    """Whoever looks over a shoulder learns whose tokens there are, not one that works."""
    token = shared_org.token("billing", "--name", "Front office", "--expires", "30")
    options, data = ("token", "list", "--org", shared_org.id), shared_org.house.data_dir
    plain, as_json = answered(*options, data_dir=data), answered(*options, "--json", data_dir=data)
    secret = token.rpartition("chs_")[2].partition("_")[2]
    for shown in (plain, as_json):
        assert token not in shown
        assert secret not in shown
        assert secret[:8] in shown
        assert not TOKEN.search(shown)
    [row] = [row for row in json.loads(as_json) if secret.startswith(row["prefix"])]
    assert (row["role"], row["name"]) == ("billing", "Front office")
    assert row["expires_at"]
    assert "hash" not in row


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(shared_org: Org) -> None:
    """By the prefix that the list shows; a second time there is nothing to revoke."""
    house = shared_org.house
    token = answered("token", "create", "--org", shared_org.id, "--role", "read_only", data_dir=house.data_dir)
    prefix = token.split("_", 2)[2][:8]
    url, bearer = f"{shared_org.base}/patients", {"Authorization": f"Bearer {token}"}
    assert {httpx.get(url, headers=bearer).status_code for _ in range(12)} == {200}
    done = command("token", "revoke", "--org", shared_org.id, prefix, data_dir=house.data_dir)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Revoked.\n")
    wait_for(lambda: {httpx.get(url, headers=bearer).status_code for _ in range(12)} == {401})
    assert "has no such token" in refused("token", "revoke", "--org", shared_org.id, prefix, data_dir=house.data_dir)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("org", "create", "  "), "1 to 200 characters"),
        (("org", "create", "A", "--region", "USA"), "two letters"),
        (("org", "create", "A", "--region", "ZZ"), "--timezone"),
        (("org", "create", "A", "--timezone", "Mars/Olympus"), "IANA"),
        (("org", "create", "A", "--timezone", "CET"), "IANA"),
        (("token", "create", "--org", "x", "--role", "admin"), "x is not the id of an org"),
        (("token", "create", "--org", new_id(), "--role", "admin"), "There is no org"),
        (("token", "create", "--org", new_id(), "--role", "dentist"), "must be one of: admin"),
        (("token", "create", "--org", new_id(), "--role", "portal"), "needs --patient"),
        (("token", "create", "--org", new_id(), "--role", "admin", "--patient", new_id()), "no other role takes it"),
        (("describe", "dentist"), "There is no kind 'dentist'"),
        (("restore", "/nowhere.backup"), "cannot be read"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(house: House, args: tuple[str, ...], sentence: str) -> None:
    """On standard error, with status 1 and nothing on standard output; never a traceback."""
    assert sentence in refused(*args, data_dir=house.data_dir)


def test_a_portal_token_is_of_a_patient_of_its_org(shared_org: Org) -> None:
    """One for a patient who is not there is refused; one that is bound reads that patient alone."""
    asked = ("token", "create", "--org", shared_org.id, "--role", "portal", "--patient")
    assert "There is no patient" in refused(*asked, new_id(), data_dir=shared_org.house.data_dir)
    patient = shared_org.desk().made("/patients", {"first_name": "Ana", "last_name": "Portal"})["id"]
    assert shared_org.desk("portal", "--patient", patient).read(f"/patients/{patient}")["id"] == patient


def test_migrate_says_what_it_did_and_what_is_missing(house: House) -> None:
    """On a database of this release: nothing, and exit 0 for a script that checks."""
    for options in ((), ("--check",)):
        done = command("migrate", *options, data_dir=house.data_dir)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "The database is up to date.\n")


def test_a_kind_is_described_with_its_fields(house: House) -> None:
    """What may be sent, what is required, and where."""
    text, as_json = (
        answered("describe", "patient", data_dir=house.data_dir),
        json.loads(answered("describe", "patient", "--json", data_dir=house.data_dir)),
    )
    assert "first_name" in text
    assert "/patients/{patient_uuid}" in text
    assert as_json["kind"] == "patient"
    assert {"name", "schema", "required", "doc"} <= set(as_json["fields"][0])
    assert {"method", "path", "summary"} <= set(json.loads(answered("routes", "--json", data_dir=house.data_dir))[0])


def test_management_works_without_a_running_server(asleep: House) -> None:
    """The database is started for the command alone, and is gone afterwards."""
    org = answered("org", "create", "Night Shift", data_dir=asleep.data_dir)
    assert TOKEN.fullmatch(answered("token", "create", "--org", org, "--role", "admin", data_dir=asleep.data_dir))
    assert [row["id"] for row in json.loads(answered("org", "list", "--json", data_dir=asleep.data_dir))] == [org]
    assert len(json.loads(answered("token", "list", "--org", org, "--json", data_dir=asleep.data_dir))) == 1
    answered("migrate", "--check", data_dir=asleep.data_dir)
    answered("doctor", data_dir=asleep.data_dir)
    assert not (asleep.data_dir / "postgres" / "postmaster.pid").exists()


def test_a_folder_without_data_is_named_and_not_filled(tmp_path: Path) -> None:
    """A mistyped --data-dir must not make a second, empty server."""
    nowhere = tmp_path / "nowhere"
    for args in (("org", "list"), ("doctor",), ("migrate",), ("backup", str(tmp_path / "x"))):
        assert f"There is no Chairside data in {nowhere}" in refused(*args, data_dir=nowhere)
    assert not nowhere.exists()


def test_a_variable_that_is_no_setting_is_refused(house: House) -> None:
    """A misspelt setting would be a setting that is silently not there."""
    assert "CHAIRSIDE_DATABSE_URL is not a setting" in refused(
        "org", "list", data_dir=house.data_dir, CHAIRSIDE_DATABSE_URL="x"
    )
    assert "CHAIRSIDE_WORKERS must be a number from 1 to 64" in refused(
        "org", "list", data_dir=house.data_dir, CHAIRSIDE_WORKERS="many"
    )
    assert "CHAIRSIDE_LOG_LEVEL must be one of" in refused(
        "org", "list", data_dir=house.data_dir, CHAIRSIDE_LOG_LEVEL="loud"
    )


def commands(of: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by name, those of groups included, as typer has made them, but for hidden ones."""
    if not hasattr(of, "commands"):
        if not of.hidden:
            yield name, of
        return
    for each, below in of.commands.items():
        yield from commands(below, f"{name} {each}".strip())


EVERY = dict(commands(typer.main.get_command(app)))


def test_the_commands_are_those_that_were_promised() -> None:
    """Scripts call them by name."""
    assert set(EVERY) == {
        "serve", "demo", "org create", "org list", "token create", "token list", "token revoke", "token reinstate",
        "migrate", "doctor", "backup file", "backup verify", "restore", "rotate-key", "routes", "describe",
        "audit verify", "audit heads", "audit archive", "audit rotate-key", "org retention", "user list",
        "user suspend", "user reinstate", "new-epoch",
    }  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_help_is_worth_reading(name: str) -> None:
    """A sentence on what it does, a word on each option, and --data-dir everywhere."""
    made = EVERY[name]
    assert made.help
    assert made.help.splitlines()[0].endswith(".")
    assert all(getattr(p, "help", None) for p in made.params if p.name != "help")
    assert "--data-dir" in {option for p in made.params for option in p.opts}


def test_help_is_shown_by_the_program(tmp_path: Path) -> None:
    """As a user asks for it."""
    done = chairside("serve", "--help", data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--host", "--port", "--workers", "--data-dir", "--demo"):
        assert option in done.stdout
