"""The spans that ``bench_store`` fills a store with: a month of them, wide or narrow, and one very large trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench_ingest import MODELS, SPANS_A_TRACE, a_trace, put, text
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

DAYS = 30
PER_REQUEST = 1_024
DAY_NS = 86_400 * 10**9
#: A word that no prose has: in one trace of so many.
RARE_WORD, RARE_EVERY = "kingfisher", 2_000
LARGE_TRACE, LARGE_SPANS = bytes.fromhex("1a" * 16), 30_000
rng = Random(11)


@dataclass(frozen=True, slots=True)
class Load:
    """How many spans, of which kind."""

    spans: int
    narrow: bool

    @classmethod
    def of(cls, size: str) -> Load:
        """Return what ``100k``, ``1m`` or ``10m`` asks for; above a million spans are narrow."""
        number, unit = size.lower().strip(), 1
        for letter, worth in (("k", 1_000), ("m", 1_000_000)):
            if number.endswith(letter):
                number, unit = number[:-1], worth
        spans = int(float(number) * unit)
        return cls(spans, narrow=spans > 1_000_000)

    @property
    def all_spans(self) -> int:
        """How many there are with those of the large trace."""
        return self.spans // SPANS_A_TRACE * SPANS_A_TRACE + LARGE_SPANS

    def bodies(self) -> Iterator[bytes]:
        """Yield encoded exports, the oldest first, so that their days come as they would have."""
        traces = self.spans // SPANS_A_TRACE
        begin = time.time_ns() - DAYS * DAY_NS
        step = (DAYS * DAY_NS - 60 * 10**9) // max(traces, 1)
        make = narrow_trace if self.narrow else a_trace
        for first in range(0, traces, PER_REQUEST // SPANS_A_TRACE):
            request = empty_request()
            for n in range(first, min(first + PER_REQUEST // SPANS_A_TRACE, traces)):
                make(request, begin + n * step, SPANS_A_TRACE)
                if n % RARE_EVERY == 0:
                    rare = request.resource_spans[0].scope_spans[0].spans[-SPANS_A_TRACE]
                    put(rare, {"error.message": f"a {RARE_WORD} was seen", "bench.rare": f"yes-{n % 7}"})
                    rare.status.message = f"a {RARE_WORD} was seen"
            yield request.SerializeToString()
        yield from large_trace(begin + DAYS * DAY_NS - 3_600 * 10**9)


def empty_request() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.scope_spans.add().scope.name = "bench"
    for key, value in (("service.name", "shop"), ("deployment.environment.name", "prod")):
        resource.resource.attributes.add(key=key).value.string_value = value
    return request


def narrow_trace(request: ExportTraceServiceRequest, at_ns: int, count: int) -> None:
    """Add a trace of spans that say little: names, tokens, a tenant, a line of text."""
    scope = request.resource_spans[0].scope_spans[0]
    trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
    user = rng.randrange(500)
    about = {"user.id": f"user-{user}", "gen_ai.conversation.id": f"session-{user}-{rng.randrange(50)}",
             "app.tenant": f"tenant-{user % 40}"}  # fmt: skip
    model = rng.choice(MODELS)
    for n in range(count):
        span = scope.spans.add(
            trace_id=trace_id, span_id=root_id if n == 0 else rng.randbytes(8),
            parent_span_id=b"" if n == 0 else root_id, name="chat" if n % 2 else "step",
            start_time_unix_nano=at_ns + n * 40_000_000,
            end_time_unix_nano=at_ns + n * 40_000_000 + int(rng.lognormvariate(19.5, 0.8)), kind=1,
        )  # fmt: skip
        span.status.code = 2 if rng.random() < 0.03 else 1
        put(span, about)
        if n % 2:
            put(span, {"gen_ai.operation.name": "chat", "gen_ai.request.model": model,
                       "gen_ai.provider.name": "anthropic" if "claude" in model else "openai",
                       "gen_ai.usage.input_tokens": rng.randrange(200, 4_000),
                       "gen_ai.usage.output_tokens": rng.randrange(20, 900)})  # fmt: skip
        elif n == 0:
            put(span, {"input.value": text(60), "output.value": text(60)})


def large_trace(at_ns: int) -> Iterator[bytes]:
    """Yield the requests of one trace of very many spans, each below one of those before it."""
    ids = [rng.randbytes(8) for _ in range(LARGE_SPANS)]
    for first in range(0, LARGE_SPANS, PER_REQUEST):
        request = empty_request()
        scope = request.resource_spans[0].scope_spans[0]
        for n in range(first, min(first + PER_REQUEST, LARGE_SPANS)):
            span = scope.spans.add(
                trace_id=LARGE_TRACE, span_id=ids[n], parent_span_id=ids[n // 12] if n else b"", name=f"step {n % 40}",
                start_time_unix_nano=at_ns + n * 1_000_000, end_time_unix_nano=at_ns + n * 1_000_000 + 900_000, kind=1,
            )  # fmt: skip
            put(span, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"tool_{n % 9}",
                       "app.tenant": "tenant-large", "gen_ai.tool.call.result": text(120)})  # fmt: skip
        yield request.SerializeToString()
