"""Reads the tables that lie beside the code."""

import csv
import tomllib
from importlib.resources import files
from typing import TypeVar

import msgspec

Table = TypeVar("Table")


def csv_rows(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by column name; `path` is relative to this package."""
    return list(csv.DictReader(_text(path).splitlines()))


def toml_table(path: str, shape: type[Table]) -> Table:
    """A TOML file as `shape`; an unknown or missing key raises when the file is first read."""
    return msgspec.convert(tomllib.loads(_text(path)), shape)


def split_list(cell: str) -> tuple[str, ...]:
    """The parts of a cell that holds several values, written `a|b|c`."""
    return tuple(part for part in cell.split("|") if part)


def _text(path: str) -> str:
    return files("chairside.knowledge").joinpath(path).read_text(encoding="utf-8")
