"""The JSON of the public contract, from spans posted as any exporter posts them."""

from __future__ import annotations

import json

import pytest

TRACE, ROOT, CALL = "4f" * 16, "a1" * 8, "b2" * 8
START = 1_795_000_000_000_000_000

SPAN_FIELDS = {
    *("trace_id", "span_id", "parent_span_id", "name", "kind", "start_time", "end_time", "duration_ms", "status"),
    *("status_message", "error_type", "dialect", "provider", "request_model", "model", "operation", "params", "usage"),
    *("cost", "ttft_ms", "finish_reasons", "input", "output", "input_messages", "output_messages", "tool"),
    *("tool_definitions", "documents", "session_id", "user_id", "tags", "metadata", "environment", "release"),
    *("service", "prompt", "annotations", "events", "links", "attributes", "resource", "scope"),
}
TRACE_FIELDS = {
    *("trace_id", "name", "start_time", "duration_ms", "status", "span_count", "error_count", "llm_count", "models"),
    *("usage", "cost_usd", "unpriced_count", "session_id", "user_id", "tags", "environment", "input_preview"),
    *("output_preview", "prompts", "annotations"),
}


def attributes(values):
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def span(span_id, name, start_ms, end_ms, parent="", **more):
    return {
        "traceId": more.pop("trace_id", TRACE), "spanId": span_id, "parentSpanId": parent, "name": name,
        "startTimeUnixNano": str(START + start_ms * 1_000_000), "endTimeUnixNano": str(START + end_ms * 1_000_000),
        "attributes": attributes(more.pop("attributes", {})), **more,
    }  # fmt: skip


def message(role, text):
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


CALL_ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 0,
    "gen_ai.usage.cache_read.input_tokens": 400,
    "gen_ai.input.messages": message("user", "Where is my order?"),
    "gen_ai.output.messages": message("assistant", "On its way."),
    "session.id": "s_1",
    "user.id": "maya",
}


