"""The metrics on a port of their own, served by the process that starts the workers."""

from __future__ import annotations

import os
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

from chairside.cli.place import Fault
from chairside.rest.metrics import Meter
from chairside.settings import Settings

PATH = "/metrics"
# Seconds that a client may take for its request and for reading the answer; scrapes are answered one after the other.
PATIENCE = 5


def serve_metrics(settings: Settings) -> None:
    """Answers scrapes in a thread from now on, if a port is set; Fault when nobody may listen there."""
    if not settings.metrics_port:
        return
    meter = Meter()
    meter.share_in(settings.metrics_folder, settings.archive_status_file)

    class Scrape(BaseHTTPRequestHandler):
        """Answers /metrics, spelt so, and nothing else."""

        timeout = PATIENCE

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            found = self.path.partition("?")[0] == PATH
            content = meter.exposition() if found else b""
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def version_string(self) -> str:
            return "chairside"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Scrapes are not logged, as /healthz is not."""

    class Listener(HTTPServer):
        address_family = socket.AF_INET6 if ":" in settings.metrics_host else socket.AF_INET

        def server_bind(self) -> None:
            """Does without the library's look-up of the host's name, which may take seconds."""
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away, or took too long, is nobody's fault."""

    try:
        listener = Listener((settings.metrics_host, settings.metrics_port), Scrape)
    except OSError as fault:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise Fault(f"Cannot listen on {where} for metrics: {fault.strerror}.") from None
    # A worker that kept the socket would hold the port after this process, and take it for its own (rest/listening).
    os.register_at_fork(after_in_child=listener.socket.close)
    threading.Thread(target=listener.serve_forever, name="metrics", daemon=True).start()
