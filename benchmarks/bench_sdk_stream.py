"""What the SDK adds to streams: to each chunk, and to the first, beside the same stream unobserved.

The real client reads from a server over loopback, which is a process of its own.  Every round reads the same streams
plain, with a span written by hand and with Spanwise, in changing order, and compares within the round; the figures are
CPU time of the reading thread.  What delays the first chunk is told whole, and in its two parts: what is done before
the request goes out, and what between the client's having the chunk and the program's.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import openai
from bench_sdk import Sink, client_of, paired
from openai._base_client import SyncAPIClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

import spanwise

SHORT, LONG = 20, 500
"""Chunks of a stream: few where the first is looked at, many where each is."""
ROUNDS = 100
STREAMS = {SHORT: 8, LONG: 1}
WARM = {SHORT: 4, LONG: 1}
"""Streams of each block that do not count: what Python has learnt of another mode's code does not hold for this one."""
CHUNK_LIMIT_US = 5.0
FIRST_LIMIT_US = 50.0
SERVER = """
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
piece = ('data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
         '[{"index":0,"delta":{"content":"word %d "},"finish_reason":null}]}\\n\\n')
bodies = {c: "".join(piece % number for number in range(c)).encode() + b"data: [DONE]\\n\\n" for c in COUNTS}
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"]))
        body = next(body for count, body in bodies.items() if b'"%d"' % count in asked)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        time.sleep(0.002)  # so that the client always has to wait for a chunk, which takes its thread time too
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
""".replace("COUNTS", str((SHORT, LONG)))


class Clock(httpx.HTTPTransport):
    """A transport that notes when a request goes out; and when the client has had a chunk."""

    sent_ns = 0
    had_ns = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and note it."""
        Clock.sent_ns = time.thread_time_ns()
        return super().handle_request(request)


def note_chunks() -> None:
    """Have the client's streams note when they have a chunk, in every mode alike."""
    inner = openai.Stream.__stream__

    def noted(self):
        for chunk in inner(self):
            Clock.had_ns = time.thread_time_ns()
            yield chunk

    openai.Stream.__stream__ = noted


def read(create: Callable, chunks: int) -> list[float]:
    """Return the microseconds of this thread: to the first chunk, of that before and after, and for each further."""
    found = []
    for number in range(STREAMS[chunks] + WARM[chunks]):
        began = time.thread_time_ns()
        loop = iter(create(model="m", messages=[{"role": "user", "content": str(chunks)}], stream=True))
        next(loop)
        first = time.thread_time_ns()
        had = Clock.had_ns
        count = sum(1 for _ in loop)
        if number >= WARM[chunks]:
            each = (time.thread_time_ns() - first) / count
            found.append((first - began, Clock.sent_ns - began, first - had, each))
    return [statistics.median(times) / 1e3 for times in zip(*found, strict=True)]


def by_hand(create: Callable, tracer: Tracer) -> Callable:
    """Return the call with a span around it that somebody wrote by hand: begun, and told what is asked."""

    def spanned(model: str, messages: list[dict[str, str]], *, stream: bool):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
        with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            given = [{"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]} for m in messages]
            span.set_attribute("gen_ai.input.messages", json.dumps(given))
            return create(model=model, messages=messages, stream=stream)

    return spanned


def bench(url: str) -> bool:
    """Print what streams cost; return whether the limits hold."""
    original = SyncAPIClient.request
    spanwise.init(span_exporter=Sink())
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Sink()))

    def create(request: Callable) -> Callable:
        return client_of(request, url, http_client=httpx.Client(transport=Clock())).chat.completions.create

    modes = {
        "plain": create(original),
        "hand": by_hand(create(original), provider.get_tracer("by-hand")),
        "ours": create(SyncAPIClient.request),
    }

    def measured(chunks: int) -> dict[str, list[float]]:
        return paired({name: (lambda mode=mode: read(mode, chunks)) for name, mode in modes.items()}, ROUNDS)

    result = measured(SHORT)
    first, before_it, after_it, _ = result["ours"]
    by_hand_us = result["hand"][0]
    each = measured(LONG)["ours"][3]
    print(f"stream: first chunk +{first:.0f} us (limit {FIRST_LIMIT_US:.0f}), by hand +{by_hand_us:.0f} us")
    print(f"stream: of that, before the request +{before_it:.0f} us, once the client has the chunk +{after_it:.0f} us")
    print(f"stream: each further chunk +{each:.2f} us (limit {CHUNK_LIMIT_US:.0f})")
    return first < FIRST_LIMIT_US and each < CHUNK_LIMIT_US


def main() -> int:
    """Run everything; return 1 where a limit is broken."""
    note_chunks()
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        try:
            return 0 if bench(url) else 1
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
