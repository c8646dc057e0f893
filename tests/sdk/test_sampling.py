"""A share of the traces by their id; of the others those that failed, took long or cost much, whole."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import spanwise
from spanwise.runtime import HELD
from spanwise.sampling import Keep, read_keep


@pytest.fixture
def start():
    exporter = InMemorySpanExporter()

    def started(**settings):
        spanwise.init(span_exporter=exporter, **settings)

        def names():
            assert spanwise.flush()
            return [span.name for span in exporter.get_finished_spans()]

        return names

    yield started
    spanwise.shutdown()


def one_trace(name, *, fail=False, tokens=0):
    with spanwise.span(name):
        with spanwise.span("inner") as inner:
            if tokens:
                inner.set_usage(input_tokens=tokens)
            if fail:
                inner.fail(ValueError("no"))
        with spanwise.span("after"):
            pass


def test_half_of_the_traces_are_about_half_and_each_is_whole(start):
    names = start(sample_rate=0.5, keep="none")
    for _ in range(400):
        one_trace("root")
    kept = names()
    assert 120 < kept.count("root") < 280
    assert kept.count("root") == kept.count("inner") == kept.count("after")


def test_every_process_decides_alike():
    program = """
        import spanwise
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from spanwise.own_ids import _SOURCE
        _SOURCE.seed(7)  # the same traces in each process
        exporter = InMemorySpanExporter()
        spanwise.init(span_exporter=exporter, sample_rate=0.3, keep="none")
        for number in range(50):
            with spanwise.span(str(number)):
                pass
        spanwise.flush()
        print([span.name for span in exporter.get_finished_spans()])
    """
    one, other = (
        subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=True).stdout
        for _ in range(2)
    )
    assert one == other
    assert len(one) > 4


def test_a_trace_with_an_error_is_kept_whole(start):
    names = start(sample_rate=0)
    one_trace("well")
    one_trace("failed", fail=True)
    assert sorted(names()) == ["after", "failed", "inner"]


def test_slow_and_costly_traces_are_kept(start):
    names = start(sample_rate=0, keep="slow:1000,tokens:500")
    one_trace("cheap", tokens=499)
    one_trace("failed", fail=True)
    one_trace("costly", tokens=500)
    begun = spanwise.span("slow").start()
    begun._span.start_time -= 2_000_000_000
    begun.end()
    assert sorted(names()) == ["after", "costly", "inner", "slow"]


def test_an_error_of_a_span_that_is_not_sent_keeps_its_trace(start):
    names = start(sample_rate=0)
    with trace.get_tracer("web").start_as_current_span("GET /") as request:
        with spanwise.span("mine"):
            pass
        request.set_status(StatusCode.ERROR)
    assert names() == ["mine"]


def test_what_is_let_go_is_forgotten(start):
    start(sample_rate=0)
    for _ in range(100):
        one_trace("well")
    sieve = HELD.runtime.sieve
    assert (len(sieve._held), sieve._spans) == (0, 0)


def test_what_nobody_decides_on_is_bounded(start, monkeypatch):
    monkeypatch.setattr("spanwise.sampling._MOST_TRACES", 10)
    start(sample_rate=0)
    for _ in range(50):
        with spanwise.span("root"):
            spanwise.span("never ended").start()
    assert len(HELD.runtime.sieve._held) <= 10


def test_the_words_of_keep():
    assert read_keep("errors") == Keep(errors=True)
    assert read_keep("none").nothing
    assert read_keep("slow:5,tokens:7") == Keep(errors=False, slow_ms=5, tokens=7)
    with pytest.raises(ValueError, match="keep is 'fast', not such as"):
        read_keep("fast")
    with pytest.raises(ValueError, match="sample_rate is 2, not a number from 0 to 1"):
        spanwise.init(sample_rate=2)
