"""Pages of spans in the orders of texts and of first tokens: each span once, on every engine the same."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from spanwise_server.query.calls import Call
from spanwise_server.query.filters import EVERYTHING, And, Not, Query, Term
from spanwise_server.store import compile as compiled
from spanwise_server.store import extremes, find, set_keeper, steps, trace_sets
from spanwise_server.store.base import SpanStore
from spanwise_server.store.engine import STORES
from store_engines import opened, over_engines
from store_model.spans import SECOND, START_NS, TRACES, distinct, llm, record, records

SAYS = {
    "name": lambda call: call.name,
    "model": lambda call: call.model,
    "status": lambda call: "error" if call.status == "error" else "ok",
}
SORTS = [f"{sign}{name}" for sign in ("", "-") for name in SAYS]
HOUR = 3_600
KINDS = Term("kind", "=", ("llm", "embedding"))


def place_in(sort: str):
    """Return the key that calls are sorted by: those that do not say it come last, and of the same the time decides."""
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1

    def place(call: Call):
        said = SAYS[name](call)
        return said is None, [*(sign * ord(letter) for letter in said or ""), sign * -1], sign * call.start_ns

    return place


@pytest.fixture(params=STORES)
def store(request):
    with opened(request.param) as made:
        yield made


def every_call(store: SpanStore, query: Query) -> list[Call]:
    """Return all pages of *query*, walked forwards, and check that walking back gives the same, as whole spans do."""
    pages = [store.find_calls(query)]
    while pages[-1].next_cursor is not None:
        pages.append(store.find_calls(replace(query, cursor=pages[-1].next_cursor)))
    assert pages[0].previous_cursor is None
    back = [pages[-1]]
    while back[-1].previous_cursor is not None:
        back.append(store.find_calls(replace(query, cursor=back[-1].previous_cursor)))
    assert [page.items for page in reversed(back)] == [page.items for page in pages]
    calls = [call for page in pages for call in page.items]
    whole = [(one.span.trace_id, one.span.span_id) for one in store.each_span(query)]
    assert whole == [(call.trace_id, call.span_id) for call in calls]
    return calls


@over_engines(
    st.lists(records(), min_size=1, max_size=20).map(distinct),
    st.sampled_from(SORTS),
    st.integers(1, 4),
    st.sampled_from(
        [EVERYTHING, KINDS, Not(KINDS), Term("status", "=", ("error",)), And((KINDS, Term("cost", ">", (0.01,))))]
    ),
    st.booleans(),
    st.sampled_from([1, HOUR, 30 * HOUR]),
)
def test_pages_hold_every_span_once_by_what_it_says_and_then_by_time(kind, found, sort, limit, filter_, few, apart):
    """However few traces are looked at one by one, and however far apart the spans began."""
    spread = [replace(one, span=replace(one.span, **moved(one.span, apart))) for one in found]
    with opened(kind) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "MOST_SPANS_DRIVEN", 500 if few else 0)
        store.write(spread)
        for range_ in ({}, {"from_ns": START_NS + apart * SECOND, "to_ns": START_NS + 4 * apart * SECOND}):
            calls = every_call(store, Query("default", filter_, sort=sort, limit=limit, **range_))
            every = store.find_calls(Query("default", filter_, limit=1_000, **range_)).items
            assert Counter(calls) == Counter(every)
            places = list(map(place_in(sort), calls))
            assert places == sorted(places)


def moved(span, apart: int) -> dict[str, int]:
    """Return when a span began and ended whose seconds since the start are so many each."""
    start = START_NS + (span.start_ns - START_NS) * apart
    return {"start_ns": start, "end_ns": start + span.end_ns - span.start_ns}


@over_engines(
    st.lists(records(), min_size=1, max_size=20).map(distinct),
    st.lists(records(), max_size=6).map(distinct),
    st.sampled_from(["ttft", "-ttft", "tokens", "-tokens"]),
    st.integers(1, 4),
    st.sampled_from([EVERYTHING, KINDS, Not(KINDS), Term("latency", "<", (2_000.0,))]),
    st.sampled_from([2, 1_000]),
    st.booleans(),
)
def test_numbers_are_in_order_as_calls_come_later_and_go(kind, found, later, sort, limit, filter_, most, few):
    with opened(kind) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "MOST_SPANS_DRIVEN", 500 if few else 0)
        patch.setattr(find, "MOST_LONGEST", most)
        patch.setattr(find, "_NEAR_FIRST", 1)
        patch.setattr(extremes, "_AT_ONCE", 2)
        query = Query("default", filter_, sort=sort, limit=limit)
        store.write(found)
        for change in (lambda: None, lambda: store.write(later), lambda: store.delete_traces("default", TRACES[:1])):
            change()
            for range_ in ({}, {"from_ns": START_NS + SECOND, "to_ns": START_NS + 4 * SECOND}):
                calls = every_call(store, replace(query, **range_))
                every = store.find_calls(replace(query, sort="time", limit=1_000, **range_)).items
                assert Counter(calls) == Counter(every)
                sign = -1 if sort[0] == "-" else 1
                said = [call.ttft_ms if "ttft" in sort else call.usage and call.usage.total_tokens for call in calls]
                places = [(number is None, sign * (number or 0)) for number in said]
                assert places == sorted(places)


@pytest.mark.parametrize("most", [1_000, 2])
@pytest.mark.parametrize("sort", ["name", "-name", "model", "-model"])
def test_names_that_are_no_steps_and_empty_models_are_listed_as_all_others(store, monkeypatch, sort, most):
    monkeypatch.setattr(steps, "MOST_NAMES", most)
    names = ["x" * 300, "b", "a", "x" * 300 + "y", "\ufffd", "Z"]
    made = [record(f"{n:032x}", "a" * 16, at=n, name=name) for n, name in enumerate(names, 1)]
    made += [replace(one, reading=replace(one.reading, model=model)) for one, model in empty_models()]
    store.write(made)
    calls = every_call(store, Query("default", sort=sort, limit=2))
    assert len(calls) == len(made)
    assert list(map(place_in(sort), calls)) == sorted(map(place_in(sort), calls))


def empty_models():
    return [(llm(f"{n:032x}", "a" * 16, at=n), model) for n, model in enumerate(("", "m", None), 20)]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_what_is_too_much_to_be_looked_up_at_once_is_looked_up_beside(store, monkeypatch):
    monkeypatch.setattr(set_keeper, "MOST_LOADED_AT_ONCE", 0)
    monkeypatch.setattr(trace_sets, "MOST_AT_ONCE", 0)
    monkeypatch.setattr(extremes, "MOST_AT_ONCE", 2)
    store.write([llm(f"{n:032x}", "a" * 16, at=n, tokens=n * 7 % 11) for n in range(1, 10)])
    query = Query("default", sort="-tokens", limit=4)

    def known() -> bool:
        found = [call.usage.total_tokens for call in store.find_calls(query).items]
        assert found == [10, 9, 8, 7], "whatever is known"
        there = store._from_sets(query, lambda sets, _: [one.pending for one in sets.extremes.values()])
        return bool(there) and not any(there)

    until = time.monotonic() + 60
    while not known():
        assert time.monotonic() < until
        time.sleep(0.05)
