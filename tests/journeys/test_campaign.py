"""A recall campaign run by another program, with keys and retries, over real HTTP."""

from __future__ import annotations

from tests.house import Org, problems


def test_a_campaign_is_logged_by_an_integration(org: Org) -> None:
    """Each patient's text is logged once however often it is sent; the desk finds them, and adds the answers."""
    desk, robot = org.desk("front_desk"), org.desk("integration", "--name", "Recall robot")
    recall = next(t for t in robot.read("/communication-types", page_size=200)["items"])
    patients = [desk.made("/patients", {"first_name": "Eva", "last_name": f"Lind {n}"}) for n in range(6)]

    def send(number: int, note: str = "Time for your check-up") -> tuple[int, bool, bytes]:
        answer = robot.post(
            f"/patients/{patients[number]['id']}/communication-logs",
            headers={"Idempotency-Key": f"recall-2026-03-{number}"},
            json={
                "communication_datetime": f"2026-03-02T10:0{number}:00-06:00",
                "communication_type_uuid": recall["id"],
                "mode": "text",
                "direction": "sent",
                "note": note,
            },
        )
        return answer.status_code, "idempotent-replayed" in answer.headers, answer.content

    first = [send(n) for n in range(4)]
    assert [(status, replayed) for status, replayed, _ in first] == [(201, False)] * 4
    # The robot died after four and starts anew: those come back as they were, the rest follow.
    again = [send(n) for n in range(6)]
    assert [replayed for _, replayed, _ in again] == [True] * 4 + [False] * 2
    assert [body for _, _, body in again[:4]] == [body for _, _, body in first]
    assert send(0, note="Another text")[0] == 409

    for number, patient in enumerate(patients):
        [entry] = desk.read(f"/patients/{patient['id']}/communication-logs")["items"]
        assert entry["communication_datetime"] == f"2026-03-02T16:0{number}:00Z"
        assert (entry["communication_source"], entry["created_by"]["name"]) == ("integration", "Recall robot")
        assert entry["communication_type"] == {"id": recall["id"], "name": recall["name"]}

    log = f"/patients/{patients[2]['id']}/communication-logs"
    visit = desk.made("/appointments", {"patient_uuid": patients[2]["id"], "starts_at": "2026-03-20T15:00:00Z"})
    reply = {
        "communication_datetime": "2026-03-02T17:30:00Z",
        "mode": "text",
        "direction": "received",
        "note": "YES, the 20th",
        "appointment_uuid": visit["id"],
    }
    stray = desk.post(f"/patients/{patients[3]['id']}/communication-logs", json=reply)
    assert problems(stray) == {("body", "appointment_uuid"): "not_found"}
    answered = desk.made(log, reply)
    assert [i["communication_source"] for i in desk.read(log)["items"]] == ["user", "integration"]
    assert desk.read(log, direction="received", q="yes")["items"] == [answered]
    assert desk.read(log, communication_source="integration", date_to="2026-03-01")["total"] == 0
    assert desk.request("DELETE", f"{log}/{answered['id']}").status_code in (404, 405)
    events = [e for e in robot.read("/events", limit=1000)["items"] if e["kind"] == "communication_log"]
    assert [e["type"] for e in events] == ["communication_log.created"] * 7
