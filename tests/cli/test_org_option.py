"""Every command that takes --org refuses an org that is not there, in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from chairside.engine.ids import new_id
from tests.cli.hands import answered, refused
from tests.cli.test_management import EVERY
from tests.house import House, new_house

# The other arguments that each command needs.
REST = {
    "token create": ("--role", "admin"),
    "token list": (),
    "token revoke": ("abcdefgh",),
    "token reinstate": ("--all",),
    "user list": (),
    "user suspend": ("Nobody",),
    "user reinstate": ("Nobody",),
    "audit verify": (),
    "audit heads": (),
    "audit archive": ("no-such-folder",),
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, House]:
    """Two stopped servers with an org each."""
    houses = []
    for name in ("first", "second"):
        with new_house(tmp_path_factory.mktemp(name), workers=1) as house:
            house.org(name.title())
            houses.append(house)
    return houses[0], houses[1]


def org_of(house: House) -> str:
    return answered("org", "list", data_dir=house.data_dir).split()[0]


def test_the_table_below_has_every_command_that_takes_an_org() -> None:
    """A new command with --org must be tried too."""
    assert set(REST) == {name for name, made in EVERY.items() if "--org" in {o for p in made.params for o in p.opts}}


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("text", ["x", "", "all", "0190", "not-a-uuid-but-36-characters-long----", "1" * 36])
def test_a_malformed_id_is_refused_before_a_database_is_looked_for(tmp_path: Path, name: str, text: str) -> None:
    """So the sentence is about the id, also where there is no data directory."""
    said = refused(*name.split(), *REST[name], "--org", text, data_dir=tmp_path / "nowhere")
    assert said.startswith(f"{text} is not the id of an org")
    assert "chairside org list" in said


@pytest.mark.parametrize("name", REST)
def test_an_unknown_org_is_an_error_beside_a_running_server(house: House, name: str) -> None:
    """Nothing is printed that a script could take for a result."""
    org = new_id()
    said = refused(*name.split(), *REST[name], "--org", org, data_dir=house.data_dir)
    assert said.startswith(f"There is no org {org} here; `chairside org list`")


@pytest.mark.parametrize("name", REST)
def test_an_org_of_another_data_directory_is_unknown(two: tuple[House, House], name: str) -> None:
    """Without a running server too; the sentence names the option that was likely forgotten."""
    first, second = two
    org = org_of(first)
    said = refused(*name.split(), *REST[name], "--org", org, data_dir=second.data_dir)
    assert said.startswith(f"There is no org {org} here")
    assert "--data-dir" in said


def test_an_id_in_capitals_is_the_same_org(house: House) -> None:
    """Ids are copied from many places."""
    org = house.org("Capitals Dental").id
    assert answered("token", "list", "--org", org.upper(), data_dir=house.data_dir) == ""
    assert answered("audit", "verify", "--org", org.upper(), data_dir=house.data_dir).startswith(f"ok    {org}")
