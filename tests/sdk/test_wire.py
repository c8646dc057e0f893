"""Our OTLP is OpenTelemetry's: the same messages, field by field, for whatever a span can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as by_opentelemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from spanwise.wire import each_span, encode_spans, refused_count

ints = st.integers(-(2**63), 2**63 - 1)
scalars = st.one_of(st.text(), st.booleans(), ints, st.floats(allow_nan=False))
values = st.one_of(scalars, st.lists(st.text()).map(tuple), st.lists(ints).map(tuple))
attributes = st.dictionaries(st.text(min_size=1), values, max_size=5)
times = st.integers(0, 2**63)
contexts = st.builds(
    SpanContext,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.just(TraceFlags(1)),
    trace_state=st.sampled_from([TraceState(), TraceState([("vendor", "a-1"), ("other", "b")])]),
)
statuses = st.one_of(
    st.just(Status(StatusCode.UNSET)),
    st.just(Status(StatusCode.OK)),
    st.text().map(lambda text: Status(StatusCode.ERROR, text)),
)
RESOURCES = [Resource({"service.name": "bot"}), Resource({"n": 1}, "https://schema.test/1")]
SCOPES = [
    InstrumentationScope("spanwise", "1.0", "https://schema.test/2"),
    InstrumentationScope("other", None, None, {"kept": True}),
    None,
]
spans = st.builds(
    ReadableSpan,
    name=st.text(),
    context=contexts,
    parent=st.one_of(st.none(), contexts),
    resource=st.sampled_from(RESOURCES),
    attributes=attributes,
    events=st.lists(st.builds(Event, name=st.text(), attributes=attributes, timestamp=times), max_size=2),
    links=st.lists(st.builds(Link, context=contexts, attributes=attributes), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=statuses,
    start_time=times,
    end_time=times,
    instrumentation_scope=st.sampled_from(SCOPES),
)


def one(**said):
    context = SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1))
    return ReadableSpan(name="n", context=context, resource=RESOURCES[0], start_time=1, end_time=2, **said)


def spans_in(request):
    return [
        ({a.key: a.value.string_value for a in r.resource.attributes}, s.scope.name, span)
        for r in request.resource_spans
        for s in r.scope_spans
        for span in s.spans
    ]


@given(st.lists(spans, max_size=6))
def test_what_we_write_is_what_opentelemetry_writes(batch):
    theirs = by_opentelemetry(batch)
    ours = ExportTraceServiceRequest.FromString(encode_spans(batch))
    for _, _, span in spans_in(ours):
        for link in span.links:  # their encoder leaves the link's state out
            link.ClearField("trace_state")
    assert spans_in(ours) == spans_in(theirs)
    assert [r.resource for r in ours.resource_spans] == [r.resource for r in theirs.resource_spans]
    assert [r.schema_url for r in ours.resource_spans] == [r.schema_url for r in theirs.resource_spans]
    for mine, other in zip(ours.resource_spans, theirs.resource_spans, strict=True):
        assert [(s.scope, s.schema_url) for s in mine.scope_spans] == [
            (s.scope, s.schema_url) for s in other.scope_spans
        ]


def test_the_state_of_a_link_is_kept():
    state = TraceState([("vendor", "a-1"), ("other", "b")])
    linked = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    (found,) = spans_in(ExportTraceServiceRequest.FromString(encode_spans([one(links=[Link(linked)])])))
    assert found[2].links[0].trace_state == "vendor=a-1,other=b"


@given(st.lists(spans, max_size=6))
def test_a_request_can_be_cut_into_its_spans_and_joined_again(batch):
    whole = ExportTraceServiceRequest.FromString(encode_spans(batch))
    pieces = each_span(encode_spans(batch))
    assert len(pieces) == len(batch)
    assert spans_in(ExportTraceServiceRequest.FromString(b"".join(pieces))) == spans_in(whole)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**70, {"stringValue": str(2**70)}),
        ("half \ud83d", {"stringValue": "half ?"}),
        (
            {"a": [b"x"]},
            {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"bytesValue": "eA=="}]}}}]}},
        ),
        (1j, {"stringValue": "1j"}),
    ],
)  # fmt: skip
def test_values_that_others_trip_over_are_kept(value, kept):
    from google.protobuf.json_format import MessageToDict

    span = one(attributes={})
    span._attributes = {"odd": value}
    (found,) = spans_in(ExportTraceServiceRequest.FromString(encode_spans([span])))
    assert MessageToDict(found[2].attributes[0].value) == kept


def test_what_an_answer_refused_is_counted():
    said = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="no"))
    assert refused_count(said.SerializeToString()) == 3
    assert refused_count(b"") == 0


@given(st.binary(max_size=40))
def test_an_answer_that_is_none_refused_nothing_or_some_and_never_fails(body):
    assert isinstance(refused_count(body), int)
