"""The statement of typeahead: the best few people for the words typed so far, and how many there are."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

MOST_COUNTED = 1000
# A patient has at most 66 pairs of name words (records/patients/keys), or, with longer names, a row for each word:
# fewer than 200, by the lengths of names and chart number. So many rows hold 1,000 patients.
ROWS_COUNTED = 200 * MOST_COUNTED
# Of names of three or four words so many rows mostly do, and of nearly all names so many.
ROWS_ENOUGH, ROWS_OF_MOST = 2 * MOST_COUNTED, 12 * MOST_COUNTED
# A patient has few telephones; so many rows hold 1,000 patients. Of so many patients the names are looked at.
NUMBERS_COUNTED, NUMBERS_NAMED = 8 * MOST_COUNTED, 200
# Of those with a name that nicknames lead to, so many are looked at.
NICKNAMES_NAMED = 500
# Scopes of the words: names and chart number, the rest, and the names of those who have more words than are paired.
NAMES, OTHERS, LONG = 0, 1, 3
_SHOWN = (
    "r.id, r.first_name, r.last_name, r.preferred_name, r.date_of_birth, r.status, r.mobile_phone, r.email,"
    " r.chart_number"
)
# As the words have it: sorts as last and first name do, for neither holds a blank.
_NAME = "r.last_name_key || ' ' || r.first_name_key AS name"


@lru_cache(maxsize=256)
def statement(words: int, limit: int, implied: int = 0, numbers: int = 0) -> str:
    """Best first: exact chart number, exact last name, last name that begins so, the rest by last and first name.

    Takes the whole text, then start and end of each word, none of which begins another; then those that others begin
    with, which tell nothing but who comes first. Each row says how many there are in all. For one word the first three
    stages are read in index order and mostly suffice; the rest is looked at only when they do not fill the page. More
    words are looked for two at a time, once for people and number. One word of digits may also be a telephone number:
    then its last digits follow, as they are kept, and so many beginnings of international numbers, start and end each.
    """
    if words == 1 and not implied:
        return _digits(limit, numbers) if numbers else _one(limit)
    return _several(words, limit, implied)


def _live(alias: str) -> str:
    return f"{alias}.org_id = $1 AND {alias}.deleted_at IS NULL"


def _range(at: int, column: str = "word") -> str:
    return f"w.{column} >= ${at} AND w.{column} < ${at + 1}"


def _words(*conditions: str, scope: int = NAMES) -> str:
    return f"patient_words w WHERE w.org_id = $1 AND w.scope = {scope} AND {' AND '.join(conditions)}"


def _one(limit: int) -> str:
    return f"""
WITH {_stages(limit)}, best AS (
  SELECT id, min(rank) AS rank, name
  FROM (SELECT * FROM chart UNION ALL SELECT * FROM last UNION ALL SELECT * FROM rest) a
  GROUP BY id, name ORDER BY 2, name, id LIMIT {limit}
)
SELECT {_SHOWN}, ({_count()}) AS total FROM best JOIN patients r ON {_live("r")} AND r.id = best.id
ORDER BY best.rank, best.name, best.id"""


def _digits(limit: int, numbers: int) -> str:
    """The same, and after them those with such a telephone number, by name among the first of them."""
    spans = [(at, at + 1) for at in range(7, 7 + 2 * numbers, 2)]
    others = [_range(3), _range(5), *(_range(at) for at, _ in spans)]
    mobile = [f"r.mobile_phone_e164 >= ${at} AND r.mobile_phone_e164 < ${end}" for at, end in spans]
    each = [
        *(f"(SELECT w.patient_id AS id FROM {_words(o, scope=OTHERS)} LIMIT {NUMBERS_COUNTED})" for o in others),
        *(f"(SELECT r.id FROM patients r WHERE {_live('r')} AND {m} LIMIT {NUMBERS_COUNTED})" for m in mobile),
    ]
    return f"""
WITH {_stages(limit)}, callers AS MATERIALIZED (
  SELECT DISTINCT id FROM ({" UNION ALL ".join(each)}) n
), called AS (
  SELECT c.id, 4 AS rank, {_NAME} FROM (SELECT id FROM callers LIMIT {NUMBERS_NAMED}) c
    JOIN patients r ON {_live("r")} AND r.id = c.id
), best AS (
  SELECT id, min(rank) AS rank, name
  FROM (SELECT * FROM chart UNION ALL SELECT * FROM last UNION ALL SELECT * FROM rest UNION ALL SELECT * FROM called) a
  GROUP BY id, name ORDER BY 2, name, id LIMIT {limit}
)
SELECT {_SHOWN}, (
  SELECT least(count(*), {MOST_COUNTED}) FROM (SELECT id FROM callers UNION ({_some(ROWS_COUNTED)})) every
) AS total FROM best JOIN patients r ON {_live("r")} AND r.id = best.id
ORDER BY best.rank, best.name, best.id"""


def _stages(limit: int) -> str:
    return f"""chart AS (
  SELECT r.id, 0 AS rank, {_NAME} FROM patients r
  WHERE {_live("r")} AND r.chart_number_key = $2 ORDER BY r.id LIMIT {limit}
), last AS (
  SELECT r.id, CASE WHEN r.last_name_key = $2 THEN 1 ELSE 2 END AS rank, {_NAME} FROM patients r
  WHERE {_live("r")} AND r.last_name_key >= $3 AND r.last_name_key < $4
  ORDER BY r.last_name_key, r.first_name_key, r.id LIMIT {limit}
), rest AS ( -- its condition stands outside, else a table of those told apart is made to stay empty
  SELECT m.patient_id AS id, 3 AS rank, m.name
  FROM (SELECT DISTINCT w.patient_id, w.name FROM {_words(_range(3))}) m WHERE (SELECT count(*) FROM last) < {limit}
  ORDER BY m.name, m.patient_id LIMIT 2 * {limit}
)"""


def _several(words: int, limit: int, implied: int) -> str:
    spans = range(3, 3 + 2 * words, 2)
    typed = [*spans, *range(3 + 2 * words, 3 + 2 * words + implied)]
    exact = " OR ".join(f"starts_with(m.name, ${at} || ' ')" for at in (2, *typed))
    begins = " OR ".join(f"starts_with(m.name, ${at})" for at in typed)
    chart = f"ARRAY(SELECT r.id FROM patients r WHERE {_live('r')} AND r.chart_number_key = $2)"
    rank = f"CASE WHEN m.patient_id = ANY ({chart}) THEN 0 WHEN {exact} THEN 1 WHEN {begins} THEN 2 ELSE 3 END"
    return f"""
