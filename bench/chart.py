"""One patient with a full chart, for the medical summary to be measured on."""

from __future__ import annotations

from bench.running import Client

ALLERGIES, DISEASES, MEDICATIONS, READINGS, ALERTS = 60, 60, 100, 60, 12
HABITS = ("tobacco", "alcohol", "drug_use", "occupation", "exercise", "diet", "sexual_health", "other")
ROWS = ALLERGIES + DISEASES + MEDICATIONS + READINGS + ALERTS + len(HABITS)


def charted(desk: Client) -> str:
    """The id of a new patient whose chart has ROWS entries."""
    patient = str(desk.post("patients", {"first_name": "Charta", "last_name": "Plena", "gender": "female"})["id"])

    def define(catalog: str, number: int) -> str:
        return str(desk.post(catalog, {"name": f"Measured {number}"})["id"])

    def enter(part: str, body: dict[str, object]) -> None:
        desk.post(f"patients/{patient}/{part}", body)

    for number in range(ALLERGIES):
        enter("allergies", {"allergy_definition_uuid": define("allergy-definitions", number), "severity": "mild"})
    for number in range(DISEASES):
        enter("diseases", {"disease_definition_uuid": define("disease-definitions", number)})
    for number in range(MEDICATIONS):
        enter("medications", {"med_descript": f"Measured remedy {number}", "dosage": "1 tablet"})
    for number in range(READINGS):
        day = f"{2020 + number // 12}-{number % 12 + 1:02}-15"
        enter("vital-signs", {"date_taken": day, "bp_systolic": 118, "bp_diastolic": 76, "pulse": 70})
    alert = define("patient-alert-definitions", 0)
    for _ in range(ALERTS):
        enter("alerts", {"alert_definition_uuid": alert})
    for habit in HABITS:
        enter("social-history", {"category": habit, "value": "none"})
    return patient
