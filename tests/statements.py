"""Every statement that the server can send, by name, and how each would be had somebody forgotten the org in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from chairside.questions import question
from chairside.records import ALL
from chairside.records.tags import TAG_COUNTS
from chairside.store.counts import add_statement, carried_statement, drift_statement, fold_statement, total_statement
from chairside.store.days import STARTS
from chairside.store.lists import (
    Order,
    count_statement,
    page_ids,
    page_statement,
    rows_statement,
    walk_ids,
    walk_statement,
)
from chairside.store.narrowing import Narrowing
from chairside.store.sql import queries
from chairside.store.tables import Table, state_of, tables
from chairside.store.typeahead import nickname_statement
from chairside.store.typeahead import statement as typeahead
from chairside.types import Moment

TABLES = tables(ALL)
# What management commands ask as the owner, of no org or of all.
OF_OWNER = frozenset({"orgs.all", "orgs.add", "orgs.read", "retention.policy", "retention.keep"})
OF_NO_ORG = (
    "backup.",
    "partitions.",
    "doctor.",
    "keys.",
    "leases.",
    "epochs.versioned",
    "epochs.others",
    "sync.writing",
)  # the last two look at the server's activity, not at rows
FILTER = re.compile(r"\b(\w+\.)?org_id = \$1\b")
PLAIN = ("get", "get_any", "load", "insert", "insert_many", "update", "update_many", "names")


def plain_statements() -> Iterator[tuple[str, str]]:
    for name, table in TABLES.items():
        for what in PLAIN:
            if text := getattr(table, what):
                yield f"{name}.{what}", text


def list_statements() -> Iterator[tuple[str, str]]:
    """Each sort of each kind in both directions, with every filter, by page and by walk; and a page without any."""
    for name, table in TABLES.items():
        unnarrowed = Narrowing()
        yield f"{name}.everything", page_statement(table, unnarrowed.chosen, Order(table.kind.order), 200, None)
        narrowing = narrowed(table)
        where, beyond = narrowing.chosen, len(narrowing.values) + 2
        yield f"{name}.count", count_statement(table.kind, where)
        orders = [Order(table.kind.order)] + [
            Order((s.column, "id"), nullable=s.nullable, descending=down)
            for s in table.kind.sorts
            for down in (False, True)
        ]
        for order in orders:
            label = f"{name}.{'-'.join(order.columns)}.{'desc' if order.descending else 'asc'}"
            yield f"{label}.page", page_statement(table, where, order, 50, beyond)
            yield f"{label}.page.ids", page_ids(table, where, order, 50, beyond)
            if order.columns[0] in {s.column for s in table.kind.sorts}:
                for nulls in {False, order.nullable}:
                    yield f"{label}.walk.{nulls}", walk_statement(table, where, order, 50, nulls, beyond)
                    yield f"{label}.walk.{nulls}.ids", walk_ids(table, where, order, 50, nulls, beyond)
                    both = replace(where, both=True)
                    yield f"{label}.walk.{nulls}.both", walk_ids(table, both, order, 50, nulls, beyond)
        unsearched = narrowed(table, searched=False)
        yield f"{name}.rows", rows_statement(table, unsearched.chosen, len(unsearched.values) + 2)
        if table.kind.counted is not None:
            yield f"{name}.total", total_statement(table.kind.counted, False, table.kind.counted.columns)
            yield f"{name}.tally", add_statement(table.kind)
            yield f"{name}.fold", fold_statement(table.kind)
            yield f"{name}.drift", drift_statement(table.kind)
            if table.kind.counted.of_patients:
                yield f"{name}.carried", carried_statement(table.kind)
    patients, by_last_name = TABLES["patient"], Order(("last_name_key", "id"))
    for some in (1_000, 100, 10):
        where = tagged(some, 100).chosen
        yield f"patient.tagged.{some}.page", page_statement(patients, where, by_last_name, 50, None)
        yield f"patient.tagged.{some}.count", count_statement(patients.kind, where)
    for numbers in (1, 3):
        yield f"typeahead.numbers.{numbers}", typeahead(1, 20, 0, numbers)
    for others in (0, 1, 2):
        yield f"typeahead.nicknames.{others}", nickname_statement(others, 20)
    for words in (1, 2, 3):
        yield f"typeahead.{words}", typeahead(words, 20)
        yield f"typeahead.{words}.implied", typeahead(words, 20, 2)


def tagged(some: int, of: int, tag_id: object = "x") -> Narrowing:
    """Those with a tag, which so many of so many have."""
    narrowing = Narrowing()
    narrowing.add("tagged", "", tag_id)
    narrowing.told.append(TAG_COUNTS)
    narrowing.few_have_it(some, of)
    return narrowing


def narrowed(table: Table, *, searched: bool = True) -> Narrowing:
    """Every filter of a kind at once."""
    narrowing = Narrowing()
    for f in table.kind.filters:
        if f.how == "is":
            narrowing.is_(state_of(table.kind, f.column), f.value or "", True)
        elif f.how == "state":
            narrowing.add("state", state_of(table.kind, f.column), "x")
        elif isinstance(f.entry.type, Moment):
            narrowing.by_day(table.kind, f.how, f.column, date(2025, 6, 15))
        elif f.how not in ("words", "family"):
            narrowing.add(f.how, f.column, "x")
    if table.kind.parent:
        narrowing.family("x") if table.kind.name == "alert" else narrowing.add("equals", "patient_id", "x")
    if table.kind.search_words and searched:
        narrowing.words(question("gar jo 3125550 1984-02-11", "US", date(2026, 1, 5)))
    return narrowing


# Statements of rekeying, sent by the owner alone, name a table that only their own transaction has.
SENT = {name: text for name, text in queries().items() if not name.startswith("rekeying.")}
EVERY = {**dict(plain_statements()), **dict(list_statements()), **SENT, "days.starts": STARTS}


def unfiltered(statement: str) -> str:
    """The statement as it would be had somebody forgotten the org in it."""
    bare = FILTER.sub("$1::uuid IS NOT NULL", statement)
    assert bare != statement
    return bare
