"""Numbers and tokens lie nowhere in clear, names, phones and birth dates in their own tables; an old key opens nothing.

Canaries go into every field of every kind, and wherever they are wrong, while desks work and things break: backends
ended and killed, a worker killed, a table that refuses rows by quoting them, a backup. Then the server's log at debug,
its metrics, every refusal, the events and the trail, the log of the database, each file of the data directory after a
checkpoint, and the dump are searched. Last, the key is rotated under load: no request fails, and the key before it
opens no sealed value and starts no server. Which tables may hold what is declared in `canaries`. Names of fields and
of headers that a client makes up (request ids, keys of retries) are told back, so no canary stands in those.

Tokens and numbers are about while the other proofs run too: what each leaves behind is searched (`proofs/sweep.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress

from chairside import embedded
from chairside.engine.vault import KeyFault, Vault
from chairside.store.pool import AWAY
from proofs import processes
from proofs.front_desks import Load
from proofs.leaks import search
from proofs.leaks.canaries import Canaries, Marked, dotted
from proofs.leaks.traffic import everything
from proofs.trial import Trial
from tests.cli.hands import command
from tests.database import connected
from tests.house import House, Org, free_port, wait_for

SHORT, LONG = 1, 8
DESKS = 4
QUOTING = """
CREATE OR REPLACE FUNCTION proof_quote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused %', NEW USING DETAIL = NEW::text; END $$;
CREATE TRIGGER proof BEFORE INSERT ON patients FOR EACH ROW
  WHEN (NEW.city = 'Nowhere') EXECUTE FUNCTION proof_quote();
"""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'chairside%'"
SEALED = """
SELECT org_id::text || '/patients/social_security_number/' || id, social_security_number_sealed FROM patients
WHERE social_security_number_sealed IS NOT NULL
"""


def prove(trial: Trial) -> None:
    for _ in range(trial.rounds):
        with trial.folder() as folder:
            house = House(folder / "data", free_port())
            try:
                house.start(workers=2, CHAIRSIDE_LOG_LEVEL="debug")
                canaries = Canaries(trial.random)
                org = house.org("Canary Dental")
                canaries.tokens.append(org.token("admin"))
                refused = _while_things_break(trial, house, org, canaries)
                _search(trial, house, org, canaries, refused)
                old = _rotate(trial, house, org)
            finally:
                house.end()
            _old_key_is_useless(trial, house, old)


def _while_things_break(trial: Trial, house: House, org: Org, canaries: Canaries) -> bytes:
    """The texts of all refusals."""
    load = Load(org.base, org.token("admin"), DESKS, trial.random, canaries.number())
    load.start()
    try:
        wait_for(lambda: all(desk.made for desk in load.desks))
        refused = [r.content for r in everything(trial, Marked(org, canaries))]
        refused += asyncio.run(_quoted(trial, house, org, canaries))
        asyncio.run(_broken(trial, house))
        wait_for(lambda: org.desk().get("/patients", params={"search": canaries.name}).is_success)
        done = command("backup", str(house.data_dir.parent / "canary.backup"), data_dir=house.data_dir)
        trial.expect(done.returncode == 0, f"the backup failed: {done.stderr}")
    finally:
        load.stop()
    trial.tried("requests of the desks meanwhile", len(load.seen()))
    return b"\n".join(refused)


async def _quoted(trial: Trial, house: House, org: Org, canaries: Canaries) -> list[bytes]:
    """A fault of the database whose text and detail quote the row."""
    row = {"first_name": canaries.name, "last_name": canaries.name, "mobile_phone": dotted(canaries.phone)}
    row |= {"social_security_number": canaries.number(), "date_of_birth": canaries.born, "city": "Nowhere"}
    desk = org.desk()
    async with connected(house.data_dir, "superuser") as connection:
        await connection.execute(QUOTING)
        try:
            answers = [
                await asyncio.to_thread(desk.post, path, json=body)
                for path, body in (("/patients", row), ("/patients/bulk", {"rows": [row], "meta": {}}))
            ]
        finally:
            await connection.execute("DROP TRIGGER proof ON patients; DROP FUNCTION proof_quote()")
    trial.expect(answers[0].status_code == 500, "the fault that quotes its row was not met")
    trial.tried("faults of the database that quote a row", len(answers))
    return [a.content for a in answers]


async def _broken(trial: Trial, house: House) -> None:
    """Under the desks' load backends are ended, one is killed (the others then start anew), and so is a worker."""
    # Its own connection ends with the others when one is killed.
    with suppress(*AWAY):
        await _end_backends(trial, house)
    await asyncio.sleep(1)
    os.kill(trial.random.choice(processes.workers(house)), signal.SIGKILL)
    trial.tried("workers killed")


