"""The parts of a long run, each on a server of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

from bench import limit
from bench.limit import Script
from bench.long.figures import Cell, Figures, Grown, Memory, Row
from bench.long.memory import watched
from bench.long.requests import Sent
from bench.long.scripts import mixed, of_reads, of_vital_signs
from bench.long.works import Work, deep_cursors, people, reads, vital_signs
from bench.orgs import Made, Plan
from bench.people import SEED, Importer
from bench.place import copied, orgs, tidied, tokens, warmed
from bench.running import HOST, Client, Server, server
from bench.samples import Samples
from bench.tasks import Paper, Task, spread, tasks
from bench.volley import Score, Volley, fire

WARM = 0.5
# Seconds that pgbench spends on connecting and preparing, which the server did before.
CONNECTING = 1
# What PostgreSQL lets in beside the server's own connections.
MOST_CLIENTS = 72
IMPORTED = 100_000
ROUNDS = 3
# Times as long for typeahead: its goal is the 99th of a hundred, of which a few hundred answers tell little.
TYPED = 4
# Of ten requests of the mix; eight are reads.
MIX = {"GET one": 4, "typeahead, letters: 3": 2, "medical summary": 1, "list of 50": 1, "create": 1, "patch": 1}
FASTEST_MIX = 4000
Says = Callable[[str], None]


class Shots:
    """Fires at a server, and runs pgbench beside it, for so many seconds each."""

    def __init__(self, data_dir: Path, org_id: str, running: Server, seconds: int) -> None:
        self._data_dir, self._org_id, self._server, self._seconds = data_dir, org_id, running, seconds

    def fire(self, requests: list[list[bytes]], *, again: bool = True, seconds: float | None = None) -> Score:
        long = self._seconds if seconds is None else seconds
        volley = Volley(
            host=HOST, port=self._server.port, seconds=long, warm=WARM, status=0, requests=requests, again=again,
            patient=True,
        )  # fmt: skip
        return fire(volley)

    def limit(self, mix: Sequence[tuple[Script, int]], connections: int) -> tuple[float, int]:
        clients = min(connections, MOST_CLIENTS)
        long, warm = self._seconds + CONNECTING, WARM + CONNECTING
        pace = limit.run_mix(self._data_dir, self._org_id, mix, clients=clients, seconds=long, warm=warm)
        return pace.rate, clients


class Compared:
    """Every operation at several numbers of connections beside pgbench, on a copy of one org."""

    def __init__(
        self,
        figures: Figures,
        connections: Sequence[int],
        minutes: float,
        chosen: Callable[[str], bool],
        says: Says,
    ) -> None:
        self._figures, self._connections, self._minutes = figures, connections, minutes
        self._chosen, self._says = chosen, says

    def run(self, plan: Plan) -> None:
        figures = self._figures
        made, kept = orgs(plan, self._says)
        figures.made[plan.name] = made.seconds
        data_dir = copied(kept, self._says)
        with server(data_dir, figures.workers) as running:
            asyncio.run(self._run(made, data_dir, running))

    async def _run(self, made: Made, data_dir: Path, running: Server) -> None:
        token = (await tokens(data_dir, [made.org_id]))[made.org_id]
        paper, desk = Paper(made.org_id, token), Client(running.port, made.org_id, token)
        self._paper, self._shots = paper, Shots(data_dir, made.org_id, running, self._figures.seconds)
        some = await people(data_dir, [made.org_id])
        works = reads(some, made, deep_cursors(desk, self._figures.patients))
        signs = vital_signs(some)
        self._says("Hearing the statements")
        samples = await Samples.draw(data_dir, made.org_id)
        ids = {"locations": made.ids["location"], "providers": made.ids["provider"]}
        await samples.make_changed(desk, ids)
        scripts = await of_reads(data_dir, made.org_id, works, samples)
        scripts[signs.name] = await of_vital_signs(data_dir, made.org_id, signs, samples)
        listed = await tasks(data_dir, paper, ids, samples, str(some[0]["id"]))
        writes = {task.name: task for task in listed if task.name in ("create", "patch")}
        scripts |= {name: task.limit for name, task in writes.items()}
        for work in works:
            if self._chosen(work.name):
                await self._row(work.name, work.group, work.goal, [(scripts[work.name], 1)], self._always(work.sent))
        for name, task in writes.items():
            if self._chosen(name):
                await self._row(name, "writes", 0.35, [(scripts[name], 1)], self._of(task), again=task.again)
        if self._chosen(signs.name):
            await self._row(signs.name, "writes", None, [(scripts[signs.name], 1)], self._always(signs.sent))
        if self._chosen("80/20 mix"):
            by_name = {work.name: work for work in works}
            parts = self._mix(by_name, writes)
            await self._row("80/20 mix", "writes", 0.30, mixed(scripts, MIX), parts, again=False)
        await samples.close()
        if self._chosen("bulk import"):
            self._import(lambda: Client(running.port, made.org_id, token), made)
        if self._minutes:
            self._figures.memory = self._watch(running, always(paper, works[0].sent, self._figures.growth_connections))

    async def _row(
        self,
        name: str,
        group: str,
        goal: float | None,
        mix: Sequence[tuple[Script, int]],
        requests: Callable[[float, int], object],
        *,
        again: bool = True,
    ) -> None:
        cells = []
        for connections in self._connections:
            made = requests(self._figures.seconds, connections)
            sent = await made if asyncio.iscoroutine(made) else made
            score = self._shots.fire(sent, again=again)  # type: ignore[arg-type]  # whichever it was
            rate, clients = self._shots.limit(mix, connections)
            cells.append(Cell(connections=connections, server=score, limit=rate, limit_connections=clients))
        self._figures.rows.append(Row(name=name, group=group, goal=goal, cells=cells))
        shown = ", ".join(f"{c.connections}: {c.server.rate:,.0f}/s {c.ratio:.2f}" for c in cells)
        self._says(f"  {name}: {shown}")

    def _always(self, sent: Sequence[Sent]) -> Callable[[float, int], list[list[bytes]]]:
        return lambda _seconds, connections: always(self._paper, sent, connections)

    @staticmethod
    def _of(task: Task) -> Callable[[float, int], object]:
        return task.requests

    def _mix(self, works: Mapping[str, Work], writes: Mapping[str, Task]) -> Callable[[float, int], object]:
        order = ["GET one", "typeahead, letters: 3", "GET one", "create", "medical summary"]
        order += ["GET one", "typeahead, letters: 3", "GET one", "list of 50", "patch"]

        async def requests(seconds: float, connections: int) -> list[list[bytes]]:
            each = math.ceil(3 * FASTEST_MIX * seconds / connections)
            parts = {n: await writes[n].requests(seconds, connections) for n in writes}
            parts |= {n: always(self._paper, works[n].sent, connections) for n in MIX if n not in writes}
            lines = []
            for number in range(connections):
                # A patch counts on the one before, so none may come twice; where they end, the mix ends.
                takers = {n: iter(p[number]) if n == "patch" else cycle(p[number]) for n, p in parts.items()}
                found = (next(takers[name], None) for name in islice(cycle(order), each))
                lines.append([one for one in found if one is not None])
            return lines

        return requests

    def _import(self, desks: Callable[[], Client], made: Made) -> None:
        self._says(f"Measuring bulk import of {IMPORTED:,} more patients")
        paths = {"locations": "location", "providers": "provider", "fee-schedules": "fee_schedule"}
        paths |= {"billing-types": "billing_type", "employers": "employer"}
        ids = {path: made.ids[kind] for path, kind in paths.items()}
        importer = Importer(desks, ids, charts="BX", says=self._says)
        importer.take(SEED + 1, IMPORTED)
        self._figures.imported_rows, self._figures.imported_rate = importer.rows, importer.rate

    def _watch(self, running: Server, sent: list[list[bytes]]) -> list[Memory]:
        self._says(f"Watching the workers' memory for {self._minutes:g} minutes under reads")
        return watched(running.pid, self._minutes, lambda seconds: self._shots.fire(sent, seconds=seconds))


def always(paper: Paper, sent: Sequence[Sent], connections: int) -> list[list[bytes]]:
    """The same requests over and over, dealt out so that each connection begins elsewhere."""
    raw = [one.raw(paper) for one in sent]
    return spread(raw * math.ceil(connections / len(raw)), connections)


def grow(figures: Figures, plans: Sequence[Plan], chosen: Callable[[str], bool], says: Says) -> None:
    """Every read in orgs of several sizes, warm, on the kept data directories, which are left as they were.

    All servers run, and each read is asked of one after the other in several rounds, of which the middle one counts:
    a machine that others use is slower at one time than at another, and sizes would be compared minutes apart.
    """
    asked: dict[str, dict[str, tuple[Shots, Work, list[list[bytes]]]]] = {}
    places = []
    with ExitStack() as servers:
        for plan in plans:
            made, kept = orgs(plan, says)
            places.append(kept)
            figures.made[plan.name] = made.seconds
            figures.starts[plan.name] = [_started(kept, figures.workers) for _ in range(3)]
            says(f"{plan.patients:,} patients in {len(plan.sizes):,} orgs: ready after {figures.starts[plan.name]}")
            running = servers.enter_context(server(kept, figures.workers))
            shots = Shots(kept, made.org_id, running, figures.seconds)
            for work, sent in asyncio.run(_asked(figures, plan, made, kept, running, chosen)):
                asked.setdefault(work.name, {})[plan.name] = shots, work, sent
        for name, sizes in asked.items():
            says(f"Growth: {name}")
            scores: dict[str, list[Score]] = {size: [] for size in sizes}
            for shots, _, sent in sizes.values():
                shots.fire(sent, seconds=WARM + 0.5)
            group = next(work.group for _, work, _ in sizes.values())
            seconds = figures.seconds * (TYPED if group == "typeahead" else 1)
            for _ in range(ROUNDS):
                for size, (shots, _, sent) in sizes.items():
                    scores[size].append(shots.fire(sent, seconds=seconds))
            middle = {size: sorted(found, key=lambda score: score.p50)[ROUNDS // 2] for size, found in scores.items()}
            figures.grown.append(Grown(name=name, group=group, sizes=middle))
    for kept in places:
        tidied(kept)


async def _asked(
    figures: Figures, plan: Plan, made: Made, kept: Path, running: Server, chosen: Callable[[str], bool]
) -> list[tuple[Work, list[list[bytes]]]]:
    """The requests of every read, dealt out to the connections; of many orgs each request asks another."""
    connections = figures.growth_connections
    several = len(plan.sizes) > 1
    # Every sixth of a thousand orgs, so that large and small ones are among them.
    asked = [org_id for org_id, _ in made.orgs[:: 6 if several else 1]]
    secrets = await tokens(kept, asked)
    papers = {org_id: Paper(org_id, secrets[org_id]) for org_id in asked}
    some = await people(kept, asked)
    deep = [] if several else deep_cursors(Client(running.port, made.org_id, secrets[made.org_id]), plan.patients)
    await warmed(kept)
    found = []
    for work in reads(some, made, deep):
        if not chosen(work.name) or not work.sent:
            continue
        if several:
            found.append((work, spread(_across(work, some, papers), connections)))
        else:
            found.append((work, always(papers[made.org_id], work.sent, connections)))
    return found


def _across(work: Work, some: Sequence[Mapping[str, str]], papers: Mapping[str, Paper]) -> list[bytes]:
    """Each request at the org of the person it is about; those about nobody at every org in turn."""
    if len(work.sent) == len(some):
        return [one.raw(papers[p["org_id"]]) for one, p in zip(work.sent, some, strict=True)]
    return [one.raw(paper) for one, paper in zip(cycle(work.sent), papers.values(), strict=False)]


def _started(data_dir: Path, workers: int) -> float:
    with server(data_dir, workers) as running:
        return round(running.start, 2)
