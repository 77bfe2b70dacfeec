"""Who lives together: families, couples, the retired and the single, with ages and names that fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from .cultures import Culture, cultures, weighted
from .dice import Dice
from .person import Role

YEAR = 365.25
_YOUNGEST_PARENT = 18.0
_YOUNGEST_ADULT = 18.1
_OLDEST_CHILD_AT_HOME = 21.0
_OLDEST = 100.0
_UNMARRIED = ("single",) * 6 + ("divorced",) * 3 + ("separated", "other")
_ALONE_LATE = ("widowed",) * 5 + ("divorced",) * 3 + ("single",) * 2


@dataclass(slots=True)
class Member:
    """One person of a household, before anything is known about charts."""

    first: str
    last: str
    middle: str | None
    called: str | None
    sex: str  # "female" or "male", as the given name goes
    days_old: int
    role: Role
    culture: Culture
    marital: str = "single"
    shares_account: bool = False
    deceased: bool = False

    @property
    def years(self) -> int:
        return int(self.days_old / YEAR)


def household(dice: Dice) -> list[Member]:
    """The members of one household, its head first; a child is at least 18 years younger than each parent."""
    kind = dice.draw()
    if kind < 0.30:
        return _family(dice)
    if kind < 0.43:
        return _couple(dice, dice.between(22, 63) + dice.draw())
    if kind < 0.55:
        return _retired_couple(dice)
    if kind < 0.66:
        return [_single(dice, 64 + dice.draw() * dice.draw() * (_OLDEST - 64))]
    return [_single(dice, _YOUNGEST_ADULT + dice.draw() * 46)]


def _family(dice: Dice) -> list[Member]:
    eldest = dice.draw() * _OLDEST_CHILD_AT_HOME
    age = eldest + 19 + (dice.draw() + dice.draw()) * 9.5
    if dice.chance(0.74):
        parents = _couple(dice, age, youngest_spouse=eldest + _YOUNGEST_PARENT)
        parents[-1].shares_account = True
    else:
        parents = [_single(dice, age)]
    children = _children(dice, parents, eldest)
    if dice.chance(0.04):
        return parents + children + [_elder(dice, parents[0])]
    return parents + children


def _children(dice: Dice, parents: list[Member], eldest: float) -> list[Member]:
    head = parents[0]
    # A child of an earlier marriage, or of parents who each kept their name.
    other_name = parents[-1].last if len(parents) > 1 else dice.pick(head.culture.surnames)
    names_culture = cultures()[0] if head.culture.language and dice.chance(0.3) else head.culture
    children: list[Member] = []
    age = eldest
    for _ in range(dice.pick((1, 1, 2, 2, 2, 3, 3, 4))):
        if age < 0:
            break
        last = other_name if dice.chance(0.08) else head.last
        child = _person(dice, names_culture, "child", age, last, relatives=parents + children)
        child.shares_account = True
        child.culture = head.culture
        children.append(child)
        # Twins: same last name, same birth date, not the same person.
        age -= 0.0 if dice.chance(0.03) else 1.2 + dice.draw() * 3.3
    return children


def _couple(dice: Dice, age: float, youngest_spouse: float = _YOUNGEST_ADULT) -> list[Member]:
    culture = dice.pick(weighted())
    married = dice.chance(0.86 if age > 28 else 0.6)
    head = _person(dice, culture, "head", age, dice.pick(culture.surnames))
    spouse_age = min(_OLDEST, max(youngest_spouse, age + (dice.draw() + dice.draw() - 1) * 7))
    spouse_culture = dice.pick(weighted()) if dice.chance(0.15) else culture
    own = dice.pick(spouse_culture.surnames)
    last = head.last if married and dice.chance(0.82) else own
    if married and last == own != head.last and dice.chance(0.4) and f"{own}{head.last}".isalpha():
        last = f"{own}-{head.last}"
    same_sex = dice.chance(0.04)
    sex = head.sex if same_sex else "male" if head.sex == "female" else "female"
    spouse = _person(dice, spouse_culture, "spouse", spouse_age, last, sex=sex)
    head.marital = spouse.marital = "married" if married else "domestic_partner"
    spouse.shares_account = dice.chance(0.7)
    return [head, spouse]


def _retired_couple(dice: Dice) -> list[Member]:
    head, spouse = _couple(dice, 62 + dice.draw() * dice.draw() * 34, youngest_spouse=58)
    if dice.chance(0.10):
        spouse.deceased = True
        head.marital = "widowed"
    return [head, spouse]


def _single(dice: Dice, age: float) -> Member:
    culture = dice.pick(weighted())
    person = _person(dice, culture, "head", age, dice.pick(culture.surnames))
    if age >= 25:
        person.marital = dice.pick(_UNMARRIED if age < 64 else _ALONE_LATE)
    person.deceased = age > 60 and dice.chance((age - 55) / 150)
    return person


def _elder(dice: Dice, head: Member) -> Member:
    age = min(_OLDEST, head.days_old / YEAR + 20 + dice.draw() * 15)
    elder = _person(dice, head.culture, "elder", age, head.last)
    elder.marital = "widowed"
    return elder


def _person(
    dice: Dice,
    culture: Culture,
    role: Role,
    age: float,
    last: str,
    sex: str | None = None,
    relatives: Sequence[Member] = (),
) -> Member:
    sex = sex or ("female" if dice.chance(0.515) else "male")
    names = (culture.female if sex == "female" else culture.male)[0 if age >= 68 else 1 if age >= 28 else 2]
    first = dice.pick(names)
    while any(relative.first == first for relative in relatives):
        first = dice.pick(names)
    middle = None
    if dice.chance(0.32):
        middle = dice.pick(names)
        middle = None if middle == first else f"{middle[0]}." if dice.chance(0.4) else middle
    called = _called(dice, culture, first, sex, age)
    return Member(first, last, middle, called, sex, int(age * YEAR), role, culture)


def _called(dice: Dice, culture: Culture, first: str, sex: str, age: float) -> str | None:
    if culture.english_name and dice.chance(culture.english_name):
        english = cultures()[0]
        return dice.pick((english.female if sex == "female" else english.male)[1 if age >= 28 else 2])
    nickname = culture.called.get(first)
    return nickname if nickname and dice.chance(0.55) else None
