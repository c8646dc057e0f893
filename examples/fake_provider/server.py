"""The HTTP side of the fake provider: one loopback port, kept-alive connections, real streams."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar

from . import anthropic_messages, gemini, mistral_chat, ollama, openai_chat, openai_responses
from .answer import Answer, Request, default_answer
from .ids import make_id
from .reply import Json

Answerer = Callable[[Request], Answer]

_WHOLE: dict[str, Callable[[Request, Answer], Json]] = {
    "chat": openai_chat.completion,
    "responses": openai_responses.response,
    "embeddings": openai_chat.embeddings,
    "messages": anthropic_messages.message,
    "gemini": gemini.content,
    "mistral": mistral_chat.completion,
    "ollama": ollama.reply,
    "ollama-embeddings": ollama.embeddings,
    "gemini-embeddings": gemini.embeddings,
}
_STREAMED: dict[str, Callable[[Request, Answer], Iterator[bytes]]] = {
    "chat": openai_chat.chunks,
    "responses": openai_responses.events,
    "messages": anthropic_messages.events,
    "gemini": gemini.events,
    "mistral": mistral_chat.chunks,
    "ollama": ollama.events,
}
_ERROR_EVENTS: dict[str, Callable[[str], bytes]] = {
    "chat": openai_chat.error_event,
    "responses": openai_responses.error_event,
    "messages": anthropic_messages.error_event,
    "gemini": gemini.error_event,
    "mistral": openai_chat.error_event,
    "ollama": ollama.error_event,
}


class FakeProvider:
    """A provider on a loopback port, answering with *answer*; every request is kept in ``requests``."""

    def __init__(self, answer: Answerer = default_answer, *, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[Request] = []
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

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = self.server.provider.record(self.path, headers, body)
        if not request.api:
            self._send_error(request, Answer(status=404, error=self.unserved))
            return
        answer = self.server.provider.answer(request)
        if answer.delay_s:
            time.sleep(answer.delay_s)
        if answer.status != 200:
            self._send_error(request, answer)
        elif request.stream and request.api in _STREAMED:
            self._send_stream(request, answer)
        elif answer.cut_after is not None:
            self.close_connection = True
        else:
            self._send_json(request, 200, _WHOLE[request.api](request, answer))

    def _send_json(self, request: Request, status: int, body: Json, retry_after_s: float | None = None) -> None:
        content = json.dumps(body, separators=(",", ":")).encode()
        self._send_head(request, status, "application/json")
        if retry_after_s is not None:
            self.send_header("retry-after", f"{retry_after_s:g}")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send_error(self, request: Request, answer: Answer) -> None:
        message = answer.error or f"The fake provider refuses with {answer.status}."
        if request.api == "messages":
            body = anthropic_messages.error_body(answer.status, message, request)
        elif request.api.startswith("gemini"):
            body = gemini.error_body(answer.status, message)
        elif request.api.startswith("ollama"):
            body = ollama.error_body(message)
        else:
            body = openai_chat.error_body(answer.status, message)
        self._send_json(request, answer.status, body, answer.retry_after_s)

    def _send_stream(self, request: Request, answer: Answer) -> None:
        lines = request.api == "ollama"
        self._send_head(request, 200, "application/x-ndjson" if lines else "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(_STREAMED[request.api](request, answer)):
            if number == answer.cut_after:
                self.close_connection = True
                return
            if number == answer.error_after:
                self._send_chunk(_ERROR_EVENTS[request.api](answer.error or "The fake provider gives up."))
                break
            if number and answer.chunk_delay_s:
                time.sleep(answer.chunk_delay_s)
            self._send_chunk(event)
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _send_head(self, request: Request, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        name = "request-id" if request.api == "messages" else "x-request-id"
        self.send_header(name, make_id("req_", request.number))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""
