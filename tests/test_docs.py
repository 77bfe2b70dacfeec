"""What must be written down is: every error code, setting, dependency and module."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields

import pytest

from chairside import settings
from chairside.errors import CODES
from chairside.rest.errors import RETRY_AFTER, STATUS
from chairside.settings import DOCS, Settings
from tests.sources import REPOSITORY, Source, sources

LONGEST_FILE = 260
_WORD = re.compile(r"[a-z]+(_[a-z]+)*")


def given_codes(source: Source) -> Iterator[tuple[int, str]]:
    """Line and text of every literal that is passed as an error code."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in ("refuse", "wrong", "Invalid") and node.args:
            yield from _words(node.args[0])
        if name == "Problem" and len(node.args) >= 3:
            yield from _words(node.args[2])
        for keyword in node.keywords:
            name = keyword.arg or ""
            if name == "code" or (name.endswith("errors") and not isinstance(keyword.value, ast.Constant)):
                yield from _words(keyword.value)


def _words(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
        yield node.lineno, node.value
    for part in ast.iter_child_nodes(node):
        yield from _words(part)


def test_every_error_code_has_its_status() -> None:
    """A code whose status nobody chose would be a 500; a status of a code that is gone would mislead."""
    assert sorted(STATUS) == sorted(CODES)
    assert set(RETRY_AFTER) <= set(CODES)


def test_every_error_code_is_used() -> None:
    """A code in the list that nothing answers makes clients write branches that never run."""
    listing = ("errors.py", "rest/errors.py")
    named = {text for source in sources() if source.place not in listing for _, text in source.texts()}
    assert sorted(set(CODES) - named) == []


def test_every_code_that_is_answered_is_in_the_list() -> None:
    """A misspelt code would reach clients that cannot look it up."""
    strays = [
        f"{source.place}:{line}: {text}"
        for source in sources()
        for line, text in given_codes(source)
        if text not in CODES
    ]
    assert not strays
    found = {text for source in sources() for _, text in given_codes(source)}
    assert len(found) > 30, "the search for codes has gone blind"


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_error_code_is_explained_in_a_sentence(code: str) -> None:
    """The meaning is shown to people who never see the source."""
    assert re.fullmatch(r"[A-Z].{15,}\.", CODES[code])


def test_every_setting_is_explained() -> None:
    """A setting that only its author knows is no setting."""
    names = [f.name for f in fields(Settings)]
    assert sorted(DOCS) == sorted(names)
    assert all(DOCS[name].endswith(".") for name in names)


@pytest.mark.parametrize("name", [f.name for f in fields(Settings)])
def test_the_readme_lists_every_setting(name: str) -> None:
    """Whoever runs a server reads the README, not the code: one row of its table for each variable."""
    rows = [line for line in (REPOSITORY / "README.md").read_text().splitlines() if line.startswith("|")]
    assert any(f"`{settings.variable(name)}`" in row.split("|")[1] for row in rows)


def test_the_readme_lists_no_setting_that_is_gone() -> None:
    """A variable of an older release is refused at the start, so its row would only mislead."""
    told = set(re.findall(r"\bCHAIRSIDE_[A-Z_]+[A-Z]\b", (REPOSITORY / "README.md").read_text()))
    assert told <= {settings.variable(f.name) for f in fields(Settings)}


def dependencies() -> list[str]:
    listed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    return [re.split(r"[\s<>=!~\[;]", entry, maxsplit=1)[0] for entry in listed]


@pytest.mark.parametrize("name", dependencies())
def test_every_dependency_has_its_reason(name: str) -> None:
    """Each package that runs beside patient data was chosen by somebody, for a reason that can be read."""
    decisions = (REPOSITORY / "docs" / "decisions").glob("*.md")
    mention = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
    assert any(mention.search(line) for file in decisions for line in file.read_text().splitlines())


def test_every_third_party_import_is_a_declared_dependency() -> None:
    """What happens to be installed today with another package may be gone tomorrow."""
    import_names = {name.replace("-", "_").lower() for name in dependencies()}
    ours = {"chairside", *sys.stdlib_module_names}
    strays = [
        f"{source.place}:{line} imports {name}"
        for source in sources()
        for line, name in source.imports()
        if (first := name.partition(".")[0]) not in ours and first.lower() not in import_names
    ]
    assert not strays


@pytest.mark.parametrize("source", sources(), ids=lambda s: s.place)
def test_a_module_says_what_it_is_for(source: Source) -> None:
    """Its one job, in its first line."""
    said = ast.get_docstring(source.tree)
    assert said
    assert said.splitlines()[0].endswith(".")


@pytest.mark.parametrize("source", sources(), ids=lambda s: s.place)
def test_a_file_stays_short_enough_to_be_read_whole(source: Source) -> None:
    """The file that everybody adds to is the one that nobody understands."""
    lines = len(source.text.splitlines())
    assert lines <= LONGEST_FILE, f"{source.place} has {lines} lines; take something out that stands by itself"
