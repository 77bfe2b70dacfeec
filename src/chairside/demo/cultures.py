"""The names demo patients bear: the library's, led by each language's everyday ones and those it lacks."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from mimesis import Person
from mimesis.enums import Gender
from mimesis.locales import Locale

from . import everyday_names, respelled_names
from .dice import Dice
from .everyday_names import Everyday

_POOL_SEED = 8400
# Everyday names fill these shares of a pool; the library alone would make every other patient an Almeta.
_EVERYDAY_GIVEN = 0.78
_EVERYDAY_SURNAMES = 0.5
_TYPOGRAPHIC_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# Letters that Unicode does not take apart into a plain letter and a mark.
_LETTERS_WITHOUT_MARKS = str.maketrans("đĐłŁøØ\N{LATIN SMALL LETTER DOTLESS I}", "dDlLoOi") | {
    ord(letter): spelled for letter, spelled in (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("Æ", "Ae"), ("Œ", "Oe"))
}


@dataclass(frozen=True, slots=True)
class Culture:
    """One language's names. Given names come as three pools, by age: the old, the middle, the young."""

    key: str
    share: float  # of households
    language: str | None  # what the family may prefer to speak, if not English
    female: tuple[tuple[str, ...], ...]
    male: tuple[tuple[str, ...], ...]
    surnames: tuple[str, ...]
    called: dict[str, str]  # given name -> what friends say
    english_name: float  # how often an adult goes by an English name instead


@cache
def cultures() -> tuple[Culture, ...]:
    """All cultures, English first; the pools are the same for every seed."""
    return tuple(_culture(names) for names in everyday_names.ALL + respelled_names.ALL)


@cache
def weighted() -> tuple[Culture, ...]:
    """Cultures repeated by their share of households, to pick one by index."""
    return tuple(culture for culture in cultures() for _ in range(round(culture.share * 200)))


@cache
def without_accents(text: str) -> str:
    """The text as a hurried typist writes it: Łucja Nguyễn -> Lucja Nguyen."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS_WITHOUT_MARKS))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _culture(names: Everyday) -> Culture:
    library = Person(Locale(names.given_locale), seed=_POOL_SEED) if names.given_locale else None
    surnames = Person(Locale(names.surname_locale), seed=_POOL_SEED) if names.surname_locale else None
    # A locale lists some names under both genders by mistake (the English one has a female Aaron).
    drawn = {
        gender: dict.fromkeys(library.first_name(gender) for _ in range(5_000)) if library else {}
        for gender in (Gender.FEMALE, Gender.MALE)
    }
    female = [name for name in drawn[Gender.FEMALE] if name not in drawn[Gender.MALE]][:300]
    male = [name for name in drawn[Gender.MALE] if name not in drawn[Gender.FEMALE]][:300]
    # Families keep the male form on paper in the United States: Kowalski, also for her.
    last = dict.fromkeys(surnames.last_name(Gender.MALE) for _ in range(900)) if surnames else {}
    return Culture(
        key=names.key,
        share=names.share,
        language=names.language,
        female=tuple(_pool(band, female, _EVERYDAY_GIVEN) for band in names.female),
        male=tuple(_pool(band, male, _EVERYDAY_GIVEN) for band in names.male),
        surnames=_with_double_names(_pool(names.surnames, last, _EVERYDAY_SURNAMES), names.doubled_with),
        called=names.called,
        english_name=names.english_name,
    )


def _pool(everyday: tuple[str, ...], library: Iterable[str], share: float) -> tuple[str, ...]:
    rare = [name.replace(_TYPOGRAPHIC_APOSTROPHE, "'") for name in library if _is_name(name) and name not in everyday]
    wanted = len(rare) * share / (1 - share)
    return everyday * max(1, round(wanted / len(everyday))) + tuple(rare)


def _with_double_names(surnames: tuple[str, ...], between: str) -> tuple[str, ...]:
    if not between:
        return surnames
    dice = Dice(_POOL_SEED)
    pairs = [(dice.pick(surnames), dice.pick(surnames)) for _ in range(len(surnames) // 25)]
    plain = [(one, other) for one, other in pairs if one != other and f"{one}{other}".isalpha()]
    return surnames + tuple(f"{one}{between}{other}" for one, other in plain)


def _is_name(text: str) -> bool:
    letters = text.replace(_TYPOGRAPHIC_APOSTROPHE, "").replace("'", "").replace("-", "").replace(" ", "")
    return letters.isalpha() and 2 <= len(text) <= 30 and text[0].isalpha() and not text.rpartition(" ")[2].islower()