def post(client, spans, **headers):
    body = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}
    answer = client.post("/v1/traces", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture
def sent(client):
    """A client of a server that has one trace: a root and the model call below it."""
    post(
        client,
        [
            span(ROOT, "answer", 0, 900),
            span(CALL, "chat gpt-4o-mini", 100, 800, ROOT, attributes=CALL_ATTRIBUTES),
        ],
    )
    return client


def test_a_list_has_every_field_of_the_contract(sent):
    body = sent.get("/api/v1/traces").json()
    assert body["next_cursor"] is None
    (item,) = body["items"]
    assert set(item) >= TRACE_FIELDS
    assert (item["trace_id"], item["name"], item["span_count"], item["llm_count"]) == (TRACE, "answer", 2, 1)
    assert (item["duration_ms"], item["session_id"], item["user_id"]) == (900.0, "s_1", "maya")
    assert item["models"] == ["gpt-4o-mini-2024-07-18"]
    assert item["usage"]["input_tokens"] == 1_000
    assert item["cost_usd"] == pytest.approx(600 * 0.15e-6 + 400 * 0.075e-6)


def test_a_trace_has_its_spans_in_order_with_every_field(sent):
    body = sent.get(f"/api/v1/traces/{TRACE}").json()
    root, call = body["spans"]
    assert set(root) >= SPAN_FIELDS
    assert set(call) >= SPAN_FIELDS
    assert (root["span_id"], call["parent_span_id"]) == (ROOT, ROOT)
    assert (call["kind"], call["provider"], call["status"]) == ("llm", "openai", "unset")
    assert call["start_time"] == "2026-11-18T11:06:40.100000000Z"
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": "Where is my order?"}]
    assert call["attributes"]["gen_ai.usage.input_tokens"] == 1_000
    assert call["cost"]["source"] == "priced"
    assert root["cost"] is None
    assert root["model"] is None


def test_zero_is_said_and_null_is_unsaid(sent):
    usage = sent.get(f"/api/v1/spans/{CALL}").json()["usage"]
    assert usage["output_tokens"] == 0
    assert usage["cache_read_tokens"] == 400
    assert usage["cache_write_tokens"] is None
    assert usage["reasoning_tokens"] is None


def test_estimated_tokens_are_marked_wherever_they_are_shown(client):
    post(client, [span(CALL, "chat", 0, 9, attributes={**CALL_ATTRIBUTES, "spanwise.usage.estimated_by": "gemma3"})])
    found = client.get(f"/api/v1/spans/{CALL}").json()
    assert (found["usage_estimated_by"], found["cost"]["source"]) == ("gemma3", "estimated")
    page = client.get(f"/traces/{TRACE}?span={CALL}").text
    assert "≈ 1,000" in page
    assert "counted by gemma3" in page
    assert '<span class="faint">estimated</span>' in page


def test_spans_are_listed_and_filtered(sent):
    assert len(sent.get("/api/v1/spans").json()["items"]) == 2
    (only,) = sent.get("/api/v1/spans", params={"filter": "kind:llm"}).json()["items"]
    assert only["span_id"] == CALL


@pytest.mark.parametrize("path", ["traces", "spans", "sessions", "measures"])
def test_a_time_far_off_leaves_the_range_open(sent, path):
    far = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z", "limit": 50}
    open_, bounded = (sent.get(f"/api/v1/{path}", params=params) for params in ({"limit": 50}, far))
    assert bounded.status_code == 200
    assert bounded.json() == open_.json()


def test_sessions_are_listed_with_what_their_traces_come_to(sent):
    other = {**CALL_ATTRIBUTES, "session.id": "s/2", "user.id": "jonas"}
    status = {"code": 2}
    post(sent, [span(ROOT, "again", 5_000, 5_900, trace_id="5f" * 16, attributes=CALL_ATTRIBUTES, status=status)])
    post(sent, [span(ROOT, "other", 2_000, 2_900, trace_id="6f" * 16, attributes=other)])
    body = sent.get("/api/v1/sessions").json()
    assert body["next_cursor"] is None
    assert [one["session_id"] for one in body["items"]] == ["s_1", "s/2"]
    first = body["items"][0]
    assert (first["trace_count"], first["error_count"], first["user_id"]) == (2, 1, "maya")
    assert (first["start_time"], first["end_time"]) == (
        "2026-11-18T11:06:40.000000000Z",
        "2026-11-18T11:06:45.900000000Z",
    )
    assert first["total_tokens"] == 2_000
    assert first["cost_usd"] == pytest.approx(2 * (600 * 0.15e-6 + 400 * 0.075e-6))
    (jonas,) = sent.get("/api/v1/sessions", params={"filter": "user:jonas"}).json()["items"]
    assert jonas == body["items"][1]
    assert sent.get("/api/v1/sessions/s/2").json()["session"] == jonas


def test_a_session_has_its_traces_the_first_ones_first_and_in_pages(sent):
    for n in range(3):
        at = 10_000 * (n + 1)
        post(sent, [span(ROOT, f"t{n}", at, at + 10, trace_id=f"{n + 1:032x}", attributes={"session.id": "s_1"})])
    body = sent.get("/api/v1/sessions/s_1").json()
    assert body["session"]["trace_count"] == 4
    assert [trace["name"] for trace in body["traces"]] == ["answer", "t0", "t1", "t2"]
    assert body["traces"][0] == sent.get("/api/v1/traces", params={"sort": "time"}).json()["items"][0]
    page = sent.get("/api/v1/sessions/s_1", params={"limit": 3}).json()
    assert len(page["traces"]) == 3
    rest = sent.get("/api/v1/sessions/s_1", params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [trace["name"] for trace in rest["traces"]] == ["t2"]
    assert rest["next_cursor"] is None


def test_pages_follow_each_other_by_cursor(client):
    for n in range(5):
        post(client, [span(f"{n + 1:016x}", f"t{n}", n * 1_000, n * 1_000 + 10, trace_id=f"{n + 1:032x}")])
    names, cursor = [], None
    for _ in range(3):
        page = client.get("/api/v1/traces", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert names == ["t4", "t3", "t2", "t1", "t0"]
    assert cursor is None


def test_from_is_included_and_to_is_not(sent):
    at = "2026-11-18T11:06:40Z"
    assert len(sent.get("/api/v1/traces", params={"from": at}).json()["items"]) == 1
    assert sent.get("/api/v1/traces", params={"to": at}).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/traces?filter=knid:llm", 400, "bad_filter"),
        ("/api/v1/traces?from=yesterday", 400, "bad_request"),
        ("/api/v1/traces?limit=0", 422, "bad_input"),
        ("/api/v1/traces?cursor=nonsense", 400, "bad_request"),
        (f"/api/v1/traces/{'0' * 32}", 404, "not_found"),
        (f"/api/v1/spans/{'0' * 16}", 404, "not_found"),
        ("/api/v1/sessions/nobody", 404, "not_found"),
        ("/api/v1/nothing", 404, "not_found"),
    ],
)
def test_a_refusal_says_what_and_what_to_do(sent, path, status, code):
    answer = sent.get(path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert error["hint"]
    assert error["request_id"] == answer.headers["x-request-id"]


def test_a_bad_filter_names_its_position_and_the_nearest_field(sent):
    error = sent.get("/api/v1/traces", params={"filter": "status:ok knid:llm"}).json()["error"]
    assert error["position"] == 10
    assert "kind" in error["message"] + error["hint"]


def test_a_project_is_named_by_query_or_header(client):
    post(client, [span(ROOT, "a", 0, 1)], **{"x-spanwise-project": "acme"})
    assert client.get("/api/v1/traces").json()["items"] == []
    assert len(client.get("/api/v1/traces?project=acme").json()["items"]) == 1
    assert len(client.get("/api/v1/traces", headers={"x-spanwise-project": "acme"}).json()["items"]) == 1


def test_an_annotation_appears_on_its_span_and_trace(sent):
    body = {
        "name": "correct", "target": {"trace_id": TRACE, "span_id": CALL}, "label": "fail", "score": 0,
        "explanation": "no date", "correction": "Tomorrow.", "annotator": {"kind": "human", "id": "ana"},
    }  # fmt: skip
    kept = sent.post("/api/v1/annotations", json=body).json()
    spans = sent.get(f"/api/v1/traces/{TRACE}").json()["spans"]
    assert [len(s["annotations"]) for s in spans] == [0, 1]
    assert spans[1]["annotations"] == [kept]
    assert kept["score"] == 0
    (item,) = sent.get("/api/v1/traces", params={"filter": "label:fail"}).json()["items"]
    assert item["annotations"] == [kept]
    assert sent.get("/api/v1/annotations", params={"trace_id": TRACE}).json()["items"] == [kept]
    assert sent.delete(f"/api/v1/annotations/{kept['id']}").status_code == 204
    assert sent.delete(f"/api/v1/annotations/{kept['id']}").status_code == 404
    assert sent.get("/api/v1/traces", params={"filter": "label:fail"}).json()["items"] == []


def test_annotations_come_in_batches_and_before_their_span(client):
    batch = [{"name": "thumb", "target": {"trace_id": TRACE}, "label": label} for label in ("up", "down")]
    kept = client.post("/api/v1/annotations", json=batch).json()["items"]
    assert [one["label"] for one in kept] == ["up", "down"]
    post(client, [span(ROOT, "late", 0, 1)])
    assert len(client.get(f"/api/v1/traces/{TRACE}").json()["trace"]["annotations"]) == 2


def test_the_same_id_replaces(client):
    for label in ("up", "down"):
        client.post(
            "/api/v1/annotations", json={"id": "f1", "name": "t", "target": {"trace_id": TRACE}, "label": label}
        )
    (kept,) = client.get("/api/v1/annotations", params={"trace_id": TRACE}).json()["items"]
    assert kept["label"] == "down"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "target": {"trace_id": TRACE}},
        {"name": "x", "target": {"trace_id": "short"}, "label": "up"},
        {"name": "", "target": {"trace_id": TRACE}, "label": "up"},
        {"name": "x", "target": {"trace_id": TRACE}, "label": "up", "typo": 1},
    ],
)
def test_a_judgement_that_says_nothing_or_of_nothing_is_refused(client, body):
    answer = client.post("/api/v1/annotations", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_health_readiness_and_figures(sent):
    assert sent.get("/healthz").json() == {"status": "ok", "service": "spanwise"}
    assert sent.get("/readyz").json() == {"status": "ok"}
    assert "spanwise_spans_written_total 2\n" in sent.get("/metrics").text


def test_openapi_describes_the_api(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/v1/traces", "/api/v1/traces", "/api/v1/spans/{span_id}", "/api/v1/annotations"} <= set(paths)
