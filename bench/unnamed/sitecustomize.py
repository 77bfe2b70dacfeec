"""A server whose audit records name no patients, for the bench alone to tell what naming them costs.

The product has no such switch. The bench puts this folder on PYTHONPATH of a server of its own, and Python imports it
in each process before anything else: everything runs but the reading of answers, and so neither list nor index rows.
"""

from chairside.engine.shown import NOTHING, Finders, Shown


def _nobody(self: Finders, answer: str, data: object) -> Shown:  # noqa: ARG001 - takes what it stands in for
    """In place of Finders.shown."""
    return NOTHING


Finders.shown = _nobody  # type: ignore[method-assign]  # that is what this file is for
