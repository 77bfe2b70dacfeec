"""Refuses requests that another HTTP server on the way may read otherwise, so that none can be smuggled past it."""

from __future__ import annotations

from collections.abc import Iterable

from chairside.errors import refuse
from chairside.rest import errors
from chairside.rest.admission import Refusal

CODE = "ambiguous_request"


def ambiguous(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request has two Host headers, or a body in another coding than chunked alone."""
    hosts = codings = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            codings += 1 if value.strip(b" \t").lower() == b"chunked" else 2
    return hosts > 1 or codings > 1


def _refusal() -> Refusal:
    body = errors.body_of(refuse(CODE, "header").problems)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),  # what follows on the connection may belong to this request or to the next
    ]
    return Refusal(CODE, errors.status_of(CODE), headers, body, CODE)


REFUSAL = _refusal()
