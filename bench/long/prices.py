"""What the durable trail of reads and row-level security cost: the same requests with and without, in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.long.course import Shots, always
from bench.long.figures import Figures, Price
from bench.long.works import Work, people, reads
from bench.orgs import Made, Plan
from bench.orgs.made import superuser
from bench.place import copied, orgs, tokens
from bench.running import Server, server
from bench.tasks import Paper
from chairside.store.pool import connect

UNAUDITED, UNNAMED = (Path(__file__).parents[1] / folder for folder in ("unaudited", "unnamed"))
# The parts left out of a server of the bench's own, by the name of the cost.
LEFT_OUT = {"audit": ("durable audit of reads", UNAUDITED), "names": ("patients named in audit records", UNNAMED)}
COSTS = (*LEFT_OUT, "security")
MEASURED = ("GET one", "list of 50", "medical summary", "typeahead, letters: 3")
TURNS = 3


def price(figures: Figures, plan: Plan, costs: Sequence[str], says: Callable[[str], None]) -> None:
    """Audit is taken out of a server of the bench's own, row-level security out of its copy of the database."""
    made, kept = orgs(plan, says)
    data_dir = copied(kept, says)
    for cost in COSTS:
        if cost in costs:
            left_out = LEFT_OUT.get(cost)
            measured = (
                _left_out(figures, made, data_dir, *left_out, says)
                if left_out
                else _security(figures, made, data_dir, says)
            )
            figures.prices += measured


def _left_out(
    figures: Figures, made: Made, data_dir: Path, what: str, folder: Path, says: Callable[[str], None]
) -> list[Price]:
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in MEASURED}
    for turn in range(TURNS):
        says(f"Measuring with and without {what}: turn {turn + 1} of {TURNS}")
        for without in (False, True):
            more = {"PYTHONPATH": str(folder)} if without else {}
            with server(data_dir, figures.workers, **more) as running:
                for name, rate in asyncio.run(_rates(figures, made, data_dir, running)):
                    rates[name][without].append(rate)
    return _prices(what, rates)


def _security(figures: Figures, made: Made, data_dir: Path, says: Callable[[str], None]) -> list[Price]:
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in MEASURED}
    with server(data_dir, figures.workers) as running:
        for turn in range(TURNS):
            says(f"Measuring with and without row-level security: turn {turn + 1} of {TURNS}")
            for without in (False, True):
                asyncio.run(_secure(data_dir, not without))
                for name, rate in asyncio.run(_rates(figures, made, data_dir, running)):
                    rates[name][without].append(rate)
        asyncio.run(_secure(data_dir, True))
    return _prices("row-level security", rates)


def _prices(what: str, rates: dict[str, tuple[list[float], list[float]]]) -> list[Price]:
    return [Price(what=what, name=name, with_it=on, without=off) for name, (on, off) in rates.items()]


async def _rates(figures: Figures, made: Made, data_dir: Path, running: Server) -> list[tuple[str, float]]:
    token = (await tokens(data_dir, [made.org_id]))[made.org_id]
    shots = Shots(data_dir, made.org_id, running, figures.seconds)
    works: Sequence[Work] = reads(await people(data_dir, [made.org_id]), made, [])
    paper = Paper(made.org_id, token)
    return [
        (work.name, shots.fire(always(paper, work.sent, figures.cost_connections)).rate)
        for work in works
        if work.name in MEASURED
    ]


async def _secure(data_dir: Path, on: bool) -> None:
    """Row-level security of all tables as migrations left it, or none of it."""
    connection = await connect(superuser(data_dir))
    try:
        query = "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
        asked = query + "EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)"
        for row in await connection.fetch(asked):
            words = ("ENABLE", "FORCE") if on else ("DISABLE", "NO FORCE")
            for word in words:
                await connection.execute(f"ALTER TABLE {row['name']} {word} ROW LEVEL SECURITY")
    finally:
        await connection.close()
