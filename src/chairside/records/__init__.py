"""Every kind of record a dental practice keeps, in reading order."""

from chairside.records.catalogs import BILLING_TYPES, EMPLOYERS, FEE_SCHEDULES, LOCATIONS, PROVIDERS
from chairside.records.patients import PATIENTS, ROW
from chairside.records.patients.shapes import BULK_META, SCHEMAS
from chairside.records.tags import TAG_DEFINITIONS, TAGS
from chairside.resource import Kind

ALL: tuple[Kind, ...] = (
    PATIENTS,
    TAGS,
    TAG_DEFINITIONS,
    PROVIDERS,
    LOCATIONS,
    FEE_SCHEDULES,
    BILLING_TYPES,
    EMPLOYERS,
)

# Bodies that others hold.
BODIES = (ROW, BULK_META)

__all__ = ["ALL", "BODIES", "SCHEMAS"]
