"""Spans by what they cost: few of the first in that order tell a page, and where they do not, it is the same page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store import find
from spanwise_server.store.sql_store import SqlStore
from store_engines import KINDS, opened
from store_model.spans import START_NS, TRACES, llm, record

HOUR_NS = 3_600 * 10**9


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def pages(store, query):
    """Return all pages of calls that *query* finds, after checking that the way back leads past the same."""
    found = [store.find_calls(query)]
    while found[-1].next_cursor is not None:
        found.append(store.find_calls(replace(query, cursor=found[-1].next_cursor)))
    back = [found[-1]]
    while back[-1].previous_cursor is not None:
        back.append(store.find_calls(replace(query, cursor=back[-1].previous_cursor)))
    assert [page.items for page in reversed(back)] == [page.items for page in found]
    return [call for page in found for call in page.items]


@pytest.mark.parametrize("sort", ["-cost", "cost"])
def test_spans_by_cost_are_all_there_in_order_with_the_unpriced_last(store, monkeypatch, sort):
    monkeypatch.setattr(find, "_MOST_SPANS_SORTED", 0)
    for n, trace in enumerate(TRACES[:3]):  # a wrapper that says what the calls below it cost; some cost the same
        store.write([record(trace, f"{n:015x}a", at=n * 3_600, cost=30 * n, gen_ai__usage__input_tokens=40)])
        store.write([llm(trace, f"{n:015x}{k}", parent=f"{n:015x}a", at=n * 3_600, cost=10 * k) for k in range(4)])
        store.write([record(trace, f"{n:015x}f", at=n * 3_600 + 1)])
    every = list(store.each_span(Query("default", sort="time")))
    assert len(every) == 18
    sign = -1 if sort == "-cost" else 1
    asked = [
        ("", None, None, lambda _: True),
        ("", START_NS, START_NS + 2 * HOUR_NS, lambda one: one.span.start_ns < START_NS + 2 * HOUR_NS),
        ("kind:llm", None, None, lambda one: one.kind == "llm"),
        ("counted:yes has:cost", None, None, lambda one: one.span.span_id[-1] in "0123"),
        ("cost>1", None, None, lambda _: False),
    ]
    # How many of the first are looked at, so that these tell little, or more, or all.
    looked_at = [(3,), (2, 5), (200, 2_000)] if isinstance(store, SqlStore) else [()]
    for looked in looked_at:
        monkeypatch.setattr(find, "_FIRST_OF_ALL", looked)
        for text, first, end, matches in asked:
            for limit in (2, 7):
                query = Query("default", parse(text), first, end, sort, limit)
                found = [(call.cost_nusd, call.trace_id, call.span_id) for call in pages(store, query)]
                wanted = [
                    (None if one.cost is None else one.cost.total_nusd, one.span.trace_id, one.span.span_id)
                    for one in every if matches(one)
                ]  # fmt: skip
                assert sorted(found, key=str) == sorted(wanted, key=str)
                costs = [cost for cost, _, _ in found]
                assert costs == sorted(costs, key=lambda cost: (cost is None, sign * (cost or 0)))
