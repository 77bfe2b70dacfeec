"""The faults: those of the line through the proxy, the rest by the superuser of the database.

Real are: delay, stall, silence, resets, cuts, ended backends, deadlocks (of two locks that every record of the trail
takes in random order), a locked table, the connection limit, and where root runs it a full disk under the whole
database but its log of writes (a full one of those ends any PostgreSQL). Injected by a trigger that raises the error of
the database are the serialization failure, which READ COMMITTED does not know, and the full disk where nobody is root.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from proofs.db_faults import disk
from proofs.db_faults.proxy import Proxy
from tests.hosting import USER, Hosted

Fault = Callable[[Proxy, Hosted], AbstractContextManager[None]]

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'practice'"
RAISES = """
CREATE OR REPLACE FUNCTION proof_raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF nextval('public.proof_tries') % {every} <> 0 THEN
    RAISE EXCEPTION 'injected' USING ERRCODE = '{state}';
  END IF;
  RETURN NEW;
END $$
"""
DEADLOCKS = """
CREATE OR REPLACE FUNCTION proof_raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE first int := (random() < 0.5)::int;
BEGIN
  PERFORM pg_advisory_xact_lock(first);
  PERFORM pg_sleep(0.01);
  PERFORM pg_advisory_xact_lock(1 - first);
  RETURN NEW;
END $$
"""
FULL = "disk full"
TABLES = ("patients", "audit_events", "idempotency_keys")


@contextmanager
def of_line(mode: str, seconds: float, proxy: Proxy, _: Hosted) -> Iterator[None]:
    proxy.set(mode)
    try:
        time.sleep(seconds)
        yield
    finally:
        proxy.set("calm")


@contextmanager
def ended_backends(_: Proxy, at: Hosted) -> Iterator[None]:
    for _round in range(12):
        at.sql(END_ALL)
        time.sleep(0.2)
    yield


@contextmanager
def triggers(body: str, tables: tuple[str, ...], seconds: float, _: Proxy, at: Hosted) -> Iterator[None]:
    at.sql("CREATE SEQUENCE IF NOT EXISTS proof_tries")
    at.sql(body)
    for table in tables:
        at.sql(f"CREATE TRIGGER proof BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION proof_raise()")
    try:
        time.sleep(seconds)
        yield
    finally:
        for table in tables:
            at.sql(f"DROP TRIGGER proof ON {table}")


@contextmanager
def locked_table(_: Proxy, at: Hosted) -> Iterator[None]:
    at.sql("BEGIN; LOCK TABLE patients IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT")
    yield


@contextmanager
def few_connections(_: Proxy, at: Hosted) -> Iterator[None]:
    at.sql(f"ALTER ROLE {USER} CONNECTION LIMIT 2")
    try:
        at.sql(END_ALL)
        time.sleep(3)
        yield
    finally:
        at.sql(f"ALTER ROLE {USER} CONNECTION LIMIT -1")


@contextmanager
def nobody_let_in(_: Proxy, at: Hosted) -> Iterator[None]:
    at.sql(f"ALTER ROLE {USER} NOLOGIN")
    try:
        at.sql(END_ALL)
        time.sleep(2)
        yield
    finally:
        at.sql(f"ALTER ROLE {USER} LOGIN")


@contextmanager
def full_disk(proxy: Proxy, at: Hosted) -> Iterator[None]:
    raised = partial(triggers, RAISES.format(every=3, state="53100"), TABLES, 0.0, proxy, at)
    with disk.full(at.disk) if at.disk else raised():
        time.sleep(3)
        yield


FAULTS: Mapping[str, Fault] = {
    "delay": partial(of_line, "delay", 2.0),
    "cut in mid-transaction": partial(of_line, "cut", 3.0),
    "reset": partial(of_line, "reset", 2.0),
    "short stall": partial(of_line, "stall", 2.0),
    "long stall": partial(of_line, "stall", 5.5),
    "half-open, short": partial(of_line, "silent", 0.5),
    "half-open, long": partial(of_line, "silent", 5.5),
    "every backend ended": ended_backends,
    "serialization failures": partial(triggers, RAISES.format(every=3, state="40001"), TABLES, 2.0),
    "deadlocks": partial(triggers, DEADLOCKS, ("audit_events",), 3.0),
    "table locked": locked_table,
    "connection limit": few_connections,
    "nobody let in": nobody_let_in,
    FULL: full_disk,
}