WITH m AS MATERIALIZED ({_matches(spans)}), best AS (
  SELECT m.patient_id AS id, {rank} AS rank, m.name FROM m ORDER BY 2, m.name, m.patient_id LIMIT {limit}
)
SELECT {_SHOWN}, (SELECT count(*) FROM (SELECT 1 FROM m LIMIT {MOST_COUNTED}) c) AS total
FROM best JOIN patients r ON {_live("r")} AND r.id = best.id
ORDER BY best.rank, best.name, best.id"""


def _matches(spans: range) -> str:
    """Any two words of a patient stand beside each other once, so both orders are looked for.

    Of the few whose names have more words than are paired, each word is looked for among theirs alone.
    """
    if len(spans) == 1:
        return f"SELECT DISTINCT w.patient_id, w.name FROM {_words(_range(spans[0]))}"
    long = " INTERSECT ".join(f"SELECT w.patient_id, w.name FROM {_words(_range(at), scope=LONG)}" for at in spans)
    both = (
        " UNION ".join(
            f"SELECT w.patient_id, w.name FROM {_words(_range(first), _range(second, 'beside'))}"
            for first, second in (pair, pair[::-1])
        )
        for pair in pairwise(spans)
    )
    return f"({' INTERSECT '.join(f'({pair})' for pair in both)}) UNION ALL ({long})"


def _count() -> str:
    """Mostly a small part shows already that there are as many as are counted: last names, of which each has one."""
    last = f"SELECT 1 FROM patients r WHERE {_live('r')} AND r.last_name_key >= $3 AND r.last_name_key < $4"
    return f"""
SELECT CASE WHEN (SELECT count(*) FROM ({last} LIMIT {MOST_COUNTED}) l) = {MOST_COUNTED} THEN {MOST_COUNTED} ELSE (
  SELECT CASE WHEN people >= {MOST_COUNTED} THEN {MOST_COUNTED} WHEN words < {ROWS_ENOUGH} THEN people ELSE (
    SELECT CASE WHEN people >= {MOST_COUNTED} THEN {MOST_COUNTED} WHEN words < {ROWS_OF_MOST} THEN people ELSE (
      SELECT least(count(DISTINCT m.patient_id), {MOST_COUNTED}) FROM ({_some(ROWS_COUNTED)}) m) END
    FROM ({_counted(ROWS_OF_MOST)}) most) END
  FROM ({_counted(ROWS_ENOUGH)}) part) END"""


def _counted(rows: int) -> str:
    return f"SELECT count(*) AS words, count(DISTINCT m.patient_id) AS people FROM ({_some(rows)}) m"


def _some(rows: int) -> str:
    """The people of so many words that begin with the first one typed."""
    return f"SELECT w.patient_id FROM {_words(_range(3))} LIMIT {rows}"


@lru_cache(maxsize=256)
def nickname_statement(others: int, limit: int) -> str:
    """Those whose first or preferred name is one of these, and who have the other words typed; by last and first name.

    Takes the names, the ids that are not wanted, then start and end of each other word, none of which begins another.
    """
    named, beside = "w.word = ANY ($2::text[])", "w.beside = ANY ($2::text[])"
    pairs = [
        f"(SELECT w.patient_id FROM {_words(named, _range(at, 'beside'))}"
        f" UNION SELECT w.patient_id FROM {_words(_range(at), beside)})"
        for at in range(4, 4 + 2 * others, 2)
    ]
    long = [f"SELECT w.patient_id FROM {_words(_range(at), scope=LONG)}" for at in range(4, 4 + 2 * others, 2)]
    both = f"{' INTERSECT '.join(pairs)} UNION ({' INTERSECT '.join([_named_long(), *long])})"
    alone = f"SELECT w.patient_id FROM {_words(named)} LIMIT {NICKNAMES_NAMED}"
    first = " OR ".join(f"lower(split_part(r.{name}, ' ', 1)) = ANY ($2)" for name in ("first_name", "preferred_name"))
    return f"""
WITH m AS MATERIALIZED (SELECT DISTINCT n.patient_id AS id FROM ({both if others else alone}) n LIMIT {NICKNAMES_NAMED})
SELECT {_SHOWN} FROM m JOIN patients r ON {_live("r")} AND r.id = m.id
WHERE m.id <> ALL ($3::uuid[]) AND ({first})
ORDER BY r.last_name_key, r.first_name_key, r.id LIMIT {limit}"""


def _named_long() -> str:
    return f"SELECT w.patient_id FROM {_words('w.word = ANY ($2::text[])', scope=LONG)}"
