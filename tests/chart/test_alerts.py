"""Alerts: what a new one takes from its definition, which are listed, and how they end."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.chart.charting import Chart, Json
from tests.house import Client, Org, problems
from tests.patients.acts import act, at_once, change, register


def dismiss(chart: Chart, *ids: str) -> tuple[int, list[Json]]:
    """Status and body of a bulk-dismiss."""
    answer = chart.desk.post(chart.path("alerts", "bulk-dismiss"), json={"alert_uuids": list(ids)})
    body = answer.json()
    return answer.status_code, body if isinstance(body, list) else body["detail"]


def test_scope_and_urgency_come_from_the_definition(chart: Chart, plain_alert: str, family_alert: str) -> None:
    """Where the caller says nothing, or null."""
    plain = chart.add("alerts", alert_definition_uuid=plain_alert)
    family = chart.add("alerts", alert_definition_uuid=family_alert)
    assert (plain["alert_scope"], plain["is_urgent"]) == ("patient", False)
    assert (family["alert_scope"], family["is_urgent"]) == ("family", True)
    assert (family["status"], family["date_disabled"]) == ("active", None)


def test_the_caller_may_say_otherwise_than_the_definition(chart: Chart, family_alert: str) -> None:
    """Also where what they say is false."""
    alert = chart.add("alerts", alert_definition_uuid=family_alert, alert_scope="patient", is_urgent=False)
    assert (alert["alert_scope"], alert["is_urgent"]) == ("patient", False)


def test_an_alert_keeps_its_scope_when_the_definition_changes(desk: Client, chart: Chart) -> None:
    """Defaults count at the moment of making; what was decided then stands."""
    made = desk.made("/patient-alert-definitions", {"name": f"Moving {uuid4()}", "default_scope": "family"})
    alert = chart.add("alerts", alert_definition_uuid=made["id"])
    body = {"base_version": 1, "default_scope": "patient", "default_is_urgent": True}
    assert desk.patch(f"/patient-alert-definitions/{made['id']}", json=body).status_code == 200
    [listed] = chart.listed("alerts")
    assert (listed["alert_scope"], listed["is_urgent"], listed["version"]) == ("family", False, alert["version"])


def test_an_alert_shows_the_number_of_the_user_who_made_it(clinic: Org, chart: Chart, plain_alert: str) -> None:
    """Two users, two numbers; whoever changes it later does not become its author."""
    first = chart.add("alerts", alert_definition_uuid=plain_alert)
    nurse = Chart(clinic.desk("clinician"), {"id": chart.id})
    second = nurse.add("alerts", alert_definition_uuid=plain_alert)
    assert isinstance(first["created_by"], int)
    assert first["created_by"] != second["created_by"]
    assert nurse.change("alerts", first, note="Seen")["created_by"] == first["created_by"]


def test_the_list_hides_archived_alerts_and_status_filters_exactly(chart: Chart, plain_alert: str) -> None:
    """No status: active and disabled; a status: those alone, also archived."""
    active, off, gone = (chart.add("alerts", alert_definition_uuid=plain_alert) for _ in range(3))
    chart.change("alerts", off, status="disabled")
    chart.archive("alerts", gone)
    assert set(chart.ids("alerts")) == {active["id"], off["id"]}
    for status, one in (("active", active), ("disabled", off), ("archived", gone)):
        page = chart.desk.read(chart.path("alerts"), status=status)
        assert ([a["id"] for a in page["items"]], page["total"]) == ([one["id"]], 1)
        assert page["items"][0]["status"] == status


def test_only_an_active_alert_can_be_disabled(chart: Chart, plain_alert: str) -> None:
    """Once; a second time, or after archiving, it is refused and nothing moves."""
    alert = chart.add("alerts", alert_definition_uuid=plain_alert)
    place = chart.path("alerts", alert["id"], "disable")
    done = chart.desk.post(place, json={"base_version": 1}).json()
    assert (done["status"], done["version"]) == ("disabled", 2)
    assert done["date_disabled"]
    again = chart.desk.post(place, json={"base_version": 2})
    assert (again.status_code, set(problems(again).values())) == (422, {"not_active"})
    assert chart.listed("alerts") == [done]
    chart.archive("alerts", done)
    assert chart.desk.post(place, json={"base_version": 3}).status_code == 404


def test_disabling_refuses_a_stale_version(chart: Chart, plain_alert: str) -> None:
    """409 with the version that is now."""
    alert = chart.add("alerts", alert_definition_uuid=plain_alert)
    chart.change("alerts", alert, note="Changed")
    late = chart.desk.post(chart.path("alerts", alert["id"], "disable"), json={"base_version": 1})
    assert (late.status_code, late.json()["detail"][0]["current_version"]) == (409, 2)
    assert chart.listed("alerts")[0]["status"] == "active"


def test_a_patched_status_and_the_moment_it_ended_go_together(chart: Chart, plain_alert: str) -> None:
    """Disabled: a moment; active again: none; a moment on an active alert is refused."""
    alert = chart.add("alerts", alert_definition_uuid=plain_alert)
    off = chart.change("alerts", alert, status="disabled")
    assert off["date_disabled"] is not None
    on = chart.change("alerts", off, status="active")
    assert on["date_disabled"] is None
    refused = chart.patch("alerts", on, date_disabled="2026-01-05T10:00:00Z")
    assert (refused.status_code, problems(refused)) == (422, {("body", "date_disabled"): "contradiction"})
    told = chart.change("alerts", on, status="disabled", date_disabled="2026-01-05T10:00:00Z")
    assert told["date_disabled"] == "2026-01-05T10:00:00Z"
    assert chart.change("alerts", told, date_disabled=None)["date_disabled"] is not None


def test_an_alert_patched_to_archived_is_archived(chart: Chart, plain_alert: str) -> None:
    """Gone from the list and from further changes, still listed as archived."""
    alert = chart.add("alerts", alert_definition_uuid=plain_alert)
    gone = chart.change("alerts", alert, status="archived")
    assert gone["status"] == "archived"
    assert chart.ids("alerts") == []
    assert chart.ids("alerts", status="archived") == [alert["id"]]
    assert chart.patch("alerts", gone, note="Late").status_code == 404


def test_urgent_alerts_come_first_then_the_newest(chart: Chart, plain_alert: str, family_alert: str) -> None:
    """What must be seen stands on top."""
    urgent = chart.add("alerts", alert_definition_uuid=family_alert)
    older, newer = (chart.add("alerts", alert_definition_uuid=plain_alert) for _ in range(2))
    assert chart.ids("alerts") == [urgent["id"], newer["id"], older["id"]]


class Family:
    """A guarantor with two who joined, and one alert for each with the family and with the patient alone."""

    def __init__(self, desk: Client, family_alert: str) -> None:
        self.desk = desk
        head = register(desk)
        joined = (register(desk, responsible_party_uuid=head["id"]) for _ in range(2))
        self.head, self.child, self.other = (Chart(desk, p) for p in (head, *joined))
        self.all = (self.head, self.child, self.other)
        self.wide = {c.id: c.add("alerts", alert_definition_uuid=family_alert)["id"] for c in self.all}
        self.own = {
            c.id: c.add("alerts", alert_definition_uuid=family_alert, alert_scope="patient")["id"] for c in self.all
        }

    def seen(self, chart: Chart, **query: object) -> set[str]:
        return set(chart.ids("alerts", include_family="true", **query))


@pytest.fixture
def family(desk: Client, family_alert: str) -> Family:
    return Family(desk, family_alert)


def test_family_alerts_come_with_those_of_the_same_guarantor(family: Family) -> None:
    """Each sees all their own and the family-scoped ones of the others; without asking, their own alone."""
    for chart in family.all:
        assert family.seen(chart) == {family.own[chart.id], *family.wide.values()}
        assert set(chart.ids("alerts")) == {family.own[chart.id], family.wide[chart.id]}
        shown = {c["id"] for c in chart.summary()["alerts"]}
        assert shown == {family.own[chart.id], *family.wide.values()}


def test_a_family_alert_names_its_owner(family: Family) -> None:
    """Whose alert it is shows in `patient`."""
    owners = {a["id"]: a["patient"]["id"] for a in family.child.listed("alerts", include_family="true")}
    assert owners[family.wide[family.head.id]] == family.head.id
    assert owners[family.wide[family.other.id]] == family.other.id


def test_a_family_alert_is_not_reached_through_the_relative(family: Family) -> None:
    """It shows in the list of the child; it is changed at its owner alone."""
    foreign = {"id": family.wide[family.head.id], "version": 1}
    assert family.child.patch("alerts", foreign, note="x").status_code == 404
    assert family.child.desk.post(family.child.path("alerts", foreign["id"], "archive")).status_code == 404


def test_family_alerts_that_are_archived_or_of_archived_patients_are_left_out(family: Family) -> None:
    """A status filter holds for the family's as for one's own."""
    family.head.archive("alerts", {"id": family.wide[family.head.id]})
    assert family.seen(family.child) == {
        family.own[family.child.id], family.wide[family.child.id], family.wide[family.other.id],
    }  # fmt: skip
    assert family.seen(family.child, status="archived") == set()
    act(family.desk, {"id": family.other.id}, "archive")
    assert family.seen(family.child) == {family.own[family.child.id], family.wide[family.child.id]}


def test_disabled_family_alerts_come_with_the_status_that_is_asked_for(family: Family) -> None:
    """Not archived, so they show; with status active they do not."""
    foreign = family.wide[family.head.id]
    family.head.change("alerts", {"id": foreign, "version": 1}, status="disabled")
    assert foreign in family.seen(family.child)
    assert family.seen(family.child, status="disabled") == {foreign}
    assert foreign not in family.seen(family.child, status="active")
    assert foreign not in {a["id"] for a in family.child.summary()["alerts"]}


def test_whoever_leaves_or_joins_a_guarantor_leaves_or_joins_the_alerts(family: Family) -> None:
    """The guarantor as it is now counts, in both directions."""
    desk, child = family.desk, family.child
    alone = change(desk, child.patient(), responsible_party_uuid=None)
    assert alone["responsible_party"]["id"] == child.id
    assert family.seen(child) == {family.own[child.id], family.wide[child.id]}
    assert family.wide[child.id] not in family.seen(family.head)
    change(desk, alone, responsible_party_uuid=family.head.id)
    assert family.seen(child) == {family.own[child.id], *family.wide.values()}


def test_alerts_are_dismissed_together(chart: Chart, plain_alert: str) -> None:
    """Answered as they now are, in the order they were named; an event for each."""
    made = [chart.add("alerts", alert_definition_uuid=plain_alert)["id"] for _ in range(3)]
    status, answered = dismiss(chart, made[2], made[0])
    assert status == 200
    assert [(a["id"], a["status"], a["version"]) for a in answered] == [(i, "archived", 2) for i in (made[2], made[0])]
    assert chart.ids("alerts") == [made[1]]
    assert {e["record_id"] for e in chart.events("alert.archived")} == {made[0], made[2]}


def test_dismissing_is_all_or_nothing(desk: Client, chart: Chart, plain_alert: str) -> None:
    """One that is not there, or of another patient, is named at its place and keeps all from being archived."""
    mine = [chart.add("alerts", alert_definition_uuid=plain_alert)["id"] for _ in range(2)]
    foreign = Chart(desk, register(desk)).add("alerts", alert_definition_uuid=plain_alert)["id"]
    for wrong in (foreign, str(uuid4())):
        status, detail = dismiss(chart, mine[0], mine[0], wrong, mine[1])
        assert status == 404
        assert [(p["loc"], p["type"]) for p in detail] == [(["body", "alert_uuids", 2], "not_found")]
    assert len(chart.ids("alerts", status="active")) == 2


def test_an_alert_that_is_archived_already_is_passed_over(chart: Chart, plain_alert: str) -> None:
    """It is answered as it is, without a version more or a second event."""
    old, new = (chart.add("alerts", alert_definition_uuid=plain_alert) for _ in range(2))
    before = chart.archive("alerts", old)
    status, answered = dismiss(chart, old["id"], new["id"])
    assert (status, answered[0]) == (200, before)
    assert answered[1]["status"] == "archived"
    assert [e["record_id"] for e in chart.events("alert.archived")] == [old["id"], new["id"]]


def test_fifty_alerts_can_be_dismissed_at_once_and_one_more_cannot(chart: Chart, plain_alert: str) -> None:
    """1 to 50 ids; none, 51, or one that is no id: 422."""
    made = [chart.add("alerts", alert_definition_uuid=plain_alert)["id"] for _ in range(50)]
    for bad in ([], [*made, str(uuid4())], ["x"]):
        status, detail = dismiss(chart, *bad)
        assert (status, detail[0]["loc"][:2]) == (422, ["body", "alert_uuids"])
    status, answered = dismiss(chart, *made)
    assert (status, len(answered)) == (200, 50)
    assert chart.ids("alerts") == []


def test_two_who_dismiss_the_same_alerts_crosswise_both_come_to_an_end(chart: Chart, plain_alert: str) -> None:
    """No deadlock reaches a caller: each is answered 200 or told of the conflict, and all are archived once."""
    for _ in range(8):
        made = [chart.add("alerts", alert_definition_uuid=plain_alert)["id"] for _ in range(4)]
        ways = (made, made[::-1])

        def one(number: int, ways: tuple[list[str], list[str]] = ways) -> int:
            return dismiss(chart, *ways[number])[0]

        results = at_once(2, one)
        assert set(results) <= {200, 409}
        assert 200 in results
    assert chart.ids("alerts") == []
    archived = [e["record_id"] for e in chart.events("alert.archived")]
    assert len(archived) == len(set(archived)) == 32
