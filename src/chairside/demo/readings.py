"""Vital signs of a demo patient over the last visits: a child grows, an adult stays who they are."""

from datetime import date, timedelta

from .dice import Dice
from .stories import Pressure

YEAR = 365.25
_YOUNGEST = 2
# Height in inches and body mass index of a child in the middle, at 2, 3, 4 ... 18 years. Believable, not a reference:
# percentiles are computed from the tables of chairside.knowledge.
_HEIGHTS = {
    "male": (34, 37.5, 40.5, 43, 45.5, 48, 50.5, 52.5, 54.5, 56.5, 59, 61.5, 64.5, 67, 68.5, 69, 69.5),
    "female": (33.7, 37, 39.8, 42.5, 45.3, 48, 50.3, 52.4, 54.4, 56.9, 59.6, 61.9, 63.1, 63.7, 64, 64.1, 64.2),
}
_INDEXES = (16.5, 15.9, 15.5, 15.3, 15.3, 15.5, 15.8, 16.2, 16.7, 17.3, 17.9, 18.6, 19.3, 19.9, 20.5, 21.1, 21.6)
# From what age on: systolic, diastolic, pulse, breaths per minute.
_USUAL = (
    (2, (90, 102), (46, 60), (100, 132), (23, 34)),
    (3, (92, 108), (50, 68), (82, 114), (21, 27)),
    (6, (99, 117), (60, 76), (76, 106), (18, 24)),
    (12, (100, 118), (62, 78), (62, 94), (13, 19)),
    (18, (102, 119), (63, 79), (61, 88), (12, 18)),
)
_RAISED = ((126, 152), (80, 94))
_BLOCKING = ((186, 204), (104, 118))


class Body:
    """Who is measured: sex as the tables know it, and how tall and heavy beside the middle."""

    def __init__(self, dice: Dice, born: date, sex: str) -> None:
        self._dice, self._born = dice, born
        self._sex = sex if sex in _HEIGHTS else dice.pick(("female", "male"))
        self._tall = 0.95 + 0.1 * dice.draw()
        self._broad = 0.9 + 0.3 * dice.draw() * (1 + dice.draw()) / 2
        self._grown = 1.05 + 0.5 * dice.draw()

    def years(self, day: date) -> float:
        return (day - self._born).days / YEAR

    def size(self, day: date) -> dict[str, object]:
        """Height and weight on a day."""
        years = self.years(day)
        height = _at(_HEIGHTS[self._sex], years) * self._tall
        # What adults put on, they put on between 18 and 35.
        grown = 1 + (self._grown - 1) * min(1.0, max(0.0, (years - 18) / 17))
        index = _at(_INDEXES, years) * self._broad * grown
        height_inches = round(height * 4) / 4
        return {"height_inches": height_inches, "weight_lbs": round(index * height_inches**2 / 703, 1)}

    def signs(self, day: date, pressure: Pressure) -> dict[str, object]:
        """Pressure, pulse and the rest on a day."""
        dice, years = self._dice, self.years(day)
        systolic, diastolic, pulse, breaths = next(row[1:] for row in reversed(_USUAL) if years >= row[0])
        if pressure != "usual":
            systolic, diastolic = _RAISED if pressure == "raised" else _BLOCKING
        return {
            "bp_systolic": dice.between(*systolic),
            "bp_diastolic": dice.between(*diastolic),
            "pulse": dice.between(*pulse),
            "oxygen_saturation": dice.between(96, 99),
            "respiration_rate": dice.between(*breaths),
            "temperature_f": round(97.9 + dice.draw() * 1.1, 1),
        }


def readings(dice: Dice, body: Body, pressure: Pressure, first_day: date, today: date) -> list[dict[str, object]]:
    """One to four readings, the latest first, about half a year apart, none before `first_day` or the age of two."""
    rows: list[dict[str, object]] = []
    day = today - timedelta(days=dice.between(2, 110))
    wanted = dice.pick((1, 2, 2, 3, 3, 4))
    while len(rows) < wanted and day >= first_day and body.years(day) >= _YOUNGEST:
        now: Pressure = pressure if not rows or pressure == "usual" else "raised"
        row: dict[str, object] = {"date_taken": day.isoformat(), "time_taken": _time(dice)}
        row |= body.signs(day, now)
        if not rows or body.years(day) < 19:
            row |= body.size(day)
        rows.append(row)
        day -= timedelta(days=dice.between(150, 215))
    if pressure == "blocking" and rows:
        rows[0] |= {"has_followup_plan": True, "note": "Measured again after ten minutes: the same. Visit put off."}
    return rows


def _at(table: tuple[float, ...], years: float) -> float:
    """The value of a table that begins at two years, in between its rows too."""
    place = min(max(years - _YOUNGEST, 0.0), len(table) - 1.0)
    low = int(place)
    high = min(low + 1, len(table) - 1)
    return table[low] + (table[high] - table[low]) * (place - low)


def _time(dice: Dice) -> str:
    return f"{dice.between(8, 16):02d}:{dice.pick((0, 5, 10, 20, 30, 40, 50)):02d}"
