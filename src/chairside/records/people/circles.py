"""Relations in which one patient stands above another, and the circles that they must not form."""

from __future__ import annotations

from dataclasses import dataclass

from chairside.changes import Change, Desk, Record, wrong


@dataclass(frozen=True, slots=True)
class Relation:
    """Types that put the patient above the other, types that put the other above, and whether is_guardian does, too."""

    above: tuple[str, ...]
    below: tuple[str, ...] = ()
    guards: bool = False


# Each for itself: a grown child may be the guardian of a parent, and a stepparent the child of a stepchild.
RELATIONS = (
    Relation(above=("parent", "grandparent"), below=("child", "grandchild")),
    Relation(above=("stepparent",), below=("stepchild",)),
    Relation(above=(), below=("foster_child",)),
    Relation(above=("guardian",), guards=True),
)


async def refuse_circles(desk: Desk, change: Change) -> None:
    """Nobody is above themselves by way of others, also when several requests race: all on the way are locked."""
    if change.changed("relationship_type", "is_guardian"):
        for relation in RELATIONS:
            if pair := _pair(relation, change.after):
                await _refuse_circle(desk, change, relation, *pair)


def _pair(relation: Relation, record: Record) -> tuple[str, str] | None:
    """The patient above and the one below; None where the relationship is not of this relation."""
    here, other, kind = record["patient_id"], record["to_patient_id"], record["relationship_type"]
    if kind in relation.above or (relation.guards and record["is_guardian"]):
        return here, other
    return (other, here) if kind in relation.below else None


async def _refuse_circle(desk: Desk, change: Change, relation: Relation, above: str, below: str) -> None:
    held: set[str] = set()
    reached = {above, below}
    # Each request locks the two patients of its relationship, so nothing is added among those that are held.
    while not reached <= held:
        held |= reached
        await desk.ask("patients.lock", sorted(held))
        rows = await desk.ask(
            "people.juniors", below, relation.above, relation.below, relation.guards, change.after["id"]
        )
        reached = {above, *(row["id"] for row in rows)}
        if any(row["id"] == above for row in rows):
            key = "is_guardian" if relation.guards and change.after["is_guardian"] else "relationship_type"
            raise wrong("circular_relationship", key)
