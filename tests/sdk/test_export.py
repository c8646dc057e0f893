"""Sending: real OTLP over HTTP to a loopback receiver, and what happens when it is away."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from random import SystemRandom

import pytest

import spanwise
from spanwise.outbox import Outbox
from spanwise.runtime import HELD

from .receiver import Receiver


@pytest.fixture(autouse=True)
def shut_down():
    yield
    spanwise.shutdown(0.5)


def free_port() -> int:
    """Return a port that is free and that no other test is given by chance: below those that systems hand out."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def work(count: int = 1, name: str = "work") -> None:
    for number in range(count):
        with spanwise.span(name, input="x" * 2000) as span:
            span.set("number", number)


def test_spans_arrive_as_otlp():
    with Receiver() as receiver:
        spanwise.init(
            endpoint=f"{receiver.url}/",
            api_key="sk-1",
            project="shop",
            service="bot",
            environment="test",
            release="1.2",
        )
        with spanwise.context(session_id="s1", tags=["a", "b"]):
            work()
        assert spanwise.flush()
        assert spanwise.status() == spanwise.Status(sent=1)
    (request,) = receiver.requests
    (resource_spans,) = request.resource_spans
    resource = {a.key: a.value.string_value for a in resource_spans.resource.attributes}
    assert resource["service.name"] == "bot"
    assert resource["service.version"] == "1.2"
    assert resource["deployment.environment.name"] == "test"
    assert resource["spanwise.project.name"] == "shop"
    (scope_spans,) = resource_spans.scope_spans
    assert scope_spans.scope.name == "spanwise"
    assert scope_spans.scope.version == spanwise.__version__
    (span,) = scope_spans.spans
    said = {a.key: a.value for a in span.attributes}
    assert said["session.id"].string_value == "s1"
    assert [value.string_value for value in said["spanwise.tags"].array_value.values] == ["a", "b"]
    (headers,) = receiver.headers
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["x-spanwise-project"] == "shop"
    assert headers["content-encoding"] == "gzip"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["user-agent"].startswith("spanwise/")


def test_spans_go_by_themselves_and_over_one_connection():
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, export_interval_ms=20)
        for count in range(1, 4):
            work()
            receiver.wait_for(lambda count=count: len(receiver.names()) == count)
        assert receiver.connections == 1


def test_a_burst_arrives_whole_and_in_batches():
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url)
        work(3000)
        assert spanwise.flush()
        assert len(receiver.names()) == 3000
        assert 6 <= len(receiver.requests) <= 40


def test_large_spans_are_split_over_requests():
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url)
        for _ in range(12):
            with spanwise.span("large", input="y" * 900_000):
                pass
        assert spanwise.flush()
        assert len(receiver.names()) == 12
        assert max(request.ByteSize() for request in receiver.requests) < 5_000_000
        assert len(receiver.requests) >= 3


def test_a_batch_that_is_too_large_goes_in_halves_and_only_the_culprit_fails():
    with Receiver(lambda _number, size: (413, {}) if size > 3_000 else None) as receiver:
        spanwise.init(endpoint=receiver.url, export_interval_ms=5_000)
        work(4)
        with spanwise.span("culprit", input=os.urandom(8_000).hex()):
            pass
        work(4)
        assert spanwise.flush()
        assert receiver.names().count("work") == 8
        assert spanwise.status() == spanwise.Status(sent=8, failed=1)


def test_what_is_handed_on_to_be_sent_is_counted_once(monkeypatch):
    start, seen = Outbox.start, []

    def looked_at(outbox):
        seen.append(spanwise.status().queued)
        start(outbox)

    monkeypatch.setattr(Outbox, "start", looked_at)
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, export_interval_ms=60_000)
        work(3)
        assert spanwise.flush(60)
    assert max(seen) == 3


def test_a_server_that_is_away_delays_nothing_and_loses_nothing(caplog, monkeypatch):
    port = free_port()
    connecting, connect = [], socket.socket.connect

    def noted(self, address):
        connecting.append(threading.current_thread())
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    spanwise.init(endpoint=f"http://127.0.0.1:{port}", export_interval_ms=10)
    work(500)
    assert threading.current_thread() not in connecting
    assert not spanwise.flush(5)
    assert connecting
    assert spanwise.status() == spanwise.Status(queued=500)
    assert caplog.text.count("does not take what is sent") == 1
    with Receiver(port=port) as receiver:
        assert spanwise.flush(60)
        assert len(receiver.names()) == 500
        assert spanwise.status() == spanwise.Status(sent=500)


