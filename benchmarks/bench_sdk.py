"""What the SDK adds to the caller's thread, beside an OpenTelemetry span written by hand with the same attributes.

Every round runs the same calls plain, by hand and with Spanwise, in changing order, and each is compared with the
plain calls of its own round.  CPU time of the calling thread; the provider is a process of its own.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 60
CALLS = 25
WARM = 5
"""Calls of each block that do not count: what Python has learnt of another mode's code does not hold for this one."""
LIMIT = 1.3
DISABLED_LIMIT_US = 1.0

PROVIDER = """
import sys; sys.path.insert(0, sys.argv[1])
from fake_provider import Answer, FakeProvider
with FakeProvider(lambda request: Answer(text="word " * 100, input_tokens=200, output_tokens=100)) as provider:
    print(provider.openai_url, flush=True)
    sys.stdin.read()
"""

BY_HAND_START = """
import time; before = time.process_time()
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider(resource=Resource.create({"service.name": "bench"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
print((time.process_time() - before) * 1e3)
"""

OUR_START = """
import time; before = time.process_time()
import spanwise
spanwise.init(service="bench")
print((time.process_time() - before) * 1e3)
"""


class Sink:
    """An exporter that takes everything and keeps nothing."""

    def export(self, _spans):
        from opentelemetry.sdk.trace.export import SpanExportResult

        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass

    def force_flush(self, _timeout_millis=30_000):
        return True


