"""The demo's front desk: turns a household into charts at one address."""

import datetime

from . import account, contact, notes
from .catalogs import GENERAL, GENERAL_TWO, HYGIENIST, ORTHODONTIST, PEDIATRIC, PERIODONTIST
from .dice import Dice
from .households import Member
from .person import Person
from .phones import PhoneBook, typed
from .places import REGIONS, address

_LONGEST_WITH_US = 3650  # days

_GENDERS = (
    ("non_binary", 0.010),
    ("unknown", 0.022),
    ("prefer_not_to_say", 0.027),
    ("other", 0.030),
)
_TITLES = {
    ("female", "married"): ("Mrs.", "Mrs.", "Ms."),
    ("female", "widowed"): ("Mrs.",),
    ("male", "married"): ("Mr.",),
}


def chart_number(index: int) -> str:
    """The chart number of the patient at that place in the stream; as unique as the place."""
    return f"DG-{index + 1:06d}"


class FrontDesk:
    """Enrols households one after another, from place `first` on; the earliest have been patients longest."""

    def __init__(self, dice: Dice, patients: int, today: datetime.date, first: int = 0) -> None:
        self._dice = dice
        self._patients = patients
        self._first = first
        self._today = today.toordinal()
        self._phones = PhoneBook(dice)

    def enrol(self, members: list[Member], index: int) -> list[Person]:
        """One person per member, the head at `index`, the others right after."""
        dice = self._dice
        region = dice.between(0, len(REGIONS) - 1)
        home = address(dice, REGIONS[region])
        if dice.chance(0.25 + members[0].years / 200):
            home["home_phone"] = typed(dice, self._phones.local(region))
        mobiles = [self._mobile(member, region) for member in members]
        far_back = 1 - (index - self._first) / self._patients
        joined = int(_LONGEST_WITH_US * far_back * (0.85 + 0.15 * dice.draw()))
        location = region if dice.chance(0.95) else dice.pick((None, None, None, *range(len(REGIONS))))
        return [self._person(members, place, index, home, mobiles, joined, location) for place in range(len(members))]

    def _mobile(self, member: Member, region: int) -> str | None:
        years = member.years
        if years < 12 or not self._dice.chance(0.6 if years < 16 else 0.9 if years < 75 else 0.55):
            return None
        return typed(self._dice, self._phones.local(region) if self._dice.chance(0.4) else self._phones.far())

    def _person(
        self,
        members: list[Member],
        place: int,
        index: int,
        home: dict[str, object],
        mobiles: list[str | None],
        joined: int,
        location: int | None,
    ) -> Person:
        dice, member = self._dice, members[place]
        days = min(joined, member.days_old)
        if dice.chance(0.2):
            days = int(days * dice.draw())
        fields = self._named(member)
        self._dated(fields, member, days, bool(place))
        fields |= home
        # The others of the household call the head; the head calls the next grown-up.
        other = 0 if place else 1 if len(members) > 1 and members[1].role == "spouse" else None
        contact.add(dice, fields, self._phones, member, index + place, mobiles[place])
        if other is None or members[other].deceased:
            contact.add_distant_kin(dice, fields, self._phones, member)
        else:
            contact.add_kin(dice, fields, members[other], mobiles[other] or home.get("home_phone"))
        notes.add(dice, fields, member)
        fields["chart_number"] = chart_number(index + place)
        money = account.of(dice, fields, member, index + place)
        first, second = self._providers(member)
        return Person(
            fields=fields,
            guarantor=index if member.shares_account else None,
            location=location,
            primary_provider=first,
            secondary_provider=second,
            fee_schedule=money.fee_schedule,
            billing_type=money.billing_type,
            employer=money.employer,
            tags=money.tags,
            balances=money.balances,
            created_days_ago=days,
            household=index,
            role=member.role,
        )

    def _named(self, member: Member) -> dict[str, object]:
        dice = self._dice
        fields: dict[str, object] = {"first_name": member.first, "last_name": member.last}
        if member.middle:
            fields["middle_name"] = member.middle
        if member.called:
            fields["preferred_name"] = member.called
        roll = dice.draw()
        gender = next((name for name, below in _GENDERS if roll < below), member.sex)
        if roll < 0.985:
            fields["gender"] = gender
        if gender in ("non_binary", "other"):
            fields["pronoun"] = dice.pick(("they_them", "they_them", "other"))
        elif dice.chance(0.4):
            known = "she_her" if gender == "female" else "he_him" if gender == "male" else "not_specified"
            fields["pronoun"] = known if dice.chance(0.9) else "not_specified"
        if member.years >= 18 and dice.chance(0.35):
            self._title(fields, member, gender)
        if member.years >= 16:
            fields["marital_status"] = member.marital
        return fields

    def _title(self, fields: dict[str, object], member: Member, gender: str) -> None:
        dice = self._dice
        plain = ("Ms.",) if gender == "female" else ("Mr.",) if gender == "male" else ("Mx.",)
        title = "Dr." if dice.chance(0.04) else dice.pick(_TITLES.get((gender, member.marital), plain))
        fields["title"] = title
        if dice.chance(0.3):
            friendly = member.called or member.first
            fields["salutation"] = friendly if dice.chance(0.3) else f"{title} {member.last}"

    def _dated(self, fields: dict[str, object], member: Member, days: int, may_wait: bool) -> None:
        dice, today = self._dice, self._today
        if not dice.chance(0.01):
            fields["date_of_birth"] = _iso(today - member.days_old)
        status = "active"
        if member.deceased and days > 2:
            status = "deceased"
        elif days < 400 and dice.chance(0.3):
            status = "prospective"
        elif days > 700 and dice.chance(0.13):
            status = "inactive"
        fields["status"] = status
        if status == "prospective" or (may_wait and status == "active" and dice.chance(0.05)):
            return
        # The dead were seen at least a day before today, so that there was time to die.
        first_visit = max(1 if status == "deceased" else 0, days - dice.between(0, 30))
        fields["date_first_visit"] = _iso(today - first_visit)
        if status == "deceased":
            died = dice.between(1, first_visit)
            time = f"{dice.between(0, 23):02d}:{dice.between(0, 59):02d}"
            fields["date_time_deceased"] = f"{_iso(today - died)}T{time}:00Z"

    def _providers(self, member: Member) -> tuple[int | None, int | None]:
        dice = self._dice
        if dice.chance(0.05):
            return None, None
        if member.years < 13:
            first = PEDIATRIC
        elif member.years < 18 and dice.chance(0.35):
            first = ORTHODONTIST
        elif member.years > 45 and dice.chance(0.08):
            first = PERIODONTIST
        else:
            first = dice.pick((GENERAL, GENERAL_TWO))
        return first, HYGIENIST if dice.chance(0.6) else None


def _iso(ordinal: int) -> str:
    return datetime.date.fromordinal(ordinal).isoformat()
