"""What holds of the files: the text index is filled after a crash and made anew when lost; what was kept stays kept."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from forked_process import Forked
from spanwise_server.errors import SpanwiseError
from spanwise_server.query.filters import Query, Text
from spanwise_server.query.parse import parse
from spanwise_server.store import sqlite as sqlite_module
from spanwise_server.store.address import MOST_PLACES, address, span_range, trace_row_of
from spanwise_server.store.examine import examine
from spanwise_server.store.index_key import ADDRESS, FAR_IN_TRACE, IN_TRACE, IS_SPAN, SMALL_PLACES, TRACE_ROW, index_key
from spanwise_server.store.sqlite import SqliteStore
from store_engines import sums
from store_model.spans import TRACES, llm, record

FOUND = Query("default", Text("alpha"))
#: Writes one trace after the other and says so after each, until it is killed.
WRITE = """
import itertools, pathlib, sys
from spanwise_server.record import Reading, Record, Span
from spanwise_server.store.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
store.open()
for n in itertools.count(1):
    span = Span(f"{n:032x}", f"{n:016x}", None, f"alpha {n}", n, n + 1)
    store.write([Record("default", span, Reading())])
    print(n, flush=True)
"""


SMAPS = Path("/proc/self/smaps")


def mapped_bytes(path):
    """Return how much of a file that is mapped is in memory."""
    of_file, found = False, 0
    for line in SMAPS.read_text().splitlines():
        if line.split(" ", 1)[0].endswith(":"):
            if of_file and line.startswith("Rss:"):
                found += int(line.split()[1]) * 1024
        else:
            of_file = line.endswith(str(path))
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "main.db"


def opened(path):
    store = SqliteStore(path)
    store.open()
    return closing(store)


def test_sqlite_gives_back_the_nulls_and_bytes_that_it_is_given_without_asking_what_they_are():
    assert {(type(None), sqlite3.PrepareProtocol), (bytes, sqlite3.PrepareProtocol)} <= sqlite3.adapters.keys()
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute("SELECT ?, ?, ?", (None, b"\x00a", b"")).fetchone() == (None, b"\x00a", b"")


def test_what_was_acknowledged_survives_a_kill_and_can_be_searched(path):
    last = 0
    for _ in range(3):
        with Forked(WRITE, path, environment=os.environ) as process:
            for _ in range(40):
                last = max(last, int(process.stdout.readline()))
            process.send_signal(signal.SIGKILL)
            last = max([last, *(int(line) for line in process.stdout if line.endswith("\n"))])
        with opened(path) as store:
            kept = {record.span.span_id for record in store.each_span(Query("default"))}
            assert {f"{n:016x}" for n in range(1, last + 1)} <= kept
            assert store.wait_until_searchable()
            assert {r.span.span_id for r in store.each_span(FOUND)} == kept


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells how much of a mapped file is in memory")
def test_what_the_index_reads_back_does_not_stay_in_memory(path):
    draw = Random(7)
    with opened(path) as store:
        for n in range(1, 41):
            store.write([record(f"{n:032x}", f"{n:016x}", name=f"alpha {draw.randbytes(60_000).hex()}")])
    path.with_name("search.db").unlink()
    with opened(path) as store:
        assert store.wait_until_searchable()
        assert mapped_bytes(path) < path.stat().st_size / 4
        assert len(list(store.each_span(FOUND))) == 40


def test_an_index_that_is_lost_is_filled_again(path):
    with opened(path) as store:
        store.write([record(TRACES[0], "a" * 16, name="alpha")])
        store.wait_until_searchable()
        store.write([record(TRACES[1], "b" * 16, name="alpha beta")])
        store.wait_until_searchable()
        store.write([record(TRACES[2], "c" * 16, name="gamma")])
    path.with_name("search.db").unlink()
    with opened(path) as store:
        assert store.wait_until_searchable()
        assert len(store.find_traces(FOUND).items) == 2


def test_an_index_that_is_damaged_is_made_anew(path):
    with opened(path) as store:
        store.write([record(TRACES[0], "a" * 16, name="alpha")])
    path.with_name("search.db").write_bytes(b"not a database at all" * 1_000)
    with opened(path) as store:
        assert store.wait_until_searchable()
        assert len(store.find_traces(FOUND).items) == 1


def test_an_index_of_another_store_is_not_believed(path, tmp_path):
    other = tmp_path / "other" / "main.db"
    with opened(other) as store:
        for n in range(9):
            store.write([record(TRACES[0], f"{n:016x}", name="alpha")])
        store.wait_until_searchable()
    path.parent.mkdir(exist_ok=True)
    other.with_name("search.db").rename(path.with_name("search.db"))
    with opened(path) as store:
        store.write([record(TRACES[0], "a" * 16, name="beta"), record(TRACES[1], "b" * 16, name="alpha")])
        assert store.wait_until_searchable()
        assert [t.trace_id for t in store.find_traces(FOUND).items] == [TRACES[1]]


def test_reindexing_drops_the_words_of_deleted_traces(path):
    with opened(path) as store:
        store.write([record(trace, "a" * 16, name="alpha") for trace in TRACES[:2]])
        store.wait_until_searchable()
        store.delete_trace("default", TRACES[0])
        assert len(store.find_traces(FOUND).items) == 1
        store.reindex()
        assert store.wait_until_searchable()
        assert len(store.find_traces(FOUND).items) == 1
        with closing(sqlite3.connect(path.with_name("search.db"))) as db:
            assert len(db.execute("SELECT rowid FROM texts WHERE texts MATCH 'alpha'").fetchall()) == 1


def test_a_failed_write_leaves_nothing_and_the_next_one_works(path, monkeypatch):
    with opened(path) as store:
        monkeypatch.setattr("spanwise_server.store.rollups.OF_SERIES.sums", "nowhere")
        with pytest.raises(sqlite3.OperationalError):
            store.write([record(TRACES[0], "a" * 16, user__id="ann")])
        assert store.totals(Query("default")).traces.n == 0
        monkeypatch.undo()
        store.write([record(TRACES[0], "a" * 16, user__id="ann")])
        assert store.values("default", "user", "")[0].count == 1


def test_a_full_disk_is_said_before_anything_is_lost(path, monkeypatch):
    with opened(path) as store:
        assert store.refusal() is None
        monkeypatch.setattr(sqlite_module, "LEAST_FREE_BYTES", 2**60)
        assert "full" in store.refusal()
    assert "closed" in store.refusal()


def test_where_the_file_cannot_grow_spans_are_refused_whole_and_taken_when_it_can_again(path):
    def batch(n):
        return [
            llm(f"{n * 50 + k:032x}", f"{n * 50 + k:016x}", tokens=1, cost=1, note=random_text()) for k in range(50)
        ]

    with opened(path) as store:
        store.write(batch(1))
        (pages,) = store._database.writer.execute("PRAGMA page_count").fetchone()
        store._database.writer.execute(f"PRAGMA max_page_count = {pages + 20}")
        sent = itertools.count(2)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            deque(store.write(batch(n)) for n in sent)
        refused = next(sent) - 1
        assert store.totals(Query("default")).traces.n == (refused - 1) * 50, "what is there can be read"
        store._database.writer.execute("PRAGMA max_page_count = 4294967294")
        store.write(batch(refused))
        assert sum(row[7] for row in sums(store)["r_hour"]) == refused * 50
        assert len(list(store.each_span(Query("default")))) == refused * 50
        assert store.wait_until_searchable()
    assert {found.state for found in examine(path.parent, full=True) if found.about != "disk"} == {"ok"}


def random_text():
    return os.urandom(1_500).hex()


def test_a_closed_store_says_so(path):
    store = SqliteStore(path)
    with pytest.raises(SpanwiseError, match="closed"):
        store.projects()


def test_a_trace_that_is_full_is_refused_with_a_sentence():
    assert trace_row_of(address(5, 7)) == 5
    assert span_range(5) == (address(5, 0), address(5, MOST_PLACES - 1))
    with pytest.raises(SpanwiseError, match="at most"):
        address(1, MOST_PLACES)


def test_another_process_may_write_too(path):
    with opened(path) as store, opened(path) as other:
        store.write([record(TRACES[0], "a" * 16, note="shared " * 500)])
        assert other.delete_trace("default", TRACES[0])
        store.write([record(TRACES[0], "a" * 16, note="shared " * 500)])
        assert store.span("default", "a" * 16).span.attributes["note"] == "shared " * 500


def test_spans_far_behind_in_a_trace_have_keys_of_their_own_in_the_index(path):
    places = [0, 1, SMALL_PLACES - 1, SMALL_PLACES, SMALL_PLACES + 1, MOST_PLACES - 1]
    addresses = [address(row, place) for row in (1, 2, 31, 32, 2**30) for place in places]
    assert len(set(map(index_key, addresses))) == len(addresses)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE texts (body)")
        db.executemany("INSERT INTO texts (rowid) VALUES (?)", [(index_key(at),) for at in addresses])
        assert {at for (at,) in db.execute(f"SELECT {ADDRESS} FROM texts")} == set(addresses)
        for at in addresses:
            row = trace_row_of(at)
            found = f"SELECT {TRACE_ROW} FROM texts, (SELECT ? AS id) s WHERE {IS_SPAN}"
            assert db.execute(found, (at,)).fetchall() == [(row,)]
            inside = f"SELECT {TRACE_ROW} FROM texts, (SELECT ? AS id) t WHERE {IN_TRACE} OR {FAR_IN_TRACE}"
            assert db.execute(inside, (row,)).fetchall() == [(row,)] * len(places)


def test_words_of_the_last_spans_of_a_long_trace_are_found(path):
    def asked(text):
        return Query("default", parse(text), sort="time", limit=500)

    with opened(path) as store:
        store.write([record(TRACES[1], "e" * 16, name="alpha")])
        names = ["alpha", *(f"step {n}" for n in range(SMALL_PLACES + 8)), "omega stands"]
        store.write([record(TRACES[0], f"{n + 1:016x}", name=name) for n, name in enumerate(names)])
        assert store.wait_until_searchable()
        assert [t.trace_id for t in store.find_traces(asked("omega")).items] == [TRACES[0]]
        assert [t.trace_id for t in store.find_traces(asked('"omega stands"')).items] == [TRACES[0]]
        assert [t.trace_id for t in store.find_traces(asked("-omega")).items] == [TRACES[1]]
        assert [s.span.name for s in store.find_spans(asked("omega")).items] == ["omega stands"]
        assert [s.span.name for s in store.find_spans(asked("-step")).items if s.span.trace_id == TRACES[0]] == [
            "alpha", "omega stands",
        ]  # fmt: skip
        store.delete_trace("default", TRACES[0])
        assert store.find_traces(asked("omega")).items == ()


def test_a_span_is_found_by_its_id_in_whatever_part_of_the_store_it_lies(tmp_path):
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        for n in range(3):
            store.write([record(f"{n + 1:032x}", f"{n + 1:016x}")])
            with closing(sqlite3.connect(store.path)) as db, db:
                db.execute("UPDATE sqlite_sequence SET seq = seq + 5000 WHERE name = 'traces'")
        with store.reading() as connection:
            parts = [part for (part,) in connection.execute("SELECT id >> 36 FROM spans ORDER BY id")]
            for asked, values in ((store.find_span, (b"", 1)), (store.find_span_of_trace, (b"", 1, b""))):
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}", values)]
                assert any("ix_spans_part (<expr>=? AND span_id=?)" in step for step in plan), plan
        assert parts == [0, 1, 2]
        for n in range(3):
            trace_id, span_id = f"{n + 1:032x}", f"{n + 1:016x}"
            assert store.span("default", span_id).span.trace_id == trace_id
            assert store.span("default", span_id, trace_id).span.span_id == span_id
            assert [found.span.span_id for found in store.spans_of("default", trace_id, [span_id])] == [span_id]
            assert store.span("default", span_id, f"{99:032x}") is None
