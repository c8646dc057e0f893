"""Spans as no exporter should send them: what can be kept is kept, the rest is refused by itself, with the reason."""

from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanwise_server.errors import SpanwiseError, TooLarge
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.span_limits import DEEPEST, SpanLimits

START = 1_795_000_000_000_000_000
BROKEN_UTF8 = b"not \xff\xfe text"


def request(*spans, resource=(), scope="lib"):
    whole = [
        {"trace_id": b"t" * 16, "span_id": bytes([i + 1]) * 8, "name": f"s{i}", "start_time_unix_nano": START, **span}
        for i, span in enumerate(spans)
    ]
    return ExportTraceServiceRequest(resource_spans=[
        {"resource": {"attributes": list(resource)}, "scope_spans": [{"scope": {"name": scope}, "spans": whole}]}
    ])  # fmt: skip


def nested(depth, kind="array"):
    value = {"string_value": "deep"}
    for _ in range(depth):
        inner = {"values": [value]} if kind == "array" else {"values": [{"key": "k", "value": value}]}
        value = {f"{'array' if kind == 'array' else 'kvlist'}_value": inner}
    return [{"key": "nest", "value": value}]


def nested_json(depth):
    value = {"stringValue": "deep"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return [{"key": "nest", "value": value}]


def as_json(*spans, raw=False):
    whole = [{"traceId": "4f" * 16, "spanId": f"{i + 1:016x}", "name": f"s{i}", "startTimeUnixNano": str(START), **span}
             for i, span in enumerate(spans)]  # fmt: skip
    body = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "lib"}, "spans": whole}]}]}
    return json.dumps(body).encode() if not raw else body


def named(key, **value):
    return {"attributes": [{"key": key, "value": value}]}


def test_one_text_that_is_not_utf8_costs_its_span_only():
    body = request({}, {"name": "mark"}, {}).SerializeToString().replace(b"mark", b"m\xffrk")
    batch = decode(body, "protobuf")
    assert [span.name for span in batch.spans] == ["s0", "s2"]
    assert batch.counts == {"unreadable": 1}
    assert (batch.first[0].name, batch.first[0].scope) == ("m\ufffdrk", "lib")
    assert "not UTF-8" in batch.message


def test_resource_scope_and_all_fields_survive_the_salvage_of_the_rest():
    whole = request(named("k", string_value="v"), {"name": "mark"}, resource=named("p", string_value="q")["attributes"])
    batch = decode(whole.SerializeToString().replace(b"mark", b"m\xffrk"), "protobuf")
    (kept,) = batch.spans
    del whole.resource_spans[0].scope_spans[0].spans[1]
    assert kept == decode(whole.SerializeToString(), "protobuf").spans[0]
    assert (kept.resource, kept.scope.name) == ({"p": "q"}, "lib")


def test_a_resource_that_is_not_utf8_costs_its_spans_and_no_others():
    bad = request({}, {}, resource=named("k", string_value="mark")["attributes"]).SerializeToString()
    body = bad.replace(b"mark", b"m\xffrk") + request({"name": "other"}).SerializeToString()
    batch = decode(body, "protobuf")
    assert [span.name for span in batch.spans] == ["other"]
    assert batch.counts == {"unreadable": 2}


@pytest.mark.parametrize("kind", ["array", "kvlist"])
def test_what_is_too_deep_costs_its_span_only(kind):
    for depth in (DEEPEST + 1, 40, 60):  # the last ones are deeper than protobuf can be read at all
        batch = decode(request({}, {"attributes": nested(depth, kind)}).SerializeToString(), "protobuf")
        assert len(batch.spans) == 1
        assert batch.counts == {"too_deep": 1}
        assert "nested" in batch.message
    (kept,) = decode(request({"attributes": nested(DEEPEST, kind)}).SerializeToString(), "protobuf").spans
    assert "deep" in json.dumps(kept.attributes)


@pytest.mark.parametrize("depth", [DEEPEST + 1, 150])
def test_what_is_too_deep_in_json_costs_its_span_only(depth):
    batch = decode(as_json({}, {"attributes": nested_json(depth)}), "json")
    assert len(batch.spans) == 1
    assert batch.counts == {"too_deep": 1}
    assert "SPANWISE_MAX_DEPTH" in batch.message
    (kept,) = decode(as_json({"attributes": nested_json(DEEPEST)}), "json").spans
    assert "deep" in json.dumps(kept.attributes)


