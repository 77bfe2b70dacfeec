"""Every statement that the server can send, by name, and how each would be had somebody forgotten the org in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chairside.records import ALL
from chairside.store.counts import add_statement, carried_statement, drift_statement, fold_statement, total_statement
from chairside.store.lists import Narrowing, Order, count_statement, page_statement, walk_statement
from chairside.store.sql import queries
from chairside.store.tables import Table, state_of, tables
from chairside.store.typeahead import statement as typeahead
from chairside.words import question

TABLES = tables(ALL)
# What management commands ask as the owner, of no org or of all.
OF_OWNER = frozenset({"orgs.all", "orgs.add", "orgs.read"})
OF_NO_ORG = ("doctor.", "keys.", "sync.writing")  # the last looks at the server's activity, not at rows
FILTER = re.compile(r"\b(\w+\.)?org_id = \$1\b")
PLAIN = ("get", "load", "insert", "insert_many", "update", "update_many", "names")


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
            if order.columns[0] in {s.column for s in table.kind.sorts}:
                for nulls in {False, order.nullable}:
                    yield f"{label}.walk.{nulls}", walk_statement(table, where, order, 50, nulls, beyond)
        if table.kind.counted is not None:
            yield f"{name}.total", total_statement(table.kind.counted, False, table.kind.counted.columns)
            yield f"{name}.tally", add_statement(table.kind)
            yield f"{name}.fold", fold_statement(table.kind)
            yield f"{name}.drift", drift_statement(table.kind)
            if table.kind.counted.of_patients:
                yield f"{name}.carried", carried_statement(table.kind)
    for words in (1, 2, 3):
        yield f"typeahead.{words}", typeahead(words, 20)
        yield f"typeahead.{words}.implied", typeahead(words, 20, 2)


def narrowed(table: Table) -> Narrowing:
    """Every filter of a kind at once."""
    narrowing = Narrowing()
    for f in table.kind.filters:
        if f.how == "is":
            narrowing.is_(f.column, f.value or "", True)
        elif f.how == "state":
            narrowing.add("state", state_of(table.kind, f.column), "x")
        elif f.how not in ("words", "family"):
            narrowing.add(f.how, f.column, "x")
    if table.kind.parent:
        narrowing.family("x") if table.kind.name == "alert" else narrowing.add("equals", "patient_id", "x")
    if table.kind.search_words:
        narrowing.words(question("gar jo 312 1984-02-11"))
    return narrowing


EVERY = {**dict(plain_statements()), **dict(list_statements()), **queries()}


def unfiltered(statement: str) -> str:
    """The statement as it would be had somebody forgotten the org in it."""
    bare = FILTER.sub("$1::uuid IS NOT NULL", statement)
    assert bare != statement
    return bare
