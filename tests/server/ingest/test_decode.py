"""OTLP in both its forms: the same message decodes to the same spans, and one bad span costs only itself."""

from __future__ import annotations

import base64
import json
import math
from contextlib import suppress

import orjson
import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fuzzing import tries
from otlp_requests import PAIRS, SPANS, TEXT
from spanwise_server.errors import SpanwiseError, UnsupportedMedia
from spanwise_server.ingest.otlp import decode, form_of
from spanwise_server.record import Event, Link, Scope

TRACE, SPAN, PARENT = "4f" * 16, "a1" * 8, "b2" * 8
START, END = 1_795_000_000_000_000_000, 1_795_000_001_000_000_001


def export(*spans, resource=(), scope=None):
    scope_spans = {"scope": scope or {}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": list(resource)}, "scopeSpans": [scope_spans]}]}


def span(**changed):
    whole = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "s",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(END),
    }
    return {key: value for key, value in {**whole, **changed}.items() if value is not None}


def decoded(*spans, **more):
    return decode(json.dumps(export(*spans, **more)).encode(), "json")


def attribute(key, **value):
    return {"key": key, "value": value}


def test_a_span_is_decoded_whole():
    batch = decoded(
        span(
            parentSpanId=PARENT, kind="SPAN_KIND_CLIENT", traceState="a=b",
            status={"code": "STATUS_CODE_ERROR", "message": "no"},
            attributes=[
                attribute("text", stringValue=""), attribute("int", intValue="9007199254740993"),
                attribute("zero", intValue=0), attribute("double", doubleValue=0.5), attribute("no", boolValue=False),
                attribute("list", arrayValue={"values": [{"stringValue": "a"}, {"intValue": "1"}]}),
                attribute("map", kvlistValue={"values": [attribute("k", stringValue="v")]}),
                attribute("bytes", bytesValue="AAE="), attribute("empty"),
            ],
            events=[{"timeUnixNano": START, "name": "e", "attributes": [attribute("k", intValue=1)]}],
            links=[{"traceId": TRACE.upper(), "spanId": SPAN}],
        ),
        resource=[attribute("service.name", stringValue="shop")],
        scope={"name": "lib", "version": "1"},
    )  # fmt: skip
    (found,) = batch.spans
    assert (found.trace_id, found.span_id, found.parent_span_id, found.name) == (TRACE, SPAN, PARENT, "s")
    assert (found.start_ns, found.end_ns, found.otel_kind, found.trace_state) == (START, END, 3, "a=b")
    assert (found.status, found.status_message) == ("error", "no")
    assert found.attributes == {
        "text": "", "int": 9007199254740993, "zero": 0, "double": 0.5, "no": False, "list": ["a", 1],
        "map": {"k": "v"}, "bytes": "base64:AAE=", "empty": None,
    }  # fmt: skip
    assert found.resource == {"service.name": "shop"}
    assert found.scope == Scope("lib", "1")
    assert found.events == (Event(START, "e", {"k": 1}),)
    assert found.links == (Link(TRACE, SPAN),)


def test_ids_come_in_hex_of_either_case_and_in_base64():
    as_base64 = {"traceId": base64.b64encode(bytes.fromhex(TRACE)).decode(),
                 "spanId": base64.b64encode(bytes.fromhex(SPAN)).decode()}  # fmt: skip
    for ids in ({}, {"traceId": TRACE.upper(), "spanId": SPAN.upper()}, as_base64):
        (found,) = decoded(span(**ids)).spans
        assert (found.trace_id, found.span_id) == (TRACE, SPAN)


def test_names_with_underscores_are_read_too():
    one = {"trace_id": TRACE, "span_id": SPAN, "start_time_unix_nano": START, "end_time_unix_nano": END}
    body = {"resource_spans": [{"scope_spans": [{"spans": [one]}]}]}
    assert decode(json.dumps(body).encode(), "json").spans[0].start_ns == START


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"traceId": None}, "trace id is empty"),
        ({"traceId": "0" * 32}, "trace id is empty or all zeros"),
        ({"traceId": "xyz"}, "trace id 'xyz' is not 32 hex digits"),
        ({"spanId": "fjørdfjørdfj"}, "span id 'fjørdfjørdfj' is not 16 hex digits"),  # as long as base64 of an id
        ({"spanId": SPAN[:-1]}, "is not 16 hex digits"),
        ({"spanId": 12}, "span id '12' is not 16 hex digits"),
        ({"parentSpanId": "12"}, "parent's id '12' is not 16 hex digits"),
        ({"startTimeUnixNano": None}, "no start time"),
        ({"startTimeUnixNano": "yesterday"}, "start time 'yesterday' is not a whole number"),
        ({"startTimeUnixNano": str(1 << 63)}, "is not in nanoseconds since 1970"),
        ({"endTimeUnixNano": -1}, "end time -1 is not in nanoseconds"),
    ],
)
def test_a_bad_span_is_refused_with_a_sentence_and_the_rest_kept(changed, reason):
    batch = decoded(span(), span(name="bad one", **changed), span())
    assert len(batch.spans) == 2
    assert batch.refused == 1
    assert batch.message.startswith("Span 'bad one': ")
    assert reason in batch.message


