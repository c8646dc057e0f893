"""What was answered with 200 is there, however the server ends."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from e2e.otlp_load import request_of
from server_process import ServerProcess
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.e2e
PROTOBUF = {"content-type": "application/x-protobuf"}


class Load:
    """Several senders at once, which remember what was acknowledged."""

    def __init__(self, server: ServerProcess, senders: int = 4, spans: int = 60) -> None:
        self.acknowledged: set[str] = set()
        self.answers: list[int] = []
        self.unanswered = 0
        self._server = server
        self._spans = spans
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send) for _ in range(senders)]

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, requests: int, within_s: float = 30.0) -> None:
        end = time.monotonic() + within_s
        while len(self.answers) < requests:
            assert time.monotonic() < end, f"only {len(self.answers)} requests were answered"
            time.sleep(0.005)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _send(self) -> None:
        while not self._stop.is_set():
            body, ids = request_of(self._spans)
            try:
                status, _ = self._server.call("/v1/traces", body, PROTOBUF)
            except OSError:  # the server is gone: it promised nothing
                with self._lock:
                    self.unanswered += 1
                return
            with self._lock:
                self.answers.append(status)
                if status == 200:
                    self.acknowledged |= ids


def kept(server: ServerProcess) -> set[str]:
    return {span["span_id"] for span in server.every("/api/v1/spans?project=load")}


def figures(store: SqliteStore) -> list[object]:
    """Return every figure that is kept of the spans: what lists, totals and charts are made of."""
    tables = {"traces": "trace_id", "r_hour": "series_id, hour", "h_hour": "series_id, hour, measure, bucket"}
    with closing(sqlite3.connect(store.path)) as db:
        counted = [db.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall() for table, order in tables.items()]
        sums = db.execute("SELECT sum(spans), sum(errors), sum(input_uncached), sum(cost_nusd) FROM r_hour").fetchone()
        raw = db.execute("SELECT count(*), sum(status = 2), sum(input_uncached), sum(cost_nusd) FROM spans").fetchone()
        names = db.execute(
            "SELECT s.kind, s.provider, s.model, sum(r.spans), sum(r.cost_nusd), sum(r.latency_ns) FROM series s "
            "JOIN r_hour r ON r.series_id = s.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ).fetchall()
    assert all(raw[:1] + raw[2:])
    assert sums == raw
    return [[row[:3] + row[5:] for row in counted[0]], sorted(row[1:] for row in counted[1]),
            sorted(row[1:] for row in counted[2]), names]  # fmt: skip


def test_what_was_acknowledged_survives_kill_9_twenty_times_in_a_row(tmp_path) -> None:
    acknowledged: set[str] = set()
    for kill in range(20):  # each time but the first on data that the last kill left
        server = ServerProcess(tmp_path).start()
        load = Load(server, spans=20).start()
        load.wait_for(1 + kill % 5 * 2)
        server.end(signal.SIGKILL)
        load.stop()
        assert load.unanswered
        assert set(load.answers) == {200}
        acknowledged |= load.acknowledged
    with ServerProcess(tmp_path) as server:
        spans = [span["span_id"] for span in server.every("/api/v1/spans?project=load")]
        assert len(spans) == len(set(spans))  # none twice
        assert acknowledged <= set(spans)
        traces = server.every("/api/v1/traces?project=load")
        assert len(traces) == len(spans)  # no half of a transaction
        assert server.call("/readyz")[0] == 200
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        before = figures(store)
        assert store.recount() == len(spans)
        assert figures(store) == before  # sums are exact


def test_a_polite_end_answers_what_is_under_way_and_loses_nothing(tmp_path) -> None:
    server = ServerProcess(tmp_path).start()
    load = Load(server).start()
    load.wait_for(10)
    assert server.end(signal.SIGTERM) == 0
    load.stop()
    assert set(load.answers) <= {200, 503}
    with ServerProcess(tmp_path) as again:
        assert load.acknowledged <= kept(again)


def test_a_repeated_request_counts_once_over_a_restart(tmp_path) -> None:
    body, ids = request_of(20)
    with ServerProcess(tmp_path) as server:
        assert server.call("/v1/traces", body, PROTOBUF)[0] == 200
    with ServerProcess(tmp_path) as again:
        assert again.call("/v1/traces", body, PROTOBUF)[0] == 200
        spans = again.every("/api/v1/spans?project=load")
    assert sorted(span["span_id"] for span in spans) == sorted(ids)
