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
        span.attributes["spanwise.input"] = span.attributes["spanwise.input"].replace("in-plain", "***")
        span.name = span.name.upper()
        span.status_message = "hidden"
        span.events = [(name, at, {}) for name, at, _ in span.events]
        span.start_ns -= 10
        return span

    exporter = sent(before_send=hide)
    with pytest.raises(ValueError, match="in-plain"), spanwise.span("work", input="card in-plain") as opened:
        raise ValueError("card in-plain")
    spanwise.flush()
    (span,) = exporter.get_finished_spans()
    assert "in-plain" not in span.to_json()
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
    span = trace.get_tracer("openinference.other").start_span("chat")
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


# --- where content is kept, and rules --------------------------------------------------------------


def attributes_of(exporter):
    assert spanwise.flush()
    return {span.name: dict(span.attributes) for span in exporter.get_finished_spans()}


def theirs(name, scope="openinference.instrumentation.x", **attributes):
    span = trace.get_tracer(scope).start_span(name)
    span.set_attributes({key.replace("__", "."): value for key, value in attributes.items()})
    span.end()


def test_content_can_be_hidden_for_a_block(sent):
    exporter = sent()
    with spanwise.context(capture_content=False):
        with spanwise.span("hidden", input="secret"):
            theirs("theirs", input__value="secret")
        with spanwise.context(capture_content=True), spanwise.span("shown", input="open"):
            pass
    told = attributes_of(exporter)
    assert "secret" not in str(told)
    assert told["shown"]["spanwise.input"] == '"open"'
    assert told["hidden"]["spanwise.content.hidden"] is True


def test_a_block_cannot_bring_back_what_the_settings_hide(sent):
    exporter = sent(capture_content=False)
    with spanwise.context(capture_content=True):
        theirs("theirs", input__value="secret")
    assert "secret" not in str(attributes_of(exporter))


def test_content_can_be_hidden_by_provider(sent):
    exporter = sent(hide_content_of=["anthropic"])
    theirs("a", gen_ai__provider__name="anthropic", input__value="secret")
    theirs("b", gen_ai__system="anthropic", input__value="secret")
    theirs("c", gen_ai__provider__name="openai", input__value="open")
    told = attributes_of(exporter)
    assert "secret" not in str(told)
    assert told["c"]["input.value"] == "open"


@pytest.mark.parametrize(("environment", "shown"), [("production", False), ("test", True)])
def test_content_can_be_hidden_by_environment(sent, environment, shown):
    exporter = sent(hide_content_in="production,staging", environment=environment)
    with spanwise.span("work", input="words"):
        pass
    assert ("words" in str(attributes_of(exporter))) is shown


def test_the_environment_of_a_block_counts_before_that_of_the_program(sent):
    exporter = sent(hide_content_in="production", environment="test")
    with spanwise.context(environment="production"), spanwise.span("work", input="words"):
        pass
    assert "words" not in str(attributes_of(exporter))


def test_rules_go_over_everything_a_span_says(sent):
    exporter = sent(redact=["emails"])
    span = trace.get_tracer("openinference.instrumentation.x").start_span("mail to ann@x.org")
    span.set_attribute("llm.input_messages.0.message.content", "I am ann@x.org")
    span.add_event("said by ann@x.org", {"to": ["bob@x.org"]})
    span.set_status(trace.StatusCode.ERROR, "no such user: ann@x.org")
    span.end()
    with pytest.raises(ValueError, match="ann"), spanwise.span("mine", input={"to": "ann@x.org"}):
        raise ValueError("ann@x.org")
    spanwise.flush()
    told = " ".join(span.to_json() for span in exporter.get_finished_spans())
    assert "@x.org" not in told
    assert told.count("[email]") >= 6


def test_rules_run_before_anything_leaves_or_is_written(tmp_path):
    from .receiver import Receiver

    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, spool=str(tmp_path), spool_after_ms=0, redact="emails")
        try:
            with spanwise.span("work", input="ann@x.org") as span:
                pass
            spanwise.annotate("thumb", explanation="by ann@x.org", label="up", trace_id=span.trace_id)
            assert spanwise.flush()
        finally:
            spanwise.shutdown()
        assert "@x.org" not in str(receiver.requests)
        assert "[email]" in str(receiver.requests)
        (annotation,) = receiver.annotations
        assert annotation["explanation"] == "by [email]"
        assert annotation["target"]["trace_id"] == span.trace_id


def test_a_rule_that_fails_hides_the_value_and_the_span_still_arrives(sent):
    def broken(text):
        if "secret" in text:
            raise RuntimeError
        return text

    exporter = sent(redact=[broken])
    with spanwise.span("work", input="secret") as span:
        span.set("kept", "open")
    told = attributes_of(exporter)["work"]
    assert told["spanwise.input"] == "[hidden: a rule failed]"
    assert told["kept"] == "open"


# --- which spans are sent --------------------------------------------------------------------------

ABOUT_MODELS = [
    ("openinference.instrumentation.langchain", {}),
    ("opentelemetry.instrumentation.openai_v2", {}),
    ("opentelemetry.instrumentation.ollama", {}),
    ("com.anthropic.sdk.python", {}),
    ("pydantic-ai", {}),
    ("mine", {"gen_ai.request.model": "m"}),
    ("mine", {"openinference.span.kind": "TOOL"}),
    ("mine", {"traceloop.span.kind": "task"}),
    ("mine", {"spanwise.kind": "chain"}),
]
NOT_ABOUT_MODELS = [
    ("opentelemetry.instrumentation.fastapi", {"http.route": "/x"}),
    ("opentelemetry.instrumentation.openairplane", {}),
    ("air-traffic", {}),
    ("mine", {"db.system": "postgresql"}),
]


@pytest.mark.parametrize("export", ["llm", "all"])
def test_by_default_only_spans_about_models_are_sent(sent, export):
    exporter = sent(export=export)
    with spanwise.context(session_id="s", tags=["t"]):  # said of every span, whatever it is about
        for number, (scope, attributes) in enumerate([*ABOUT_MODELS, *NOT_ABOUT_MODELS]):
            trace.get_tracer(scope).start_span(str(number), attributes=attributes).end()
    told = attributes_of(exporter)
    count = len(ABOUT_MODELS) + (len(NOT_ABOUT_MODELS) if export == "all" else 0)
    assert set(told) == {str(number) for number in range(count)}
