"""The lists a demo practice keeps: locations, providers, fee schedules, billing types, employers, tags."""

from .cultures import weighted, without_accents
from .dice import Dice
from .places import REGIONS, streets

FEE_SCHEDULES = (
    "UCR (office fees)",
    "PPO network A",
    "PPO network B",
    "Medicaid dental",
    "Membership plan",
    "Courtesy 10%",
)
UCR, PPO_A, PPO_B, MEDICAID, MEMBERSHIP, COURTESY = range(len(FEE_SCHEDULES))

BILLING_TYPES = (
    "Standard account",
    "Insurance primary",
    "Cash, no insurance",
    "Medicaid",
    "Payment plan",
    "No finance charges",
    "Collections",
    "Employee and family",
)
STANDARD, INSURANCE, CASH, MEDICAID_BILLING, PAYMENT_PLAN, NO_FINANCE, COLLECTIONS, EMPLOYEE = range(len(BILLING_TYPES))

# Each with its category, color and description.
_TAGS = (
    ("Dental anxiety", "Clinical", "#8e44ad", "Explain each step; offer nitrous."),
    ("Needs interpreter", "Access", "#2980b9", "Book an interpreter for treatment talks."),
    ("Wheelchair access", "Access", "#16a085", "Room 1 or 2, extra 10 minutes."),
    ("Short notice list", "Scheduling", "#f39c12", "Can come the same day when a chair is free."),
    ("After school only", "Scheduling", "#27ae60", "Not before 3:30 pm on school days."),
    ("Orthodontics", "Clinical", "#d35400", "In active orthodontic treatment."),
    ("Membership plan", "Financial", "#2c3e50", "Pays the yearly membership."),
    ("Missed visits", "Scheduling", "#c0392b", "Two or more missed visits; confirm by phone."),
)
ANXIETY, INTERPRETER, WHEELCHAIR, SHORT_NOTICE, AFTER_SCHOOL, ORTHODONTICS, MEMBER, MISSED = range(len(_TAGS))

_SPECIALTIES = (
    "General dentistry",
    "General dentistry",
    "Pediatric dentistry",
    "Orthodontics",
    "Periodontics",
    "Dental hygiene",
)
GENERAL, GENERAL_TWO, PEDIATRIC, ORTHODONTIST, PERIODONTIST, HYGIENIST = range(len(_SPECIALTIES))

_EMPLOYERS = (
    "Bluestem Logistics",
    "Riverside Unified Schools",
    "Copper Kettle Bakery",
    "Northgate Community Hospital",
    "Halden & Reyes Accounting",
    "Prairie Wind Energy Cooperative",
    "Cedar Street Hardware",
    "Lantern Software",
    "Three Rivers Transit Authority",
    "Juniper Senior Living",
    "Marigold Market",
    "Old Mill Brewing",
)
EMPLOYERS = len(_EMPLOYERS)


def locations(dice: Dice) -> list[dict[str, object]]:
    """One open location per region, in the order of `places.REGIONS`."""
    made: list[dict[str, object]] = []
    for region in REGIONS:
        city, state, postal_codes = region.towns[0]
        street = f"{dice.between(100, 2400)} {dice.pick(streets())}"
        made.append(
            {
                "name": f"Demo Dental {city}",
                "is_active": True,
                "phone": f"({region.area_codes[0]}) 555-0100",
                "address": f"{street}, {city}, {state} {postal_codes[0]}",
                "timezone": region.timezone,
            }
        )
    return made


def providers(dice: Dice) -> list[dict[str, object]]:
    """One provider per specialty, with distinct abbreviations and NPIs of valid form."""
    made: list[dict[str, object]] = []
    for order, specialty in enumerate(_SPECIALTIES, start=1):
        culture = dice.pick(weighted())
        first = dice.pick(dice.pick((culture.female, culture.male))[1])
        last = dice.pick(culture.surnames)
        letters = "".join(letter for letter in without_accents(last) if letter.isalpha()).upper()
        name = f"{first} {last}, RDH" if specialty == "Dental hygiene" else f"Dr. {first} {last}"
        made.append(
            {
                "name": name,
                "abbreviation": f"{letters[:3]}{order}",
                "npi": _npi(dice.between(100_000, 999_999) * 10 + order),
                "specialty": specialty,
                "item_order": order,
            }
        )
    return made


def named(names: tuple[str, ...]) -> list[dict[str, object]]:
    """Entries of a list that has nothing but names."""
    return [{"name": name} for name in names]


def employers(dice: Dice) -> list[dict[str, object]]:
    """Employers near the locations, at numbers that patients never get."""
    made: list[dict[str, object]] = []
    for place, name in enumerate(_EMPLOYERS):
        region = REGIONS[place % len(REGIONS)]
        city, state, postal_codes = dice.pick(region.towns)
        phone = f"({region.area_codes[1 + place // len(REGIONS) % 3]}) 555-0100"
        address = f"{dice.between(100, 9800)} {dice.pick(streets())}, {city}, {state} {postal_codes[0]}"
        made.append({"name": name, "phone": phone, "address": address})
    return made


def tag_definitions() -> list[dict[str, object]]:
    """Tags in the order the constants above name them."""
    return [
        {"name": name, "category": category, "color": color, "description": description, "item_order": order}
        for order, (name, category, color, description) in enumerate(_TAGS, start=1)
    ]


def _npi(number: int) -> str:
    """An NPI of valid form around a seven-digit number.

    All NPIs issued by 2024 begin with 1 (johndcook.com/blog/2024/06/26/npi-number); 2 is as valid, nobody's.
    """
    digits = f"20{number:07d}"
    # The check digit is that of the whole card number, which puts 80840 before the NPI.
    total = 0
    for place, digit in enumerate(reversed(f"80840{digits}")):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{digits}{-total % 10}"
