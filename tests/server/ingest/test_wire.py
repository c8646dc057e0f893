"""The plain way through protobuf says what the parser says, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from fuzzing import tries
from otlp_requests import PAIRS, SPANS, TEXT
from spanwise_server.errors import SpanwiseError
from spanwise_server.ingest.otlp_protobuf import walked
from spanwise_server.ingest.span_limits import SpanLimits
from spanwise_server.ingest.wire import scanned

LIMITS = SpanLimits()


def exported(spans, resource=(), scope="lib"):
    return ExportTraceServiceRequest(resource_spans=[
        {"resource": {"attributes": resource}, "scope_spans": [{"scope": {"name": scope}, "spans": spans}]}
    ]).SerializeToString()  # fmt: skip


def span(**said):
    return {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": 1, "name": "n", **said}


def same_or_nothing(body):
    found = scanned(body, LIMITS)
    if found is None:
        return
    expected = walked(body, LIMITS)
    assert repr(found.spans) == repr(expected.spans), "NaN is equal to nothing, itself included"
    assert [list(one.attributes) for one in found.spans] == [list(one.attributes) for one in expected.spans]
    assert not expected.refused


@settings(max_examples=tries(80), deadline=None)
@given(st.lists(SPANS, max_size=3), PAIRS, TEXT)
def test_it_says_of_any_message_what_the_parser_says(spans, resource, scope):
    same_or_nothing(exported(spans, resource, scope))


@settings(max_examples=tries(200), deadline=None)
@given(st.lists(SPANS, min_size=1, max_size=2), PAIRS, st.data())
def test_it_says_of_damaged_bytes_what_the_parser_says(spans, resource, data):
    body = bytearray(exported(spans, resource))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[at] = data.draw(st.integers(0, 255))
        else:
            del body[at]
        if not body:
            return
    try:
        same_or_nothing(bytes(body))
    except SpanwiseError:
        pytest.fail("the parser refuses what was read")


@settings(max_examples=tries(150), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_left(body):
    same_or_nothing(body)


def test_what_exporters_write_is_read():
    said = [
        KeyValue(key="text", value=AnyValue(string_value="a")), KeyValue(key="empty", value=AnyValue(string_value="")),
        KeyValue(key="less", value=AnyValue(int_value=-5)), KeyValue(key="half", value=AnyValue(double_value=0.5)),
        KeyValue(key="yes", value=AnyValue(bool_value=True)), KeyValue(key="unsaid"),
        KeyValue(key="raw", value=AnyValue(bytes_value=b"\x00\xff")),
        KeyValue(key="list", value={"array_value": {"values": [AnyValue(int_value=1), AnyValue()]}}),
        KeyValue(key="map", value={"kvlist_value": {"values": [KeyValue(key="in", value=AnyValue(int_value=1))]}}),
    ]  # fmt: skip
    body = exported([
        span(
            attributes=said, kind=3, trace_state="a=b", flags=1, dropped_attributes_count=2, parent_span_id=b"p" * 8,
            status={"code": 2, "message": "no"}, end_time_unix_nano=9,
            events=[{"time_unix_nano": 2, "name": "e", "attributes": said, "dropped_attributes_count": 1}],
            links=[{"trace_id": b"u" * 16, "span_id": b"v" * 8, "attributes": said, "flags": 1, "trace_state": "c=d"}],
        ),
        span(span_id=b"2" * 8),
    ], said)  # fmt: skip
    found = scanned(body, LIMITS)
    assert found is not None
    assert found.spans == walked(body, LIMITS).spans
    assert found.spans[0].resource is found.spans[1].resource


@pytest.mark.parametrize("bad", [
    {"trace_id": b""}, {"span_id": b"\x00" * 8}, {"parent_span_id": b"p"}, {"start_time_unix_nano": 0},
    {"start_time_unix_nano": 1 << 63}, {"status": {"code": 7}}, {"kind": 40},
])  # fmt: skip
def test_what_must_be_explained_is_left(bad):
    assert scanned(exported([span(), span(**bad)]), LIMITS) is None


def test_what_is_over_a_limit_is_left():
    body = exported([span(attributes=[KeyValue(key=f"k{n}", value=AnyValue(string_value="x" * 50)) for n in range(3)])])
    assert scanned(body, LIMITS) is not None
    for limits in (SpanLimits(attributes=2), SpanLimits(attribute_bytes=20), SpanLimits(spans=0)):
        assert scanned(body, limits) is None


def test_depth_is_counted_as_the_parser_counts_it():
    value = {"int_value": 1}
    for _ in range(3):
        value = {"array_value": {"values": [value]}}
    body = exported([span(attributes=[{"key": "deep", "value": value}])])
    assert scanned(body, SpanLimits(depth=3)).spans == walked(body, SpanLimits(depth=3)).spans
    assert scanned(body, SpanLimits(depth=2)) is None


def test_what_spans_say_again_is_read_again_and_shared_only_where_nobody_can_change_it():
    inner = KeyValue(key="k", value=AnyValue(double_value=2))
    pairs = [
        KeyValue(key="k", value=AnyValue(string_value="v")), KeyValue(key="k", value=AnyValue(string_value="last")),
        KeyValue(key="list", value=AnyValue(array_value={"values": [AnyValue(int_value=1)]})),
        KeyValue(key="map", value=AnyValue(kvlist_value={"values": [inner]})),
    ]  # fmt: skip
    body = exported([span(attributes=pairs), span(attributes=pairs)], pairs)
    same_or_nothing(body)
    one, other = scanned(body, LIMITS).spans
    assert one.attributes == other.attributes == {"k": "last", "list": [1], "map": {"k": 2.0}}
    assert one.attributes["list"] is not other.attributes["list"]
    assert one.attributes["map"] is not other.attributes["map"]