def test_an_overloaded_server_is_asked_again_when_it_says():
    refusals = {1: (429, {"retry-after": "0.2"}), 2: (503, {"retry-after": "soon"})}
    with Receiver(lambda number, _size: refusals.get(number)) as receiver:
        spanwise.init(endpoint=receiver.url, export_interval_ms=10)
        before = time.monotonic()
        work()
        receiver.wait_for(lambda: receiver.names() == ["work"])
        assert time.monotonic() - before > 0.2
        assert receiver.number == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_is_refused_for_good_is_counted_and_said_once(status, caplog):
    with Receiver(lambda _number, _size: (status, {})) as receiver:
        spanwise.init(endpoint=receiver.url)
        for _ in range(2):
            work()
            assert spanwise.flush()
        assert spanwise.status() == spanwise.Status(failed=2)
    assert caplog.text.count(f"{status} not now") == 1


def test_spans_that_the_server_rejects_one_by_one_are_counted():
    with Receiver(rejected=2) as receiver:
        spanwise.init(endpoint=receiver.url)
        work(5)
        assert spanwise.flush()
    assert spanwise.status() == spanwise.Status(sent=3, failed=2)


def test_a_connection_that_the_server_closed_is_opened_again():
    with Receiver(lambda number, _size: (200, {"connection": "close-silently"}) if number == 1 else None) as receiver:
        spanwise.init(endpoint=receiver.url)
        work()
        assert spanwise.flush()
        work()
        assert spanwise.flush()
        assert receiver.names() == ["work"]
        assert receiver.connections == 2


def test_without_a_spool_memory_is_bounded_and_what_is_dropped_is_counted():
    spanwise.init(endpoint=f"http://127.0.0.1:{free_port()}", max_queued_mb=2)
    for _ in range(500):
        with spanwise.span("large", input=os.urandom(10_000).hex()):
            pass
    assert not spanwise.flush()
    status = spanwise.status()
    assert status.dropped > 0
    # 2 MB are some 200 of them packed, or 100 that are not; a request of some 100 is dropped as a whole.
    assert 50 < status.queued < 400
    assert status.queued + status.dropped == 500


def test_the_server_is_told_what_was_dropped_by_whom():
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, before_send=lambda span: None if span.name == "secret" else span)
        work()
        assert spanwise.flush()
        assert "x-spanwise-dropped" not in receiver.headers[-1], "nothing was"
        work(2, "secret")
        spanwise.flush()
        work()
        assert spanwise.flush()
        assert re.fullmatch("[0-9a-f]{32}=2", receiver.headers[-1]["x-spanwise-dropped"])
        assert spanwise.status().dropped == 2


def test_shutting_down_without_server_and_spool_is_quick_and_counts_what_is_lost(caplog):
    spanwise.init(endpoint=f"http://127.0.0.1:{free_port()}")
    exporter = HELD.runtime.exporter
    work(3)
    before = time.monotonic()
    assert not spanwise.shutdown(120)
    assert time.monotonic() - before < 60
    assert exporter.status() == spanwise.Status(dropped=3)


def test_annotations_arrive_after_their_spans():
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, project="shop")
        with spanwise.span("work") as span:
            made = spanwise.annotate("thumb", label="up", score=1, metadata={"a": 1})
        spanwise.annotate("later", explanation="bad", correction={"x": 1}, trace_id=span.trace_id, annotator_id="ann")
        assert spanwise.flush()
        first, second = receiver.annotations
        assert spanwise.status() == spanwise.Status(sent=3)
    assert first == {
        "id": made,
        "name": "thumb",
        "target": {"trace_id": span.trace_id, "span_id": span.span_id},
        "label": "up",
        "score": 1.0,
        "explanation": None,
        "correction": None,
        "annotator": {"kind": "human", "id": ""},
        "metadata": {"a": 1},
    }
    assert second["target"] == {"trace_id": span.trace_id, "span_id": None}
    assert second["annotator"]["id"] == "ann"
    assert receiver.headers[0]["content-type"] == "application/x-protobuf"
    assert receiver.headers[-1]["x-spanwise-project"] == "shop"


