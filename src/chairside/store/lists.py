"""The statements of lists: filters, sorts with nulls last, pages by number, by cursor, and exact totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from chairside.resource import Counted, Kind
from chairside.store.counts import total_statement
from chairside.store.tables import Table
from chairside.words import Word, after, birth_word

# Scopes of the search words: what typeahead looks at, what lists look at as well, and the words of the archived.
NAMES, OTHERS, ARCHIVED = 0, 1, 2
# Statements are planned once for any value, and for any org. Which index serves a filter best hangs on how many records
# of this org have this value, so such a list is planned anew each time, which costs less than reading all of them.
FOR_THESE_VALUES = "SET LOCAL plan_cache_mode = force_custom_plan"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records a list is of: conditions, and the ids that a search found, if there was one.

    `equal` are columns whose values are compared by conditions, one each; `told` are summaries that tell how many
    records one condition leaves.
    """

    archived: bool = False
    conditions: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()
    told: tuple[Counted, ...] = ()
    found: str = ""

    def source(self, table: str) -> str:
        """What to select from. The ids that were found lead, each to its record: a plan that walks a sort's index, or
        all records of the org, and looks for each among them takes minutes where the planner knows a table too little.
        """
        if not self.found:
            return f"{table} r"
        each = f"SELECT * FROM {table} r WHERE r.org_id = $1 AND r.id = found.patient_id OFFSET 0"
        return f"({self.found}) found CROSS JOIN LATERAL ({each}) r"

    def where(self, *more: str) -> str:
        state = f"r.deleted_at IS {'NOT ' if self.archived else ''}NULL"
        return " AND ".join(("r.org_id = $1", state, *self.conditions, *more))

    @property
    def uneven(self) -> bool:
        """Whether it hangs on the values how much of the records they leave; what a search found leads anyhow."""
        return bool(self.conditions) and not self.found

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
    conditions: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    told: list[Counted] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

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
            "tagged": "EXISTS (SELECT 1 FROM patient_tags t WHERE t.org_id = $1 AND t.tag_definition_id = {1}"
            " AND t.patient_id = r.id AND t.deleted_at IS NULL)",
        }[how]
        self.conditions.append(form.format(column, place))
        if how == "equals":
            self.equal.append(column)

    def is_(self, column: str, held: str, value: object) -> None:
        self.conditions.append(f"(r.{column} = {self.parameter(held)}) = {self.parameter(value)}")

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
            matched = " UNION ".join(hits)
            self.hits.append(f"({matched})" if len(hits) > 1 else matched.replace("SELECT", "SELECT DISTINCT", 1))

    def _among_words(self, word: Word) -> Iterator[str]:
        scopes = ARCHIVED if self.archived else f"{NAMES}, {OTHERS}"
        every = f"SELECT w.patient_id FROM patient_words w WHERE w.org_id = $1 AND w.scope IN ({scopes}) AND"
        for start in (word.start, *word.numbers):
            if start:
                yield f"{every} {self._begins('w.word', start)}"
        if word.born and self.archived:
            yield f"{every} w.word = {self.parameter(birth_word(word.born))}"

    def _among_patients(self, word: Word) -> Iterator[str]:
        every = "SELECT p.id FROM patients p WHERE p.org_id = $1 AND p.deleted_at IS NULL AND"
        yield f"{every} {self._begins('p.email_key', word.whole)}"
        for start in word.numbers:
            yield f"{every} {self._begins('p.mobile_phone_e164', start)}"
        if word.born:
            yield f"{every} p.date_of_birth = {self.parameter(word.born)}"

    def _begins(self, column: str, start: str) -> str:
        return f"{column} >= {self.parameter(start)} AND {column} < {self.parameter(after(start))}"

    @property
    def chosen(self) -> Chosen:
        found = " INTERSECT ".join(self.hits)
        return Chosen(self.archived, tuple(self.conditions), tuple(self.equal), tuple(self.told), found)


