"""From an HTTP request to what it asks for: headers, path, query and body, every problem named at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qsl

import msgspec

from chairside.engine.operations import Operation
from chairside.errors import CODES, Problem, refuse
from chairside.fields import Body, Entry, try_body
from chairside.rest.repeated import fields_in, repeated_fields
from chairside.standing import BASE_VERSION
from chairside.types import Boolean, Integer, Invalid, Many, is_uuid

_decode = msgspec.json.Decoder().decode
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
# An Idempotency-Key, quoted or bare, as the document shows it.
KEY_FORM = r'"([ !#-~]{1,255})"|([!#-~](?:[ -~]{0,253}[!-~])?)'
_KEY = re.compile(KEY_FORM, re.ASCII)
_TAG = re.compile(r'(W/)?"([^"]*)"')
_VERSIONED = re.compile(r"(\d{1,18})(?:-\d{1,18})?", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MOST_PARAMETERS = 100
NO_BODY = Body(schema="", entries={})
# Bytes of a body that is wrong already and still looked through for fields that are sent twice.
MOST_LOOKED_THROUGH = 1 << 16
# Bytes of a body that the lax reader is given; it keeps the processor until it is done.
MOST_READ_AGAIN = 1 << 20

Headers = Iterable[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip(" \t") for key, value in headers if key == name]


def request_id(headers: Headers) -> str | None:
    sent = header(headers, b"x-request-id")
    return sent[0] if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]) else None


def bearer(headers: Headers) -> str | None:
    sent = header(headers, b"authorization")
    if len(sent) != 1:
        return None
    scheme, _, token = sent[0].partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def idempotency_key(headers: Headers) -> str | None:
    """The key, bare or quoted: 1 to 255 printable ASCII characters."""
    sent = header(headers, b"idempotency-key")
    if not sent:
        return None
    found = _KEY.fullmatch(sent[0]) if len(sent) == 1 else None
    if found is None:
        raise refuse(
            "invalid_header",
            "header",
            "idempotency-key",
            msg="must be one value of 1 to 255 printable ASCII characters",
        )
    return found.group(1) or found.group(2)


def if_match(headers: Headers) -> tuple[int, ...] | None:
    """The versions named by strong ETags; None when any will do.

    The part of an ETag behind the version counts what the server wrote by itself, which is no conflict for an edit.
    """
    sent = header(headers, b"if-match")
    if not sent or sent == ["*"]:
        return None
    tags = [t for line in sent for t in _TAG.finditer(line)]
    strong = (_VERSIONED.fullmatch(t.group(2)) for t in tags if not t.group(1))
    return tuple(int(found.group(1)) for found in strong if found)


def if_none_match(headers: Headers) -> tuple[str, ...] | None:
    """The ETags that the caller has already; None when any will do."""
    sent = header(headers, b"if-none-match")
    if not sent:
        return ()
    if sent == ["*"]:
        return None
    return tuple(t.group(2) for line in sent for t in _TAG.finditer(line))


class Line(msgspec.Struct, frozen=True):
    """The ids and parameters of the request's address, and the problems of both."""

    org_id: str
    path: dict[str, str]
    query: dict[str, Any]
    recorded: str | None
    wrong_ids: list[Problem]
    wrong_parameters: list[Problem]


def line_of(operation: Operation, scope: Mapping[str, Any], now: datetime) -> Line:
    """The ids and parameters of a request."""
    params: Mapping[str, Any] = scope["path_params"]
    path, wrong_ids = path_of(params, operation.path_params)
    query, kept, wrong_parameters = query_of(scope["query_string"], scope["headers"], operation.query, now)
    recorded = msgspec.json.encode(kept).decode() if kept else None
    return Line(str(params["org_id"]).lower(), path, query, recorded, wrong_ids, wrong_parameters)


