"""Previews that nothing shows are not kept, and are there again as soon as something does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import SPANS, TRACES, record


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "main.db")
    opened.open()
    with closing(opened):
        yield opened


ROOT = record(TRACES[0], SPANS[0], at=1, spanwise__input="asked of all", spanwise__output="answered by all")
STEP = record(TRACES[0], SPANS[1], parent=SPANS[0], at=2, spanwise__input="a step", spanwise__output="was made")


def previews(store):
    with closing(sqlite3.connect(store.path)) as db:
        return db.execute("SELECT input_preview, output_preview FROM spans ORDER BY start_ns").fetchall()


def shown(store):
    (trace,) = store.find_traces(Query("default")).items
    return trace.input_preview, trace.output_preview


def test_a_step_keeps_none_where_the_root_has_both(store):
    store.write([ROOT, STEP])
    assert shown(store) == ("asked of all", "answered by all")
    root, step = previews(store)
    assert root == ("asked of all", "answered by all")
    assert not any("step" in text or "made" in text for text in step)


def test_a_step_that_comes_first_keeps_its_own(store):
    store.write([STEP])
    assert shown(store) == ("a step", "was made")
    store.write([ROOT])
    assert shown(store) == ("asked of all", "answered by all")


def test_they_are_there_again_when_the_root_comes_without(store):
    store.write([ROOT, STEP])
    bare = record(TRACES[0], SPANS[0], at=1)
    store.write([bare])
    assert shown(store) == ("a step", "was made")
    store.recount()
    assert shown(store) == ("a step", "was made")


def test_they_are_there_again_when_an_earlier_root_comes(store):
    store.write([ROOT, STEP])
    store.write([record(TRACES[0], SPANS[2], at=0, spanwise__input="earlier still")])
    assert shown(store) == ("earlier still", "was made")


def test_those_that_were_never_made_are_made_where_another_root_shows_none(store):
    store.write([ROOT, STEP])
    assert all(text.startswith("\x01") for text in previews(store)[1])
    store.write([record(TRACES[0], SPANS[2], at=0), record(TRACES[0], SPANS[3], at=4, spanwise__input="late")])
    steps = [("asked of all", "answered by all"), ("a step", "was made"), ("late", None)]
    assert previews(store) == [(None, None), *steps]


def test_a_batch_whose_first_root_shows_none_has_those_of_its_steps(store):
    store.write([ROOT, STEP, record(TRACES[0], SPANS[2], at=0)])
    assert previews(store) == [(None, None), ("asked of all", "answered by all"), ("a step", "was made")]
