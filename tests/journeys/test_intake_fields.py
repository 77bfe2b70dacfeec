"""A practice decides what it asks new patients, and the desk fills it in, over real HTTP."""

from __future__ import annotations

from typing import Any

from tests.house import Client, Org, problems

WANTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("How anxious?", {"field_type": "dropdown", "dropdown_options": ["Calm", "Nervous", "Needs sedation"]}),
    ("Last cleaning", {"field_type": "date"}),
    ("Grinds teeth", {"field_type": "boolean"}),
    ("Hours of sleep", {"field_type": "number"}),
    ("Budget this year", {"field_type": "currency"}),
    ("Pharmacy", {"field_type": "text", "is_required": True}),
)


def put(desk: Client, patient: dict[str, Any], **values: str | None) -> Any:
    fields = [{"field_definition_uuid": d, "value": v} for d, v in values.items()]
    return desk.put(f"/patients/{patient['id']}/field-values", json={"fields": fields})


def test_a_practice_defines_its_intake_fields_and_fills_them(org: Org) -> None:
    """Six fields of six types, one form, one refusal that names all, one change of mind about an option."""
    admin, desk, chair = org.desk(), org.desk("front_desk"), org.desk("clinician")
    path = "/patient-field-definitions"
    made = {
        name: admin.made(path, {"name": name, "item_order": place} | fields)
        for place, (name, fields) in enumerate(WANTED)
    }
    field = {name: str(definition["id"]) for name, definition in made.items()}
    patient = desk.made("/patients", {"first_name": "Eva", "last_name": "Lind"})

    def form(who: Client) -> dict[str, str | None]:
        items = who.read(f"/patients/{patient['id']}/field-values/form")["items"]
        return {i["field_definition"]["name"]: i["value"] for i in items}

    assert form(desk) == dict.fromkeys(made)
    assert list(form(desk)) == [name for name, _ in WANTED]

    typed = {
        field["How anxious?"]: "very",
        field["Last cleaning"]: "31.12.2025",
        field["Hours of sleep"]: "7.5",
        field["Budget this year"]: "$1,2O0",
        field["Pharmacy"]: None,
    }
    refused = put(desk, patient, **typed)
    assert (refused.status_code, {p[2] for p in problems(refused)}) == (422, {0, 1, 3, 4})
    assert form(desk) == dict.fromkeys(made)

    typed |= {
        field["How anxious?"]: "nervous",
        field["Last cleaning"]: "12/31/2025",
        field["Budget this year"]: "$1,200",
        field["Pharmacy"]: " Lake St. ",
        field["Grinds teeth"]: "Yes",
    }
    assert put(desk, patient, **typed).status_code == 200
    assert form(chair) == {
        "How anxious?": "Nervous",
        "Last cleaning": "2025-12-31",
        "Grinds teeth": "true",
        "Hours of sleep": "7.5",
        "Budget this year": "1200.00",
        "Pharmacy": "Lake St.",
    }
    assert put(chair, patient, **{field["Pharmacy"]: "x"}).status_code == 403

    # The practice rewords an option that somebody has: first the new one comes, then the patient moves, then it goes.
    anxious, options = f"{path}/{field['How anxious?']}", ["Calm", "Uneasy", "Needs sedation"]
    early = admin.patch(anxious, json={"base_version": 1, "dropdown_options": options})
    assert problems(early) == {("body", "dropdown_options"): "definition_in_use"}
    both = admin.patch(anxious, json={"base_version": 1, "dropdown_options": [*options, "Nervous"]})
    assert both.status_code == 200
    assert put(desk, patient, **{field["How anxious?"]: "Uneasy"}).json()[0]["version"] == 2
    gone = admin.patch(anxious, json={"base_version": 2, "dropdown_options": options})
    assert (gone.status_code, gone.json()["dropdown_options"]) == (200, options)

    # One field is asked no longer, one answer is taken back.
    cleaning = f"{path}/{field['Last cleaning']}/archive"
    assert admin.post(cleaning, json={"base_version": 1}).status_code == 200
    assert put(desk, patient, **{field["Hours of sleep"]: None}).status_code == 200
    assert form(chair) == {
        "How anxious?": "Uneasy",
        "Grinds teeth": "true",
        "Hours of sleep": None,
        "Budget this year": "1200.00",
        "Pharmacy": "Lake St.",
    }
