"""The queue before the store: together where it can be, answered only when on the disk, each request for itself."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from spanwise_server.errors import Overloaded, SpanwiseError
from spanwise_server.ingest import writer as writers
from spanwise_server.ingest.writer import Writer
from spanwise_server.query.filters import Query
from spanwise_server.record import Event, SpanLog
from spanwise_server.store.span_logs import LogLimits
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import record


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "main.db")
    made.open()
    with closing(made):
        yield made


def one(n: int):
    return [record(f"{n + 1:032x}", f"{n + 1:016x}")]


def log_of(n: int, at: int = 0) -> SpanLog:
    return SpanLog("default", f"{n + 1:032x}", f"{n + 1:016x}", Event(at, f"note {n}", {}))


def kept(store: SqliteStore) -> int:
    return store.totals(Query("default")).traces.n


def held(store: SqliteStore):
    """Hold the write lock, so that what is submitted queues up."""
    return store._open.write_lock


def test_a_future_is_done_when_its_spans_are_on_the_disk(store):
    with closing(Writer(store, max_queued_spans=100)) as writer:
        writer.submit(one(0)).result(60)
        assert kept(store) == 1
        assert (writer.stats().written, writer.stats().errors) == (1, 0)


def test_what_follows_a_commit_is_waited_for_by_nobody(store, monkeypatch):
    answered, hand = [], store._index.hand
    with closing(Writer(store, max_queued_spans=100)) as writer:
        monkeypatch.setattr(store._index, "hand", lambda *what: answered.append(futures[0].result(60)) or hand(*what))
        with held(store):
            futures = [writer.submit(one(0))]
        assert futures[0].result(60) == []
    assert answered == [[]]


def test_what_queues_while_one_commit_runs_goes_into_the_next_together(store, monkeypatch):
    commits: list[int] = []
    write = store.write_prepared
    monkeypatch.setattr(store, "write_prepared", lambda batch, *more: commits.append(len(batch)) or write(batch, *more))
    with closing(Writer(store, max_queued_spans=1_000)) as writer:
        with held(store):
            futures = [writer.submit(one(n)) for n in range(50)]
        for future in futures:
            future.result(60)
    assert sum(commits) == 50
    assert len(commits) <= 3
    assert kept(store) == 50


def test_what_is_queued_waits_for_the_request_that_is_being_read(store, monkeypatch):
    commits: list[int] = []
    write = store.write_prepared
    monkeypatch.setattr(writers, "LONGEST_WAIT_S", 60)
    monkeypatch.setattr(store, "write_prepared", lambda batch, *more: commits.append(len(batch)) or write(batch, *more))
    with closing(Writer(store, max_queued_spans=1_000)) as writer:
        with writer.coming():
            futures = [writer.submit(one(n)) for n in range(3)]
        for future in futures:
            future.result(60)
    assert commits == [3]


def test_nobody_waits_long_for_a_request_that_is_being_read(store, monkeypatch):
    monkeypatch.setattr(writers, "LONGEST_WAIT_S", 0.01)
    with closing(Writer(store, max_queued_spans=1_000)) as writer, writer.coming():
        writer.submit(one(0)).result(60)
    assert kept(store) == 1


def test_log_records_go_into_the_transaction_of_the_spans_that_queue_with_them(store, monkeypatch):
    commits: list[tuple[int, int]] = []
    write = store.write_prepared
    monkeypatch.setattr(
        store,
        "write_prepared",
        lambda batch, logs, *more: commits.append((len(batch), len(logs))) or write(batch, logs, *more),
    )
    with closing(Writer(store, max_queued_spans=1_000)) as writer:
        with held(store):
            first = writer.submit(one(99))
            while not commits:  # until the writer has taken it, so that all others queue
                time.sleep(0.001)
            spans = [writer.submit(one(n)) for n in range(20)]
            logs = [writer.submit_logs([log_of(n)]) for n in range(20)]
            again = writer.submit_logs([log_of(3)])
            assert writer.stats().queued == 42
        for future in [first, *spans, *logs, again]:
            assert future.result(60) == []
    assert commits == [(1, 0), (20, 21)]
    for n in range(20):
        (found,) = store.trace("default", f"{n + 1:032x}").records
        assert [event.name for event in found.span.events] == [f"note {n}"]  # the one that was sent twice is there once
    assert store.repeated == 0
    assert store.waiting_logs().records == 0


def test_each_request_hears_of_its_own_log_records_that_are_too_many(tmp_path):
    made = SqliteStore(tmp_path / "main.db", log_limits=LogLimits(of_span=2))
    made.open()
    with closing(made), closing(Writer(made, max_queued_spans=100)) as writer:
        with held(made):
            few = writer.submit_logs([log_of(0)])
            many = writer.submit_logs([log_of(0, at=1), log_of(0, at=2), log_of(0, at=3)])
        assert few.result(60) == []
        assert many.result(60) == [log_of(0, at=2), log_of(0, at=3)]


def test_one_bad_request_sinks_no_other(store, monkeypatch):
    write = store.write_prepared

    def refuse_the_third(batch, logs, told):
        if any(chunk.trace_id.hex() == f"{3:032x}" for chunk in batch):
            raise SpanwiseError("no")
        return write(batch, logs, told)

    monkeypatch.setattr(store, "write_prepared", refuse_the_third)
    with closing(Writer(store, max_queued_spans=1_000)) as writer:
        with held(store):
            futures = [writer.submit(one(n)) for n in range(6)]
        failed = [future.exception(10) for future in futures]
    assert [n for n, error in enumerate(failed) if error is not None] == [2]
    assert kept(store) == 5
    assert writer.stats().errors == 1
    assert "no" in writer.stats().last_error


def test_the_same_error_again_and_again_is_logged_in_a_line(store, monkeypatch, caplog):
    """A full disk fails every request, and the log may lie on it."""
    said = iter(["disk full", "disk full", "disk full", "another"])

    def fail(*what):
        raise OSError(next(said))

    monkeypatch.setattr(store, "write_prepared", fail)
    with closing(Writer(store, max_queued_spans=1_000)) as writer:
        for n in range(4):
            assert isinstance(writer.submit(one(n)).exception(10), OSError)
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False, True]
    assert all("OSError: disk full" in record.getMessage() for record in caplog.records[:3])


def test_a_full_queue_refuses_and_says_when_to_come_back(store):
    with closing(Writer(store, max_queued_spans=3)) as writer:
        with held(store):
            futures = [writer.submit(one(n)) for n in range(3)]
            with pytest.raises(Overloaded) as caught:
                writer.submit(one(3))
            assert caught.value.retry_after_s > 0
            assert writer.stats().queued == 3
        for future in futures:
            future.result(60)
        writer.submit(one(3)).result(60)


def test_a_request_larger_than_the_queue_is_taken_when_it_is_empty(store):
    with closing(Writer(store, max_queued_spans=2)) as writer:
        writer.submit([r for n in range(10) for r in one(n)]).result(60)
    assert kept(store) == 10


def test_a_request_that_cannot_be_packed_is_refused_and_holds_no_place(store):
    with closing(Writer(store, max_queued_spans=10)) as writer:
        with pytest.raises(SpanwiseError, match="hexadecimal"):
            writer.submit([record("not an id", "a" * 16)])
        assert writer.stats().queued == 0


def test_closing_commits_what_is_queued_and_takes_no_more(store):
    writer = Writer(store, max_queued_spans=1_000)
    with held(store):
        futures = [writer.submit(one(n)) for n in range(20)]
        closer = threading.Thread(target=writer.close)
        closer.start()
    closer.join(60)
    assert all(future.done() for future in futures)
    assert kept(store) == 20
    assert writer.refusal() is not None
    with pytest.raises(Overloaded, match="shutting down"):
        writer.submit(one(21))


def test_an_empty_request_is_done_at_once(store):
    with closing(Writer(store, max_queued_spans=10)) as writer:
        writer.submit([]).result(60)
        assert writer.refusal() is None
