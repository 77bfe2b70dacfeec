"""Who sent a new patient is credited, corrected and taken back, over real HTTP."""

from __future__ import annotations

from tests.house import Org, problems


def test_a_referral_is_credited(org: Org) -> None:
    """Asked at the desk, corrected when the letter comes, visible to the clinician, and followed in the feed."""
    admin, desk, chair = org.desk(), org.desk("front_desk"), org.desk("clinician")
    partner = admin.made("/referral-partners", {"name": "Dr. Ito", "practice_name": "Lakeside Endodontics"})
    friend = desk.made("/patients", {"first_name": "Joana", "last_name": "García"})
    patient = desk.made("/patients", {"first_name": "Eva", "last_name": "Lind"})
    path = f"/patients/{patient['id']}/referral-attributions"

    unclear = desk.post(path, json={"referral_partner_uuid": partner["id"], "referring_patient_uuid": friend["id"]})
    assert (unclear.status_code, set(problems(unclear).values())) == (422, {"contradiction"})
    told = desk.made(path, {"referring_patient_uuid": friend["id"], "source_note": "Said so on the phone"})
    assert (told["attribution_role"], told["referring_patient"]["name"]) == ("primary", "Joana García")

    # The letter arrives: the partner sent her, the friend only helped.
    taken = desk.post(path, json={"referral_partner_uuid": partner["id"]})
    assert problems(taken) == {("body", "attribution_role"): "primary_exists"}
    stepped = desk.patch(f"{path}/{told['id']}", json={"base_version": 1, "attribution_role": "assist"})
    assert stepped.json()["version"] == 2
    letter = desk.made(path, {"referral_partner_uuid": partner["id"]})
    seen = chair.read(path)["items"]
    assert [(i["attribution_role"], i["referral_partner"], i["referring_patient"]) for i in seen] == [
        ("assist", None, {"id": friend["id"], "name": "Joana García"}),
        ("primary", {"id": partner["id"], "name": "Dr. Ito"}, None),
    ]
    assert chair.post(path, json={"referral_partner_uuid": partner["id"]}).status_code == 403

    stale = desk.post(f"{path}/{told['id']}/archive", params={"base_version": 1})
    assert (stale.status_code, stale.json()["detail"][0]["current_version"]) == (409, 2)
    assert desk.post(f"{path}/{told['id']}/archive", params={"base_version": 2}).status_code == 204
    assert [i["id"] for i in desk.read(path)["items"]] == [letter["id"]]
    feed = [e for e in admin.read("/events", limit=1000)["items"] if e["kind"] == "referral_attribution"]
    assert [(e["type"].partition(".")[2], e["record_id"], e["changed"]) for e in feed][1] == (
        "updated",
        told["id"],
        ["attribution_role"],
    )
    assert [e["type"].partition(".")[2] for e in feed] == ["created", "updated", "created", "archived"]
