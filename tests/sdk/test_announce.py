"""Spans that run on are announced to a Spanwise server, and to nobody else."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import spanwise
from spanwise.vocabulary import PENDING

WAIT_S = 60.0


class Watched:
    """A loopback server that says who it is, and keeps the spans that it is sent."""

    def __init__(self, service: str) -> None:
        self.spans: list[Any] = []
        self.asked = 0
        watched = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                watched.asked += 1
                self.answer(json.dumps({"status": "ok", "service": service}).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                request = ExportTraceServiceRequest.FromString(body)
                watched.spans += [s for r in request.resource_spans for c in r.scope_spans for s in c.spans]
                self.answer(b"")

            def answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def pending(self) -> list[Any]:
        return [s for s in self.spans if any(a.key == PENDING and a.value.bool_value for a in s.attributes)]

    def until(self, holds: Any) -> None:
        end = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < end, [s.name for s in self.spans]
            time.sleep(0.02)


@contextmanager
def watching(service: str = "spanwise", **settings: Any) -> Iterator[Watched]:
    watched = Watched(service)
    thread = threading.Thread(target=watched.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    spanwise.init(endpoint=watched.url, instrument="none", **{"announce_after_ms": 50, **settings})
    try:
        yield watched
    finally:
        spanwise.shutdown()
        watched.server.shutdown()
        watched.server.server_close()
        thread.join()


def test_a_span_that_runs_on_is_announced_once_and_comes_itself():
    with watching() as server:
        with spanwise.span("long run", kind="agent"), spanwise.context(session_id="s_1"):
            server.until(server.pending)
            with spanwise.span("a step", kind="tool"):
                server.until(lambda: len(server.pending()) == 2)
        assert spanwise.flush()
        begun = [s for s in server.pending() if s.name == "long run"]
        ended = [s for s in server.spans if s.name == "long run" and s not in begun]
        assert len(begun) == len(ended) == 1
        assert begun[0].span_id == ended[0].span_id
        assert begun[0].end_time_unix_nano == begun[0].start_time_unix_nano == ended[0].start_time_unix_nano
        assert spanwise.status().sent == 2
        assert server.asked == 1


def test_short_spans_are_not_announced():
    with watching(announce_after_ms=60_000) as server:
        with spanwise.span("quick"):
            pass
        assert spanwise.flush()
        assert server.pending() == []
        assert server.asked == 0


def test_another_server_is_told_nothing():
    with watching(service="collector") as server:
        with spanwise.span("long run", kind="agent"):
            server.until(lambda: server.asked)
        assert spanwise.flush()
        assert server.pending() == []
        assert [s.name for s in server.spans] == ["long run"]


@pytest.mark.parametrize("settings", [{"announce_after_ms": 0}, {"sample_rate": 0.999999}])
def test_nothing_is_announced_where_it_may_never_be_sent(settings):
    with watching(**settings) as server:
        with spanwise.span("long run", kind="agent"):
            time.sleep(0.3)
        assert spanwise.flush()
        assert server.pending() == []
        assert server.asked == 0


def test_what_must_not_leave_is_not_in_an_announcement():
    with watching(capture_content=False, redact="emails") as server:
        with spanwise.span("mail ana@example.org", kind="agent", input="secret words"):
            server.until(server.pending)
            said = str(server.pending()[0])
        assert "secret words" not in said
        assert "ana@example.org" not in said


PARENT = """
    import os, sys
    import spanwise

    spanwise.init(announce_after_ms=50)
    with spanwise.span("in the parent"):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            os._exit(0)
    with spanwise.span("in the child"):
        sys.stdin.read()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_announces_its_own_spans():
    with watching() as server:
        environ = {**os.environ, "SPANWISE_ENDPOINT": server.url, "SPANWISE_SPOOL": "off"}
        command = [sys.executable, "-c", textwrap.dedent(PARENT)]
        with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE) as running:
            server.until(lambda: "in the child" in {span.name for span in server.pending()})
            running.communicate()
        assert running.returncode == 0
