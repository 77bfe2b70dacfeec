"""Whatever befalls the database or the way to it, a request succeeds or is told when to come again, and soon all do.

Under a steady load of reads and writes with keys, through a proxy of our own, each fault in an order by the seed: only
successes, 503 with Retry-After, and for a key that is still in use its 409; no setting of an org is left on a pooled
connection; no request sent 5 s after the end of a fault is refused; in the end every write that was acknowledged, and
every one retried until it was, is there once, with its events and audit records. A round is all faults once.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial

from chairside.store.transactions import LONGEST
from proofs.db_faults.disk import apart
from proofs.db_faults.faults import FAULTS, FULL, Fault, of_line
from proofs.db_faults.proxy import Proxy, between
from proofs.front_desks import Load
from proofs.trial import Trial
from tests.cli.hands import answered
from tests.hosting import Hosted, hosted
from tests.house import House, free_port, wait_for

SHORT, LONG = 1, 10
DESKS = 10
RECOVERED_SECONDS = 5.0
FAULT = '"event":"fault"'
LEFT = "SELECT coalesce(current_setting('app.org', true), '')"


def prove(trial: Trial) -> None:
    with trial.folder() as folder, apart() as disk, hosted(disk) as at, between(at.port, trial.random) as proxy:
        trial.figure("the full disk", "a file system that is full" if disk else "a trigger; a real one takes root")
        url = at.url.replace(f":{at.port}/", f":{proxy.port}/") + "?sslmode=disable"
        house = House(folder / "data", free_port())
        house.start(workers=2, CHAIRSIDE_DATABASE_URL=url)
        try:
            org = answered("org", "create", "Faulty Dental", data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=at.url)
            made = ("token", "create", "--org", org, "--role", "admin")
            token = answered(*made, data_dir=house.data_dir, CHAIRSIDE_DATABASE_URL=at.url)
            load = Load(f"{house.url}/api/v1/{org}", token, DESKS, trial.random)
            load.start()
            try:
                _strike(trial, proxy, at, load)
            finally:
                load.stop()
            _nothing_lost(trial, at, load)
            trial.expect(FAULT not in house.log(), f"the server logged a fault: {_faults(house)}")
        finally:
            house.end()


def _strike(trial: Trial, proxy: Proxy, at: Hosted, load: Load) -> None:
    wait_for(lambda: all(desk.made for desk in load.desks))
    _watch(trial, "calm", partial(of_line, "calm", 2.0), proxy, at, load)
    for _ in range(trial.rounds):
        for name in trial.random.sample(sorted(FAULTS), len(FAULTS)):
            _watch(trial, name, FAULTS[name], proxy, at, load)


def _watch(trial: Trial, name: str, fault: Fault, proxy: Proxy, at: Hosted, load: Load) -> None:
    began = time.monotonic()
    with fault(proxy, at):
        if name == FULL:
            wait_for(lambda: load.statuses(began)[503] or not load.working())
    ended = time.monotonic()
    # What a silent line has swallowed is answered this late; after other faults a while is enough to see refusals.
    time.sleep(LONGEST + 1 if name.startswith("half-open") else 2)
    wait_for(lambda: any(s.good and s.began > ended for s in load.seen()) or not load.working())
    asked, answered_ = load.last_refused(ended)
    statuses = load.statuses(began)
    left = [value for _ in range(5) for value in proxy.ask_resting(LEFT)]
    trial.tried("resting connections asked for a setting left behind", len(left))
    trial.expect(set(left) <= {b""}, f"after {name} a pooled connection kept the setting of an org")
    trial.expect(name != FULL or statuses[503], "nobody noticed that the disk was full")
    trial.in_time(asked < RECOVERED_SECONDS, f"after {name} a request sent {asked:.1f} s after its end was refused")
    trial.tried("faults")
    told = ", ".join(f"{n} x {status}" for status, n in sorted(statuses.items()))
    trial.say(f"{name}: {told}; last refused: sent {asked:.1f} s, answered {answered_:.1f} s after its end")
    trial.figure(f"{name}: seconds until requests succeed again", f"{asked:.1f}")


def _nothing_lost(trial: Trial, at: Hosted, load: Load) -> None:
    for fault in load.faults():
        trial.breach(fault)
    seen = load.seen()
    trial.tried("requests", len(seen))
    trial.figure("longest answer", f"{max(s.ended - s.began for s in seen):.1f} s")
    trial.figure("answers", ", ".join(f"{n:,} x {k}" for k, n in sorted(Counter(s.status for s in seen).items())))
    rows = at.sql("SELECT last_name, id, version FROM patients WHERE first_name = 'Fault'").splitlines()
    trial.expect(len({row.split("|")[0] for row in rows}) == len(rows), "a patient is there twice")
    there = {name: (made, int(version)) for name, made, version in (row.split("|") for row in rows)}
    told = {name: (desk.made[name], desk.versions[name]) for desk in load.desks for name in desk.made}
    trial.tried("acknowledged patients compared", len(told))
    trial.expect(
        there == told, f"{sum(there.get(n) != told.get(n) for n in there | told)} patients differ from what was told"
    )
    events = dict(row.split("|") for row in at.sql(
        "SELECT record_id, count(*) FROM events WHERE type LIKE 'patient.%' GROUP BY record_id"
    ).splitlines())  # fmt: skip
    wrong = sum(int(events.get(made, 0)) != version for made, version in there.values())
    trial.expect(not wrong, f"{wrong} patients have not one event for each version")
    audited = set(at.sql("SELECT request_id FROM audit_records").splitlines())
    lost = [s for s in seen if s.good and s.request_id not in audited]
    trial.expect(not lost, f"{len(lost)} acknowledged requests have no audit record")


def _faults(house: House) -> list[str]:
    return [line[:200] for line in house.log().splitlines() if FAULT in line][:5]