def path_of(params: Mapping[str, Any], names: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    ids = {name: str(params[name]) for name in names}
    problems = [Problem(("path", n), "must be a UUID", "invalid_uuid") for n, v in ids.items() if not is_uuid(v)]
    return {name: value.lower() for name, value in ids.items()}, problems


class Query(NamedTuple):
    """Parameters by key with defaults, those of the sent ones that the audit record keeps, and what is wrong."""

    values: dict[str, Any]
    recorded: dict[str, Any]
    problems: list[Problem]


def query_of(raw: bytes, headers: Headers, entries: Sequence[Entry], now: datetime) -> Query:
    """The parameters of a query string; an empty filter is no filter."""
    known = {e.key: e for e in entries}
    sent: dict[str, list[str]] = {}
    problems: list[Problem] = []
    try:
        text = raw.decode("ascii", "surrogateescape")
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return Query({}, {}, [Problem(("query",), f"must have at most {MOST_PARAMETERS} parameters", "too_long")])
    for key, value in pairs:
        if key in known:
            sent.setdefault(key, []).append(value)
        else:
            shown = key[:64].encode("utf-8", "replace").decode()
            problems.append(Problem(("query", shown), CODES["unknown_parameter"], "unknown_parameter"))
    values: dict[str, Any] = {e.key: e.default for e in entries if e.default is not None}
    recorded: dict[str, Any] = {}
    for key, given in sent.items():
        if known[key].filters and given == [""]:
            continue
        try:
            values[key] = _parameter(known[key], given, now)
            if known[key].recorded:
                recorded[key] = values[key]
        except Invalid as bad:
            problems.extend(Problem(("query", key, *one.inside), one.msg, one.code) for one in bad.every)
    if missing := {e.key for e in entries if e.required} - sent.keys() - excused_by(headers):
        problems += [Problem(("query", e.key), "is required", "missing") for e in entries if e.key in missing]
    return Query(values, recorded, problems)


def _parameter(entry: Entry, given: list[str], now: datetime) -> object:
    if isinstance(entry.type, Many):
        return entry.type.parse([part for value in given for part in value.split(",")], now)
    if len(given) > 1:
        raise Invalid("repeated_parameter", "must be given once")
    value: object = given[0]
    if isinstance(entry.type, Integer):
        if not _INTEGER.fullmatch(given[0]):
            raise Invalid("wrong_type", "must be a whole number")
        value = int(given[0])
    elif isinstance(entry.type, Boolean):
        value = {"true": True, "false": False}.get(given[0].lower(), given[0])
    return entry.type.parse(value, now)


def excused_by(headers: Headers) -> frozenset[str]:
    """The fields and parameters that a header stands for: If-Match names a version as base_version does."""
    return frozenset() if if_match(headers) is None else frozenset((BASE_VERSION.key,))


def body_of(raw: bytes, headers: Headers, body: Body | None, now: datetime) -> tuple[dict[str, Any], list[Problem]]:
    """The checked values of the body. Where nothing is required, no body is as good as an empty object."""
    excused = excused_by(headers)
    if not raw and (body is None or body.required <= excused):
        return try_body(body or NO_BODY, {}, now, "body", excused=excused)
    if raw:
        _check_media_type(headers)
    sent, text = _json(raw)
    fields = fields_in(sent)
    values, problems = try_body(body or NO_BODY, sent, now, "body", excused=excused)
    # Not in a mebibyte that is refused anyhow: looking through it would keep everybody waiting for a fifth of a second.
    repeated = repeated_fields(text, fields) if not problems or len(raw) <= MOST_LOOKED_THROUGH else []
    return values, repeated + problems


def _check_media_type(headers: Headers) -> None:
    sent = header(headers, b"content-type")
    media = sent[0].partition(";")[0].strip().lower() if sent else ""
    if media != "application/json" or header(headers, b"content-encoding") not in ([], ["identity"]):
        raise refuse("unsupported_media_type", "header", "content-type")


def _json(raw: bytes) -> tuple[object, bytes | str]:
    """What was sent, and a problem for each field that was sent twice."""
    try:
        return _decode(raw), raw
    except (msgspec.DecodeError, RecursionError, ValueError):
        pass
    if len(raw) > MOST_READ_AGAIN:
        raise refuse("invalid_json", "body", msg="is not well-formed JSON, or has half a surrogate pair")
    # The strict reader refuses half surrogate pairs wherever they stand; a lax one finds the field they are in. As
    # text, for of bytes it would guess the encoding, and take UTF-16.
    try:
        text = raw.decode("utf-8-sig", "surrogatepass")
        return json.loads(text, parse_constant=_refuse_constant), text
    except (ValueError, RecursionError):
        raise refuse("invalid_json", "body") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
