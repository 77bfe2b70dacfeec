"""What a patient's own login may see, by the path of the kind: the promise, written out and not derived."""

from __future__ import annotations

ONE_PATIENT = "patients/{patient_uuid}"
SEEN: dict[str, set[str]] = {
    ONE_PATIENT: {
        "id", "first_name", "last_name", "middle_name", "preferred_name", "date_of_birth", "gender", "pronoun",
        "email", "mobile_phone", "home_phone", "work_phone", "address_line1", "address_line2", "city", "state",
        "postal_code", "country", "preferred_language", "preferred_contact_method", "preferred_confirmation_method",
        "receives_sms", "receives_email", "emergency_contact_name", "emergency_contact_phone", "status",
        "primary_provider", "location", "version",
    },
    f"{ONE_PATIENT}/allergies": {
        "id", "allergy_definition", "reaction", "severity", "date_adverse_reaction", "status_is_active", "version",
    },
    f"{ONE_PATIENT}/medications": {
        "id", "medication_definition", "med_descript", "dosage", "route", "frequency", "date_start", "date_stop",
        "status", "version",
    },
    f"{ONE_PATIENT}/diseases": {
        "id", "disease_definition", "problem_status", "date_start", "date_stop", "version",
    },
    f"{ONE_PATIENT}/vital-signs": {
        "id", "date_taken", "time_taken", "bp_systolic", "bp_diastolic", "pulse", "oxygen_saturation",
        "respiration_rate", "temperature_f", "height_inches", "weight_lbs", "bmi", "bmi_percentile", "version",
    },
}  # fmt: skip
