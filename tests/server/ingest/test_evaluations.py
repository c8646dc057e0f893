"""An evaluation's result, sent as an event of a span or as a log record, becomes an annotation."""

from __future__ import annotations

import json

import pytest

from server.ingest.test_otlp_routes import START, post, request

TRACE, SPAN = (b"t" * 16).hex(), (b"\x01" * 8).hex()
RESULT = "gen_ai.evaluation.result"


def pairs(**said):
    return [{"key": f"gen_ai.evaluation.{key.replace('__', '.')}", "value": value} for key, value in said.items()]


GOOD = pairs(
    name={"string_value": "relevance"}, score__value={"double_value": 0.0}, score__label={"string_value": "bad"},
    explanation={"string_value": "It is of something else."},
)  # fmt: skip


def judged(client):
    return client.get(f"/api/v1/annotations?trace_id={TRACE}").json()["items"]


def send(client, way, *said):
    if way == "event":
        events = [{"name": RESULT, "time_unix_nano": START, "attributes": each} for each in said]
        answer = post(client, request({"events": events}).SerializeToString())
    else:
        answer = post(client, json.dumps(logs(*said)), "application/json", path="/v1/logs")
    assert answer.status_code == 200


def logs(*said):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"timeUnixNano": str(START), "traceId": TRACE, "spanId": SPAN, "eventName": RESULT, "attributes": camel(each)}
        for each in said
    ]}]}]}  # fmt: skip


def camel(said):
    words = {"string_value": "stringValue", "double_value": "doubleValue"}
    return [{"key": p["key"], "value": {words[word]: told for word, told in p["value"].items()}} for p in said]


@pytest.mark.parametrize("way", ["event", "log"])
def test_a_result_is_an_annotation_of_its_span(client, way):
    send(client, way, GOOD)
    (one,) = judged(client)
    assert (one["name"], one["label"], one["score"]) == ("relevance", "bad", 0.0)
    assert one["explanation"] == "It is of something else."
    assert one["target"] == {"trace_id": TRACE, "span_id": SPAN}
    assert one["annotator"]["kind"] == "code"


@pytest.mark.parametrize("way", ["event", "log"])
def test_a_result_that_is_sent_again_is_one_annotation(client, way):
    send(client, way, GOOD)
    send(client, way, GOOD)
    assert len(judged(client)) == 1


def test_a_result_may_come_both_ways(client):
    send(client, "log", GOOD)
    send(client, "event", GOOD)
    assert len(judged(client)) == 1


@pytest.mark.parametrize("way", ["event", "log"])
@pytest.mark.parametrize(
    "said",
    [
        [],
        pairs(name={"string_value": "relevance"}),
        pairs(score__value={"double_value": 0.5}),
        pairs(name={"string_value": "relevance"}, score__value={"string_value": "much"}),
    ],
)
def test_a_result_without_a_name_or_a_judgement_is_no_annotation(client, way, said):
    send(client, way, said)
    assert judged(client) == []
