"""Who may import whom, and which words may stand only in one place: read from the sources, not promised in prose."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from chairside.engine.vault import Vault
from tests.sources import REPOSITORY, Source, sources

_WORDS = frozenset(
    {
        "characters",
        "days",
        "errors",
        "types",
        "fields",
        "changes",
        "resource",
        "standing",
        "telephones",
        "words",
        "questions",
    }
)
_STORE = _WORDS | {"store"}
_ENGINE = _STORE | {"engine"}
_ACCESS = _ENGINE | {"access"}
_REST = _ACCESS | {"delivery", "rest", "(version)"}
# Each package and what it may import beside itself; app, cli and __main__ may import anything.
MAY: Mapping[str, frozenset[str]] = {
    "__init__": frozenset(),
    "errors": frozenset(),
    "characters": frozenset(),
    "days": frozenset(),
    "telephones": frozenset({"characters"}),
    "words": frozenset({"characters"}),
    "questions": frozenset({"characters", "telephones", "words"}),
    "settings": frozenset(),
    "logs": frozenset(),
    "knowledge": frozenset(),
    "demo": frozenset(),
    "embedded": frozenset(),
    "types": frozenset({"characters", "days", "errors"}),
    "fields": frozenset({"types", "errors"}),
    "changes": frozenset({"errors"}),
    "standing": frozenset({"fields", "types", "errors"}),
    "resource": frozenset({"changes", "standing", "fields", "types", "errors"}),
    "records": _WORDS | {"knowledge"},
    "store": _WORDS,
    "engine": _STORE,
    "access": _ENGINE,
    "delivery": _ENGINE,
    "rest": _REST - {"rest"},
}
ANYTHING = frozenset({"app", "cli", "__main__"})

SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+[a-z{]|DELETE\s+FROM\s|WITH\s+\w|CREATE\s|ALTER\s|DROP\s|GRANT\s|REVOKE\s"
    r"|TRUNCATE\s|LOCK\s+TABLE\s|SET\s+[A-Za-z]|COPY\s)|.*\s(FROM|JOIN|WHERE)\s+[a-z_$]+\s.*\bAND\b",
    re.DOTALL,
)
# It makes clusters and backs up databases before there is anything of ours in them, and imports nothing of ours.
SQL_BEFORE_US = frozenset({"embedded/cluster.py", "embedded/restoring.py"})
TRANSACTION = re.compile(r"\b(BEGIN|COMMIT|ROLLBACK)\b")
# Numbers that mean nothing in this program but an HTTP status.
PLAINLY_HTTP = frozenset({201, 202, 204, 301, 302, 304, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 428, 429, 501, 502, 503, 504})  # fmt: skip  # noqa: E501


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Line and package of each import of ours; `from chairside import x` names the package x."""
    for line, name in source.imports():
        first, _, rest = name.partition(".")
        if first == "chairside":
            package = rest.partition(".")[0]
            yield line, "(version)" if package == "__version__" else package


@cache
def packages() -> tuple[str, ...]:
    return tuple(sorted({s.package for s in sources()}))


def test_every_package_has_a_place_among_those_who_may_import_whom() -> None:
    """Prevents a new folder, `utils` say, from growing outside every rule below."""
    assert set(packages()) == set(MAY) | ANYTHING


@pytest.mark.parametrize("package", sorted(MAY))
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    """Prevents HTTP in a record's rules, SQL that knows handlers, and two kinds that cannot change apart."""
    allowed = MAY[package] | {package}
    strays = [
        f"{source.place}:{line} imports {other}"
        for source in sources()
        if source.package == package
        for line, other in imported(source)
        if other not in allowed
    ]
    assert not strays


def test_the_order_of_packages_has_no_circle() -> None:
    """Prevents a rule being loosened until A may import B and B may import A, when neither is below the other."""
    settled: set[str] = {"(version)"}
    while free := {p for p, below in MAY.items() if p not in settled and below <= settled}:
        settled |= free
    assert settled >= set(MAY)


def test_only_rest_knows_the_web_framework() -> None:
    """Prevents a rule or a verb that can only run inside a web request."""
    web = ("litestar", "granian", "starlette", "uvicorn", "httpx", "http")
    strays = [
        f"{source.place}:{line} imports {name}"
        for source in sources()
        if source.package not in {"rest", *ANYTHING}
        for line, name in source.imports()
        if name.partition(".")[0] in web
    ]
    assert not strays


