"""One generated patient: a person of the demo's stream, made a record by the product's own rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from bench.orgs.pattern import TODAY, Example, Pattern
from chairside.changes import Change, Record
from chairside.demo import Person
from chairside.demo.dice import Dice
from chairside.engine.vault import Vault
from chairside.fields import read_body
from chairside.records.patients import PATIENTS, ROW
from chairside.records.patients.fields import BUCKETS

NAMED = ("location", "primary_provider", "secondary_provider", "fee_schedule", "billing_type", "employer")
KIND = {"primary_provider": "provider", "secondary_provider": "provider"}
PHONES = ("mobile_phone", "home_phone", "work_phone", "emergency_contact_phone")
# The demo keeps to 555-01XX, a hundred numbers in each area, which a large practice would all share.
_FICTION = re.compile(r"555(\D{0,2})01(\d\d)")
# How many of those who depend on somebody have left and are archived; a guarantor may not while they are there.
ARCHIVED = 0.06
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
STEP, SPAN = timedelta(minutes=1), timedelta(days=700)
READ_ON = datetime.combine(TODAY, time(12), UTC)


@dataclass(frozen=True, slots=True)
class Patient:
    """A record as its columns, who it was copied from, and its tags by place."""

    record: Record
    example: Example
    tags: Sequence[int]


class Ids:
    """Ids of version 7 that grow with the moments they are made for; what is chance in them repeats."""

    def __init__(self, dice: Dice) -> None:
        self._draw = dice.draw

    def halves(self, moment: datetime) -> tuple[str, str]:
        """An id but for the three digits between its halves, which number the ids of one moment."""
        first = f"{int(moment.timestamp() * 1000):012x}"
        last = f"{int(self._draw() * (1 << 53)) << 9 | 0x8000_0000_0000_0000:016x}"
        return f"{first[:8]}-{first[8:]}-7", f"-{last[:4]}-{last[4:]}"

    def at(self, moment: datetime) -> str:
        return "000".join(self.halves(moment))


class Recorder:
    """Makes the patients of one org from persons; `total` is how many the org has."""

    def __init__(self, pattern: Pattern, vault: Vault, org_id: str, total: int, dice: Dice) -> None:
        self._pattern, self._vault, self._org_id, self._dice = pattern, vault, org_id, dice
        self._step = min(STEP, SPAN / total)
        self.ids = Ids(dice)
        self._lines: dict[tuple[int | None, str], str] = {}
        self._known: dict[int, str] = {}

    def patient(self, person: Person, place: int) -> Patient:
        created = FIRST_DAY + place * self._step
        values = read_body(ROW, self._body(person, place), READ_ON)
        after: dict[str, Any] = dict(PATIENTS.blank)
        sent = {PATIENTS.column_of.get(key, key): value for key, value in values.items()}
        after |= sent
        after |= {"id": self.ids.at(created), "created_at": created, "updated_at": created, "version": 1}
        if person.guarantor is None:
            self._known[place] = after["id"]
        example = self._example(after)
        after |= example.told
        after |= self._owed(person, created)
        if person.guarantor is not None and self._dice.chance(ARCHIVED) and after["status"] != "deceased":
            after |= {"status": "archived", "deleted_at": created + self._step / 2, "version": 2}
        change = Change(before=None, after=after, given=frozenset(sent), now=created)
        assert PATIENTS.settle is not None  # noqa: S101 - patients have rules
        PATIENTS.settle(change)
        self._seal(after)
        return Patient(after, example, person.tags)

    def _body(self, person: Person, place: int) -> dict[str, object]:
        """What the demo's import would send, with telephones of their own."""
        row = dict(person.fields)
        for name in NAMED:
            if (at := getattr(person, name)) is not None:
                row[f"{name}_uuid"] = self._pattern.ids[KIND.get(name, name)][at]
        if person.guarantor is not None:
            row["responsible_party_uuid"] = self._known[person.guarantor]
        household = place if person.household is None else person.household
        for phone in PHONES:
            if text := row.get(phone):
                row[phone] = self._dialled(str(text), household)
        return row

    def _dialled(self, text: str, household: int) -> str:
        """The same telephone stays the same within a household, however it is written."""
        fiction = _FICTION.search(text)
        if fiction is None:
            return text
        key = household, "".join(filter(str.isdecimal, text[: fiction.end()]))[-10:]
        seven = self._lines.get(key)
        if seven is None:
            if len(self._lines) > 5000:
                self._lines.clear()
            dice = self._dice
            seven = self._lines[key] = f"{dice.between(220, 989)}{dice.between(0, 9999):04d}"
        return f"{text[: fiction.start()]}{seven[:3]}{fiction[1]}{seven[3:]}{text[fiction.end() :]}"

    def _example(self, record: Mapping[str, Any]) -> Example:
        born = record["date_of_birth"]
        years = (TODAY - born).days * 100 // 36525 if born else 40
        return self._pattern.pick(self._dice, record["gender"] or "", years)

    @staticmethod
    def _owed(person: Person, at: datetime) -> dict[str, Any]:
        if person.balances is None:
            return {}
        return {**dict(zip(BUCKETS, person.balances, strict=True)), "balances_as_of": at}

    def _seal(self, record: Record) -> None:
        for sealed in PATIENTS.sealed:
            column = sealed.column
            if (plain := record[column]) is None:
                continue
            about = f"{self._org_id}/{PATIENTS.table}/{column}/{record['id']}"
            record[column + "_sealed"], record[column + "_index"] = self._vault.put_away(plain, about, self._org_id)
            record[column] = f"***-**-{plain[-4:]}"