def test_only_the_first_refusals_are_named():
    batch = decoded(*(span(name=f"n{i}", spanId="") for i in range(10)))
    assert batch.refused == 10
    assert "n2" in batch.message
    assert "n3" not in batch.message
    assert batch.message.endswith("And 7 more.")


@pytest.mark.parametrize("end", [None, 0, START - 1])
def test_a_span_that_ends_before_it_starts_takes_no_time(end):
    (found,) = decoded(span(endTimeUnixNano=end)).spans
    assert found.end_ns == found.start_ns == START


@pytest.mark.parametrize("zeros", ["", "0" * 16])
def test_a_parent_of_zeros_is_no_parent(zeros):
    assert decoded(span(parentSpanId=zeros)).spans[0].parent_span_id is None


def test_numbers_beyond_64_bits_are_kept_as_text():
    (found,) = decoded(span(attributes=[attribute("n", intValue=str(1 << 70))])).spans
    assert found.attributes == {"n": str(1 << 70)}


def test_infinity_sent_as_text_is_a_number():
    (found,) = decoded(span(attributes=[attribute("n", doubleValue="-Infinity")])).spans
    assert found.attributes == {"n": -math.inf}


def test_resource_and_scope_are_one_object_for_all_their_spans():
    for form in ("json", "protobuf"):
        request = ExportTraceServiceRequest()
        scope_spans = request.resource_spans.add().scope_spans.add()
        for number in (1, 2):
            scope_spans.spans.add(trace_id=b"t" * 16, span_id=bytes([number]) * 8, start_time_unix_nano=1)
        body = request.SerializeToString() if form == "protobuf" else MessageToJson(request).encode()
        first, second = decode(body, form).spans
        assert first.resource is second.resource
        assert first.scope is second.scope


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [{"scopeSpans": null}]}'])
def test_nothing_is_decoded_from_nothing(body):
    form = "json" if body else "protobuf"
    assert decode(body, form).spans == []


@pytest.mark.parametrize("body", [b'{"spans": []}', b'{"resourceSpans": "x"}', b'{"resource_spans": {}}'])
def test_json_that_is_no_export_is_refused_with_what_to_send(body):
    with pytest.raises(SpanwiseError, match=r"resource_?[sS]pans") as refusal:
        decode(body, "json")
    assert refusal.value.status == 400
    assert refusal.value.hint == 'Send {"resourceSpans": [...]}.'


def test_what_is_no_object_in_json_costs_nobody_else():
    whole = export(span())
    whole["resourceSpans"][0]["scopeSpans"][0]["spans"] += ["x", 1]
    whole["resourceSpans"] += [7, {"scopeSpans": 2}, {"scopeSpans": [{"spans": "x"}]}]
    batch = decode(json.dumps(whole).encode(), "json")
    assert (len(batch.spans), batch.counts) == (1, {"unreadable": 5})
    assert "is not an object" in batch.message


@pytest.mark.parametrize(
    ("body", "form"), [(b"\xff\xff", "protobuf"), (b"{", "json"), (b"[]", "json"), (b"\xff", "json")]
)
def test_what_is_no_otlp_is_refused_with_a_sentence(body, form):
    with pytest.raises(SpanwiseError, match="body is") as refusal:
        decode(body, form)
    assert refusal.value.status == 400


@pytest.mark.parametrize(("content_type", "form"), [
    ("application/x-protobuf", "protobuf"), ("application/json; charset=utf-8", "json"), ("Application/JSON", "json"),
])  # fmt: skip
def test_the_content_type_says_the_form(content_type, form):
    assert form_of(content_type) == form


@pytest.mark.parametrize("content_type", ["", "text/plain"])
def test_another_content_type_is_refused(content_type):
    with pytest.raises(UnsupportedMedia):
        form_of(content_type)


# --- whatever is sent ---------------------------------------------------------------------------


@settings(max_examples=tries(60), deadline=None)
@given(st.lists(SPANS, max_size=3), PAIRS, TEXT)
def test_both_forms_of_a_message_decode_the_same(spans, resource, scope):
    request = ExportTraceServiceRequest(resource_spans=[
        {"resource": {"attributes": resource}, "scope_spans": [{"scope": {"name": scope}, "spans": spans}]}
    ])  # fmt: skip
    binary = decode(request.SerializeToString(), "protobuf")
    text = decode(MessageToJson(request).encode(), "json")
    assert text.spans == binary.spans
    assert (text.refused, text.message) == (binary.refused, binary.message)


@pytest.mark.parametrize("form", ["json", "protobuf"])
@settings(max_examples=tries(120), deadline=None)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(form, body):
    with suppress(SpanwiseError):
        decode(body, form)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano", "attributes", "key",
            "value", "stringValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "values", "events", "links",
            "status", "code", "kind", "timeUnixNano",
        ]),
        inside, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=tries(120), deadline=None)
@given(st.lists(JSON, max_size=3), JSON, JSON)
def test_json_of_any_shape_is_decoded_or_refused(spans, resource, scope):
    whole = [{**span(), **one} if isinstance(one, dict) else one for one in spans]
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": whole}]}]}
    batch = decode(orjson.dumps(body), "json")
    assert len(batch.spans) + batch.refused <= len(spans)
    for found in batch.spans:
        assert 0 < found.start_ns <= found.end_ns < 1 << 63
        orjson.dumps(found.attributes)