@pytest.mark.parametrize("pairs", [
    (b'{"arrayValue": {"values": [', b"]}}"),
    (b'{"kvlistValue": {"values": [{"key": "]}\\"[", "value": ', b"}]}}"),
])  # fmt: skip
def test_json_deeper_than_any_parser_reads_costs_its_span_only(pairs):
    opening, closing = pairs
    deep = opening * 50_000 + b'{"stringValue": "x"}' + closing * 50_000
    body = as_json({"name": "before"}, named("mark", stringValue="mark"), {"name": 'after [{"[['})
    batch = decode(body.replace(b'{"stringValue": "mark"}', deep), "json")
    assert [span.name for span in batch.spans] == ["before", 'after [{"[[']
    assert batch.counts == {"too_deep": 1}
    assert batch.first[0].name == "s1"


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"[" * 100_000 + b"]" * 99_999, b'{"a":' * 1_000 + b'"' + b"}" * 1_000]
)
def test_deep_json_that_is_broken_is_refused_with_a_sentence(text):
    with pytest.raises(SpanwiseError, match="not JSON"):
        decode(b'{"resourceSpans": [' + text + b"]}", "json")
    batch = decode(b'{"resourceSpans": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "json")
    assert batch.counts == {"unreadable": 1}


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_a_resource_that_is_too_deep_costs_its_spans(form):
    limits = SpanLimits(depth=1)
    if form == "protobuf":
        body = request({}, {}, resource=nested(2)).SerializeToString()
    else:
        shaped = as_json({}, {}, raw=True)
        shaped["resourceSpans"][0]["resource"] = {"attributes": nested_json(2)}
        body = json.dumps(shaped).encode()
    batch = decode(body, form, limits)
    assert batch.spans == []
    assert batch.counts == {"too_deep": 2}


def test_half_a_character_is_replaced_and_costs_nothing():
    body = as_json(named("cut", stringValue="emoji \ud83d"), named("whole", stringValue="\ud83d\ude00"))
    first, second = decode(body, "json").spans
    assert first.attributes == {"cut": "emoji \ufffd"}
    assert second.attributes == {"whole": "\U0001f600"}


def test_bytes_that_are_not_utf8_are_replaced_in_json():
    (span,) = decode(as_json(named("k", stringValue="MARK")).replace(b"MARK", BROKEN_UTF8), "json").spans
    assert span.attributes == {"k": "not \ufffd\ufffd text"}


@pytest.mark.parametrize(("said", "meant"), [("NaN", math.nan), ("-Infinity", -math.inf), ("1e999", math.inf)])
def test_numbers_that_strict_json_has_not_are_numbers(said, meant):
    body = as_json(named("n", doubleValue="MARK")).replace(b'"MARK"', said.encode())
    (span,) = decode(body, "json").spans
    assert span.attributes["n"] == meant or (math.isnan(meant) and math.isnan(span.attributes["n"]))


def test_numbers_no_column_holds_are_text():
    body = as_json(
        named("n", intValue="1"), {"attributes": [{"key": "n", "value": 1}]}, named("x", doubleValue=math.nan)
    )
    huge = decode(body.replace(b'"value": 1}', b'"value": ' + b"9" * 30 + b"}"), "json").spans[1]
    assert huge.attributes == {"n": "9" * 30}


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_of_a_repeated_key_the_last_value_counts(form):
    pairs = [("k", "first"), ("k", "last")]
    if form == "protobuf":
        body = request({"attributes": [{"key": k, "value": {"string_value": v}} for k, v in pairs]}).SerializeToString()
    else:
        body = as_json({"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in pairs]})
    assert decode(body, form).spans[0].attributes == {"k": "last"}


def test_a_large_attribute_is_kept_up_to_the_limit():
    big = "x" * 10_000_000
    for form, body in (("protobuf", request(named("big", string_value=big)).SerializeToString()),
                       ("json", as_json(named("big", stringValue=big)))):  # fmt: skip
        assert decode(body, form).spans[0].attributes["big"] == big
        batch = decode(body, form, SpanLimits(attribute_bytes=5_000_000))
        assert batch.spans == []
        assert batch.counts == {"attribute_too_large": 1}
        assert "'big' has 10.0 MB, more than 5 (SPANWISE_MAX_ATTRIBUTE_MB)" in batch.message


def test_a_large_value_is_measured_with_all_that_is_in_it():
    inner = {"array_value": {"values": [{"string_value": "y" * 400}] * 10}}
    body = request(named("list", **inner), {"events": [{"name": "e", **named("k", **inner)}]}, {}).SerializeToString()
    batch = decode(body, "protobuf", SpanLimits(attribute_bytes=3_000))
    assert [span.name for span in batch.spans] == ["s2"]
    assert batch.counts == {"attribute_too_large": 2}


def test_attributes_are_counted_with_those_of_events_and_links():
    many = [{"key": f"k{n}", "value": {"int_value": n}} for n in range(6)]
    over = ({"attributes": many}, {"events": [{"name": "e", "attributes": many}]},
            {"links": [{"trace_id": b"t" * 16, "span_id": b"s" * 8, "attributes": many}]})  # fmt: skip
    batch = decode(request({"attributes": many[:5]}, *over).SerializeToString(), "protobuf", SpanLimits(attributes=5))
    assert [span.name for span in batch.spans] == ["s0"]
    assert batch.counts == {"too_many_attributes": 3}
    assert "it has 6 attributes, more than 5 (SPANWISE_MAX_SPAN_ATTRIBUTES)" in batch.message


def test_a_request_of_too_many_spans_is_refused_whole():
    spans = [{} for _ in range(11)]
    for form, body in (("protobuf", request(*spans).SerializeToString()), ("json", as_json(*spans))):
        assert len(decode(body, form, SpanLimits(spans=11)).spans) == 11
        with pytest.raises(TooLarge, match="11 spans, more than 10") as refusal:
            decode(body, form, SpanLimits(spans=10))
        assert "SPANWISE_MAX_REQUEST_SPANS" in refusal.value.hint


@pytest.mark.parametrize("year_ns", [1, 86_400 * 10**9, 4_102_444_800 * 10**9])
def test_clocks_of_1970_and_2100_are_kept_as_they_are(year_ns):
    (span,) = decode(request({"start_time_unix_nano": year_ns, "end_time_unix_nano": year_ns + 5}).SerializeToString(),
                     "protobuf").spans  # fmt: skip
    assert (span.start_ns, span.end_ns) == (year_ns, year_ns + 5)


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0b", b"\xff" * 30])
def test_bytes_that_are_no_protobuf_are_refused_with_a_sentence(body):
    with pytest.raises(SpanwiseError, match="not an OTLP protobuf message of traces"):
        decode(body, "protobuf")
