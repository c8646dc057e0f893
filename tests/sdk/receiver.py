"""A loopback server that takes OTLP and annotations, and can be told to refuse."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

Refuse = Callable[[int, int], "tuple[int, dict[str, str]] | None"]


class Receiver:
    """Keeps what it takes; *refuse* gets number and size of each request and may answer in its place."""

    def __init__(self, refuse: Refuse = lambda _number, _size: None, port: int = 0, rejected: int = 0) -> None:
        self.refuse = refuse
        self.rejected = rejected
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.annotations: list[dict[str, Any]] = []
        self.connections = 0
        self.number = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                receiver.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.number += 1
                refused = receiver.refuse(receiver.number, len(body))
                if refused is not None:
                    self.answer(refused[0], b"not now", refused[1])
                    return
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path.endswith("/api/v1/annotations"):
                    receiver.annotations.extend(json.loads(body))
                    self.answer(201, b"{}", {})
                else:
                    receiver.requests.append(ExportTraceServiceRequest.FromString(body))
                    partial = ExportTracePartialSuccess(rejected_spans=receiver.rejected)
                    self.answer(200, ExportTraceServiceResponse(partial_success=partial).SerializeToString(), {})

            def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = headers.get("connection") == "close-silently"

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def names(self) -> list[str]:
        """The names of all spans taken."""
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until *condition* holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.01)

    def __enter__(self) -> Receiver:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