def test_records_know_no_driver_no_clock_and_no_chance() -> None:
    """Prevents a rule whose verdict on the same record differs from one run to the next."""
    impure = {"asyncpg", "time", "random", "secrets", "os", "socket", "asyncio", "pathlib", "subprocess"}
    strays = [
        f"{source.place}:{line} imports {name}"
        for source in sources()
        if source.package == "records"
        for line, name in source.imports()
        if name.partition(".")[0] in impure
    ]
    clocks = [
        f"{source.place}:{node.lineno} reads the clock"
        for source in sources()
        if source.package == "records"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow") and _is_clock(node.value)
    ]
    assert not strays + clocks


def _is_clock(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("datetime", "date")


def test_sql_stands_only_in_store() -> None:
    """Prevents a statement that nobody prepares in a test, and that forgets the org."""
    strays = [
        f"{source.place}:{line}: {text[:60]!r}"
        for source in sources()
        if source.package != "store" and source.place not in SQL_BEFORE_US
        for line, text in source.texts()
        if SQL.match(text)
    ]
    assert not strays


def test_a_transaction_begins_and_ends_in_one_place() -> None:
    """Prevents a request that commits half of what it did: row, version, audit, event and answer go together."""
    strays = [
        f"{source.place}:{line}: {text[:60]!r}"
        for source in sources()
        if source.place != "store/transactions.py" and source.place not in SQL_BEFORE_US
        for line, text in source.texts()
        if TRANSACTION.search(text) and not _is_docstring(source, text)
    ]
    assert not strays


def test_the_drivers_own_transactions_serve_migrations_alone() -> None:
    """Prevents a transaction without an org, which a call of asyncpg's `transaction()` would begin."""
    strays = [
        f"{source.place}:{node.lineno}"
        for source in sources()
        if source.place != "store/migrate.py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transaction"
        if not node.args
    ]
    assert not strays


def _is_docstring(source: Source, text: str) -> bool:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return any(
        ast.get_docstring(node, clean=False) == text for node in ast.walk(source.tree) if isinstance(node, documented)
    )


def test_http_status_numbers_stand_only_in_rest() -> None:
    """Prevents rules that decide on 422 or 409: they refuse with a code, and one table knows its status."""
    strays = [
        f"{source.place}:{line}: {number}"
        for source in sources()
        if source.package != "rest"
        for line, number in _statuses(source)
    ]
    assert not strays


def _statuses(source: Source) -> Iterator[tuple[int, int]]:
    """Integers that can only be a status, and those that stand where a status is given, kept or compared."""
    figures = source.package in ("demo", "knowledge")  # of people: weights, heights, blood pressures
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in PLAINLY_HTTP and not figures:
            yield node.lineno, node.value
        for part in _given_as_status(node):
            yield from (
                (number.lineno, number.value)
                for number in ast.walk(part)
                if isinstance(number, ast.Constant) and type(number.value) is int and 200 <= number.value <= 599
            )


def _given_as_status(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.keyword) and "status" in (node.arg or ""):
        yield node.value
    elif isinstance(node, ast.Compare) and any(_names_status(side) for side in (node.left, *node.comparators)):
        yield from (node.left, *node.comparators)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_names_status(target) for target in targets):
            yield node.value


def _names_status(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return "status" in name.lower()


def test_statements_in_files_are_for_store_alone_to_load() -> None:
    """Prevents SQL that hides in a data file of some other package."""
    files = (REPOSITORY / "src").rglob("*.sql")
    assert {file.relative_to(REPOSITORY / "src" / "chairside").parts[0] for file in files} == {"store"}


def test_a_worker_loads_no_library_that_it_does_not_use(tmp_path: Path) -> None:
    """Neither the demo's generator, which the command line could bring, nor what the framework looks for by itself."""
    place = {
        "CHAIRSIDE_DATA_DIR": str(tmp_path),
        "CHAIRSIDE_DATABASE_URL": "postgresql://nobody@localhost/nothing",  # connected to at a first request
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    Vault.create(tmp_path / "keys.json")
    told = subprocess.run(
        [sys.executable, "-c", "import sys, chairside.cli, chairside.app; chairside.app.create(); print(*sys.modules)"],
        env=os.environ | place,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(told.stdout.split())
    assert {"chairside.app", "litestar.app"} <= loaded
    assert {"chairside.demo", "mimesis", "pydantic", "litestar.plugins.pydantic"} & loaded == set()
