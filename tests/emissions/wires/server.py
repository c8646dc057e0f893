"""A loopback server that answers in every wire what the fake provider would answer."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

from fake_provider import Answer, Request, openai_chat

from . import bedrock, gemini, ollama
from .wire import Wire

WIRES: Final = (bedrock.WIRE, gemini.VERTEX, gemini.WIRE, ollama.WIRE)


def wire_of(name: str) -> Wire | None:
    """Return the wire of a provider, or ``None`` for those whose format the fake provider speaks itself."""
    return next((wire for wire in WIRES if wire.name == name), None)


class WireServer:
    """A port where providers with formats of their own are asked; *answer* is asked in OpenAI's words."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                path = unquote(self.path.partition("?")[0])
                wire, found = next((w, m) for w in WIRES if (m := re.fullmatch(w.path, path)))
                streams = wire.streams(path, body)
                asked = {"stream": streams, **wire.asked(body)}
                asked.setdefault("model", found.groupdict().get("model"))
                request = Request("/v1/chat/completions", {"user-agent": wire.name}, asked, 1)
                answered = answer(request)
                if answered.status != 200:
                    self._send(
                        answered.status, "application/json", json.dumps(wire.refusal(answered.error or "")).encode()
                    )
                    return
                said = openai_chat.completion(request, answered)
                if streams:
                    self._send(200, wire.content_type, b"".join(wire.streamed(said, answered)))
                else:
                    self._send(200, "application/json", json.dumps(wire.answered(said, answered)).encode())

            def _send(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                if status != 200:
                    self.send_header("x-amzn-errortype", "ThrottlingException")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The root."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> WireServer:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def as_counted(request: Request, answered: Answer) -> Answer:
    """Return an answer without the counts that the provider does not know."""
    wire = wire_of(request.headers.get("user-agent", ""))
    return answered if wire is None else replace(answered, **dict.fromkeys(wire.without, 0))
