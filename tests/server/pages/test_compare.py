from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace, record
from spanwise_server.pages.alignment import align, word_diff
from spanwise_server.pages.waterfall import lay_out

B = "b" * 32
NAMES = st.lists(st.sampled_from(["plan", "search", "answer"]), max_size=8)


def rows(*names: str, kind: str = "tool"):
    spans = [record(1, None, "root", 0, 100, kind="agent")]
    spans += [record(n, 1, name, n, 1, kind=kind) for n, name in enumerate(names, 2)]
    return lay_out(spans).rows


def names_of(pairs) -> list[tuple[str | None, str | None]]:
    return [
        (None if p.a is None else p.a.record.name, None if p.b is None else p.b.record.name) for p in pairs
    ][1:]  # fmt: skip


@pytest.fixture
def shop(client):
    """A client of a server that holds two conversations alike."""
    client.app.state.server.store.write(conversation())
    client.app.state.server.store.write(in_other_trace(conversation(), B, 60_000))
    return client


def page(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_steps_are_aligned_by_name_not_by_index():
    found = align(rows("plan", "search", "search", "answer"), rows("plan", "search", "answer"))
    assert names_of(found)[0] == ("plan", "plan")
    assert names_of(found)[-1] == ("answer", "answer")
    assert [pair for pair in names_of(found) if None in pair] == [("search", None)]


def test_a_step_of_another_name_and_the_same_kind_stands_beside_it():
    assert names_of(align(rows("plan", "old", "end"), rows("plan", "new", "end")))[1] == ("old", "new")


def tree(*steps: tuple[int, str, str]):
    """Return the rows of steps in the order of their tree, each given by its level, kind and name."""
    spans, above = [], []
    for n, (level, kind, name) in enumerate(steps, 1):
        above[level:] = [n]
        spans.append(record(n, above[level - 1] if level else None, name, n, 1, kind=kind))
    return lay_out(spans).rows


def test_what_is_below_a_step_follows_it_whatever_came_or_went():
    a = tree((0, "agent", "root"), (1, "chain", "old"), (2, "tool", "x"), (2, "tool", "y"), (1, "tool", "end"))
    b = tree((0, "agent", "root"), (1, "llm", "new"), (2, "retriever", "z"), (1, "tool", "end"))
    assert names_of(align(a, b)) == [
        ("old", None), ("x", None), ("y", None), (None, "new"), (None, "z"), ("end", "end"),
    ]  # fmt: skip


def test_steps_are_aligned_below_the_step_they_belong_to():
    a = tree((0, "agent", "root"), (1, "chain", "one"), (2, "tool", "x"), (1, "chain", "two"), (2, "tool", "x"))
    b = tree((0, "agent", "root"), (1, "chain", "one"), (1, "chain", "two"), (2, "tool", "x"))
    assert names_of(align(a, b)) == [("one", "one"), ("x", None), ("two", "two"), ("x", "x")]


def test_a_root_of_another_kind_that_does_the_same_stands_beside_it():
    a = tree((0, "agent", "loop"), (1, "tool", "x"))
    b = tree((0, "chain", "run"), (1, "tool", "x"))
    assert names_of(align(a, b)) == [("x", "x")]


def test_a_chain_as_deep_as_what_is_aligned_is_aligned():
    deep = tree(*((level, "chain", "down") for level in range(1_000)))
    assert all(pair.a is not None and pair.b is not None for pair in align(deep, deep))


@given(NAMES, NAMES)
def test_every_step_stands_once_and_in_order(a, b):
    pairs = align(rows(*a), rows(*b))
    assert [p.a.record.name for p in pairs if p.a is not None] == ["root", *a]
    assert [p.b.record.name for p in pairs if p.b is not None] == ["root", *b]
    assert all(p.a is not None or p.b is not None for p in pairs)


@given(st.text(), st.text())
def test_a_diff_loses_no_word_and_lets_no_markup_through(a, b):
    found = word_diff(a, b)
    for text, shown in ((a, found.a), (b, found.b)):
        assert re.sub("</?(ins|del)>", "", str(shown)) == str(type(shown)().join([type(shown).escape(text)]))
    assert found.same == (a == b)


def test_words_that_differ_are_marked():
    found = word_diff("the order was <b>kept", "the order was refunded")
    assert str(found.a) == "the order was <del>&lt;b&gt;kept</del>"
    assert str(found.b) == "the order was <ins>refunded</ins>"


def test_two_traces_stand_side_by_side_and_each_step_has_its_address(shop):
    html = page(shop, f"/compare?project={PROJECT}&a={TRACE}&b={B}")
    assert "8 steps aligned, 0 only in A, 0 only in B" in html
    chosen = page(shop, f"/compare?project={PROJECT}&a={TRACE}&b={B}&step=2")
    assert '<h2 id="step-name">lookup_order</h2>' in chosen
    assert "the same" in chosen
    page(shop, f"/compare?project={PROJECT}&a={TRACE}&b={B}&step=999")


def test_without_a_second_trace_those_of_the_same_name_are_offered(shop):
    html = page(shop, f"/compare?project={PROJECT}&a={TRACE}")
    assert f"a={TRACE}&amp;b={B}" in html
    assert f"b={TRACE}" not in html


def test_a_trace_that_is_not_there_is_not_found(shop):
    assert shop.get(f"/compare?project={PROJECT}&a={TRACE}&b={'9' * 32}").status_code == 404
    assert shop.get(f"/compare?project={PROJECT}").status_code == 404
