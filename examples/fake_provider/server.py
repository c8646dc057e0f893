"""The HTTP side of the fake provider: one loopback port, kept-alive connections, real streams."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final

from .answer import Answer, Request, default_answer
from .forms import form_fields, json_of
from .ids import make_id
from .wires import WIRES, Wire

Answerer = Callable[[Request], Answer]

Rewriter = Callable[[Request, "Reply"], "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it goes out."""

    status: int
    content_type: str
    chunks: Sequence[bytes]
    """The body, or the pieces of a stream."""
    streamed: bool
    cut: bool = False
    """Whether the connection is dropped once the chunks are out, before the end."""


#: What can be asked for again once it is there.
_KEPT: Final = frozenset({
    "batches", "batch-results", "message-batches", "gemini-batch-done", "gemini-batch-results", "mistral-batch-done",
    "cohere-batch-done", "fireworks-batch-done",
})  # fmt: skip


class FakeProvider:
    """A provider on a loopback port, answering with *answer*; every request is kept in ``requests``."""

    def __init__(self, answer: Answerer = default_answer, *, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.rewrite: Rewriter | None = None
        """Changes what goes out, byte for byte; a stream is then sent without pauses."""
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The root: Anthropic's base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """OpenAI's base URL."""
        return f"{self.url}/v1"

    def start(self) -> FakeProvider:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> FakeProvider:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def record(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Request:
        """Number and keep one request."""
        with self._lock:
            request = Request(path, headers, body, len(self.requests) + 1)
            self.requests.append(request)
        return request


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many clients may connect at once
    block_on_close = False
    provider: FakeProvider

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Shut every open connection down, so that its thread ends."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):  # the client was first
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up midway is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for headers and body
    server: _Server
    unserved: ClassVar[str] = "Nothing is served here."

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        form = headers.get("content-type", "").startswith("multipart/")
        request = self.server.provider.record(self.path, headers, form_fields(content) if form else json_of(content))
        wire = WIRES.get(request.api) if self.command == "POST" or request.api in _KEPT else None
        if wire is None:
            self._send(request, WIRES["chat"], Answer(status=404, error=self.unserved))
            return
        answer = self.server.provider.answer(request)
        if answer.delay_s:
            time.sleep(answer.delay_s)
        if answer.cut_after is not None and answer.status == 200 and not (request.stream and wire.streamed):
            self.close_connection = True
            return
        self._send(request, wire, answer)

    def _send(self, request: Request, wire: Wire, answer: Answer) -> None:
        rewrite = self.server.provider.rewrite
        if answer.status == 200 and request.stream and wire.streamed is not None:
            events = wire.streamed(request, answer)
            if rewrite is None:
                self._send_stream(request, wire, answer, events)
            else:
                self._send_reply(
                    request, wire, rewrite(request, Reply(200, wire.stream_type, list(events), streamed=True))
                )
            return
        if answer.status == 200:
            body = wire.whole(request, answer)
        else:
            message = answer.error or f"The fake provider refuses with {answer.status}."
            body = wire.error_body(answer.status, message, request)
        content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        reply = Reply(answer.status, kind, [content], streamed=False)
        self._send_reply(request, wire, rewrite(request, reply) if rewrite else reply, answer.retry_after_s)

    def _send_reply(self, request: Request, wire: Wire, reply: Reply, retry_after_s: float | None = None) -> None:
        self._send_head(request, wire, reply.status, reply.content_type)
        if retry_after_s is not None:
            self.send_header("retry-after", f"{retry_after_s:g}")
        if reply.streamed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(sum(map(len, reply.chunks)) + (1 if reply.cut else 0)))
        self.end_headers()
        for chunk in reply.chunks:
            if reply.streamed and chunk:
                self._send_chunk(chunk)
            elif not reply.streamed:
                self.wfile.write(chunk)
        if reply.cut:
            self.close_connection = True
        elif reply.streamed:
            self._send_chunk(b"")

    def _send_stream(self, request: Request, wire: Wire, answer: Answer, events: Iterator[bytes]) -> None:
        self._send_head(request, wire, 200, wire.stream_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            if number == answer.cut_after:
                self.close_connection = True
                return
            if number == answer.error_after:
                self._send_chunk(wire.error_event(answer.error or "The fake provider gives up."))
                break
            if number and answer.chunk_delay_s:
                time.sleep(answer.chunk_delay_s)
            self._send_chunk(event)
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _send_head(self, request: Request, wire: Wire, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header(wire.id_header, make_id("req_", request.number))
        for name, value in wire.headers.items():
            self.send_header(name, value)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        """Return one date for every answer, so that the same request has the very same answer."""
        return "Thu, 01 Jan 2026 00:00:00 GMT"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""
