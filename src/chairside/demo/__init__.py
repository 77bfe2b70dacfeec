"""Believable synthetic dental practices from a seed, for demos and for measuring."""

from .person import Person
from .practice import Practice, practice
from .stream import rows

__all__ = ["Person", "Practice", "practice", "rows"]
