"""What a list is narrowed to: its filters as conditions, and what is searched for as ids that lead to records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chairside.questions import Word
from chairside.resource import Counted, Kind
from chairside.store.days import before_day, bounds, from_day
from chairside.words import after, birth_word

# Scopes of the search words: what typeahead looks at, what lists look at as well, and the words of the archived.
NAMES, OTHERS, ARCHIVED = 0, 1, 2

TAGGED = (
    "SELECT t.patient_id FROM patient_tags t WHERE t.org_id = $1 AND t.tag_definition_id = {1} AND t.deleted_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records a list is of: conditions, and the ids that a search found, if there was one.

    `equal` are columns whose values are compared by conditions, one each; `told` are summaries that tell how many
    records one condition leaves. `steady` says that one plan serves any values. `archived` selects archived records
    instead of live ones, `both` selects live and archived ones.
    """

    archived: bool = False
    both: bool = False
    conditions: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()
    told: tuple[Counted, ...] = ()
    found: str = ""
    steady: bool = False

    def source(self, table: str) -> str:
        """What to select from. The ids that were found lead, each to its record: a plan that walks a sort's index, or
        all records of the org, and looks for each among them takes minutes where the planner knows a table too little.
        """
        if not self.found:
            return f"{table} r"
        each = f"SELECT * FROM {table} r WHERE r.org_id = $1 AND r.id = found.patient_id OFFSET 0"
        return f"({self.found}) found CROSS JOIN LATERAL ({each}) r"

    def where(self, *more: str) -> str:
        state = () if self.both else (f"r.deleted_at IS {'NOT ' if self.archived else ''}NULL",)
        return " AND ".join(("r.org_id = $1", *state, *self.conditions, *more))

    @property
    def uneven(self) -> bool:
        """Whether it hangs on the values how much of the records they leave; what a search found leads anyhow."""
        return bool(self.conditions) and not self.found and not self.steady

    def counted(self, kind: Kind) -> tuple[Counted, tuple[str, ...]] | None:
        """The summary that knows how many they are, and its columns that are compared; None where none does."""
        if self.found:
            return None
        if len(self.told) == len(self.conditions) == 1:
            return self.told[0], self.told[0].columns
        own = kind.counted
        if own and not own.of_patients and len(self.equal) == len(self.conditions) and {*self.equal} <= {*own.columns}:
            return own, self.equal
        return None


