"""Two real servers on one PostgreSQL: what they take at once adds up, and an outage costs nobody a span."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postgres_cluster import Cluster, cluster
from server_process import ServerProcess

pytestmark = pytest.mark.e2e
JSON = {"content-type": "application/json"}
START_NS = 1_790_000_000_000_000_000


@pytest.fixture
def alone() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


def body(spans: list[tuple[int, int]]) -> bytes:
    """Return an export of calls of a model, each given by the number of its trace and its own."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [
        {
            "traceId": f"{trace:032x}", "spanId": f"{span:016x}", "name": "chat gpt-4o",
            "startTimeUnixNano": str(START_NS + span), "endTimeUnixNano": str(START_NS + span + 1_000_000),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "3"}},
            ],
        }
        for trace, span in spans
    ]}]}]}).encode()  # fmt: skip


def send(server: ServerProcess, spans: list[tuple[int, int]]) -> int:
    return server.call("/v1/traces", body(spans), JSON, timeout_s=60)[0]


def figures(server: ServerProcess) -> dict[str, Any]:
    found = server.get("/api/v1/measures?project=default&measures=spans,input_tokens")
    return found["series"][0]["values"]


def test_two_servers_take_spans_of_the_same_traces_at_once_and_one_is_killed(alone, tmp_path: Path) -> None:
    with alone.database() as url:
        one, two = (ServerProcess(tmp_path / "data", "--store", url) for _ in range(2))
        with one, two, ThreadPoolExecutor(8) as threads:
            batches = [[(n % 5 + 1, n * 10 + k + 1) for k in range(10)] for n in range(30)]
            answered = list(threads.map(lambda n: send((one, two)[n % 2], batches[n % 30]), range(60)))
            assert set(answered) == {200}
            for server in (one, two):
                assert figures(server) == {"spans": 300, "input_tokens": 900}
                assert (
                    sorted(trace["span_count"] for trace in server.every("/api/v1/traces?project=default")) == [60] * 5
                )
            one.end(signal.SIGKILL)
            assert send(two, [(9, 9_999)]) == 200
            assert figures(two) == {"spans": 301, "input_tokens": 903}


def test_a_database_that_is_away_is_503_and_comes_back_without_a_restart(alone, tmp_path: Path) -> None:
    with alone.database() as url:
        server = ServerProcess(tmp_path / "data", "--store", url)
        with server:
            assert send(server, [(1, 1)]) == 200
            alone.stop()
            assert send(server, [(2, 2)]) == 503
            assert server.call("/readyz")[0] == 503
            assert server.call("/healthz")[0] == 200
            status, page = server.call("/traces", headers={"accept": "text/html"})
            assert status == 503
            assert b"database" in page
            alone.start()
            end = time.monotonic() + 60
            while server.call("/readyz")[0] != 200 and time.monotonic() < end:
                time.sleep(0.2)
            assert send(server, [(2, 2)]) == 200
            assert figures(server) == {"spans": 2, "input_tokens": 6}
