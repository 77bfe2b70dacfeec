"""Who is what to whom in a demo household, and who decides for the children."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from .person import Person
from .rows import Row, years_old

_ADULT = 18
_CUSTODY = (
    "Joint custody: school weeks here, alternate weekends with the other parent, who may bring the child too.",
    "Sole custody by court order of last year; copy in the documents. The other parent may not pick the child up.",
)
_STEP = "May bring the children and hears the plan; a parent signs."


def rows(persons: Sequence[Person], today: date) -> Iterator[Row]:
    """The relationships of every household, in both directions, and an alert where custody is settled."""
    households: dict[int, list[int]] = defaultdict(list)
    for place, person in enumerate(persons):
        if person.household is not None and person.fields["status"] != "deceased":
            households[person.household].append(place)
    for members in households.values():
        yield from _household(persons, members, today)


def _household(persons: Sequence[Person], members: list[int], today: date) -> Iterator[Row]:
    by_role: dict[str | None, list[int]] = defaultdict(list)
    for place in members:
        by_role[persons[place].role].append(place)
    parents = by_role["head"] + by_role["spouse"]
    if len(parents) == 2:
        married = persons[parents[0]].fields.get("marital_status") == "married"
        yield from _both(parents[0], parents[1], ("spouse" if married else "life_partner",) * 2)
    for child in by_role["child"]:
        yield from _parents(persons, parents, child, today)
    for elder in by_role["elder"]:
        for head in by_role["head"]:
            yield from _both(elder, head, ("parent", "child"))
        for child in by_role["child"]:
            yield from _both(elder, child, ("grandparent", "grandchild"))


def _parents(persons: Sequence[Person], parents: list[int], child: int, today: date) -> Iterator[Row]:
    years = years_old(persons[child], today)
    minor = years is not None and years < _ADULT
    last = persons[child].fields["last_name"]
    # With the name of the spouse and not of the head, it is a child the spouse brought along.
    brought = (
        len(parents) == 2
        and last != persons[parents[0]].fields["last_name"]
        and last == persons[parents[1]].fields["last_name"]
    )
    for parent in parents:
        if not brought:
            yield from _both(parent, child, ("parent", "child"), is_guardian=minor)
        elif parent == parents[0]:
            yield from _both(parent, child, ("stepparent", "stepchild"), note=_STEP)
        else:
            custody = _CUSTODY[child % len(_CUSTODY)]
            yield from _both(parent, child, ("parent", "child"), is_guardian=minor, note=custody if minor else None)
            if minor:
                note = "See the note of the guardian before anyone is told or takes the child home."
                yield Row("alert", child, {"alert_definition": "Custody or contact restriction", "note": note})


def _both(
    one: int, other: int, types: Sequence[str], *, is_guardian: bool = False, note: str | None = None
) -> Iterator[Row]:
    """What the one is to the other, with guardianship and note, and the way back without."""
    body: dict[str, object] = {"to_patient": other, "relationship_type": types[0]}
    if is_guardian:
        body["is_guardian"] = True
    if note:
        body["note"] = note
    yield Row("relationship", one, body)
    yield Row("relationship", other, {"to_patient": one, "relationship_type": types[1]})
