"""What leaves: nothing that was not to be captured, nothing that ``before_send`` took out."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from spanwise.redact import CONTENT, is_content


@pytest.fixture
def sent():
    exporter = InMemorySpanExporter()

    def start(**settings):
        spanwise.init(span_exporter=exporter, **settings)
        return exporter

    yield start
    spanwise.shutdown()


def test_before_send_changes_what_is_sent(sent):
    def hide(span: spanwise.Outgoing):
        span.attributes["spanwise.input"] = span.attributes["spanwise.input"].replace("4711", "***")
        span.name = span.name.upper()
        span.status_message = "hidden"
        span.events = [(name, at, {}) for name, at, _ in span.events]
        span.start_ns -= 10
        return span

    exporter = sent(before_send=hide)
    with pytest.raises(ValueError, match="4711"), spanwise.span("work", input="card 4711") as opened:
        raise ValueError("card 4711")
    spanwise.flush()
    (span,) = exporter.get_finished_spans()
    assert "4711" not in span.to_json()
    assert span.name == "WORK"
    assert span.status.description == "hidden"
    assert span.attributes["spanwise.input"] == '"card ***"'
    assert [event.name for event in span.events] == ["exception"]
    assert format(span.context.span_id, "016x") == opened.span_id


def test_before_send_can_drop_spans(sent):
    exporter = sent(before_send=lambda span: None if span.name == "noise" else span)
    for name in ("noise", "work"):
        with spanwise.span(name):
            pass
    spanwise.flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["work"]
    assert spanwise.status() == spanwise.Status(sent=1, dropped=1)


def test_what_before_send_fails_on_does_not_leave(sent, caplog):
    exporter = sent(before_send=lambda span: span.attributes["missing"])
    with spanwise.span("work"):
        pass
    spanwise.flush()
    assert exporter.get_finished_spans() == ()
    assert spanwise.status().dropped == 1
    assert "before_send failed" in caplog.text


def test_content_of_other_instrumentations_does_not_leave_either(sent):
    exporter = sent(capture_content=False)
    span = trace.get_tracer("other").start_span("chat")
    span.set_attribute("gen_ai.prompt.0.content", "secret")
    span.set_attribute("input.value", "secret")
    span.set_attribute("gen_ai.prompt.name", "p")
    span.add_event("gen_ai.user.message", {"content": "secret"})
    span.add_event("retry", {"input.value": "secret", "n": 1})
    span.end()
    spanwise.flush()
    (left,) = exporter.get_finished_spans()
    assert "secret" not in left.to_json()
    assert dict(left.attributes) == {"gen_ai.prompt.name": "p"}
    assert [(event.name, dict(event.attributes)) for event in left.events] == [("retry", {"n": 1})]


def test_every_name_of_content_is_content():
    assert all(is_content(name) for name in CONTENT)
    assert not is_content("gen_ai.request.model")
