"""What the SDK adds to streams: to each chunk, and to the first, beside the same stream unobserved.

The real client reads from a server over loopback.  A process for each way of observing, by hand and with Spanwise,
reads the same streams plain and observed in turns, and compares within each round: where the system has put a program
makes tens of microseconds for all of its life, which two processes do not share, and what one way of observing does in
the background is not the other's to pay.  There are several processes of each for the same reason.  The figures are
CPU time of the reading thread.

What delays the first chunk is told whole, and in its parts: what is done before the request goes out, what between
that and the client's having the chunk, its own work, which is slower after ours, included; and what after it.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import httpx
import openai
from bench_sdk import Sink, client_of, paired, parts_of, process
from openai._base_client import SyncAPIClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

import spanwise

SHORT, LONG = 20, 500
"""Chunks of a stream: few where the first is looked at, many where each is."""
ROUNDS = {SHORT: 60, LONG: 8}
"""Rounds of each process."""
PROCESSES = 5
STREAMS = {SHORT: 4, LONG: 1}
WARM = 1
"""Streams of each block that do not count: the processor has just done another mode's work."""
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
    """Return the microseconds of this thread: to the first chunk, of that before, between and after, for each further.

    Each stream is forgotten before the next one begins, as a program that has left its loop over one has forgotten it.
    """
    found = []
    for number in range(STREAMS[chunks] + WARM):
        began = time.thread_time_ns()
        loop = iter(create(model="m", messages=[{"role": "user", "content": str(chunks)}], stream=True))
        next(loop)
        first = time.thread_time_ns()
        sent, had = Clock.sent_ns, Clock.had_ns
        count = sum(1 for _ in loop)
        each = (time.thread_time_ns() - first) / count
        del loop
        if number >= WARM:
            found.append((first - began, sent - began, had - sent, first - had, each))
    return [statistics.median(times) / 1e3 for times in zip(*found, strict=True)]


def by_hand(create: Callable, tracer: Tracer) -> Callable:
    """Return the call with a span around it that somebody wrote by hand: begun, and told what is asked."""

    def spanned(model: str, messages: list[dict[str, str]], *, stream: bool):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
        with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            span.set_attribute("gen_ai.input.messages", json.dumps(parts_of(messages)))
            return create(model=model, messages=messages, stream=stream)

    return spanned


def serve_mode(mode: str, url: str) -> None:
    """Be a process that observes in one way: for each line with a number of chunks, tell what that adds to streams."""
    note_chunks()
    plain = client_of(SyncAPIClient.request, url, http_client=httpx.Client(transport=Clock()))
    if mode == "ours":
        spanwise.init(span_exporter=Sink())
    client = client_of(SyncAPIClient.request, url, http_client=httpx.Client(transport=Clock()))
    create = client.chat.completions.create
    if mode == "hand":
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Sink()))
        create = by_hand(create, provider.get_tracer("by-hand"))
    for line in sys.stdin:
        chunks = int(line)
        modes = {
            "plain": lambda chunks=chunks: read(plain.chat.completions.create, chunks),
            mode: lambda chunks=chunks: read(create, chunks),
        }
        print(json.dumps(paired(modes, ROUNDS[chunks])[mode]), flush=True)


def bench() -> bool:
    """Print what streams cost; return whether the limits hold."""
    found: dict[str, list[list[float]]] = {"hand": [], "ours": []}
    with process("-c", SERVER) as ask:
        url = f"http://127.0.0.1:{ask('').strip()}/v1"
        for _ in range(PROCESSES):
            for mode, figures in found.items():
                with process(__file__, mode, url) as ask_mode:
                    first = json.loads(ask_mode(f"{SHORT}\n"))[:-1]
                    figures.append([*first, json.loads(ask_mode(f"{LONG}\n"))[-1] if mode == "ours" else 0.0])
    hand, ours = ([statistics.median(figure) for figure in zip(*figures, strict=True)] for figures in found.values())
    first, before, between, after, each = ours
    print(
        f"stream: first chunk +{first:.0f} us (limit {FIRST_LIMIT_US:.0f}), by hand +{hand[0]:.0f} us, "
        f"ratio {first / hand[0]:.2f}"
    )
    print(
        f"stream: of that, before the request {before:+.0f} us, until the client has the chunk {between:+.0f} us, "
        f"after it {after:+.0f} us"
    )
    print(f"stream: each further chunk +{each:.2f} us (limit {CHUNK_LIMIT_US:.0f})")
    return first < FIRST_LIMIT_US and each < CHUNK_LIMIT_US


def main() -> int:
    """Run everything; return 1 where a limit is broken."""
    if sys.argv[1:]:
        serve_mode(*sys.argv[1:])
        return 0
    return 0 if bench() else 1


if __name__ == "__main__":
    sys.exit(main())
