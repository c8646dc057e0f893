"""A server whose spans lie in ClickHouse: what it acknowledged is there after a kill, once, on every page."""

from __future__ import annotations

import signal

import pytest

from clickhouse_server import database
from server_process import ServerProcess

from .otlp_load import request_of

pytestmark = pytest.mark.e2e
PROTOBUF = {"content-type": "application/x-protobuf"}


def test_what_was_acknowledged_is_there_once_after_a_kill_and_every_page_shows_it(tmp_path):
    body, ids = request_of(12)
    with database() as url:
        server = ServerProcess(tmp_path, "--store", url)
        server.start()
        try:
            assert server.call("/v1/traces", body, PROTOBUF)[0] == 200
        finally:
            server.end(signal.SIGKILL)
        with ServerProcess(tmp_path, "--store", url) as again:
            assert again.call("/v1/traces", body, PROTOBUF)[0] == 200  # the exporter did not hear of the first time
            assert {span["span_id"] for span in again.every("/api/v1/spans?project=load")} == ids
            measured = again.get("/api/v1/measures?project=load&measures=spans,input_tokens,latency_p50_ms&by=model")
            (series,) = measured["series"]
            assert series["values"]["spans"] == 12
            assert series["values"]["input_tokens"] == sum(range(100, 112))
            trace = again.get("/api/v1/traces?project=load")["items"][0]["trace_id"]
            for page in (
                "/traces?project=load",
                "/traces?project=load&filter=kind:llm%20chat",
                f"/traces/{trace}?project=load",
                "/dashboard?project=load",
                "/sessions?project=load",
                "/traces/complete?project=load&q=model:",
            ):
                status, shown = again.call(page)
                assert status == 200, (page, shown[:300])
