"""One run on a loaded server: what is measured, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import limit
from bench.chart import charted
from bench.machine import describe
from bench.people import SEED, Importer
from bench.place import Loaded
from bench.report import Compared, Cost, Figures, Typed
from bench.running import HOST, Client, Server, command
from bench.samples import Samples
from bench.tasks import CLIENTS, Paper, Task, spread, tasks
from bench.usage import used_by
from bench.volley import Score, Volley, fire

ROUNDS = 3
WARM_UP_SECONDS, WARM_SECONDS = 1.0, 0.5
TYPISTS, TYPED_SECONDS = 8, 1.5
IMPORTED = 20_000


class Course:
    """`seconds` is the length of each measurement."""

    def __init__(
        self, held: Loaded, data_dir: Path, running: Server, workers: int, seconds: int, says: Callable[[str], None]
    ) -> None:
        self._held, self._data_dir, self._server = held, data_dir, running
        self._workers, self._seconds, self._says = workers, seconds, says
        token = command("token", "create", "--org", held.org_id, "--role", "admin", data_dir=data_dir)
        self._paper = Paper(held.org_id, token)

    async def run(self) -> Figures:
        """Reads before writes, and the import last, so that what is read is the same in every run."""
        self._says("Drawing samples")
        machine = describe()
        samples = await Samples.draw(self._data_dir, self._held.org_id)
        await samples.make_changed(self._desk(), self._held.ids)
        every = await tasks(self._data_dir, self._paper, self._held.ids, samples, charted(self._desk()))
        reads = await self._compare([task for task in every if task.again and task.status == 200])
        typed = self._type(await samples.questions())
        writes = await self._compare([task for task in every if not (task.again and task.status == 200)])
        await samples.close()
        imported_rate, imported_cost = self._import()
        return Figures(
            machine=machine,
            patients=self._held.patients,
            workers=self._workers,
            clients=CLIENTS,
            typists=TYPISTS,
            seconds=self._seconds,
            compared=[*reads, *writes],
            typed=typed,
            loaded_rate=self._held.rate,
            imported_rate=imported_rate,
            imported_cost=imported_cost,
        )

    def _desk(self) -> Client:
        return Client(self._server.port, self._paper.org_id, self._paper.token)

    async def _compare(self, some: Sequence[Task]) -> list[Compared]:
        """Server and pgbench in turns, so that whatever else the machine does meets both."""
        for task in some:
            requests = await task.requests(WARM_UP_SECONDS, CLIENTS)
            self._fire(requests, WARM_UP_SECONDS, status=task.status, again=task.again)
        compared = [Compared(name=task.name, goal=task.goal) for task in some]
        for number in range(ROUNDS):
            self._says(f"Measuring {', '.join(task.name for task in some)}: round {number + 1} of {ROUNDS}")
            for task, entry in zip(some, compared, strict=True):
                requests = await task.requests(self._seconds, CLIENTS)
                with used_by(self._server.pid) as used:
                    score = self._fire(requests, self._seconds, status=task.status, again=task.again)
                entry.server.append(score)
                entry.server_cost.append(Cost.of(used, score.seconds, score.answers))
                with used_by(self._server.pid) as used:
                    pace = self._limit(task.limit)
                entry.limit.append(pace.rate)
                entry.limit_cost.append(Cost.of(used, pace.seconds, pace.runs))
                if task.alone:
                    entry.alone.append(self._limit(task.alone).rate)
        return compared

    def _fire(self, requests: list[list[bytes]], seconds: float, *, status: int = 200, again: bool = True) -> Score:
        volley = Volley(
            host=HOST,
            port=self._server.port,
            seconds=seconds,
            warm=WARM_SECONDS,
            status=status,
            requests=requests,
            again=again,
        )
        return fire(volley)

    def _limit(self, script: limit.Script) -> limit.Pace:
        return limit.run(
            self._data_dir, self._held.org_id, script, clients=CLIENTS, seconds=self._seconds, warm=WARM_SECONDS
        )

    def _type(self, questions: dict[str, list[str]]) -> list[Typed]:
        self._says("Measuring typeahead")
        return [
            Typed(name=name, score=self._fire(spread([self._paper.search(q) for q in asked], TYPISTS), TYPED_SECONDS))
            for name, asked in questions.items()
        ]

    def _import(self) -> tuple[float, Cost]:
        self._says(f"Measuring bulk import of {IMPORTED:,} more patients")
        importer = Importer(self._desk, self._held.ids, charts="BX", says=self._says)
        with used_by(self._server.pid) as used:
            importer.take(SEED + 1, IMPORTED)
        return importer.rate, Cost.of(used, 0, importer.rows)
