"""Log records decoded: the same in both forms, as events of the span they name."""

from __future__ import annotations

import json
from contextlib import suppress

import orjson
import pytest
from google.protobuf.json_format import MessageToDict, MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from fuzzing import tries
from otlp_requests import PAIRS, SPAN_IDS, TEXT, TIMES, VALUES
from server.ingest.test_decode import JSON
from spanwise_server.errors import SpanwiseError, TooLarge
from spanwise_server.ingest.logs import decode_logs
from spanwise_server.ingest.span_limits import SpanLimits
from spanwise_server.record import Event

TRACE, SPAN = b"t" * 16, b"s" * 8
AT = 1_795_000_000_000_000_000
FORMS = ("protobuf", "json")


def request(*records, scope="lib"):
    whole = [{"trace_id": TRACE, "span_id": SPAN, "time_unix_nano": AT, **record} for record in records]
    return ExportLogsServiceRequest(resource_logs=[
        {"resource": {"attributes": text("service.name", "shop")},
         "scope_logs": [{"scope": {"name": scope}, "log_records": whole}]}
    ])  # fmt: skip


def text(key, value):
    return [{"key": key, "value": {"string_value": value}}]


def message(content):
    pairs = text("content", content) + text("role", "user")
    return {"kvlist_value": {"values": pairs}}


def decoded(form, *records, limits=None, scope="lib"):
    body = request(*records, scope=scope).SerializeToString()
    if form == "json":
        body = MessageToJson(ExportLogsServiceRequest.FromString(body)).encode()
    return decode_logs(body, form, limits or SpanLimits())


@pytest.mark.parametrize("form", FORMS)
def test_a_message_event_keeps_its_body(form):
    batch = decoded(form, {"event_name": "gen_ai.user.message", "body": message("hi"),
                           "attributes": text("gen_ai.system", "openai")})  # fmt: skip
    (log,) = batch.logs
    assert (log.trace_id, log.span_id) == (TRACE.hex(), SPAN.hex())
    body = {"content": "hi", "role": "user"}
    assert log.event == Event(AT, "gen_ai.user.message", {"gen_ai.system": "openai", "body": body})
    assert (log.resource, log.scope) == ({"service.name": "shop"}, "lib")


@pytest.mark.parametrize("form", FORMS)
def test_older_libraries_name_the_event_in_an_attribute(form):
    (log,) = decoded(form, {"attributes": text("event.name", "gen_ai.choice")}).logs
    assert log.event == Event(AT, "gen_ai.choice", {})


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_log_record_keeps_its_words_and_its_severity(form):
    (log,) = decoded(form, {"body": {"string_value": "cache missed"}, "severity_text": "WARN"}).logs
    assert log.event == Event(AT, "log", {"severity": "WARN", "body": "cache missed"})


@pytest.mark.parametrize("form", FORMS)
def test_without_its_own_time_the_time_it_was_seen_counts(form):
    (log,) = decoded(form, {"time_unix_nano": 0, "observed_time_unix_nano": AT + 5}).logs
    assert log.event.time_ns == AT + 5
    assert decoded(form, {"time_unix_nano": 0}).logs[0].event.time_ns == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("changed", "reason"), [
    ({"span_id": b""}, "no_span"), ({"trace_id": b""}, "no_span"), ({"trace_id": bytes(16)}, "no_span"),
    ({"span_id": b"abc"}, "bad_id"), ({"time_unix_nano": (1 << 64) - 1}, "bad_time"),
])  # fmt: skip
def test_a_bad_record_is_refused_and_the_rest_kept(form, changed, reason):
    batch = decoded(form, {}, {"event_name": "odd", **changed}, {})
    assert len(batch.logs) == 2
    assert batch.counts == {reason: 1}
    assert batch.message.startswith("Log record 'odd': ")
    assert batch.first[0].scope == "lib"


@pytest.mark.parametrize("form", FORMS)
def test_the_limits_of_spans_hold_for_log_records(form):
    deep = {"string_value": "x"}
    for _ in range(3):
        deep = {"array_value": {"values": [deep]}}
    limits = SpanLimits(attributes=2, attribute_bytes=100, depth=2, spans=4)
    many = [{"key": f"k{n}", "value": {"int_value": n}} for n in range(3)]
    batch = decoded(
        form, {"attributes": many}, {"body": {"string_value": "y" * 200}}, {"body": deep}, {}, limits=limits
    )
    assert len(batch.logs) == 1
    assert batch.counts == {"too_many_attributes": 1, "attribute_too_large": 1, "too_deep": 1}
    with pytest.raises(TooLarge, match="5 log records, more than 4"):
        decoded(form, *[{}] * 5, limits=limits)


def test_one_record_that_is_not_utf8_costs_itself_only():
    body = request({}, {"event_name": "mark"}).SerializeToString().replace(b"mark", b"m\xffrk")
    batch = decode_logs(body, "protobuf")
    assert len(batch.logs) == 1
    assert (batch.counts, batch.first[0].name) == ({"unreadable": 1}, "m\ufffdrk")


@pytest.mark.parametrize(("body", "form"), [(b"\xff\xff", "protobuf"), (b"{", "json"), (b"[]", "json")])
def test_what_is_no_otlp_is_refused_with_a_sentence(body, form):
    with pytest.raises(SpanwiseError, match="body is"):
        decode_logs(body, form)


RECORDS = st.fixed_dictionaries({
    "trace_id": st.binary(min_size=16, max_size=16), "span_id": SPAN_IDS, "time_unix_nano": TIMES,
    "observed_time_unix_nano": TIMES, "event_name": TEXT, "severity_text": TEXT, "attributes": PAIRS, "body": VALUES,
})  # fmt: skip


@settings(max_examples=tries(50), deadline=None)
@given(st.lists(RECORDS, max_size=3))
def test_both_forms_of_a_record_decode_the_same(records):
    made = ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": records}]}])
    binary = decode_logs(made.SerializeToString(), "protobuf")
    read = MessageToDict(made)
    in_json = decode_logs(json.dumps(read).encode(), "json")
    assert in_json.logs == binary.logs
    assert in_json.counts == binary.counts


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=tries(80), deadline=None)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(form, body):
    with suppress(SpanwiseError):
        decode_logs(body, form)


@settings(max_examples=tries(80), deadline=None)
@given(st.lists(JSON, max_size=3), JSON, JSON)
def test_json_of_any_shape_is_decoded_or_refused(records, resource, scope):
    ids = {"traceId": TRACE.hex(), "spanId": SPAN.hex()}
    whole = [{**ids, **record} if isinstance(record, dict) else record for record in records]
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": whole}]}]}
    batch = decode_logs(orjson.dumps(body), "json")
    assert len(batch.logs) + batch.refused <= len(records)
    for log in batch.logs:
        orjson.dumps(log.event.attributes)
