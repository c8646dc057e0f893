"""Our own quick spans say what OpenTelemetry's would, whoever else looks at them, and know what was asked as it was."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap

import pytest
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

import spanwise
from spanwise.own_span import OwnSpan

LINKED = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))


def told_by(program: str, **environment: str) -> str:
    """Return what a program of its own prints."""
    strict = {**os.environ, "SPANWISE_STRICT": "1", **environment}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=strict).stdout


def everything(span: trace.Span) -> None:
    """Say all that can be said of a span."""
    span.set_attribute("text", "a")
    span.set_attributes({"list": [1, 2], "truth": True, "": "nameless"})
    span.add_event("met", {"where": "here"}, 5)
    span.add_link(LINKED, {"why": "because"})
    span.record_exception(KeyError("lost"), {"more": 1}, 6)
    span.update_name("renamed")
    span.set_status(StatusCode.ERROR, "bad")
    span.set_status(Status(StatusCode.UNSET))
    span.end(99)
    span.set_attribute("late", 1)
    span.set_status(StatusCode.OK)
    span.end(100)


def test_it_says_what_the_span_of_opentelemetry_says(spans):
    with spanwise.span("outer", attributes={"given": 1}) as outer:
        own = trace.get_current_span()
        theirs = trace.get_tracer("spanwise").start_span("theirs")
        everything(theirs)
        ours = spanwise.span("ours", kind="chain").start()
        everything(ours._span)
    assert isinstance(own, OwnSpan)
    assert isinstance(ours._span, OwnSpan)
    assert not isinstance(theirs, OwnSpan)
    plain, quick, around = spans.all()
    for what in ("parent", "kind", "end_time", "resource", "name"):
        assert getattr(quick, what) == getattr(plain, what), what
    assert quick.parent == own.get_span_context()
    assert (quick.status.status_code, quick.status.description) == (plain.status.status_code, plain.status.description)
    assert {**plain.attributes, "spanwise.kind": "chain"} == dict(quick.attributes)
    assert [(e.name, e.timestamp, dict(e.attributes)) for e in quick.events] == [
        (e.name, e.timestamp, dict(e.attributes)) for e in plain.events
    ]
    assert [(link.context, dict(link.attributes)) for link in quick.links] == [
        (link.context, dict(link.attributes)) for link in plain.links
    ]
    assert quick.context.trace_flags == plain.context.trace_flags
    assert around.attributes["given"] == 1
    assert outer.span_id == format(around.context.span_id, "016x")


def test_a_span_with_links_is_made_too(spans):
    from spanwise.runtime import HELD

    HELD.runtime.tracer.start_span("linked", links=[Link(LINKED)]).end()
    assert spans.one().links[0].context == LINKED
    with HELD.runtime.tracer.start_as_current_span("block") as made:
        assert trace.get_current_span() is made
    assert spans.named("block").end_time


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2", "{'b': 'bbbb', 'c': 'cccc'} 2"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2", "{'a': 'aa', 'b': 'bb', 'c': 'cc', 'spanwise.kind': 'sp'} 0"),
    ],
)
def test_the_limits_of_opentelemetry_hold(variable, value, told):
    program = """
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        import spanwise
        ours = InMemorySpanExporter()
        spanwise.init(span_exporter=ours)
        with spanwise.span("mine") as span:
            for name in "abc":
                span.set(name, name * 4)
        spanwise.flush()
        (found,) = ours.get_finished_spans()
        print(dict(sorted(found.attributes.items())), found.dropped_attributes)
    """
    assert told_by(program, **{variable: value}).strip() == told


def test_whoever_joins_our_tracer_provider_sees_every_span_whole():
    program = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        import spanwise
        ours, theirs = InMemorySpanExporter(), InMemorySpanExporter()
        spanwise.init(span_exporter=ours)
        @spanwise.observe
        def early(): pass
        early()
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(theirs))
        @spanwise.observe
        def work(question): return question
        work("why")
        print([dict(span.attributes) for span in theirs.get_finished_spans()])
        spanwise.flush()
        print([span.name for span in ours.get_finished_spans()])
    """
    seen, sent = told_by(program).splitlines()
    assert seen == str([{"spanwise.kind": "chain", "spanwise.input": '{"question":"why"}', "spanwise.output": '"why"'}])
    assert sent == "['early', 'work']"


def test_what_was_asked_is_kept_as_it_was(spans, openai_client):
    messages = [{"role": "user", "content": [{"type": "text", "text": "first"}]}]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    openai_client.chat.completions.create(model="m", messages=messages, tools=tools)
    messages[0]["content"][0]["text"] = "second"
    messages.append({"role": "user", "content": "third"})
    tools[0]["function"]["name"] = "changed"
    said = spans.attributes()
    (message,) = json.loads(said["gen_ai.input.messages"])
    assert message["parts"] == [{"type": "text", "content": "first"}]
    assert json.loads(said["gen_ai.tool.definitions"])[0]["name"] == "look"


def test_inside_a_call_its_span_is_the_present_one(spans, openai_client):
    import httpx

    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(dict(spanwise.inject())) or httpx.Response(500))
    client = openai_client.with_options(http_client=httpx.Client(transport=transport))
    with spanwise.span("outer") as outer, pytest.raises(Exception, match="500"):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    call = spans.named("chat m")
    ((carried),) = seen
    trace_id, span_id = carried["traceparent"].split("-")[1:3]
    assert trace_id == outer.trace_id
    assert span_id == format(call.context.span_id, "016x")
    assert format(call.parent.span_id, "016x") == outer.span_id


def test_a_program_that_seeds_chance_gets_new_ids_and_its_own_numbers():
    program = """
        import os, random, spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        random.seed(7)
        with spanwise.span("outer") as outer:
            print(outer.trace_id, outer.span_id, random.random())
    """
    runs = [told_by(program, SPANWISE_SPOOL="off").split() for _ in range(2)]
    drawn = str(random.Random(7).random())
    assert [run[2] for run in runs] == [drawn, drawn]
    assert runs[0][0] != runs[1][0]
    assert runs[0][1] != runs[1][1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_has_ids_of_its_own():
    program = """
        import os, sys
        from spanwise.own_ids import OwnIds
        ids = OwnIds()
        ids.generate_trace_id()
        sys.stdout.flush()
        child = os.fork()
        sys.stdout.write(f"{ids.generate_trace_id()}\\n")
        sys.stdout.flush()
        if child:
            os.waitpid(child, 0)
    """
    first, second = told_by(program).split()
    assert first != second
