"""How a demo patient is reached: phones, email, language, consent, and whom to call in an emergency."""

from .cultures import without_accents
from .dice import Dice
from .households import Member
from .phones import PhoneBook, typed

# RFC 2606 keeps these three for examples; mail to them reaches nobody.
_DOMAINS = ("example.com", "example.com", "example.org", "example.net")
# Below this many patients a birth year keeps addresses apart; above it the chart's own number does.
_YEARS_SUFFICE = 1_000


def add(
    dice: Dice, fields: dict[str, object], phones: PhoneBook, member: Member, index: int, mobile: str | None
) -> None:
    """Adds the ways to reach a person, and only such wishes as those ways allow."""
    ways = ["phone", "mail"] if mobile or "home_phone" in fields else ["mail"]
    living = fields["status"] != "deceased"
    if mobile:
        fields["mobile_phone"] = mobile
        ways += ["text", "text", "text"]
        fields["receives_sms"] = living and dice.chance(0.8)
    if 20 <= member.years < 67 and dice.chance(0.14):
        fields["work_phone"] = typed(dice, phones.far()) + dice.pick(("", "", " x204", " ext. 31"))
    if member.years >= 14 and dice.chance(0.75 if member.years < 70 else 0.5):
        fields["email"] = _email(dice, member, index)
        ways += ["email", "email"]
        fields["receives_email"] = living and dice.chance(0.75)
    if member.years >= 16 and dice.chance(0.6):
        fields["preferred_contact_method"] = dice.pick(ways) if living else "none"
        if dice.chance(0.7):
            fields["preferred_confirmation_method"] = dice.pick(ways) if living else "none"
    roll = dice.draw()
    if member.culture.language and roll < 0.35:
        fields["preferred_language"] = member.culture.language
    elif roll < 0.6:
        fields["preferred_language"] = "English"
    fields["consent_flags"] = dice.pick((0, 1, 1, 3, 3, 3, 7, 7))


def add_kin(dice: Dice, fields: dict[str, object], kin: Member, phone: object) -> None:
    """Someone of the same household to call, if there is a phone to call."""
    if phone and dice.chance(0.6):
        fields["emergency_contact_name"] = f"{kin.called or kin.first} {kin.last}"
        fields["emergency_contact_phone"] = phone


def add_distant_kin(dice: Dice, fields: dict[str, object], phones: PhoneBook, member: Member) -> None:
    """A relative who is no patient here."""
    if dice.chance(0.45):
        culture = member.culture
        first = dice.pick(culture.female[1])
        relation = dice.pick((" (sister)", " (cousin)", " (daughter)" if member.years > 50 else "", ""))
        fields["emergency_contact_name"] = f"{first} {member.last}{relation}"
        fields["emergency_contact_phone"] = typed(dice, phones.far())


def _email(dice: Dice, member: Member, index: int) -> str:
    first, last = _plain(member.first), _plain(member.last)
    number = member.days_old // 365 if index < _YEARS_SUFFICE else index
    shape = dice.between(0, 3)
    if shape == 0:
        name = f"{first}.{last}{number}"
    elif shape == 1:
        name = f"{first[0]}{last}{number}"
    elif shape == 2:
        name = f"{last}.{first}{number}"
    else:
        name = f"{first}_{last[0]}{number}"
    return f"{name}@{dice.pick(_DOMAINS)}"


def _plain(name: str) -> str:
    return "".join(letter for letter in without_accents(name) if letter.isalpha()).lower()
