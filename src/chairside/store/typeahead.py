"""The statement of typeahead: the best few people for the words typed so far, and how many there are."""

from __future__ import annotations

from functools import lru_cache

MOST_COUNTED = 1000
# A patient has at most 12 name words (records/patients/rules), so this many rows hold 1,000 patients.
ROWS_COUNTED = 12 * MOST_COUNTED
_SHOWN = (
    "r.id, r.first_name, r.last_name, r.preferred_name, r.date_of_birth, r.status, r.mobile_phone, r.email,"
    " r.chart_number"
)


@lru_cache(maxsize=256)
def statement(words: int, limit: int) -> str:
    """Best first: exact chart number, exact last name, last name that begins so, the rest by last and first name.

    Takes the whole text, then start and end of each word; each row says how many there are in all. For one word the
    first three stages are read in index order and mostly suffice; the rest is looked at only when they do not fill the
    page. More words are intersected first, once for people and number.
    """
    return _one(limit) if words == 1 else _several(words, limit)


def _live(alias: str) -> str:
    return f"{alias}.org_id = $1 AND {alias}.deleted_at IS NULL"


def _range(alias: str, at: int) -> str:
    return f"{alias}.org_id = $1 AND {alias}.scope = 0 AND {alias}.word >= ${at} AND {alias}.word < ${at + 1}"


def _one(limit: int) -> str:
    keys = "last_name_key, first_name_key, id"
    return f"""
WITH chart AS (
  SELECT r.id, 0 AS rank, {_keys()} FROM patients r
  WHERE {_live("r")} AND r.chart_number_key = $2 ORDER BY r.id LIMIT {limit}
), last AS (
  SELECT r.id, CASE WHEN r.last_name_key = $2 THEN 1 ELSE 2 END AS rank, {_keys()} FROM patients r
  WHERE {_live("r")} AND r.last_name_key >= $3 AND r.last_name_key < $4
  ORDER BY r.last_name_key, r.first_name_key, r.id LIMIT {limit}
), rest AS (
  SELECT r.id, 3 AS rank, {_keys()}
  FROM (SELECT DISTINCT w.patient_id FROM patient_words w
        WHERE {_range("w", 3)} AND (SELECT count(*) FROM last) < {limit}) m
    CROSS JOIN LATERAL (
      SELECT r.id, {_keys()} FROM patients r WHERE {_live("r")} AND r.id = m.patient_id OFFSET 0) r
  ORDER BY r.last_name_key, r.first_name_key, r.id LIMIT 2 * {limit}
), best AS (
  SELECT id, min(rank) AS rank, {keys.removesuffix(", id")}
  FROM (SELECT * FROM chart UNION ALL SELECT * FROM last UNION ALL SELECT * FROM rest) a
  GROUP BY id, last_name_key, first_name_key ORDER BY 2, {keys} LIMIT {limit}
)
SELECT {_SHOWN}, ({_count()}) AS total FROM best JOIN patients r ON {_live("r")} AND r.id = best.id
ORDER BY best.rank, best.last_name_key, best.first_name_key, best.id"""


def _keys() -> str:
    return "r.last_name_key, r.first_name_key"


def _several(words: int, limit: int) -> str:
    spans = range(3, 3 + 2 * words, 2)
    hits = " INTERSECT ".join(f"SELECT w.patient_id FROM patient_words w WHERE {_range('w', at)}" for at in spans)
    exact = " OR ".join(f"r.last_name_key = ${at}" for at in spans)
    begins = " OR ".join(f"(r.last_name_key >= ${at} AND r.last_name_key < ${at + 1})" for at in spans)
    rank = (
        f"CASE WHEN r.chart_number_key = $2 THEN 0 WHEN {exact} OR r.last_name_key = $2 THEN 1"
        f" WHEN {begins} THEN 2 ELSE 3 END"
    )
    return f"""
WITH m AS MATERIALIZED ({hits})
SELECT {_SHOWN}, (SELECT count(*) FROM (SELECT 1 FROM m LIMIT {MOST_COUNTED}) c) AS total
FROM m JOIN patients r ON {_live("r")} AND r.id = m.patient_id
ORDER BY {rank}, r.last_name_key, r.first_name_key, r.id LIMIT {limit}"""


def _count() -> str:
    """Mostly a small part shows already that there are as many as are counted."""
    return f"""
SELECT CASE WHEN people >= {MOST_COUNTED} THEN {MOST_COUNTED} WHEN words < {2 * MOST_COUNTED} THEN people
  ELSE (SELECT least(count(DISTINCT m.patient_id), {MOST_COUNTED}) FROM ({_some(ROWS_COUNTED)}) m) END
FROM (
  SELECT count(*) AS words, count(DISTINCT m.patient_id) AS people FROM ({_some(2 * MOST_COUNTED)}) m) part"""


def _some(rows: int) -> str:
    """The people of so many words that begin with the first one typed."""
    return f"SELECT w.patient_id FROM patient_words w WHERE {_range('w', 3)} LIMIT {rows}"
