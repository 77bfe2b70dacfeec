"""Everything a hostile or broken client may send, each under its name, with what it may be answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

ANY = frozenset(range(200, 500))
DEEP = 200_000


@dataclass(frozen=True, slots=True)
class Case:
    """Pieces to send one after another. `may` are the statuses that an answer may have, `most` how many may come."""

    name: str
    pieces: tuple[bytes, ...]
    may: frozenset[int] = ANY
    most: int = 1
    heads: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Whom the cases are sent to: a path below which they may do what they like, as a caller who may."""

    org_id: str
    token: str

    @property
    def base(self) -> bytes:
        return f"/api/v1/{self.org_id}".encode()

    def get(
        self, *more: bytes, path: bytes = b"/locations", method: bytes = b"GET", version: bytes = b"HTTP/1.1"
    ) -> bytes:
        """A whole request without a body, and with more header lines."""
        lines = [method + b" " + self.base + path + b" " + version, b"Host: localhost", self.bearer, *more]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def post(self, body: bytes, *more: bytes, length: bool = True) -> bytes:
        head = (b"Content-Length: %d" % len(body),) if length else ()
        kind = () if any(m.lower().startswith(b"content-type") for m in more) else (b"Content-Type: application/json",)
        return self.get(*kind, *head, *more, method=b"POST") + body

    @property
    def bearer(self) -> bytes:
        return f"Authorization: Bearer {self.token}".encode()


def named(to: Target) -> list[Case]:
    """The table. What has its own answer says which; the rest may be answered by anything below 500."""
    return [*_heads(to), *_lengths(to), *_bodies(to), *_paths(to), *_others(to)]