def test_many_annotations_go_in_several_requests_and_survive_a_refusal():
    with Receiver(lambda number, _size: (503, {"retry-after": "0"}) if number == 2 else None) as receiver:
        spanwise.init(endpoint=receiver.url)
        for number in range(1200):
            spanwise.annotate("n", score=number, trace_id="1" * 32)
        receiver.wait_for(lambda: len({a["id"] for a in receiver.annotations}) == 1200)
        assert len({a["score"] for a in receiver.annotations}) == 1200
        assert len(receiver.headers) >= 3  # of 500 at most each, besides the one that was refused
        assert spanwise.flush()
        assert spanwise.status().dropped == 0


def test_annotations_without_sense_are_said_in_the_log(caplog):
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url)
        assert spanwise.annotate("thumb", label="up") is None
        assert spanwise.annotate("thumb", trace_id="1" * 32) is None
        assert spanwise.annotate("thumb", score=float("nan"), trace_id="1" * 32) is None
        assert spanwise.flush()
        assert receiver.annotations == []
    assert "nothing to judge" in caplog.text
    assert "says nothing" in caplog.text
    assert "no number" in caplog.text


def test_a_failing_exporter_of_the_application_is_counted_and_survived(caplog):
    class Failing:
        def export(self, spans):
            if spans[0].name == "raise":
                raise OSError("disk full")
            from opentelemetry.sdk.trace.export import SpanExportResult

            return SpanExportResult.FAILURE

        def shutdown(self):
            pass

    spanwise.init(span_exporter=Failing())
    work(1, "raise")
    assert spanwise.flush()
    work(1, "fail")
    assert spanwise.flush()
    assert spanwise.status() == spanwise.Status(failed=2)
    assert "disk full" in caplog.text


def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SPANWISE_STRICT": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *args],
        capture_output=True, text=True, timeout=60, check=True, env=environ,
    )  # fmt: skip


def test_a_short_program_loses_nothing_at_its_end():
    with Receiver() as receiver:
        run(
            """
            import sys, spanwise
            spanwise.init(endpoint=sys.argv[1])
            with spanwise.span("short"):
                spanwise.annotate("thumb", label="up")
            """,
            receiver.url,
        )
        assert receiver.names() == ["short"]
        assert len(receiver.annotations) == 1


def test_a_short_program_without_a_server_ends_quickly():
    before = time.monotonic()
    done = run(
        """
        import sys, spanwise
        spanwise.init(endpoint=sys.argv[1], exit_timeout_s=120)
        with spanwise.span("short"):
            pass
        """,
        f"http://127.0.0.1:{free_port()}",
    )
    assert time.monotonic() - before < 60
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_sends_its_own_spans_once():
    with Receiver() as receiver:
        run(
            """
            import os, sys, spanwise
            spanwise.init(endpoint=sys.argv[1], export_interval_ms=60_000)
            with spanwise.span("parent before"):
                pass
            child = os.fork()
            with spanwise.span("child" if child == 0 else "parent after"):
                pass
            spanwise.flush()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            """,
            receiver.url,
        )
        assert sorted(receiver.names()) == ["child", "parent after", "parent before"]


def test_proxies_of_the_environment_are_used_but_not_for_this_machine(monkeypatch):
    from spanwise.config import read_config
    from spanwise.transport import Transport

    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("http_proxy", "proxy.test:3128")
    monkeypatch.setenv("no_proxy", "inside.test")

    def proxy(endpoint):
        return Transport(read_config({"endpoint": endpoint}, {}))._proxy()

    assert proxy("https://spanwise.test") == ("proxy.test", 3128)
    assert proxy("http://spanwise.test") == ("proxy.test", 3128)
    assert proxy("https://inside.test") is None
    assert proxy("http://localhost:4318") is None
    connection = Transport(read_config({"endpoint": "https://spanwise.test"}, {}))._open()
    assert (connection.host, connection.port) == ("proxy.test", 3128)


def test_the_log_says_nothing_when_all_is_well(caplog):
    with Receiver() as receiver, caplog.at_level(logging.DEBUG):
        spanwise.init(endpoint=receiver.url)
        work()
        assert spanwise.flush()
        assert spanwise.shutdown()
    assert caplog.text == ""
