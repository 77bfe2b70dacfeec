"""The source files of the package as the tests read them: where each lies, its text and its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import chairside

ROOT = Path(chairside.__path__[0])
REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class Source:
    """One module; `package` is the first part of its path, which is what the rules speak of."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def package(self) -> str:
        return self.path.relative_to(ROOT).parts[0].removesuffix(".py")

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of every import, those inside functions and TYPE_CHECKING blocks included."""
        own = ["chairside", *self.path.relative_to(ROOT).parts[:-1]]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = own[: len(own) - node.level + 1] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)

    def texts(self) -> Iterator[tuple[int, str]]:
        """Line and value of every string literal, the literal parts of f-strings included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.lineno, node.value


@cache
def sources() -> tuple[Source, ...]:
    files = sorted(ROOT.rglob("*.py"))
    texts = {file: file.read_text() for file in files}
    return tuple(Source(file, text, ast.parse(text)) for file, text in texts.items())
