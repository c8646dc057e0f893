"""What was sent comes back, character for character, and what is sent again and again is kept once."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.record import Event, Link, Scope, Span
from spanwise_server.store import text_prefix
from spanwise_server.store.payload import (
    LONG_TEXT,
    Packed,
    Packing,
    dumps,
    loads,
    opened,
    pack,
    pack_origin,
    pack_text,
    replaced,
    texts_named,
    unpack,
    unpack_origin,
)
from spanwise_server.store.rows import row_of
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import SPANS, TRACES, record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MESSAGE_LISTS = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=5)
STYLES = (
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, indent=2),
    lambda value: json.dumps(value, separators=(",", ":")),
    lambda value: orjson.dumps(value).decode(),
)
TEXTS = (
    st.builds(lambda style, messages: style(messages), st.sampled_from(STYLES), MESSAGE_LISTS)
    | st.text(max_size=300)
    | st.text(min_size=1, max_size=5).map(lambda piece: piece * LONG_TEXT)
    | st.builds("[{{{}".format, st.text('{}[]",:ab\\ ', max_size=600))
)


def round_trip(span: Span, project: str = "default") -> tuple[Span, Packed]:
    texts: dict[bytes, bytes] = {}
    packed = pack([span], project, texts)
    found = record(span.trace_id, span.span_id)
    row = row_of(replace(found, span=span), bytes.fromhex(span.span_id), None)
    origin = pack_origin(span.resource, span.scope)[1]
    names, (said,) = opened(packed.body)
    return unpack(names, said, row, span.trace_id, origin, lambda name: pack_text(texts[name])), packed


@given(
    st.dictionaries(st.text(max_size=10), JSON | TEXTS, max_size=4),
    st.text(max_size=20),
    st.none() | st.text(max_size=20),
    st.lists(st.builds(Event, st.integers(0, 2**62), st.text(max_size=5), st.dictionaries(st.text(max_size=4), JSON))),
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
def test_a_span_comes_back_as_it_was_sent(attributes, name, message, events, resource):
    span = Span(
        TRACES[0], SPANS[0], None, name, 5, 9, "error", message, attributes, resource,
        Scope("lib", "1.0", {"a": 1}), tuple(events), (Link(TRACES[1], SPANS[1], {"why": "retry"}),), 3, "k=v",
    )  # fmt: skip
    back, _ = round_trip(span)
    assert back == span
    assert list(back.attributes) == list(attributes), "in the order they were sent"


@given(TEXTS)
def test_any_text_comes_back_character_for_character(text):
    back, _ = round_trip(Span(TRACES[0], SPANS[0], None, "n", 0, 1, attributes={"gen_ai.input.messages": text}))
    assert back.attributes == {"gen_ai.input.messages": text}


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 2**70, "\ud800 half a character", [math.nan, None]])
def test_odd_values_come_back(odd):
    back, _ = round_trip(Span(TRACES[0], SPANS[0], None, "n", 0, 1, attributes={"odd": odd, "none": None}))
    assert repr(back.attributes) == repr({"odd": odd, "none": None})


@given(JSON)
def test_json_is_read_as_it_was_written(value):
    assert loads(dumps(value)) == value


def conversation(turns: int) -> list[dict]:
    return [
        {"role": role, "parts": [{"type": "text", "content": f"{role} turn {n} " + f"word{n} " * 150}]}
        for n in range(turns)
        for role in ("user", "assistant")
    ]


def test_messages_that_are_sent_again_are_kept_once_and_projects_share_nothing(tmp_path):
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        for project in ("one", "two"):
            for turn in range(1, 11):
                said = json.dumps(conversation(turn))
                store.write([record(TRACES[0], f"{turn:016x}", project=project, gen_ai__input__messages=said)])
        with closing(sqlite3.connect(store.path)) as db:
            assert db.execute("SELECT count(*) FROM texts").fetchone() == (2 * 20,)
        found = store.span("one", f"{10:016x}")
        assert found.span.attributes["gen_ai.input.messages"] == json.dumps(conversation(10))


def test_texts_that_come_together_lie_together_and_one_that_comes_much_later_is_kept_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(text_prefix, "TEXTS_TOGETHER", 4)
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        said = [json.dumps(conversation(turn)) for turn in range(1, 6)]
        for again in range(2):
            for turn, messages in enumerate(said):
                store.write([record(TRACES[0], f"{turn + 1:016x}", gen_ai__input__messages=messages)])
            assert store.repeated == again * len(said)
        with closing(sqlite3.connect(store.path)) as db:
            names = [name for (name,) in db.execute("SELECT hash FROM texts ORDER BY id")]
            rewritten = db.execute("SELECT sum(rewritten) FROM spans").fetchone()
        assert names[:4] != sorted(names[:4]), "within a time by their hashes"
        assert [name[:3] for name in names] == sorted(name[:3] for name in names), "one time after the other"
        assert len(names) > 10 == len({name[3:] for name in names}), "some are there at two times"
        assert rewritten == (0,), "a span that comes again at another time is the same span"
        for turn, messages in enumerate(said):
            assert store.span("default", f"{turn + 1:016x}").span.attributes["gen_ai.input.messages"] == messages


def test_a_message_has_one_name_however_the_list_around_it_is_written():
    messages = conversation(3)
    spans = [Span(TRACES[0], SPANS[0], None, "n", 0, 1, attributes={"m": json.dumps(messages[:n])}) for n in (2, 6)]
    short, long = (pack([span], "p", {}) for span in spans)
    assert len(texts_named(short.body)) == 2
    assert texts_named(long.body)[:2] == texts_named(short.body)
    assert not set(texts_named(pack(spans[:1], "q", {}).body)) & set(texts_named(short.body))


def said_in(body: bytes) -> list[tuple]:
    names, spans = opened(body)
    return [
        (said["n"], [piece if isinstance(piece, str) else names[piece] for piece in said.get("p", {}).get("m", ())])
        for said in spans
    ]


def test_one_span_of_several_packed_together_is_replaced_and_the_others_stay():
    spans = [
        Span(TRACES[0], SPANS[n], None, f"n{n}", 0, 1, attributes={"m": json.dumps(conversation(n + 1))})
        for n in range(3)
    ]
    other = replace(spans[1], name="new", attributes={"m": json.dumps(conversation(5)[3:])})
    body = pack(spans, "p", {}).body
    expected = said_in(body)
    [expected[1]] = said_in(pack([other], "p", {}).body)
    assert said_in(replaced(body, 1, pack([other], "p", {}).body)) == expected
    assert replaced(body, 1, pack([spans[1]], "p", {}).body) is None, "nothing has changed"
    later = pack([spans[1]], "p", {}, Packing(prefix=b"\0\0\1"))
    assert replaced(body, 1, later.body) is None, "nor where its texts have other names by now"
    assert replaced(later.body, 0, pack([spans[1]], "p", {}, Packing(prefix=b"\0\0\2")).body) is None


def test_where_a_span_came_from_comes_back():
    resource, scope = {"service.name": "shop", "big": "x" * 5_000}, Scope("lib", "2", {"a": [1]})
    assert unpack_origin(pack_origin(resource, scope)[1]) == (resource, scope)
    assert unpack_origin(pack_origin({}, Scope())[1]) == ({}, Scope())
