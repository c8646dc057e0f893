"""What several traces have in common is packed once for all; what one said alone is in no dictionary."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing

import pytest

from spanwise_server.store import codec
from spanwise_server.store import dictionaries as of_store
from spanwise_server.store.dictionaries import common
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import record

WORDS = [f"word{n}" for n in range(400)]
INSTRUCTIONS = " ".join(random.Random(3).choices(WORDS, k=200))


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "main.db")
    opened.open()
    with closing(opened):
        yield opened


def said(n: int) -> dict:
    rng = random.Random(n)
    own = f"private{n} " + " ".join(f"{rng.getrandbits(40):x}" for _ in range(20))
    runs = [rng.randrange(190) for _ in range(12)]
    shared = " ".join(" ".join(INSTRUCTIONS.split()[at : at + 8]) for at in runs)
    messages = [
        {"role": "system", "parts": [{"type": "text", "content": INSTRUCTIONS}]},
        {"role": "user", "parts": [{"type": "text", "content": f"{own} {shared}"}]},
    ]
    return {"gen_ai__input__messages": json.dumps(messages), "app__tenant__name": f"tenant of many {n % 3}"}


def span(n: int):
    return record(f"{n + 1:032x}", f"{n + 1:016x}", **said(n))


def bytes_kept(store: SqliteStore) -> int:
    with closing(sqlite3.connect(store.path)) as db:
        return sum(db.execute(f"SELECT sum(length(body)) FROM {name}").fetchone()[0] for name in ("payloads", "texts"))


def test_with_a_dictionary_less_is_kept_and_all_comes_back(store):
    store.write([span(n) for n in range(100)])
    before = bytes_kept(store)
    assert store._dictionaries.train()
    store.write([span(n) for n in range(100, 200)])
    assert bytes_kept(store) - before < before * 0.75
    for n in (0, 99, 100, 199):
        assert store.span("default", f"{n + 1:016x}").span == span(n).span


def test_a_store_opened_again_and_another_process_open_what_was_packed(store, monkeypatch):
    store.write([span(n) for n in range(100)])
    with closing(SqliteStore(store.path)) as other:
        other.open()
        assert store._dictionaries.train()
        store.write([span(200)])
        monkeypatch.setattr(codec, "_known", {})
        monkeypatch.setattr(codec, "_codecs", codec._Codecs())
        assert other.span("default", f"{201:016x}").span == span(200).span, "a process that has not seen it trained"
    with closing(SqliteStore(store.path)) as again:
        monkeypatch.setattr(codec, "_known", {})
        monkeypatch.setattr(codec, "_codecs", codec._Codecs())
        again.open()
        assert again._dictionaries.current != codec.NONE
        assert again.span("default", f"{201:016x}").span == span(200).span


def test_what_one_trace_said_is_in_no_dictionary(store):
    store.write([span(n) for n in range(100)])
    assert store._dictionaries.train()
    with closing(sqlite3.connect(store.path)) as db:
        (body,) = db.execute("SELECT body FROM dictionaries").fetchone()
    assert b"word1" in body
    assert b"private" not in body


def test_only_words_that_stand_together_in_three_traces_are_common():
    shared = b"you are a helpful assistant"
    samples = [(n, b"secret%d " % n + shared + b" token%d" % n) for n in range(4)]
    samples += [(9, b"my own words again"), (9, b"my own words again"), (9, b"my own words again")]
    found = common(samples)
    assert found == [b"you are a helpful assistant "] * 4


def test_it_is_trained_by_itself_when_there_is_enough_and_not_again_before_there_is_much_more(store, monkeypatch):
    monkeypatch.setattr(of_store, "_LOOKED_EVERY_S", 0.0)
    monkeypatch.setattr(of_store, "_FIRST_AT", 150)
    store.write([span(n) for n in range(50)])
    store._dictionaries.wait()
    assert store._dictionaries.current == codec.NONE
    store.write([span(n) for n in range(50, 100)])
    store._dictionaries.wait()
    first = store._dictionaries.current
    assert first != codec.NONE
    store.write([span(n) for n in range(100, 200)])
    store._dictionaries.wait()
    assert store._dictionaries.current == first


def test_where_nothing_is_common_there_is_no_dictionary(store):
    store.write([record(f"{n + 1:032x}", f"{n + 1:016x}") for n in range(5)])
    assert not store._dictionaries.train()
    assert store._dictionaries.current == codec.NONE


def test_a_frame_of_a_dictionary_that_is_nowhere_says_so(store, monkeypatch):
    store.write([span(n) for n in range(100)])
    assert store._dictionaries.train()
    frame = codec.packed(INSTRUCTIONS.encode(), store._dictionaries.current)
    monkeypatch.setattr(codec, "_known", {})
    monkeypatch.setattr(codec, "_codecs", codec._Codecs())
    with pytest.raises(codec.UnknownDictionary):
        codec.unpacked(frame)
