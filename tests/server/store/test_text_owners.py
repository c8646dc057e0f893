"""A text belongs to the trace it came with; whichever traces go, those that are left have all of theirs."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import SPANS, TRACES, record

MESSAGES = [{"role": "user", "content": f"message {n} " * 60} for n in range(5)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "main.db"


def opened(path):
    store = SqliteStore(path)
    store.open()
    return closing(store)


def said(*numbers):
    return json.dumps([MESSAGES[n] for n in numbers])


def write(store, trace, span, *numbers):
    store.write([record(TRACES[trace], SPANS[span], gen_ai__input__messages=said(*numbers))])


def reads(store, trace, span):
    found = store.trace("default", TRACES[trace])
    spans = {} if found is None else {one.span.span_id: one.span for one in found.records}
    return spans[SPANS[span]].attributes["gen_ai.input.messages"] if SPANS[span] in spans else None


def kept(path):
    """Return how many texts there are, and in how many rows a trace needs one."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT (SELECT count(*) FROM texts), (SELECT count(*) FROM text_uses)").fetchone()


def test_a_text_that_one_trace_alone_needs_takes_no_row_to_say_so(path):
    with opened(path) as store:
        write(store, 0, 0, 0, 1)
        write(store, 0, 1, 0, 1, 2)
        assert kept(path) == (3, 0)
        write(store, 1, 0, 0)
        assert kept(path) == (3, 1)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_text_stays_until_the_last_trace_that_needs_it_goes(path, first, restarted):
    with opened(path) as store:
        write(store, 0, 0, 0, 1)
        if not restarted:
            write(store, 1, 0, 0, 2)
    with opened(path) as store:
        if restarted:  # so that nobody remembers whose the first text is
            write(store, 1, 0, 0, 2)
        store.delete_trace("default", TRACES[first])
        assert reads(store, 1 - first, 0) == said(0, 2 - first)
        assert kept(path)[0] == 2
        write(store, 2, 0, 0)
        store.delete_trace("default", TRACES[1 - first])
        assert reads(store, 2, 0) == said(0)
        store.delete_trace("default", TRACES[2])
        assert kept(path) == (0, 0)
        write(store, 0, 0, 0)
        assert reads(store, 0, 0) == said(0)


def test_what_a_span_named_before_it_was_replaced_goes_with_its_trace(path):
    with opened(path) as store:
        write(store, 0, 0, 0, 1)
        write(store, 0, 0, 0, 2)
        assert kept(path)[0] == 3
        store.delete_trace("default", TRACES[0])
    assert kept(path) == (0, 0)


def test_texts_of_nobody_are_those_of_whoever_has_rows_for_them(path):
    with opened(path) as store:
        write(store, 0, 0, 0, 1)
        write(store, 1, 0, 0, 2)
    with closing(sqlite3.connect(path)) as db, db:  # as an older version wrote them
        db.execute("INSERT OR IGNORE INTO text_uses SELECT trace_row, hash FROM texts")
        db.execute("UPDATE texts SET trace_row = NULL")
    with opened(path) as store:
        write(store, 2, 0, 1)
        store.delete_trace("default", TRACES[0])
        assert (reads(store, 1, 0), reads(store, 2, 0)) == (said(0, 2), said(1))
        store.delete_trace("default", TRACES[1])
        assert reads(store, 2, 0) == said(1)
        assert kept(path)[0] == 1
        store.delete_trace("default", TRACES[2])
    assert kept(path) == (0, 0)


SMALL = st.integers(0, 2)
STEPS = st.lists(
    st.tuples(st.just("write"), SMALL, SMALL, st.lists(st.integers(0, 2), min_size=1, max_size=3))
    | st.tuples(st.just("delete"), SMALL)
    | st.tuples(st.just("restart")),
    max_size=14,
)


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_whatever_is_written_and_deleted_all_texts_are_there_and_none_is_left_over(steps):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "main.db"
        expected = {}
        store = SqliteStore(path)
        store.open()
        for what, *of in steps:
            if what == "write":
                trace, span, numbers = of
                write(store, trace, span, *numbers)
                expected[trace, span] = said(*numbers)
            elif what == "delete":
                store.delete_trace("default", TRACES[of[0]])
                expected = {key: value for key, value in expected.items() if key[0] != of[0]}
            else:
                store.close()
                store = SqliteStore(path)
                store.open()
        assert {key: reads(store, *key) for key in expected} == expected
        for trace in range(3):
            store.delete_trace("default", TRACES[trace])
        store.close()
        assert kept(path) == (0, 0)
