"""What the SDK adds to streams: to each chunk, and to the first, beside the same stream unobserved.

The real client reads from a server over loopback, which is a process of its own; the figures are CPU time of the
reading thread, the least of many rounds.  Beside them, OpenInference's instrumentation of whole calls.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import openai
from bench_sdk import Sink, messages_of
from openai._base_client import SyncAPIClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

import spanwise

CHUNKS = 500
ROUNDS = 12
STREAMS = 8
CHUNK_LIMIT_US = 5.0
FIRST_LIMIT_US = 50.0
PEER_LIMIT = 3.0
SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
piece = ('data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
         '[{"index":0,"delta":{"content":"word %d "},"finish_reason":null}]}\\n\\n')
body = "".join(piece % number for number in range(COUNT)).encode() + b"data: [DONE]\\n\\n"
whole = (b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
         b'"assistant","content":"words"},"finish_reason":"stop"}],'
         b'"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}')
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        streamed = b'"stream":true' in self.rfile.read(int(self.headers["content-length"])).replace(b" ", b"")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.send_header("content-length", str(len(body if streamed else whole)))
        self.end_headers()
        self.wfile.write(body if streamed else whole)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
""".replace("COUNT", str(CHUNKS))


def read(made: openai.OpenAI) -> tuple[float, float]:
    """Return the microseconds of this thread to the first chunk, and for each further one."""
    firsts, each = [], []
    for _ in range(STREAMS):
        before = time.thread_time_ns()
        stream = made.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
        loop = iter(stream)
        next(loop)
        first = time.thread_time_ns()
        for _chunk in loop:
            pass
        each.append((time.thread_time_ns() - first) / (CHUNKS - 1) / 1e3)
        firsts.append((first - before) / 1e3)
    # Putting the method in its place, and the collector that ran before, make the first calls dearer.
    return statistics.median(firsts[2:]), statistics.median(each[2:])


def read_by_hand(made: openai.OpenAI, tracer: Tracer) -> tuple[float, float]:
    """Return the same with a span that somebody wrote around it by hand: begun, and told what is asked."""
    create = made.chat.completions.create

    def spanned(model: str, messages: list[dict[str, str]], *, stream: bool):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
        with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            given = [{"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]} for m in messages]
            span.set_attribute("gen_ai.input.messages", json.dumps(given))
            return create(model=model, messages=messages, stream=stream)

    made.chat.completions.create = spanned
    try:
        return read(made)
    finally:
        del made.chat.completions.create


def added(modes: dict[str, Callable[[], tuple[float, ...]]]) -> dict[str, list[float]]:
    """Return what each mode adds to the plain one: the least that any round took, which a busy machine hardly moves."""
    least: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, mode in modes.items():
            gc.collect()
            figures = list(mode())
            least[name] = [min(pair) for pair in zip(figures, least.get(name, figures), strict=True)]
    return {
        name: [with_it - without for without, with_it in zip(least["plain"], figures, strict=True)]
        for name, figures in least.items()
    }


def bench_chunks(made: openai.OpenAI) -> bool:
    """Print what a chunk costs; return whether the limits hold."""
    wrapped = SyncAPIClient.request

    def plain() -> tuple[float, float]:
        SyncAPIClient.request = wrapped.__wrapped__
        try:
            return read(made)
        finally:
            SyncAPIClient.request = wrapped

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Sink()))
    tracer = provider.get_tracer("by-hand")

    def hand() -> tuple[float, float]:
        SyncAPIClient.request = wrapped.__wrapped__
        try:
            return read_by_hand(made, tracer)
        finally:
            SyncAPIClient.request = wrapped

    result = added({"plain": plain, "hand": hand, "ours": lambda: read(made)})
    first, each = result["ours"]
    print(f"stream: first chunk +{first:.0f} us (limit {FIRST_LIMIT_US:.0f}), by hand +{result['hand'][0]:.0f} us")
    print(f"stream: each further chunk +{each:.2f} us (limit {CHUNK_LIMIT_US:.0f})")
    return first < FIRST_LIMIT_US and each < CHUNK_LIMIT_US


def bench_peer(made: openai.OpenAI) -> bool:
    """Print what OpenInference adds to a call, over what we add; return whether the limit holds."""
    from openinference.instrumentation.openai import OpenAIInstrumentor

    peer = OpenAIInstrumentor()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Sink()))
    holds = True
    for size in (1_000, 50_000):
        messages = messages_of(size)

        def block(messages=messages) -> tuple[float]:
            made.chat.completions.create(model="m", messages=messages)  # wrapping makes the first dearer
            before = time.thread_time_ns()
            for _ in range(20):
                made.chat.completions.create(model="m", messages=messages)
            return ((time.thread_time_ns() - before) / 20e3,)

        def ours() -> tuple[float]:
            spanwise.instrument("openai")
            try:
                return block()
            finally:
                spanwise.uninstrument("openai")

        def theirs() -> tuple[float]:
            peer.instrument(tracer_provider=provider)
            try:
                return block()
            finally:
                peer.uninstrument()
                if "request" in vars(openai.OpenAI):  # left there by them, it hides the method that we wrap
                    del openai.OpenAI.request

        spanwise.uninstrument("openai")
        (with_us,) = added({"plain": block, "ours": ours})["ours"]
        (with_them,) = added({"plain": block, "theirs": theirs})["theirs"]
        spanwise.instrument("openai")
        ratio = with_them / with_us
        holds = holds and ratio >= PEER_LIMIT
        print(
            f"call of {size // 1000:>2} KB: openinference +{with_them:.0f} us, spanwise +{with_us:.0f} us, "
            f"{ratio:.1f} times cheaper (at least {PEER_LIMIT:.0f})"
        )
    return holds


def main() -> int:
    """Run everything; return 1 where a limit is broken."""
    spanwise.init(span_exporter=Sink())
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        try:
            made = openai.OpenAI(api_key="k", base_url=url, max_retries=0)
            holds = bench_chunks(made)
            return 0 if bench_peer(made) and holds else 1
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