def messages_of(size: int) -> list[dict[str, str]]:
    """Return a conversation of about *size* characters."""
    words = "the quick brown fox jumps over the lazy dog again " * (size // 100)
    return [{"role": "system", "content": words}, {"role": "user", "content": words}]


def parts_of(messages: list[dict[str, str]]) -> list[dict[str, object]]:
    """Return a conversation in the words of the conventions."""
    return [{"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]} for m in messages]


@contextmanager
def process(*command: str) -> Iterator[Callable[[str], str]]:
    """Run Python on *command*, and give what says a line to it and returns the next one of its own."""
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:

        def ask(line: str) -> str:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(line)
            running.stdin.flush()
            return running.stdout.readline()

        try:
            yield ask
        finally:
            running.terminate()


def by_hand(tracer, create: Callable) -> Callable:
    """Return the call with a span around it, as somebody who knows the conventions would write it."""
    from opentelemetry.trace import SpanKind

    def call(model: str, messages: list[dict[str, str]]):
        with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT) as span:
            span.set_attribute("spanwise.kind", "llm")
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("server.address", "127.0.0.1")
            span.set_attribute("server.port", 80)
            span.set_attribute("gen_ai.request.model", model)
            span.set_attribute("gen_ai.request.temperature", 0.5)
            span.set_attribute("gen_ai.input.messages", json.dumps(parts_of(messages)))
            result = create(model=model, messages=messages, temperature=0.5)
            span.set_attribute("gen_ai.response.id", result.id)
            span.set_attribute("gen_ai.response.model", result.model)
            span.set_attribute("openai.response.service_tier", result.service_tier)
            span.set_attribute("openai.response.system_fingerprint", result.system_fingerprint)
            span.set_attribute("gen_ai.usage.input_tokens", result.usage.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", result.usage.completion_tokens)
            span.set_attribute("gen_ai.usage.cache_read.input_tokens", result.usage.prompt_tokens_details.cached_tokens)
            span.set_attribute(
                "gen_ai.usage.reasoning.output_tokens", result.usage.completion_tokens_details.reasoning_tokens
            )
            said = [
                {
                    "role": "assistant",
                    "parts": [{"type": "text", "content": choice.message.content}],
                    "finish_reason": choice.finish_reason,
                }
                for choice in result.choices
            ]
            span.set_attribute("gen_ai.output.messages", json.dumps(said))
            span.set_attribute("gen_ai.response.finish_reasons", [choice.finish_reason for choice in result.choices])
            return result

    return call


def client_of(request: Callable, url: str, **more):
    """Return a client of a class of its own, with *request* as the method that every call goes through.

    To put the one method or the other into the same class makes Python look up all of its methods anew, which only the
    mode that comes next would pay for.
    """
    import openai

    made = type("Client", (openai.OpenAI,), {"request": request})
    return made(api_key="k", base_url=url, max_retries=0, **more)


def microseconds(call: Callable[[], object]) -> float:
    """Return the CPU time of this thread for one call, over a block of them."""
    for _ in range(WARM):
        call()
    before = time.thread_time_ns()
    for _ in range(CALLS):
        call()
    return (time.thread_time_ns() - before) / CALLS / 1e3


def paired(modes: dict[str, Callable[[], Sequence[float]]], rounds: int) -> dict[str, list[float]]:
    """Return what each mode adds to the plain one, figure by figure: medians of the differences within each round."""
    found: dict[str, list[list[float]]] = {name: [] for name in modes if name != "plain"}
    shuffled = list(modes)
    for number in range(rounds + 3):
        random.shuffle(shuffled)
        measured = {name: modes[name]() for name in shuffled}
        if number >= 3:
            for name, times in found.items():
                times.append([one - plain for one, plain in zip(measured[name], measured["plain"], strict=True)])
    return {name: [statistics.median(figure) for figure in zip(*times, strict=True)] for name, times in found.items()}


def added(modes: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return what each mode adds to the plain one, in microseconds: medians over the rounds."""
    each = {name: (lambda mode=mode: (mode(),)) for name, mode in modes.items()}
    return {name: figures[0] for name, figures in paired(each, rounds).items()}


def bench_calls(url: str) -> bool:
    """Print what a call costs at two sizes; return whether the limit holds."""
    from openai._base_client import SyncAPIClient
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    import spanwise

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Sink()))
    tracer = provider.get_tracer("by-hand")
    original = SyncAPIClient.request
    spanwise.init(span_exporter=Sink())
    create = client_of(original, url).chat.completions.create
    spanned = by_hand(tracer, client_of(original, url).chat.completions.create)
    observed = client_of(SyncAPIClient.request, url).chat.completions.create
    holds = True
    for size in (1_000, 50_000):
        messages = messages_of(size)

        asked = {"model": "gpt-4o", "messages": messages, "temperature": 0.5}
        result = added(
            {
                "plain": lambda asked=asked: microseconds(lambda: create(**asked)),
                "hand": lambda messages=messages: microseconds(lambda: spanned("gpt-4o", messages)),
                "ours": lambda asked=asked: microseconds(lambda: observed(**asked)),
            }
        )
        ratio = result["ours"] / result["hand"]
        holds = holds and ratio <= LIMIT
        print(
            f"call of {size // 1000:>2} KB: by hand +{result['hand']:.0f} us, spanwise +{result['ours']:.0f} us, "
            f"ratio {ratio:.2f} (limit {LIMIT})"
        )
    return holds


def bench_decorator() -> bool:
    """Print what a decorated function costs; return whether the limits hold."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    import spanwise

    provider = TracerProvider()
    # Room for all of them, and as often as ours: a span that is dropped at once costs less than one that is kept.
    provider.add_span_processor(BatchSpanProcessor(Sink(), max_queue_size=1_000_000, schedule_delay_millis=200))
    tracer = provider.get_tracer("by-hand")

    def nothing() -> None:
        pass

    def bare() -> None:
        with tracer.start_as_current_span("nothing"):
            nothing()

    def work(question: str, top_k: int) -> list[str]:
        return [question] * top_k

    def spanned(question: str, top_k: int) -> list[str]:
        with tracer.start_as_current_span("work") as span:
            span.set_attribute("spanwise.kind", "chain")
            span.set_attribute("spanwise.input", json.dumps({"question": question, "top_k": top_k}))
            found = work(question, top_k)
            span.set_attribute("spanwise.output", json.dumps(found))
            return found

    observed = spanwise.observe(work)
    result = added(
        {
            "plain": lambda: microseconds(lambda: work("why", 3)),
            "hand": lambda: microseconds(lambda: spanned("why", 3)),
            "ours": lambda: microseconds(lambda: observed("why", 3)),
        },
        rounds=300,
    )
    print(
        f"decorator: by hand +{result['hand']:.1f} us, spanwise +{result['ours']:.1f} us, "
        f"ratio {result['ours'] / result['hand']:.2f}"
    )
    empty = spanwise.observe(nothing)
    result = added(
        {
            "plain": lambda: microseconds(nothing),
            "bare": lambda: microseconds(bare),
            "ours": lambda: microseconds(empty),
        },
        rounds=300,
    )
    ratio = result["ours"] / result["bare"]
    print(
        f"decorator of an empty function: a bare span +{result['bare']:.1f} us, spanwise +{result['ours']:.1f} us, "
        f"ratio {ratio:.2f} (limit {LIMIT})"
    )
    spanwise.shutdown()
    spanwise.init(enabled=False)
    result = added({"plain": lambda: microseconds(nothing), "ours": lambda: microseconds(empty)}, rounds=300)
    print(f"decorator when disabled: +{result['ours']:.2f} us (limit {DISABLED_LIMIT_US:.0f})")
    return ratio <= LIMIT and result["ours"] < DISABLED_LIMIT_US


def start_ms(program: str, repeat: int = 5) -> float:
    """Return the median CPU time of a start, in milliseconds."""
    runs: Sequence[str] = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
        for _ in range(repeat)
    ]
    return statistics.median(float(run) for run in runs)


def main() -> int:
    """Run everything; return 1 where the limit is broken."""
    with process("-c", PROVIDER, str(ROOT / "examples")) as ask:
        holds = bench_calls(ask("").strip())
    holds = bench_decorator() and holds
    print(f"import and init: by hand {start_ms(BY_HAND_START):.0f} ms, spanwise {start_ms(OUR_START):.0f} ms of CPU")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
