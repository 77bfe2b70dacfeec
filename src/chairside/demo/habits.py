"""What demo patients tell about habits and circumstances."""

from .dice import Dice

_CHILD = (
    ("diet", ("Juice between meals", "Sticky snacks after school", "Water only", "Bottle at night until last year")),
    ("exercise", ("Soccer; has a mouth guard", "Basketball, no mouth guard", "Swims twice a week")),
    ("other", ("Thumb sucking at night", "Bites nails", "Brushes with help")),
)
_ADULT = (
    (
        "tobacco",
        (
            "Never",
            "Never",
            "Never",
            "Quit eight years ago",
            "Half a pack a day",
            "Vapes",
            "Chews, thinking of quitting",
        ),
    ),
    ("alcohol", ("None", "Weekends", "A glass of wine with dinner", "Sober for three years")),
    (
        "occupation",
        ("Teacher", "Nurse, night shifts", "Truck driver", "Line cook", "Works from home", "Welder", "Office work"),
    ),
    ("exercise", ("Walks daily", "Gym three times a week", "Little", "Bicycles to work")),
    ("diet", ("Sips sweet coffee all day", "Energy drinks at work", "Vegetarian", "Low salt")),
    ("drug_use", ("None", "None", "Cannabis on weekends")),
)
_RETIRED = ("Retired teacher", "Retired machinist", "Retired; looks after grandchildren")


def told(dice: Dice, years: int, day: str) -> list[dict[str, object]]:
    """Up to three entries, each of another category."""
    asked = _CHILD if years < 14 else _ADULT
    rows: list[dict[str, object]] = []
    for category, answers in dice.shuffled(asked)[: dice.between(1, 3)]:
        value = dice.pick(_RETIRED if category == "occupation" and years > 66 else answers)
        rows.append({"category": category, "value": value, "date_recorded": day})
    return rows
