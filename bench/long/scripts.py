"""The same work for pgbench: scripts from what the engine says, with whatever each run needs anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.limit import Choice, Script, script
from bench.long.heard import replayed
from bench.long.works import Work
from bench.samples import Samples
from bench.statements import Call, listening
from bench.tasks import NEW_ID, marks

# Requests of which the statements are heard for each read.
HEARD = 48


async def of_reads(data_dir: Path, org_id: str, works: Sequence[Work], samples: Samples) -> dict[str, Script]:
    scripts: dict[str, Script] = {}
    async with listening(data_dir, org_id) as hear:
        for work in works:
            some = work.sent[:HEARD]
            await hear(some[0].ask())  # the driver gets to know the types
            scripts[work.name] = replayed(work.key, [await hear(one.ask()) for one in some])
    await samples.make(made.table for made in scripts.values() if made.table)
    return scripts


async def of_vital_signs(data_dir: Path, org_id: str, work: Work, samples: Samples) -> Script:
    async with listening(data_dir, org_id) as hear:
        await hear(work.sent[0].ask())
        ask = work.sent[1].ask()
        calls = await hear(ask)
    choice = Choice(
        source="bench.measured",
        pick=f"random(0, {len(work.sent) - 1})",
        every=1,
        stand_ins={ask.path["patient_uuid"]: "id"},
        fresh={_inserted(calls, "patient_vital_signs"): NEW_ID, **marks(calls)},
    )
    made = script(work.key, calls, choice)
    ids = ", ".join(f"({n}, '{one.ask().path['patient_uuid']}')" for n, one in enumerate(work.sent))
    await samples.make([f"CREATE TABLE bench.measured AS SELECT * FROM (VALUES {ids}) v (n, id)", made.table])
    return made


def _inserted(calls: Sequence[Call], table: str) -> str:
    return next(str(call.values[1]) for call in calls if call.sql.startswith(f"INSERT INTO {table} "))


def mixed(scripts: Mapping[str, Script], weights: Mapping[str, int]) -> list[tuple[Script, int]]:
    return [(scripts[name], weight) for name, weight in weights.items()]