async def _end_backends(trial: Trial, house: House) -> None:
    async with connected(house.data_dir, "superuser") as connection:
        for pid, *_ in await connection.fetch(BACKENDS):
            await connection.execute(f"SELECT pg_terminate_backend({pid})")
            trial.tried("backends ended")
        await asyncio.sleep(1)
        pids = [row[0] for row in await connection.fetch(BACKENDS)]
        if pids:
            os.kill(trial.random.choice(pids), signal.SIGKILL)
            trial.tried("backends killed")


def _search(trial: Trial, house: House, org: Org, canaries: Canaries, refused: bytes) -> None:
    desk = org.desk()
    logs = [path.read_bytes() for path in house.data_dir.rglob("postgresql-*.log")]
    search.texts(trial, canaries, {
        "the server's log": house.log().encode(),
        "the server's output": "".join(house.said).encode(),
        "the metrics": desk.get(house.metrics).content,
        "a refusal": refused,
        "the events": desk.get("/events", params={"limit": 1000}).content,
        "the trail": desk.get("/audit-events", params={"first": 200}).content,
        "the log of the database": b"\n".join(logs),
    })  # fmt: skip
    search.files(trial, canaries, house.data_dir)
    search.dump(trial, canaries, house.data_dir)
    kept = (house.data_dir.parent / "canary.backup").read_bytes()
    search.texts(trial, canaries, {"the backup as it lies": kept})


def _rotate(trial: Trial, house: House, org: Org) -> bytes:
    """The key file of before; all while desks create, reveal and walk."""
    old = (house.data_dir / "keys.json").read_bytes()
    load = Load(org.base, org.token("admin"), DESKS, trial.random)
    load.start()
    try:
        wait_for(lambda: all(desk.made for desk in load.desks))
        done = command("rotate-key", data_dir=house.data_dir)
        time.sleep(1)
    finally:
        load.stop()
    trial.expect(done.returncode == 0, f"the rotation failed: {done.stderr}")
    failed = [s for s in load.seen() if not s.good]
    trial.tried("requests during a rotation", len(load.seen()))
    # Those told to come again have waited longer than the server lets them: on a busy machine one or two may have to.
    trial.in_time(not failed, f"{len(failed)} requests failed during a rotation, such as {failed[:2]}")
    trial.expect(len(failed) * 10 < len(load.seen()), f"{len(failed)} of {len(load.seen())} failed during a rotation")
    for fault in load.faults():
        trial.breach(fault)
    return old


def _old_key_is_useless(trial: Trial, house: House, old: bytes) -> None:
    keys = house.data_dir / "keys.json"
    new = keys.read_bytes()
    sealed = asyncio.run(_sealed(house))
    trial.expect(sealed, "there is no sealed value")
    renamed = old.replace(b'"k1"', b'"k2"')
    for held, opens in ((new, True), (old, False), (renamed, False)):
        keys.write_bytes(held)
        opened = sum(_opens(Vault(keys), about, value) for about, value in sealed)
        trial.tried("sealed values tried with a key", len(sealed))
        trial.expect(
            opened == len(sealed) * opens,
            f"{opened} of {len(sealed)} values open with {'the new' if opens else 'an old'} key",
        )
    done = command("doctor", data_dir=house.data_dir)
    trial.expect("FAULT keys" in done.stdout, "the doctor does not see that the key is an old one")
    done = command("serve", "--port", str(free_port()), data_dir=house.data_dir)
    trial.expect(done.returncode == 1 and "is not the one" in done.stderr, "the server starts with an old key")


async def _sealed(house: House) -> list[tuple[str, bytes]]:
    with embedded.attached(house.data_dir, progress=lambda _: None):
        async with connected(house.data_dir, "superuser") as connection:
            return [(row[0], row[1]) for row in await connection.fetch(SEALED)]


def _opens(vault: Vault, about: str, sealed: bytes) -> bool:
    try:
        vault.open(sealed, about)
    except KeyFault:
        return False
    return True
