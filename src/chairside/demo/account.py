"""The money side of a demo chart: who pays how, what is due, and the identifiers billing needs."""

from decimal import Decimal
from functools import cache
from typing import NamedTuple

from . import catalogs
from .dice import Dice
from .households import Member
from .person import Balances

# Numbers from 900 on are never issued as social security numbers. The tax office gives out others of that
# form (ITIN 50-65, 70-88, 90-92, 94-99 in the middle, ATIN 93, IRSN up to 39); with 40-49 it is nobody's.
_SSN_AREAS = 100
_SSN_GROUPS = 10
_SSN_SERIALS = 9_999
_SSNS = _SSN_AREAS * _SSN_GROUPS * _SSN_SERIALS
_SSN_STEP = 6_180_349  # shares no divisor with their count, so stepping through them repeats none


# What people without Medicaid have, as often as they are listed.
_USUAL = (
    *[(catalogs.UCR, catalogs.STANDARD)] * 5,
    *[(catalogs.UCR, catalogs.CASH)] * 3,
    *[(catalogs.PPO_A, catalogs.INSURANCE)] * 7,
    *[(catalogs.PPO_B, catalogs.INSURANCE)] * 4,
    *[(catalogs.PPO_B, catalogs.STANDARD)] * 2,
    *[(catalogs.MEMBERSHIP, catalogs.CASH)] * 2,
    (catalogs.MEMBERSHIP, catalogs.NO_FINANCE),
    (catalogs.COURTESY, catalogs.EMPLOYEE),
)


class Account(NamedTuple):
    """Indexes into the practice's lists, and what is due."""

    fee_schedule: int | None
    billing_type: int | None
    employer: int | None
    tags: tuple[int, ...]
    balances: Balances | None


def of(dice: Dice, fields: dict[str, object], member: Member, index: int) -> Account:
    """Draws the account and adds the fields that belong to it; `index` keeps numbers distinct."""
    if dice.chance(0.4 if member.years >= 18 else 0.15):
        fields["social_security_number"] = _ssn(dice, index)
    if dice.chance(0.12 if member.years < 18 else 0.05):
        # A letter and the chart's number: no state's Medicaid numbers look like this.
        fields["medicaid_id"] = f"X{index:09d}"
        fee_schedule, billing_type = catalogs.MEDICAID, catalogs.MEDICAID_BILLING
    else:
        fee_schedule, billing_type = dice.pick(_USUAL)
    if not member.shares_account and dice.chance(0.3):
        fields["billing_cycle_day"] = dice.between(1, 31)
    working = 18 <= member.years < 67 and dice.chance(0.45)
    balances = dice.pick(_due()) if dice.chance(0.1 if member.shares_account else 0.5) else None
    if balances and balances[3] > 300:
        billing_type = dice.pick((catalogs.COLLECTIONS, catalogs.PAYMENT_PLAN))
    return Account(
        fee_schedule=None if dice.chance(0.1) else fee_schedule,
        billing_type=None if dice.chance(0.1) else billing_type,
        employer=dice.between(0, catalogs.EMPLOYERS - 1) if working else None,
        tags=_tags(dice, fields, member, fee_schedule),
        balances=balances,
    )


def _ssn(dice: Dice, index: int) -> str:
    rest, serial = divmod((index + 1) * _SSN_STEP % _SSNS, _SSN_SERIALS)
    area, group = divmod(rest, _SSN_GROUPS)
    dash = "-" if dice.chance(0.75) else ""
    return f"{900 + area}{dash}{40 + group}{dash}{serial + 1:04d}"


@cache
def _due() -> tuple[Balances, ...]:
    """What accounts owe, mostly little and recent; every eighth owes more than 500."""
    dice = Dice(8400)
    return tuple(_buckets(dice) for _ in range(2_000))


def _buckets(dice: Dice) -> Balances:
    large = dice.chance(0.125)
    cents = [0, 0, 0, 0]
    cents[0] = dice.between(1_000, 24_000)
    for bucket, likely in ((1, 0.35), (2, 0.2), (3, 0.15)):
        if large or dice.chance(likely):
            cents[bucket] = dice.between(500, 9_000)
    if large:
        cents[dice.between(0, 3)] += dice.between(50_001, 240_000)
    current, month, two_months, older = (Decimal(amount).scaleb(-2) for amount in cents)
    return current, month, two_months, older


def _tags(dice: Dice, fields: dict[str, object], member: Member, fee_schedule: int) -> tuple[int, ...]:
    tags = []
    if member.years >= 6 and dice.chance(0.05):
        tags.append(catalogs.ANXIETY)
    if fields.get("preferred_language", "English") != "English" and dice.chance(0.35):
        tags.append(catalogs.INTERPRETER)
    if member.years > 70 and dice.chance(0.12):
        tags.append(catalogs.WHEELCHAIR)
    if 6 <= member.years < 18 and dice.chance(0.2):
        tags.append(catalogs.AFTER_SCHOOL)
    if 11 <= member.years < 17 and dice.chance(0.2):
        tags.append(catalogs.ORTHODONTICS)
    if fee_schedule == catalogs.MEMBERSHIP:
        tags.append(catalogs.MEMBER)
    if dice.chance(0.06):
        tags.append(dice.pick((catalogs.SHORT_NOTICE, catalogs.SHORT_NOTICE, catalogs.MISSED)))
    return tuple(tags)
