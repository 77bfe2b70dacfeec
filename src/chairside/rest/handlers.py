"""One handler for every operation: who asks, may they, what do they ask, then the engine, then the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, InternalServerException
from litestar.types import Receive, Scope, Send
from msgspec.structs import replace

from chairside.access import roles
from chairside.access.tokens import Doorkeeper, refused
from chairside.changes import Asked
from chairside.engine import audit
from chairside.engine.context import Caller, Context, Network
from chairside.engine.operations import Operation
from chairside.engine.work import Answer, Work
from chairside.errors import Problem, Refused, refuse
from chairside.rest import errors, reading
from chairside.rest.front import Seen
from chairside.rest.origins import origin_of, refuse_elsewhere
from chairside.store.clock import clocks
from chairside.store.pool import AWAY

Asking = Request[Any, Any, Any]
log = structlog.get_logger("chairside.fault")
JSON = b"application/json"
PRIVATE = (b"cache-control", b"no-store")
NOT_MODIFIED, TOO_LARGE = 304, 413
BODILESS = frozenset({204, NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class House:
    """What handlers need of the rest of the server."""

    work: Work
    doorkeeper: Doorkeeper
    body_seconds: float  # for how long the body of a request is waited for
    trusted: tuple[Network, ...] = ()  # proxies whose X-Forwarded-For is believed


class Given(msgspec.Struct, frozen=True):
    """An answer on its way as it is. The framework's own costs as much as finding the route."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answering:
    """The application of one operation: it answers every request for it."""

    house: House
    operation: Operation
    route: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Asking = Request(scope, receive)
        given = await _answer(self.house, self.operation, self.route, request)
        await send({"type": "http.response.start", "status": given.status, "headers": given.headers})
        await send({"type": "http.response.body", "body": given.body, "more_body": False})


async def _answer(house: House, operation: Operation, route: str, request: Asking) -> Given:
    """Answer one request. Every refusal of a known caller is audited like an answer."""
    seen: Seen = request.scope["chairside"]  # type: ignore[typeddict-item]  # put there by front
    seen.route, seen.operation = route, True
    context: Context | None = None
    try:
        caller = await _caller(house, request)
        seen.org_id = caller.org_id
        now = clocks.now(caller.org_id)
        line = reading.line_of(operation, request.scope, now)
        origin = origin_of(request.scope, house.trusted)
        client = await house.work.clients.id_of(caller, origin)
        context = _context(operation, route, request, caller, client, line, now)
        refuse_elsewhere(origin, caller.networks)
        context, asked = await _ask(house, operation, context, request, line)
        run = house.work.write if operation.writes else house.work.read
        given = await run(operation, context, asked)
        return _success(given)
    except Refused as refused:
        return await _refusal(house, operation, context, refused.problems)
    except AWAY as away:
        log.warning("database away", request_id=seen.request_id, fault=type(away).__name__)
        return unavailable()
    except HTTPException:
        raise
    except Exception as fault:  # noqa: BLE001 - the last line: whatever it is, its text may hold patient data
        log.error("fault", request_id=seen.request_id, route=route, fault=type(fault).__name__, at=_place(fault))
        return await _refusal(house, operation, context, refuse("internal_error").problems)


async def _caller(house: House, request: Asking) -> Caller:
    token = reading.bearer(request.scope["headers"])
    if token is None:
        raise refused("unauthenticated")
    return await house.doorkeeper.caller(token)


def _context(
    operation: Operation, route: str, request: Asking, caller: Caller, client_id: str, line: reading.Line, now: datetime
) -> Context:
    """Known before anything is refused, so that a refusal is on record with the patient it was about."""
    named = {} if line.wrong_ids or line.org_id != caller.org_id else line.path
    seen: Seen = request.scope["chairside"]  # type: ignore[typeddict-item]  # put there by front
    return Context(
        caller=caller,
        request_id=seen.request_id,
        method=operation.method,
        route=route,
        path=request.scope["path"].lower(),  # as it was matched, but for the letters of its ids
        status=errors.success_of(operation),
        now=now,
        patient_id=named.get("patient_uuid"),
        record_id=caller.org_id if operation.id_param == "org_id" else named.get(operation.id_param),
        reveals="reveal" in line.query,
        client_id=client_id,
        query=line.recorded,
        charts=roles.charts(caller),
        may_reveal=roles.may_reveal(caller),
        known=() if operation.writes or "reveal" in line.query else reading.if_none_match(request.scope["headers"]),
        status_known=NOT_MODIFIED,
        status_guessed=errors.status_of("too_many_guesses"),
    )


