"""Every kind of record a dental practice keeps, in reading order."""

from chairside.records.catalogs import (
    ALLERGY_DEFINITIONS,
    BILLING_TYPES,
    DISEASE_DEFINITIONS,
    EMPLOYERS,
    FEE_SCHEDULES,
    LOCATIONS,
    MEDICATION_DEFINITIONS,
    PROVIDERS,
)
from chairside.records.chart import holds, latest_vitals, summary, vital_signs, warnings
from chairside.records.chart.alerts import ALERT_DEFINITIONS, ALERTS
from chairside.records.chart.allergies import ALLERGIES
from chairside.records.chart.diseases import DISEASES
from chairside.records.chart.medications import MEDICATIONS
from chairside.records.chart.social_history import SOCIAL_HISTORY
from chairside.records.chart.vital_signs import VITAL_SIGNS
from chairside.records.org_settings import ORG_SETTINGS
from chairside.records.patients import PATIENTS, ROW, family
from chairside.records.patients.shapes import BULK_META
from chairside.records.patients.shapes import SCHEMAS as PATIENT_SCHEMAS
from chairside.records.people import custom_fields
from chairside.records.people.appointments import APPOINTMENTS
from chairside.records.people.communications import COMMUNICATION_LOGS, COMMUNICATION_TYPES
from chairside.records.people.custom_fields import FIELD_DEFINITIONS, FIELD_VALUES
from chairside.records.people.referrals import ATTRIBUTIONS, REFERRAL_PARTNERS, REFERRAL_SOURCES
from chairside.records.people.relationships import RELATIONSHIPS
from chairside.records.tags import TAG_DEFINITIONS, TAGS
from chairside.resource import Kind

ALL: tuple[Kind, ...] = (
    PATIENTS,
    ALERTS,
    ALLERGIES,
    MEDICATIONS,
    DISEASES,
    VITAL_SIGNS,
    holds.HOLD_OVERRIDES,
    SOCIAL_HISTORY,
    RELATIONSHIPS,
    ATTRIBUTIONS,
    COMMUNICATION_LOGS,
    FIELD_VALUES,
    TAGS,
    FIELD_DEFINITIONS,
    ALERT_DEFINITIONS,
    TAG_DEFINITIONS,
    ALLERGY_DEFINITIONS,
    MEDICATION_DEFINITIONS,
    DISEASE_DEFINITIONS,
    PROVIDERS,
    LOCATIONS,
    FEE_SCHEDULES,
    BILLING_TYPES,
    EMPLOYERS,
    COMMUNICATION_TYPES,
    REFERRAL_SOURCES,
    REFERRAL_PARTNERS,
    APPOINTMENTS,
    ORG_SETTINGS,
)
SCHEMAS = {
    **PATIENT_SCHEMAS,
    **latest_vitals.SCHEMAS,
    "MedicalSummaryOut": summary.SCHEMA,
    "OverriddenVitalOut": holds.OVERRIDDEN,
    "InteractionWarningOut": warnings.SCHEMA,
    "VitalFlagOut": vital_signs.FLAG,
    "FamilyMemberOut": family.SCHEMA,
    "FieldFormOut": custom_fields.FORM,
    "FieldFormItemOut": custom_fields.FORM_ITEM,
}

# Bodies that others hold.
BODIES = (ROW, BULK_META, custom_fields.FIELD_VALUE)

__all__ = ["ALL", "BODIES", "SCHEMAS"]
