"""The figures of ingest, as Prometheus reads them: counted right, and every one of them in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanwise_server.api.metrics import FIGURES

PAGE = (Path(__file__).parents[3] / "web" / "docs" / "operations.md").read_text(encoding="utf-8")
PROTOBUF = {"content-type": "application/x-protobuf"}
START = 1_795_000_000_000_000_000


def spans(*changed):
    whole = [{"trace_id": b"t" * 16, "span_id": bytes([n + 1]) * 8, "start_time_unix_nano": START, **span}
             for n, span in enumerate(changed)]  # fmt: skip
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": whole}]}]).SerializeToString()


def logs(*records):
    return ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": records}]}]).SerializeToString()


def post(client, signal, body, **headers):
    return client.post(f"/v1/{signal}", content=body, headers={**PROTOBUF, **headers})


def figures(client):
    """Return every sample by its name and labels."""
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_what_comes_in_is_counted_by_what_became_of_it(client):
    post(client, "traces", spans({}, {}, {"span_id": b""}, {"start_time_unix_nano": 0}))
    post(client, "traces", spans({}))
    post(client, "logs", logs({"trace_id": b"u" * 16, "span_id": b"s" * 8}, {}))
    post(client, "traces", b"\xff\xff")
    post(client, "metrics", b"x", **{"content-encoding": "br"})
    found = figures(client)
    expected = {
        'spanwise_accepted_total{signal="traces"}': 3, 'spanwise_accepted_total{signal="logs"}': 1,
        'spanwise_refused_total{signal="traces",reason="bad_id"}': 1,
        'spanwise_refused_total{signal="traces",reason="bad_time"}': 1,
        'spanwise_refused_total{signal="logs",reason="no_span"}': 1,
        'spanwise_requests_refused_total{signal="traces",code="bad_request"}': 1,
        'spanwise_requests_refused_total{signal="metrics",code="unsupported_media_type"}': 1,
        "spanwise_spans_repeated_total": 1, "spanwise_spans_written_total": 3, "spanwise_spans_queued": 0,
        "spanwise_bytes_under_way": 0, "spanwise_write_errors_total": 0, "spanwise_logs_waiting": 1,
        "spanwise_logs_dropped_total": 0, "spanwise_commit_seconds_count": 3,
        'spanwise_commit_seconds_bucket{le="+Inf"}': 3,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert found["spanwise_commit_seconds_sum"] > 0


def test_a_span_read_again_for_its_log_records_is_no_repetition(client):
    post(client, "traces", spans({}))
    post(client, "logs", logs({"trace_id": b"t" * 16, "span_id": b"\x01" * 8}))
    found = figures(client)
    assert (found["spanwise_spans_repeated_total"], found["spanwise_logs_waiting"]) == (0, 0)


def test_a_span_twice_in_one_request_is_repeated(client):
    post(client, "traces", spans({"span_id": b"s" * 8}, {"span_id": b"s" * 8}, {}))
    assert figures(client)["spanwise_spans_repeated_total"] == 1


def test_every_line_is_of_the_format(client):
    post(client, "traces", spans({}, {"span_id": b""}))
    text = client.get("/metrics").text
    assert text.endswith("\n")
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.e+-]+')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_documented(figure):
    assert f"| `{figure.name}` | {figure.sentence} |" in PAGE
