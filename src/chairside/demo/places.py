"""Where demo patients live: real towns with their own ZIP codes, on streets that do not matter."""

from dataclasses import dataclass
from functools import cache

from mimesis import Address
from mimesis.locales import Locale

from .dice import Dice

Town = tuple[str, str, tuple[str, ...]]  # city, state, its ZIP codes


@dataclass(frozen=True, slots=True)
class Region:
    """One location's surroundings; the first town is where the practice itself stands."""

    timezone: str
    area_codes: tuple[str, ...]
    towns: tuple[Town, ...]


def listed(table: str) -> tuple[str, ...]:
    """The words of a table."""
    return tuple(table.split())


def _towns(state: str, table: str) -> tuple[Town, ...]:
    lines = [line.rpartition(":") for line in table.strip().splitlines()]
    return tuple((city.strip(), state, listed(codes)) for city, _, codes in lines)


REGIONS = (
    Region(
        "America/New_York",
        ("614", "380", "740", "220"),
        _towns(
            "OH",
            """
            Columbus: 43201 43202 43206 43214 43215 43224
            Dublin: 43016 43017
            Westerville: 43081 43082
            Hilliard: 43026
            Grove City: 43123
            Reynoldsburg: 43068
            Worthington: 43085
            Delaware: 43015
            Lancaster: 43130
            """,
        ),
    ),
    Region(
        "America/Chicago",
        ("512", "737", "830", "254"),
        _towns(
            "TX",
            """
            Austin: 78701 78702 78704 78745 78751 78758
            Round Rock: 78664 78681
            Cedar Park: 78613
            Pflugerville: 78660
            Georgetown: 78626 78628
            Leander: 78641
            San Marcos: 78666
            Kyle: 78640
            New Braunfels: 78130
            """,
        ),
    ),
    Region(
        "America/Los_Angeles",
        ("916", "279", "530", "209"),
        _towns(
            "CA",
            """
            Sacramento: 95814 95816 95818 95822 95825
            Elk Grove: 95624 95758
            Roseville: 95661 95678
            Folsom: 95630
            Davis: 95616 95618
            Rancho Cordova: 95670
            Citrus Heights: 95610 95621
            Woodland: 95695
            Lodi: 95240
            """,
        ),
    ),
)

# Students, snowbirds and people who moved away; some ZIP codes begin with zeros, which careless imports lose.
ELSEWHERE: tuple[Town, ...] = (
    ("Boston", "MA", ("02118", "02130")),
    ("Portland", "ME", ("04101",)),
    ("Newark", "NJ", ("07102",)),
    ("San Juan", "PR", ("00901", "00907")),
    ("New York", "NY", ("10025", "10003")),
    ("Miami", "FL", ("33130", "33145")),
    ("Chicago", "IL", ("60614", "60640")),
    ("Minneapolis", "MN", ("55408",)),
    ("New Orleans", "LA", ("70115",)),
    ("Denver", "CO", ("80205",)),
    ("Phoenix", "AZ", ("85004", "85016")),
    ("Seattle", "WA", ("98103", "98118")),
    ("Honolulu", "HI", ("96814",)),
)

_SUFFIXES = listed("St St St Ave Ave Dr Dr Ln Rd Ct Blvd Way Pl Cir Street Avenue")
_USUAL_STREETS = listed("Main Oak Maple Park Cedar Elm Washington Lincoln Walnut Pine Church 2nd 5th 12th")
_UNITS = ("Apt 2", "Apt 4B", "Apt 203", "Unit 7", "Unit C", "#305", "# 18", "Apt. 1120", "Lot 14")


@cache
def streets() -> tuple[str, ...]:
    """Some 2,000 street names with their suffixes; the pool is the same for every seed."""
    address = Address(Locale.EN, seed=8400)
    dice = Dice(8400)
    drawn = dict.fromkeys(address.street_name() for _ in range(4_000))
    names = [name for name in drawn if name.isalpha()] + list(_USUAL_STREETS) * 12
    return tuple(f"{name} {dice.pick(_SUFFIXES)}" for name in names)


def address(dice: Dice, region: Region) -> dict[str, object]:
    """The address fields of a patient, by their contract names."""
    city, state, postal_codes = dice.pick(ELSEWHERE if dice.chance(0.03) else region.towns)
    postal_code = dice.pick(postal_codes)
    if dice.chance(0.04):
        postal_code = f"{postal_code}-{dice.between(1001, 9899)}"
    fields: dict[str, object] = {"address_line1": f"{dice.between(1, 9899)} {dice.pick(streets())}"}
    if dice.chance(0.22):
        fields["address_line2"] = dice.pick(_UNITS)
    fields |= {"city": city, "state": state, "postal_code": postal_code}
    if dice.chance(0.5):
        fields["country"] = "US"
    return fields
