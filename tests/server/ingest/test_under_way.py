from __future__ import annotations

import json
from dataclasses import replace

from server.pages.made import PROJECT, TRACE, record, span_id
from spanwise.vocabulary import PENDING
from spanwise_server.ingest.changes import MOST_TRACES, Changes
from spanwise_server.ingest.under_way import LONGEST_S, MOST_SPANS, UnderWay, told_apart
from spanwise_server.record import Record


def begun(number: int, parent: int | None = None) -> Record:
    return record(number, parent, f"step {number}", 0, 0, {PENDING: True}, kind="agent")


def test_an_announcement_stays_until_its_span_comes():
    under_way = UnderWay()
    under_way.put([begun(1), begun(2, 1)])
    assert [r.span.span_id for r in under_way.of(PROJECT)] == [span_id(1), span_id(2)]
    assert under_way.of("other") == ()
    assert under_way.of(PROJECT, "e" * 32) == ()
    under_way.drop([record(2, 1, "step 2", 0, 5)])
    assert [r.span.span_id for r in under_way.of(PROJECT, TRACE)] == [span_id(1)]


def test_what_is_announced_and_ended_in_one_request_has_ended():
    open_spans, ended = told_apart([begun(1), record(1, None, "step 1", 0, 5), begun(2)])
    assert [r.span.span_id for r in open_spans] == [span_id(2)]
    assert [r.name for r in ended] == ["step 1"]


def test_what_never_ends_is_forgotten():
    now = [0.0]
    under_way = UnderWay(lambda: now[0])
    under_way.put([begun(1)])
    now[0] = LONGEST_S + 1
    under_way.put([begun(2)])
    assert [r.span.span_id for r in under_way.of(PROJECT)] == [span_id(2)]
    first = begun(1)
    many = [replace(first, span=replace(first.span, span_id=span_id(n))) for n in range(MOST_SPANS + 5)]
    under_way.put(many)
    assert len(under_way.of(PROJECT)) == MOST_SPANS


def test_changes_are_known_by_project_and_by_trace():
    changes = Changes()
    assert changes.of("a") == 0
    changes.note([("a", "t1")])
    first = changes.of("a", "t1")
    changes.note([("a", "t2"), ("b", "t3")])
    assert changes.of("a") > first == changes.of("a", "t1")
    assert changes.of("b", "t3") == changes.of("a", "t2") > 0
    changes.note(("c", str(n)) for n in range(MOST_TRACES))
    assert changes.of("a", "t1") == 0


def _export(span: dict[str, object]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_a_span_under_way_counts_nowhere_and_is_replaced_by_itself(client):
    span = {
        "traceId": TRACE,
        "spanId": span_id(1),
        "name": "long run",
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000000000000000",
        "attributes": [
            {"key": PENDING, "value": {"boolValue": True}},
            {"key": "spanwise.kind", "value": {"stringValue": "agent"}},
        ],
    }
    headers = {"content-type": "application/json", "x-spanwise-project": PROJECT}
    assert client.post("/v1/traces", content=_export(span), headers=headers).status_code == 200
    assert client.get(f"/api/v1/traces?project={PROJECT}").json()["items"] == []
    server = client.app.state.server
    assert server.changes.of(PROJECT, TRACE) > 0
    html = client.get(f"/traces/{TRACE}?project={PROJECT}").text
    assert "running" in html
    assert "long run" in html
    child = {**span, "spanId": span_id(2), "parentSpanId": span_id(1), "name": "a step", "attributes": []}
    client.post("/v1/traces", content=_export(child), headers=headers)
    listed = client.get(f"/api/v1/traces?project={PROJECT}").json()["items"]
    assert [trace["span_count"] for trace in listed] == [1]
    ended = {**span, "endTimeUnixNano": "1790000005000000000", "attributes": []}
    client.post("/v1/traces", content=_export(ended), headers=headers)
    assert server.intake.under_way.of(PROJECT) == ()
    listed = client.get(f"/api/v1/traces?project={PROJECT}").json()["items"]
    assert [(trace["name"], trace["span_count"], trace["duration_ms"]) for trace in listed] == [("long run", 2, 5000)]
