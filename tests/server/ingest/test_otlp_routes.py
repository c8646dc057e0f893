"""OTLP over HTTP: what is answered 200 is kept, and every refusal says why in the form of the request."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.testclient import TestClient

from spanwise_server.api import otlp
from spanwise_server.app import create_app
from spanwise_server.errors import Overloaded
from spanwise_server.settings import Settings

PROTOBUF, JSON = "application/x-protobuf", "application/json"
PATHS = ("/v1/traces", "/api/public/otel/v1/traces")
START = 1_795_000_000_000_000_000


def request(*spans: dict) -> ExportTraceServiceRequest:
    whole = [
        {"trace_id": b"t" * 16, "span_id": bytes([i + 1]) * 8, "name": f"s{i}", "start_time_unix_nano": START, **span}
        for i, span in enumerate(spans)
    ]
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": whole}]}])


def post(client, body, content_type=PROTOBUF, path="/v1/traces", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=body, headers={"content-type": content_type, **named})


def served(folder, **limits):
    """Serve with limits of its own."""
    return TestClient(create_app(Settings(data=folder / "data", **limits)), base_url="http://127.0.0.1:4318")


def kept(client, project="default") -> int:
    answer = client.get(f"/api/v1/spans?project={project}")
    return len(answer.json()["items"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("identity", bytes), ("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_spans_answered_200_are_there(client, path, encoding, pack):
    answer = post(client, pack(request({}, {}).SerializeToString()), path=path, content_encoding=encoding)
    assert (answer.status_code, answer.headers["content-type"]) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert kept(client) == 2


def test_json_is_answered_in_json(client):
    one = {"traceId": "4f" * 16, "spanId": "a1" * 8, "name": "s", "startTimeUnixNano": str(START)}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}
    answer = post(client, json.dumps(body), JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == JSON
    assert kept(client) == 1


def test_a_span_that_is_refused_is_counted_and_explained(client):
    answer = post(client, request({}, {"span_id": b""}, {}).SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_spans == 1
    assert "'s1'" in partial.error_message
    assert kept(client) == 2

    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "bad"}]}]}]}
    partial = post(client, json.dumps(body), JSON).json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert "'bad'" in partial["errorMessage"]


def test_nothing_sent_is_a_success(client):
    assert post(client, b"").status_code == 200
    assert post(client, b"{}", JSON).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status", "word"),
    [
        (b"\xff\xff", PROTOBUF, "", 400, "protobuf"),
        (b"{", JSON, "", 400, "not JSON"),
        (b"x", PROTOBUF, "gzip", 400, "not gzip"),
        (b"x", PROTOBUF, "br", 415, "Content-Encoding"),
        (b"x", "text/plain", "", 415, "Content-Type"),
        (b"x" * 1_000_001, PROTOBUF, "", 413, "larger than 1 MB"),
        (gzip.compress(bytes(2_000_001)), PROTOBUF, "gzip", 413, "2 MB unpacked"),
    ],
)
def test_a_refusal_is_a_status_with_a_sentence(tmp_path, body, content_type, encoding, status, word):
    with served(tmp_path, max_body_mb=1, max_unpacked_mb=2) as client:
        answer = post(client, body, content_type, content_encoding=encoding)
    assert answer.status_code == status
    if content_type == PROTOBUF:
        said = Status.FromString(answer.content)
        assert said.code > 0
        assert word in said.message
    else:
        assert word in answer.json()["message"]


def test_a_wrong_method_is_told_the_right_one(client):
    answer = client.get("/v1/traces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["message"] == "GET is not what /v1/traces answers to. It answers to POST."


def test_a_body_without_a_length_is_measured_as_it_comes(client):
    def chunks():
        for _ in range(25):
            yield bytes(1_000_000)

    answer = client.post("/v1/traces", content=chunks(), headers={"content-type": PROTOBUF})
    assert answer.status_code == 413


def test_a_full_queue_asks_to_come_back(client, monkeypatch):
    def full(records):
        raise Overloaded("The queue is full.", "Send the same again in a second.")

    monkeypatch.setattr(type(client.app.state.server.writer), "submit", lambda self, records: full(records))
    answer = post(client, request({}).SerializeToString())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert Status.FromString(answer.content).code == 14


def test_a_store_that_cannot_write_asks_to_come_back(client, monkeypatch):
    def fail(self, ready):
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(type(client.app.state.server.store), "write_prepared", fail)
        answer = post(client, request({}).SerializeToString())
    assert answer.status_code == 503
    assert "could not write" in Status.FromString(answer.content).message
    assert kept(client) == 0


def test_too_many_waiting_requests_are_sent_away(client, monkeypatch):
    monkeypatch.setattr(otlp, "MOST_WAITING", 0)
    assert post(client, request({}).SerializeToString()).status_code == 503


def test_the_header_names_the_project(client):
    post(client, request({}).SerializeToString(), x_spanwise_project="shop")
    assert (kept(client, "shop"), kept(client)) == (1, 0)


def test_the_same_request_twice_is_kept_once(client):
    for _ in range(2):
        post(client, request({}).SerializeToString())
    assert kept(client) == 1


def test_metrics_are_turned_away_politely(client):
    metrics = [{"name": "m", "gauge": {"data_points": [{}, {}]}}, {"name": "n", "sum": {"data_points": [{}]}}]
    body = ExportMetricsServiceRequest(resource_metrics=[{"scope_metrics": [{"metrics": metrics}]}])
    answer = post(client, body.SerializeToString(), path="/v1/metrics")
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_data_points) == (200, 3)
    as_json = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": {"dataPoints": [{}]}}]}]}]}
    partial = post(client, json.dumps(as_json), JSON, "/v1/metrics").json()["partialSuccess"]
    assert partial["rejectedDataPoints"] == "1"


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics"])
def test_an_empty_export_of_what_is_not_kept_is_a_plain_success(client, path):
    assert post(client, b"{}", JSON, path).json() == {}
    assert post(client, b"[]", JSON, path).status_code == 400
    assert post(client, b"\xff\xff", PROTOBUF, path).status_code == 400
