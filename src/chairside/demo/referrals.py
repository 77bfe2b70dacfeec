"""Where demo patients heard of the practice, and the partners who send them."""

from collections.abc import Iterator, Sequence

from .dice import Dice
from .person import Person
from .rows import Row

PARTNERS: tuple[dict[str, object], ...] = tuple(
    {
        "name": name,
        "practice_name": name,
        "specialty": specialty,
        "phone": f"({area}) 555-0100",
        "email": f"office{number}@example.com",
        "item_order": number,
    }
    for number, (name, specialty, area) in enumerate(
        (
            ("Lakeside Endodontics", "Endodontics", 614),
            ("Summit Oral Surgery", "Oral and maxillofacial surgery", 512),
            ("Maple Street Pediatrics", "Pediatrics", 614),
            ("Harbor Family Medicine", "Family medicine", 916),
            ("Bright Arch Orthodontics", "Orthodontics", 512),
        ),
        start=1,
    )
)
_SOURCES = (
    *[("Search engine", None)] * 4,
    *[("Online reviews", "Read the reviews about children")] * 2,
    ("Insurance directory", None),
    ("Insurance directory", "Was told we are in network; checked"),
    ("Social media", "Saw the sealant day video"),
    ("Walk-in or signage", "Lives around the corner"),
    ("Community event", "Health fair at the library"),
    ("School", "Screening at school found a cavity"),
    ("Employer", None),
    ("Practice website", None),
)


def rows(dice: Dice, persons: Sequence[Person]) -> Iterator[Row]:
    """About a third of those who lead a household; some have a second, lesser source."""
    for place, person in enumerate(persons):
        if person.role != "head" or not dice.chance(0.4):
            continue
        friend = dice.between(0, place)
        roll = dice.draw()
        if roll < 0.3 and friend != place and _could_have_said(persons[friend]):
            yield Row("referral_attribution", place, {"referring_patient": friend, "source_note": "Send a thank-you"})
        elif roll < 0.5:
            partner = dice.pick(PARTNERS)
            note = "Letter with radiographs came along" if dice.chance(0.4) else None
            yield _row(place, {"referral_partner": partner["name"]}, note)
        else:
            source, note = dice.pick(_SOURCES)
            yield _row(place, {"referral_source": source}, note)
            if dice.chance(0.15):
                yield _row(
                    place, {"referral_source": "Patient or family member", "attribution_role": "assist"}, "A neighbor"
                )


def _could_have_said(friend: Person) -> bool:
    return friend.role in ("head", "spouse") and friend.fields["status"] == "active"


def _row(place: int, body: dict[str, object], note: str | None) -> Row:
    return Row("referral_attribution", place, body | ({"source_note": note} if note else {}))
