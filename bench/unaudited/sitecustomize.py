"""A server without the durable trail of reads, for the bench alone to tell what the trail costs.

The product has no such switch. The bench puts this folder on PYTHONPATH of a server of its own, and Python imports it
in each process before anything else: everything runs but the waiting for the record, which is not written.
"""

from chairside.engine.audit import Entry, Trail


async def _unwritten(self: Trail, record: Entry) -> None:
    """In place of Trail.write."""


Trail.write = _unwritten  # type: ignore[method-assign]  # that is what this file is for