def _is(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


def _heads(to: Target) -> Iterator[Case]:
    yield Case("a plain request", (to.get(),), _is(200))
    yield Case("a head in single bytes", tuple(to.get()[i : i + 1] for i in range(len(to.get()))), _is(200))
    yield Case("an empty header", (to.get(b"X-Empty:"),), _is(200))
    yield Case("a header of 60 KiB", (to.get(b"X-Long: " + b"a" * 60_000),))
    yield Case("a header of 1 MiB", (to.get(b"X-Long: " + b"a" * (1 << 20)),), _is(400, 431))
    yield Case("90 headers", (to.get(*(b"X-%d: 1" % n for n in range(90))),), _is(200))
    yield Case("5,000 headers", (to.get(*(b"X-%d: 1" % n for n in range(5000))),), _is(400, 431))
    yield Case("a header without a colon", (to.get(b"no colon here"),), _is(400))
    yield Case("a header without a name", (to.get(b": nameless"),), _is(400))
    yield Case("a space before the colon", (to.get(b"X-Space : 1"),), _is(400))
    yield Case("a folded header", (to.get(b"X-Folded: one", b" two"),), _is(200, 400))
    yield Case("NUL in a header", (to.get(b"X-Nul: a\0b"),), _is(400))
    yield Case("CR in a header", (to.get(b"X-Cr: a\rb"),), _is(400))
    yield Case("raw bytes in a header", (to.get(b"X-Raw: \xff\xfe\x80\xc3\x28"),))
    yield Case("raw bytes in the request id", (to.get(b"X-Request-Id: \xff\xfe"),))
    yield Case("a request id that would be a second header", (to.get(b"X-Request-Id: a%0d%0aX-Evil: 1"),), _is(200))
    yield Case("two tokens", (to.get(b"Authorization: Bearer x"),), _is(401))
    yield Case("two hosts", (to.get(b"Host: evil.example"),), _is(400))
    yield Case("two hosts by a bare line feed", (to.get(b"X-Some: a\nHost: evil.example"),), _is(400))
    yield Case("a coding by a bare line feed", (to.get(b"X-Some: a\nTransfer-Encoding: gzip, chunked"),), _is(400))
    yield Case("a line folded after a bare line feed", (to.get(b"X-Some: a\n b"),), _is(400))
    yield Case("bare line feeds alone", (to.get().replace(b"\r\n", b"\n"),), _is(200))
    yield Case("no host", (to.get().replace(b"Host: localhost\r\n", b""),))
    for name in (b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Prefix", b"Forwarded"):
        for value in (b"127.0.0.1", b"evil.example", b'for=_";"\'<script>;host=evil.example', b"\xff" * 40):
            yield Case(f"spoofed {name.decode()}", (to.get(name + b": " + value),), _is(200, 400))
    yield Case("another method by a header", (to.get(b"X-HTTP-Method-Override: DELETE"),), _is(200))
    yield Case("another path by a header", (to.get(b"X-Original-URL: /metrics", b"X-Rewrite-URL: /metrics"),), _is(200))
    for value in (b"W/", b'"', b'"' + b"9" * 5000 + b'"', b'"-1"', b"*, *", b"\xff"):
        yield Case("an odd If-None-Match", (to.get(b"If-None-Match: " + value),), _is(200, 304, 400, 422))
        yield Case("an odd Idempotency-Key", (to.post(b"{}", b"Idempotency-Key: " + value),), _is(400, 422))
    for value in (b"bytes=0-", b"bytes=9999999999999999999-", b"bytes=" + b"0-1," * 2000):
        yield Case("a range", (to.get(b"Range: " + value),), _is(200, 400, 431))


def _lengths(to: Target) -> Iterator[Case]:
    body, inner = b'{"name": 1}', to.get(path=b"/smuggled")
    both = (b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(body))
    yield Case("two equal lengths", (to.post(body, b"Content-Length: %d" % len(body)),), _is(400, 422))
    yield Case("two lengths", (to.post(body + inner, b"Content-Length: %d" % len(body)),), _is(400))
    yield Case("chunked beside a length", (to.post(b"0\r\n\r\n" + inner, *both, length=False),), _is(400, 422))
    yield Case(
        "a length beside chunked", (to.post(b"0\r\n\r\n" + inner, *reversed(both), length=False),), _is(400, 422)
    )
    for coding in (
        b"chunked, identity",
        b"identity",
        b"xchunked",
        b"\x0bchunked",
        b"chunked, chunked",
        b"gzip, chunked",
        b"gzip",
    ):
        head = b"Transfer-Encoding: " + coding
        yield Case("an odd coding", (to.post(b"0\r\n\r\n", head, length=False),), _is(400), most=2)
    yield Case("a coding after a space", (to.post(b"0\r\n\r\n" + inner, b"Transfer-Encoding : chunked"),), _is(400))
    for length in (b"-1", b"+11", b"0x0b", b"1e1", b"11, 11", b"11,12", b" ", b"9" * 40, b"1_1", b"\xd9\xa1"):
        yield Case("an odd length", (to.post(body, b"Content-Length: " + length, length=False),), _is(400, 413, 422))
    chunks = b"b;name=value;%s\r\n" % (b"x" * 2000) + body + b"\r\n0\r\nX-Trailer: 1\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked"
    yield Case("chunk extensions and a trailer", (to.post(chunks, chunked, length=False),), _is(400, 422))
    yield Case(
        "a huge chunk extension",
        (to.post(b"b;%s\r\n" % (b"x" * 200_000) + body, chunked, length=False),),
        _is(400, 408, 422),
    )
    for chunk in (
        b"-1\r\n",
        b"fffffffffffffffff\r\n",
        b"b\n" + body + b"\n0\n\n",
        b"xyz\r\n",
        b"b\r\n" + body + b"XX0\r\n\r\n",
    ):
        yield Case("a broken chunk", (to.post(chunk, chunked, length=False),), _is(400, 408, 413, 422))
    yield Case("a body on a GET", (to.get(b"Content-Length: 5") + b"hello",), _is(200))
    yield Case("Expect", (to.post(body, b"Expect: 100-continue"),), _is(417, 422))
    yield Case("Expect something else", (to.post(body, b"Expect: a miracle"),), _is(417, 422))
    yield Case("a length that is announced only", (to.post(b"", b"Content-Length: 99999999", length=False),), _is(413))
    yield Case("twenty in one piece", (to.get() * 20,), _is(200), most=20)
    yield Case("a body and the next in one piece", (to.post(body) + to.get(),), _is(200, 422), most=2)


def _bodies(to: Target) -> Iterator[Case]:
    for name, body in {
        "NaN": b'{"name": NaN}', "Infinity": b'{"name": -Infinity}', "a bare word": b"nothing", "nothing": b"",
        "half an object": b'{"name": "a', "two values": b"{} {}", "a comment": b'{"name": "a"} // b',
        "UTF-16": '{"name": "a"}'.encode("utf-16"), "a mark before": b"\xef\xbb\xbf{}",
        "bad UTF-8": b'{"name": "\xc3\x28"}',
        "overlong UTF-8": b'{"name": "\xc0\xaf"}', "NUL": b'{"name": "a\\u0000"}',
        "half a pair": b'{"name": "\\ud800"}',
        "a deep list": b"[" * DEEP, "a deep object": b'{"a":' * DEEP, "a deep whole": b"[" * 2000 + b"]" * 2000,
        "a long number": b'{"item_order": ' + b"9" * 300_000 + b"}", "a tiny number": b'{"item_order": 1e-99999}',
        "a huge number": b'{"item_order": 1e999999}', "a field twice": b'{"name": "a", "name": "b"}',
        "a field twice by escape": b'{"name": "a", "n\\u0061me": "b"}',
        "fields": json.dumps({f"f{n}": n for n in range(9000)}).encode(),
        "prototype": b'{"__proto__": {"admin": true}, "constructor": 1}', "spaces": b" " * 900_000,
        "quotes": b'{"name": "' + b'\\"' * 400_000 + b'"}',
        "a long list": b"[" + b"0," * 400_000 + b"0]", "many lists": b'{"name": [' + b"[]," * 200_000 + b"[]]}",
    }.items():  # fmt: skip
        yield Case(f"a body: {name}", (to.post(body),), _is(422))
    yield Case("a body over the limit", (to.post(b'{"name": "' + b"x" * (2 << 20) + b'"}'),), _is(413))
    packed = gzip.compress(b'{"name": "' + b"0" * 5_000_000 + b'"}')
    for coding in (b"gzip", b"br", b"deflate", b"zstd", b"gzip, gzip"):
        yield Case("a compressed body", (to.post(packed, b"Content-Encoding: " + coding),), _is(415))
    for kind in (
        b"text/xml",
        b"multipart/form-data",
        b"application/json\xff",
        b"*/*",
        b"application/msgpack",
        b"a" * 5000,
    ):
        yield Case("another media type", (to.post(b"{}", b"Content-Type: " + kind),), _is(400, 415))
    yield Case(
        "two media types", (to.post(b"{}", b"Content-Type: text/plain", b"Content-Type: application/json"),), _is(415)
    )


def _paths(to: Target) -> Iterator[Case]:
    for path in (
        b"/%", b"/%zz", b"/%c0%ae%c0%ae/", b"/%e0%80%af", b"/\xff\xfe", b"/%00", b"/%ff", b"/..%2f..%2fetc/passwd",
        b"//", b"/../..",
        b"/a\\b", b"/;a=b", b"/patients/%2e%2e/locations", b"/" + b"a" * 7000, b"/" * 5000, b"/%u0041",
        b"/%F0%9F%A6%B7",
    ):  # fmt: skip
        yield Case("an odd path", (to.get(path=path),), _is(400, 404, 405, 414, 422))
    for query in (
        b"?page=%", b"?page=%ff", b"?%00=1", b"?page=1&page=2", b"?" + b"&" * 5000, b"?a" * 3000,
        b"?page=" + b"9" * 5000,
        b"?search=" + b"%41" * 2000, b"?page_size[$gt]=1", b"?\xff=\xff", b"?search=%ed%a0%80", b"?=", b"?page=1;drop",
    ):  # fmt: skip
        yield Case("an odd query", (to.get(path=b"/locations" + query),), _is(200, 400, 414, 422))
    yield Case("a path of 200 KiB", (to.get(path=b"/" + b"a" * 200_000),), _is(400, 404, 414, 431))
    yield Case("a whole URL", (to.get().replace(b"GET /", b"GET http://evil.example/"),), _is(200, 400, 404))
    yield Case(
        "an authority", (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",), _is(400, 404, 405)
    )
    yield Case("a star", (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",))


def _others(to: Target) -> Iterator[Case]:
    upgrade = (
        b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )  # fmt: skip
    for protocol in (b"chat", "h\xe9".encode(), b"\xff\xfe", b"", b"," * 500):
        yield Case("a WebSocket", (to.get(*upgrade, b"Sec-WebSocket-Protocol: " + protocol),), _is(200, 400))
    yield Case("a WebSocket without a key", (to.get(*upgrade[:3]),), _is(200, 400))
    yield Case(
        "an upgrade to h2c",
        (to.get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),),
        _is(200),
    )
    yield Case("the preface of HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 20,), _is(400, 505))
    yield Case("HTTP/0.9", (b"GET /healthz\r\n",), _is(400))
    yield Case("HTTP/1.0", (to.get(version=b"HTTP/1.0"),), _is(200))
    for version in (b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.1x", b"http/1.1", b"HTTP/1,1", b""):
        yield Case("another version", (to.get(version=version),), _is(400, 505))
    yield Case("a greeting of TLS", (bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 195,), _is(400))
    yield Case("lines that end by LF alone", (to.get().replace(b"\r\n", b"\n"),), _is(200, 400))
    yield Case("empty lines before", (b"\r\n\r\n" + to.get(),), _is(200))
    yield Case("empty lines only", (b"\r\n" * 3000,))
    yield Case("nothing at all", (b"",))
    yield Case("zeros", (b"\0" * 5000,), _is(400))
    for method in (b"get", b"G\xcbT", b"DELETE", b"TRACE", b"A" * 3000, b"G E T", b"BREW"):
        yield Case("another method", (to.get(method=method),), _is(400, 401, 404, 405, 414))
    yield Case("HEAD", (to.get(method=b"HEAD"),), _is(200), heads=True)
    yield Case("a head that ends in the middle", (to.get()[:60],))
    yield Case("a body that ends in the middle", (to.post(b'{"name": "a"}')[:-5],))