@dataclass(slots=True)
class Narrowing:
    """The conditions of a list and their values, in the order of the parameters they take."""

    archived: bool = False
    both: bool = False
    conditions: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    told: list[Counted] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    steady: bool = False

    def parameter(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values) + 1}"

    def add(self, how: str, column: str, value: object) -> None:
        place = self.parameter(value)
        form = {
            "equals": "r.{0} = {1}",
            "from": "r.{0} >= {1}",
            "to": "r.{0} <= {1}",
            "contains": "strpos(r.{0}, {1}) > 0",
            "state": "{0} = {1}",
            "before": "r.{0} < {1}",
            "mentions": "strpos(lower(r.{0}), lower({1})) > 0",
            "tagged": f"EXISTS ({TAGGED} AND t.patient_id = r.id)",
        }[how]
        self.conditions.append(form.format(column, place))
        if how == "equals":
            self.equal.append(column)

    def by_day(self, kind: Kind, how: str, column: str, day: date) -> None:
        """Moments `from` a day or `to` its end, each by the day at its record's place."""
        if how == "from":
            self.conditions.append(from_day(kind, f"r.{column}", [self.parameter(value) for value in bounds(day)]))
        elif day < date.max:
            after_it = bounds(day + timedelta(days=1))
            self.conditions.append(before_day(kind, f"r.{column}", [self.parameter(value) for value in after_it]))

    @property
    def by_tag_alone(self) -> bool:
        """Whether those with a tag are asked for, all of them and no others, and a summary tells how many they are."""
        live = not (self.archived or self.both)
        return len(self.told) == len(self.conditions) == 1 and not self.hits and live

    def few_have_it(self, tagged: int, of: int) -> None:
        """Where few of the org's records have the tag, their ids are read first instead of asking of each record.

        A page walks a sort's index until it is full, so it asks of 50 * of / tagged records, 2.2 microseconds each; or
        0.15 each in a table of all ids, which takes 0.35 an id to make. Reading the record of each id takes 7. The
        first of these meet at 17 times the root of `of`, the last at the root (measured at 10,000 and a million).
        """
        ids = TAGGED.format("", "$2")
        if tagged <= math.sqrt(of):
            self.hits, self.conditions, self.told = [ids], [], []
        elif tagged <= 17 * math.sqrt(of):
            self.conditions, self.steady = [f"(r.id IN ({ids})) IS TRUE"], True

    def is_(self, status: str, held: str, value: object) -> None:
        """Records whose status (see `tables.state_of`) is the held one; with False any other."""
        self.conditions.append(f"({status} = {self.parameter(held)}) = {self.parameter(value)}")

    def family(self, patient_id: str) -> None:
        """Records of this patient, and family-scoped live ones of patients with the same guarantor.

        Whose they may be is found first: by a choice between two conditions no index could be used.
        """
        own = self.parameter(patient_id)
        self.conditions.append(
            f"r.patient_id = ANY (ARRAY(SELECT {own}::uuid UNION SELECT f.id"
            f" FROM patients p JOIN patients f ON f.org_id = $1"
            f" AND f.responsible_party_id = p.responsible_party_id AND f.deleted_at IS NULL"
            f" WHERE p.org_id = $1 AND p.id = {own}))"
            f" AND (r.patient_id = {own} OR (r.alert_scope = 'family' AND r.deleted_at IS NULL))"
        )

    def nothing(self) -> None:
        self.conditions.append("false")

    def words(self, words: Sequence[Word]) -> None:
        """Every word must be the start of some search word of the record, or match its own e-mail, phone or birth."""
        for word in words:
            hits = [*self._among_words(word), *([] if self.archived else self._among_patients(word))]
            # Gathered first: what makes them distinct is a table as large as the planner expects, made and cleared at
            # each execution, and of an array it expects few, where of three ranges of a million's words very many.
            each = " UNION ALL ".join(hits)
            self.hits.append(f"SELECT DISTINCT hit.patient_id FROM unnest(ARRAY({each})) AS hit (patient_id)")

    def _among_words(self, word: Word) -> Iterator[str]:
        scopes = f"{NAMES}, {OTHERS}, {ARCHIVED}" if self.both else ARCHIVED if self.archived else f"{NAMES}, {OTHERS}"
        every = f"SELECT w.patient_id FROM patient_words w WHERE w.org_id = $1 AND w.scope IN ({scopes}) AND"
        for start in (word.start, *word.numbers, word.tail):
            if start:
                yield f"{every} {self._begins('w.word', start)}"
        if self.archived or self.both:
            for born in word.born:
                yield f"{every} w.word = {self.parameter(birth_word(born))}"

    def _among_patients(self, word: Word) -> Iterator[str]:
        every = "SELECT p.id FROM patients p WHERE p.org_id = $1 AND p.deleted_at IS NULL AND"
        yield f"{every} {self._begins('p.email_key', word.whole)}"
        for start in word.numbers:
            yield f"{every} {self._begins('p.mobile_phone_e164', start)}"
        for born in word.born:
            yield f"{every} p.date_of_birth = {self.parameter(born)}"

    def _begins(self, column: str, start: str) -> str:
        return f"{column} >= {self.parameter(start)} AND {column} < {self.parameter(after(start))}"

    @property
    def chosen(self) -> Chosen:
        found = " INTERSECT ".join(self.hits)
        conditions, equal, told = tuple(self.conditions), tuple(self.equal), tuple(self.told)
        return Chosen(self.archived, self.both, conditions, equal, told, found, self.steady)
