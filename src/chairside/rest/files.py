"""Files that the server answers from memory: each compressed once, with a tag by which a browser keeps its copy."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response

_WEAK = "W/"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is and compressed, and its ETag."""

    plain: bytes
    packed: bytes
    tag: str
    media_type: str


def file(contents: bytes, media_type: str) -> File:
    """A file ready to be answered; meant to be called once, at the start."""
    packed = gzip.compress(contents, mtime=0)
    return File(contents, packed, f'W/"{hashlib.sha256(contents).hexdigest()[:32]}"', media_type)


def answer(found: File, request: Request[Any, Any, Any], headers: dict[str, str] | None = None) -> Response[bytes]:
    """The file, compressed for those who take that; 304 for those who have it already."""
    sent = request.headers
    shown = {
        "etag": found.tag,
        "cache-control": "no-cache",  # kept by browsers, and asked for by its tag each time: an upgrade shows at once
        "vary": "accept-encoding",
        **(headers or {}),
    }
    if _has(sent.get("if-none-match", ""), found.tag):
        return Response(b"", status_code=304, headers=shown, media_type=found.media_type)
    if _takes_gzip(sent.get("accept-encoding", "")):
        packed = shown | {"content-encoding": "gzip"}
        return Response(found.packed, headers=packed, media_type=found.media_type)
    return Response(found.plain, headers=shown, media_type=found.media_type)


def _has(sent: str, tag: str) -> bool:
    """Whether If-None-Match names the tag; both encodings have one, so it is compared as a weak one."""
    named = {one.strip().removeprefix(_WEAK) for one in sent.split(",")}
    return "*" in named or tag.removeprefix(_WEAK) in named


def _takes_gzip(sent: str) -> bool:
    """Whether Accept-Encoding allows gzip (RFC 9110, 12.5.3): named with a weight above 0, or by `*`."""
    weights: dict[str, float] = {}
    for part in sent.lower().split(","):
        coding, _, parameters = part.partition(";")
        name, _, weight = parameters.strip().partition("=")
        try:
            weights[coding.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
