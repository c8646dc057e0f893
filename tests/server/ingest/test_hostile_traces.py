"""Traces as no program should make them, all the way through the server: kept whole, counted right, shown."""

from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanwise_server.query.filters import Query

PROTOBUF, JSON = "application/x-protobuf", "application/json"
START, SECOND, DAY = 1_795_000_000_000_000_000, 10**9, 86_400 * 10**9
TRACE = "4f" * 16


def span(n, *, parent=0, at=START, took=SECOND, **more):
    return {"trace_id": bytes.fromhex(TRACE), "span_id": n.to_bytes(8, "big"), "name": f"s{n}",
            "parent_span_id": parent.to_bytes(8, "big") if parent else b"",
            "start_time_unix_nano": at, "end_time_unix_nano": at + took, **more}  # fmt: skip


def post(client, spans):
    body = ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": spans}]}]).SerializeToString()
    answer = client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF})
    assert answer.status_code == 200
    return answer


def store_of(client):
    return client.app.state.server.store


def test_a_trace_of_100000_spans_is_kept_whole_and_counted_once(client):
    for first in range(1, 100_001, 25_000):
        post(client, [span(n, parent=n // 2) for n in range(first, first + 25_000)])
    summary = store_of(client).find_traces(Query("default")).items[0]
    assert (summary.span_count, summary.name, summary.has_root) == (100_000, "s1", True)
    assert store_of(client).span("default", f"{77_777:016x}", TRACE).span.parent_span_id == f"{77_777 // 2:016x}"


def test_children_before_their_parents_make_the_same_trace(client):
    spans = [span(n, parent=n - 1, at=START + n, took=SECOND - 2 * n) for n in range(1, 6)]
    for one in reversed(spans):
        post(client, [one])
    backwards = store_of(client).trace("default", TRACE)
    store_of(client).delete_trace("default", TRACE)
    post(client, spans)
    assert store_of(client).trace("default", TRACE) == backwards
    assert backwards.summary.name == "s1"


def test_half_a_trace_today_and_half_tomorrow_is_one_trace(client):
    post(client, [span(2, parent=1, at=START)])
    assert not store_of(client).trace("default", TRACE).summary.has_root
    post(client, [span(1, at=START - SECOND, took=DAY), span(3, parent=1, at=START + DAY)])
    summary = store_of(client).trace("default", TRACE).summary
    assert (summary.span_count, summary.name, summary.has_root) == (3, "s1", True)
    assert (summary.start_ns, summary.end_ns) == (START - SECOND, START + DAY + SECOND)
    assert len(store_of(client).find_traces(Query("default")).items) == 1


def test_the_same_request_twice_changes_nothing(client):
    spans = [span(1), span(2, parent=1)]
    post(client, spans)
    before = store_of(client).trace("default", TRACE)
    post(client, spans)
    assert store_of(client).trace("default", TRACE) == before


@pytest.mark.parametrize("at", [1, DAY, 4_102_444_800 * SECOND, (1 << 63) - 1 - SECOND])
def test_any_clock_is_kept_listed_and_shown(client, at):
    post(client, [span(1, at=at)])
    (summary,) = store_of(client).find_traces(Query("default")).items
    assert (summary.start_ns, summary.end_ns) == (at, at + SECOND)
    assert client.get("/api/v1/traces").json()["items"][0]["trace_id"] == TRACE
    assert client.get("/traces?range=all").status_code == 200
    assert client.get(f"/traces/{TRACE}").status_code == 200


def test_odd_numbers_and_halves_of_characters_are_shown_everywhere(client):
    attributes = [{"key": "x", "value": {"doubleValue": math.nan}},
                  {"key": "gen_ai.usage.input_tokens", "value": {"doubleValue": math.nan}},
                  {"key": "input.value", "value": {"stringValue": "cut \ude00 off"}}]  # fmt: skip
    one = {"traceId": TRACE, "spanId": f"{1:016x}", "name": "half \ud83d", "startTimeUnixNano": START,
           "attributes": attributes}  # fmt: skip
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]})
    assert "NaN" in body
    assert client.post("/v1/traces", content=body, headers={"content-type": JSON}).json() == {}
    kept = store_of(client).trace("default", TRACE).records[0]
    assert kept.span.name == "half \ufffd"
    assert math.isnan(kept.span.attributes["x"])
    assert kept.reading.usage is None
    assert client.get("/api/v1/spans").json()["items"][0]["name"] == "half \ufffd"
    assert kept.span.attributes["input.value"] == "cut \ufffd off"
    assert "half \ufffd" in client.get(f"/traces/{TRACE}").text


def test_an_attribute_of_10_mb_is_kept_and_its_trace_shown(client):
    big = "words and more " * 700_000
    post(client, [span(1, attributes=[{"key": "input.value", "value": {"string_value": big}}])])
    assert store_of(client).trace("default", TRACE).records[0].span.attributes["input.value"] == big
    assert client.get(f"/traces/{TRACE}").status_code == 200
