"""The HTTP application: every operation at its path, health, the OpenAPI document and its explorer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.plugins.core import MsgspecDIPlugin

from chairside.engine.operations import Operation
from chairside.rest import files, handlers
from chairside.rest.admission import Admission
from chairside.rest.front import App, front
from chairside.rest.handlers import Answering, Asking, House
from chairside.rest.outbox import Outbox
from chairside.rest.unmatched import recorded
from chairside.store.pool import AWAY

PREFIX = "/api/v1/{org_id}/"
BODY_LIMIT, LARGE_BODY_LIMIT = 1 << 20, 16 << 20
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Chairside API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>@media (max-width: 640px) { .swagger-ui .opblock-summary-operation-id { display: none }
  .swagger-ui .responses-inner { overflow-x: auto } }</style></head>
<body><div id="explorer"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>"""
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


class Framework(Litestar):
    """The framework without the plugins that it would look for by itself.

    Those for pydantic and attrs, neither of which the server uses, would load 100 modules in each worker.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[Any]) -> list[Any]:
        return [*plugins, MsgspecDIPlugin()]


def application(
    house: House,
    operations: Sequence[Operation],
    document: Mapping[str, Any],
    lifespan: Any,
    doors: Admission,
    outbox: Outbox,
) -> App:
    """The ASGI application. `lifespan` opens and closes what `house` needs; `doors` bounds what is worked on."""
    app = Framework(
        route_handlers=[
            *_options(operations),  # first, for the framework answers for paths that it finds without
            *(_route(house, o) for o in operations),
            *_open_paths(house, msgspec.json.encode(document)),
        ],
        exception_handlers={Exception: handlers.from_framework},
        openapi_config=None,
        logging_config=None,
        lifespan=[lifespan],
        request_max_body_size=BODY_LIMIT,
    )
    return front(recorded(app, house), doors, outbox)


def _route(house: House, operation: Operation) -> HTTPRouteHandler:
    template = PREFIX + operation.path
    answering = Answering(house, operation, template)

    def handle() -> Answering:
        return answering  # the framework goes on to call it; what it does for handlers that take something costs more

    return HTTPRouteHandler(
        template.replace("}", ":str}"),
        http_method=operation.method,  # type: ignore[arg-type]  # one of the five it names
        name=operation.name,
        status_code=200,
        request_max_body_size=LARGE_BODY_LIMIT if operation.large else BODY_LIMIT,
        sync_to_thread=False,
    )(handle)


def _options(operations: Sequence[Operation]) -> Iterator[HTTPRouteHandler]:
    """For each path what can be done there; the framework's own answer names the first operation alone."""
    methods: dict[str, list[str]] = {}
    for operation in operations:
        methods.setdefault(PREFIX + operation.path, []).append(operation.method)
    for template, known in methods.items():
        yield _option(template, handlers.allowed([*known, "OPTIONS"]))


def _option(template: str, allow: str) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Response[None]:
        request.scope["chairside"].route = template  # type: ignore[typeddict-item]  # put there by front
        return Response(None, headers={"allow": allow})

    path = template.replace("}", ":str}")
    return HTTPRouteHandler(path, http_method="OPTIONS", name=f"OPTIONS {template}", status_code=204)(handle)


def _open_paths(house: House, document: bytes) -> list[HTTPRouteHandler]:
    """What needs no token: it tells of the server, never of patients."""

    @get("/healthz", name="healthz")
    async def healthz(request: Asking) -> Response[bytes]:
        return _plain(request, "/healthz", b'{"status":"ok"}')

    @get("/readyz", name="readyz")
    async def readyz(request: Asking) -> Response[bytes]:
        try:
            await house.work.pool.check()
        except AWAY:
            return _plain(request, "/readyz", b'{"status":"database away"}', status=503)
        return _plain(request, "/readyz", b'{"status":"ready"}')

    return [healthz, readyz, *_explorer(document)]


def _explorer(document: bytes) -> list[HTTPRouteHandler]:
    """The OpenAPI document and the pages that explore it, each prepared once."""

    @get("/", name="root", sync_to_thread=False)
    def root(request: Asking) -> Response[bytes]:
        return _plain(request, "/", b"", "text/plain", 307, {"location": "/docs"})

    assets = (_file(f"/docs/{name}", _asset(name), media_type, "/docs") for name, media_type in ASSETS.items())
    page = _file("/docs", PAGE.encode(), "text/html", "/docs", {"content-security-policy": POLICY})
    return [root, page, *assets, _file("/openapi.json", document, "application/json", "/openapi.json")]


def _file(
    path: str, contents: bytes, media_type: str, route: str, headers: dict[str, str] | None = None
) -> HTTPRouteHandler:
    kept = files.file(contents, media_type)

    @get(path, name=path, sync_to_thread=False)
    def answer(request: Asking) -> Response[bytes]:
        _note(request, route)
        return files.answer(kept, request, headers)

    return answer


def _asset(name: str) -> bytes:
    return resources.files("chairside.rest").joinpath("explorer", name).read_bytes()


def _plain(
    request: Asking,
    route: str,
    body: bytes,
    media_type: str = "application/json",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    _note(request, route)
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def _note(request: Asking, route: str) -> None:
    """Tell the layers around of the route, and that the answer is nobody's own."""
    seen = request.scope["chairside"]  # type: ignore[typeddict-item]  # put there by front
    seen.route, seen.shared = route, True