async def _ask(
    house: House, operation: Operation, context: Context, request: Asking, line: reading.Line
) -> tuple[Context, Asked]:
    """What is asked, once it is clear that the caller may; an org of others is as if it were not there."""
    caller, headers = context.caller, request.scope["headers"]
    if line.org_id != caller.org_id:
        raise refuse("not_found", "path", "org_id")
    right = "reveal" if context.reveals else operation.allow
    clinical = operation.clinical_body is not None and roles.clinical(caller, operation.area)
    area = "chart" if clinical else operation.area
    roles.allow(caller, area, right, portal=operation.portal, patient_id=line.path.get("patient_uuid"))
    problems = line.wrong_ids + line.wrong_parameters
    raw, body = b"", dict[str, Any]()
    if operation.method != "GET":
        raw = await _body(house, request)
        form = operation.clinical_body if clinical else operation.body
        taken = operation.portal_body if caller.portal else form
        read = partial(reading.body_of, raw, headers, taken, context.now)
        # Megabytes are read beside the loop, so that others have their turn meanwhile.
        body, bad = await asyncio.to_thread(read) if operation.large else read()
        problems += bad
    if problems:
        raise Refused(problems)
    asked = Asked(path=line.path, query=line.query, body=body, now=context.now)
    return _with_headers(house, operation, context, request.scope, raw), asked


def _with_headers(house: House, operation: Operation, context: Context, scope: Scope, raw: bytes) -> Context:
    headers = scope["headers"]
    key = reading.idempotency_key(headers) if operation.method != "GET" else None
    if not operation.writes:
        return context
    asked = "?".join(filter(None, (f"{context.method} {context.path}", scope["query_string"].decode("latin-1"))))
    marks = house.work.vault.marks(f"{asked}\n".encode() + raw) if key else ()
    return replace(context, key=key, marks=marks, if_match=reading.if_match(headers))


async def _body(house: House, request: Asking) -> bytes:
    try:
        async with asyncio.timeout(house.body_seconds):
            return await request.body()
    except (TimeoutError, InternalServerException):  # the latter is how the framework says that the sender has gone
        raise refuse("incomplete_body", "body") from None
    except ClientException as refused:
        if refused.status_code == TOO_LARGE:
            raise refuse("body_too_large", "body") from None
        raise


def _success(given: Answer) -> Given:
    headers = [PRIVATE]
    if given.etag is not None:
        headers.append((b"etag", b'"%s"' % given.etag.encode()))
    if given.location is not None:
        headers.append((b"location", given.location.encode()))
    if given.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    return _sent(given.status, given.body, headers)


def _sent(status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> Given:
    if status not in BODILESS:
        headers += ((b"content-type", JSON), (b"content-length", b"%d" % len(body)))
    return Given(status, body, headers)


async def _refusal(house: House, operation: Operation, context: Context | None, problems: tuple[Problem, ...]) -> Given:
    status = errors.status_of_all(problems)
    if context is not None:
        outcome, keys = errors.outcome_of(status), house.work.vault.audit
        shown = house.work.volumes.told(context, problems)
        record = audit.entry(
            keys, context, operation.action, operation.subject, status=status, outcome=outcome, shown=shown
        )
        try:
            await house.work.trail.write(record)
        except (*AWAY, Refused):
            return unavailable()
    return _problems(problems)


def unavailable() -> Given:
    return _problems(refuse("unavailable").problems)


def _problems(problems: tuple[Problem, ...]) -> Given:
    told = ((name.encode(), value.encode()) for name, value in errors.headers_of(problems).items())
    return _sent(errors.status_of_all(problems), errors.body_of(problems), [PRIVATE, *told])


def from_framework(_request: Asking, fault: Exception) -> Response[bytes]:
    """What the framework refuses before any handler: unknown paths and methods, bodies it will not read."""
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(
        status,
        "internal_error" if status >= 500 else "invalid_json",
    )
    if code == "internal_error":
        log.error("fault", fault=type(fault).__name__, at=_place(fault))
    problems = refuse(code, "body" if code in ("invalid_json", "body_too_large") else "path").problems
    headers = {"cache-control": "no-store"} | errors.headers_of(problems)
    told = fault.headers if isinstance(fault, HTTPException) and fault.headers else {}
    for name, value in told.items():
        if name.lower() == "allow":
            headers["allow"] = allowed(value.split(", "))
    return Response(
        errors.body_of(problems), status_code=errors.status_of_all(problems), media_type=JSON.decode(), headers=headers
    )


def allowed(methods: Iterable[str]) -> str:
    """The Allow header for these; whatever can be got can also be asked for its head."""
    known = set(methods)
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def _place(fault: BaseException) -> str:
    """Where in our code it happened; never its message, which may quote a row."""
    trace, place = fault.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
