"""What a call costs with Spanwise and with OpenInference's instrumentation of the same client, as it is by default.

The real client talks to a server over loopback, which is a process of its own.  Every round makes the same calls plain,
with the one and with the other, in changing order, and compares within the round: CPU time of the calling thread, then
of all threads together, until everything is encoded and sent to a collector, which is another process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import openai
from bench_sdk import Sink, client_of, messages_of, paired, process
from openai._base_client import SyncAPIClient
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import spanwise

ROUNDS = 60
WARM, CALLS = 3, 12
PEER_LIMIT = 3.0
SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
whole = (b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
         b'"assistant","content":"words"},"finish_reason":"stop"}],'
         b'"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}')
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = whole if "chat" in self.path else b""
        self.send_response(200)
        self.send_header("content-type", "application/json" if body else "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def serving() -> Iterator[str]:
    """Run a server that takes everything; yield its address."""
    with process("-c", SERVER) as ask:
        yield f"http://127.0.0.1:{ask('').strip()}"


class Bench:
    """The modes of one way of sending, each with a client of its own."""

    def __init__(self, url: str, provider: TracerProvider, original: Callable) -> None:
        self._provider = provider
        observed = SyncAPIClient.request
        SyncAPIClient.request = original  # the peer's goes around what it finds
        self._peer = OpenAIInstrumentor()
        self._peer.instrument(tracer_provider=provider)
        self._modes = {
            "plain": client_of(original, url).chat.completions.create,
            "ours": client_of(observed, url).chat.completions.create,
            "theirs": client_of(openai.OpenAI.request, url).chat.completions.create,
        }
        self._observed = observed

    def on_the_caller(self, size: int) -> dict[str, float]:
        """Return what each adds to the calling thread, in microseconds a call."""
        return self._added(size, time.thread_time_ns, lambda: None, lambda: None)

    def in_all_threads(self, size: int) -> dict[str, float]:
        """Return what each adds to all threads, everything sent, in microseconds a call."""
        return self._added(size, time.process_time_ns, spanwise.flush, self._provider.force_flush)

    def _added(
        self, size: int, clock: Callable[[], int], flush: Callable[[], object], flush_theirs: Callable[[], object]
    ) -> dict[str, float]:
        messages = messages_of(size)

        def block(create: Callable, flush: Callable[[], object]) -> tuple[float]:
            for _ in range(WARM):
                create(model="m", messages=messages)
            flush()
            before = clock()
            for _ in range(CALLS):
                create(model="m", messages=messages)
            flush()
            return ((clock() - before) / CALLS / 1e3,)

        after = {"plain": lambda: None, "ours": flush, "theirs": flush_theirs}
        modes = {
            name: (lambda name=name, create=create: block(create, after[name])) for name, create in self._modes.items()
        }
        return {name: figures[0] for name, figures in paired(modes, ROUNDS).items()}

    def done(self) -> None:
        """Put back what was there."""
        self._peer.uninstrument()
        SyncAPIClient.request = self._observed


def provider_of(exporter: Sink | OTLPSpanExporter) -> TracerProvider:
    """Return a tracer provider that sends to *exporter* as an application usually does."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def main() -> int:
    """Run everything; return 1 where a limit is broken."""
    holds = True
    with serving() as url:
        original = SyncAPIClient.request
        spanwise.init(span_exporter=Sink())
        bench = Bench(url + "/v1", provider_of(Sink()), original)
        for size in (1_000, 50_000):
            added = bench.on_the_caller(size)
            ratio = added["theirs"] / added["ours"]
            holds = holds and ratio >= PEER_LIMIT
            print(
                f"call of {size // 1000:>2} KB, its thread: openinference +{added['theirs']:.0f} us, "
                f"spanwise +{added['ours']:.0f} us, {ratio:.1f} times cheaper (at least {PEER_LIMIT:.0f})"
            )
        bench.done()
        spanwise.shutdown()
        spanwise.init(endpoint=url, spool="off", announce_after_ms=0)
        bench = Bench(url + "/v1", provider_of(OTLPSpanExporter(url + "/v1/traces")), original)
        for size in (1_000, 50_000):
            added = bench.in_all_threads(size)
            ratio = added["theirs"] / added["ours"]
            holds = holds and ratio >= 1
            print(
                f"call of {size // 1000:>2} KB, all threads: openinference +{added['theirs']:.0f} us, "
                f"spanwise +{added['ours']:.0f} us, {ratio:.1f} times cheaper (at least 1)"
            )
        bench.done()
        spanwise.shutdown()
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
