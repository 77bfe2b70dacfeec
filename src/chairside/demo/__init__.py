"""Believable synthetic dental practices from a seed, for demos and for measuring."""

from .charts import Chart, chart
from .people import People, people
from .person import Person
from .practice import Practice, practice
from .rows import Row
from .stream import rows

__all__ = ["Chart", "People", "Person", "Practice", "Row", "chart", "people", "practice", "rows"]
