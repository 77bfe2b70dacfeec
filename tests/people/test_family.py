"""The family as billing sees it, whoever joins, leaves, is archived or comes back."""

from __future__ import annotations

from tests.house import Client
from tests.patients.acts import Json, act, change, register
from tests.people.deeds import NOBODY, ids, refusal, relate


def family(desk: Client, patient: Json) -> list[Json]:
    return list(desk.read(f"/patients/{patient['id']}/family"))


def child(desk: Client, guarantor: Json, born: str | None = None) -> Json:
    return register(desk, responsible_party_uuid=guarantor["id"], date_of_birth=born)


def test_somebody_without_others_is_their_own_family(desk: Client) -> None:
    """One member, guarantor and self, with all the fields that a family list has."""
    eva = register(desk, first_name="Eva", preferred_name="Evi", date_of_birth="1980-05-06", status="prospective")
    assert family(desk, eva) == [
        {
            "id": eva["id"],
            "first_name": "Eva",
            "last_name": eva["last_name"],
            "preferred_name": "Evi",
            "date_of_birth": "1980-05-06",
            "status": "prospective",
            "is_guarantor": True,
            "is_self": True,
        }
    ]


def test_the_guarantor_comes_first_then_the_oldest(desk: Client) -> None:
    """Also when the guarantor is the youngest; those without a date of birth come last, by age of the record."""
    eva = register(desk, date_of_birth="2001-01-01")
    unknown = child(desk, eva)
    young, old = child(desk, eva, "2020-02-29"), child(desk, eva, "1950-12-31")
    also_unknown = child(desk, eva)
    order = [m["id"] for m in (eva, old, young, unknown, also_unknown)]
    for member in (eva, old, unknown):
        seen = family(desk, member)
        assert ids(seen) == order
        assert [m["is_guarantor"] for m in seen] == [True] + [False] * 4
        assert [m["id"] for m in seen if m["is_self"]] == [member["id"]]


def test_a_family_changes_with_those_who_join_and_leave(desk: Client) -> None:
    """On both sides at once, and whoever leaves is their own family again."""
    eva, max_ = register(desk), register(desk)
    ana = child(desk, eva, "2010-01-01")
    assert ids(family(desk, eva)) == [eva["id"], ana["id"]]
    ana = change(desk, ana, responsible_party_uuid=max_["id"])
    assert ids(family(desk, eva)) == [eva["id"]]
    assert ids(family(desk, ana)) == [max_["id"], ana["id"]]
    change(desk, ana, responsible_party_uuid=ana["id"])
    assert (ids(family(desk, max_)), ids(family(desk, ana))) == ([max_["id"]], [ana["id"]])


def test_archived_members_are_left_out_and_come_back(desk: Client) -> None:
    """Those archived are not in the list of the others; restored they stand where they stood."""
    eva = register(desk)
    ana, ben = child(desk, eva, "2010-01-01"), child(desk, eva, "2012-01-01")
    act(desk, ana, "archive")
    assert ids(family(desk, ben)) == [eva["id"], ben["id"]]
    assert refusal(desk.get(f"/patients/{ana['id']}/family")) == (404, {("path", "patient_uuid"): "not_found"})
    act(desk, ana, "restore")
    seen = family(desk, ben)
    assert (ids(seen), [m["status"] for m in seen]) == (
        [eva["id"], ana["id"], ben["id"]],
        ["active", "inactive", "active"],
    )


def test_relationships_alone_make_no_family(desk: Client) -> None:
    """Family is who shares a guarantor; a parent with an account of their own is not in it."""
    eva, ana = register(desk), register(desk)
    relate(desk, eva, ana, "parent", is_guardian=True)
    assert ids(family(desk, ana)) == [ana["id"]]


def test_the_family_of_nobody_is_not_there(desk: Client, own_desk: Client) -> None:
    """Of another org, or of no one: 404, told alike."""
    stranger = register(own_desk)
    told = [desk.get(f"/patients/{p}/family") for p in (stranger["id"], NOBODY)]
    assert [a.status_code for a in told] == [404, 404]
    assert told[0].json() == told[1].json()