@dataclass(frozen=True, slots=True)
class Order:
    """A sort: its columns, whether the first may be null, and its direction.

    Columns with a minus descend, nulls last, in lists too short to need an index for it.
    """

    columns: tuple[str, ...]
    nullable: bool = False
    descending: bool = False


@lru_cache(maxsize=512)
def page_statement(table: Table, chosen: Chosen, order: Order, limit: int, offset_at: int | None) -> str:
    """The answers of one page. LIMIT is written out, because a plan for an unknown one expects a tenth of the table.

    A nullable sort is read as two ordered runs, values then nulls, so that one index serves both directions. The
    limit stands beside the runs, not after the sort of both: PostgreSQL reads them one after the other and leaves the
    nulls alone where the values fill the page. How many nulls there are it knows of all orgs together, so in an org
    of few it may look for them among all that a filter leaves. Nulls, too, are ordered by the column, which is to say
    that the index has them in the order asked for.
    """
    source, way = chosen.source(table.kind.table), " DESC" if order.descending else ""
    keys = ", ".join(f"r.{c[1:]} DESC NULLS LAST" if c[0] == "-" else f"r.{c}{way}" for c in order.columns)
    skip = f" OFFSET ${offset_at}" if offset_at else ""
    if not order.nullable:
        ids = f"SELECT r.id FROM {source} WHERE {chosen.where()} ORDER BY {keys} LIMIT {limit}{skip}"
        return _rows(table, ids)
    most = f"{limit} + ${offset_at}::bigint" if offset_at else str(limit)
    first = order.columns[0]
    listed = ", ".join(f"r.{c}" for c in order.columns)
    runs = [
        f"(SELECT {run} AS run, {listed} FROM {source} WHERE {chosen.where(f'r.{first} IS {state}')}"
        f" ORDER BY {keys} LIMIT {most})"
        for run, state in ((0, "NOT NULL"), (1, "NULL"))
    ]
    outer = ", ".join(f"x.{c}{way}" for c in order.columns)
    ids = f"SELECT x.id FROM ({' UNION ALL '.join(runs)} LIMIT {limit}{skip}) x ORDER BY x.run, {outer}"
    return _rows(table, ids)


@lru_cache(maxsize=512)
def walk_statement(table: Table, chosen: Chosen, order: Order, limit: int, nulls: bool, anchor_at: int | None) -> str:
    """The next answers of a walk with the sort value of each: one run, of values or of nulls, after an anchor.

    Parameters from `anchor_at`: the anchor's id, then (in the run of values) its sort value.
    """
    column, _ = order.columns
    way, beyond = (" DESC", "<") if order.descending else ("", ">")
    conditions: list[str] = []
    if order.nullable:
        conditions.append(f"r.{column} IS {'' if nulls else 'NOT '}NULL")
    if anchor_at and nulls:
        conditions.append(f"r.id {beyond} ${anchor_at}")
    elif anchor_at:
        conditions.append(f"(r.{column}, r.id) {beyond} (${anchor_at + 1}, ${anchor_at})")
    ids = (
        f"SELECT r.id, r.{column} AS sort_value FROM {chosen.source(table.kind.table)}"
        f" WHERE {chosen.where(*conditions)} ORDER BY r.{column}{way}, r.id{way} LIMIT {limit}"
    )
    return _rows(table, ids, ", page.sort_value")


@lru_cache(maxsize=512)
def count_statement(kind: Kind, chosen: Chosen) -> str:
    """How many they are: by a summary that writes keep, or by counting where it tells too little."""
    if counted := chosen.counted(kind):
        summary, columns = counted
        return total_statement(summary, chosen.archived, columns)
    return f"SELECT count(*) FROM {chosen.source(kind.table)} WHERE {chosen.where()}"


def _rows(table: Table, ids: str, more: str = "") -> str:
    """The answers of the records that `ids` selects, in the order of its rows."""
    return (
        f"SELECT {table.answer_list}{more}\nFROM (SELECT p.*, row_number() OVER () AS place FROM ({ids}) p) page\n"
        f"  JOIN {table.kind.table} r ON r.org_id = $1 AND r.id = page.id{table.joins}\nORDER BY page.place"
    )
