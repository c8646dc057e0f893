"""Pages of traces in every order: each trace once, ties and what is unsaid in their place, on every engine the same."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import replace

import orjson
import pytest
from hypothesis import strategies as st

from spanwise_server.errors import SpanwiseError
from spanwise_server.query.filters import EVERYTHING, Not, Query, Term
from spanwise_server.record import Annotation, Annotator, PromptUse, Record
from spanwise_server.store.base import SpanStore
from spanwise_server.store.engine import STORES
from store_engines import opened, over_engines
from store_model.spans import SECOND, START_NS, TRACES, distinct, llm, record, records

#: What each order compares; of what is the same in an order of texts the earlier trace comes first.
ORDERS = {
    "time": lambda t: t.start_ns, "latency": lambda t: t.duration_ms, "cost": lambda t: t.cost_nusd,
    "tokens": lambda t: None if t.usage is None else t.usage.total_tokens, "ttft": lambda t: t.ttft_ms,
    "spans": lambda t: t.span_count, "errors": lambda t: t.error_count,
}  # fmt: skip
TEXT_ORDERS = {
    "name": lambda t: t.name, "input": lambda t: t.input_preview, "output": lambda t: t.output_preview,
    "model": lambda t: ",".join(t.models) or None, "env": lambda t: t.environment,
    "prompt": lambda t: ",".join(t.prompts) or None, "tags": lambda t: ",".join(t.tags) or None,
    "user": lambda t: t.user_id, "session": lambda t: t.session_id,
}  # fmt: skip
LABELS = ("fail", "pass", "Pass", "needs review")
ANN = Annotator("human", "ann")
#: How many characters decide, where it is not all of them.
DECIDING = {"input": 24, "output": 24, "model": 48, "prompt": 48, "tags": 48}


def place_in(sort: str):
    """Return the key that traces are sorted by in the order of *sort*: those that do not say it come last."""
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    if name in ORDERS:
        return lambda t: (ORDERS[name](t) is None, sign * (ORDERS[name](t) or 0))

    def place(trace):
        said = TEXT_ORDERS[name](trace)
        return place_of_text(None if said is None else said[: DECIDING.get(name)], trace.start_ns, sort)

    return place


def place_of_text(said: str | None, start_ns: int, sort: str):
    """Return the key of a trace in an order of texts, in which it *said* one."""
    sign = -1 if sort.startswith("-") else 1
    return said is None, [*(sign * ord(letter) for letter in said or ""), sign * -1], sign * start_ns


@pytest.fixture(params=STORES)
def store(request):
    with opened(request.param) as made:
        yield made


def every_trace(store: SpanStore, query: Query):
    """Return all pages of *query*, walked forwards, and check that walking back gives the same."""
    pages = [store.find_traces(query)]
    while pages[-1].next_cursor is not None:
        pages.append(store.find_traces(replace(query, cursor=pages[-1].next_cursor)))
    assert pages[0].previous_cursor is None
    back = [pages[-1]]
    while back[-1].previous_cursor is not None:
        back.append(store.find_traces(replace(query, cursor=back[-1].previous_cursor)))
    assert [page.items for page in reversed(back)] == [page.items for page in pages]
    return [item for page in pages for item in page.items]


@over_engines(
    st.lists(records(), min_size=1, max_size=25).map(distinct),
    st.sampled_from([f"{sign}{name}" for sign in ("", "-") for name in (*ORDERS, *TEXT_ORDERS)]),
    st.integers(1, 4),
    st.sampled_from([EVERYTHING, Term("kind", "=", ("llm",)), Not(Term("status", "=", ("error",)))]),
)
def test_pages_hold_every_trace_once_in_order_with_the_unsaid_last(kind, found, sort, limit, filter_):
    with opened(kind) as store:
        store.write(found)
        for range_ in ({}, {"from_ns": START_NS + SECOND, "to_ns": START_NS + 4 * SECOND}):
            items = every_trace(store, Query("default", filter_, sort=sort, limit=limit, **range_))
            every = store.find_traces(Query("default", filter_, limit=1_000, **range_)).items
            assert Counter(items) == Counter(every)
            places = list(map(place_in(sort), items))
            assert places == sorted(places)


#: Texts in their order: by code points, whatever a language makes of them.
IN_ORDER = ("", " x", "A", "B", "Z", "a", "a b", "ab", "\u00e4", "\u4e2d", "\U0001f600")


def saying(number: int, sort: str, *said: str | None) -> Record:
    """Return a span, the only one of a trace, of which an order of texts compares what is *said*."""
    one = llm(f"{number:032x}", "a" * 16, at=number)
    (text, *_) = said
    if text is None:
        return one
    more: dict[str, dict[str, object]] = {
        "name": {"name": text}, "input": {"input": text}, "output": {"output": text}, "model": {"model": text},
        "tags": {"tags": said}, "env": {"environment": text}, "prompt": {"prompt": PromptUse(text)},
        "user": {"user_id": text}, "session": {"session_id": text},
    }  # fmt: skip
    return replace(one, reading=replace(one.reading, **more[sort]))


@pytest.mark.parametrize("sort", TEXT_ORDERS)
def test_texts_are_sorted_by_their_characters_and_what_is_the_same_by_time(store, sort):
    long = [f"{'x' * 100}{end}" for end in ("later", "earlier")]
    said = [text for text in (*IN_ORDER, *long) if text or sort not in ("model", "prompt", "tags")]
    said = [*said, *said, *([] if sort == "name" else [None])]
    random.Random(1).shuffle(said)
    store.write([saying(n, sort, text) for n, text in enumerate(said, 1)])
    for way in (sort, f"-{sort}"):
        items = every_trace(store, Query("default", sort=way, limit=3))
        assert len(items) == len(said)
        assert items == sorted(items, key=place_in(way))
        assert len({TEXT_ORDERS[sort](item) for item in items}) > len(IN_ORDER)


@pytest.mark.parametrize("sort", TEXT_ORDERS)
def test_the_longest_texts_of_the_largest_characters_are_sorted(store, sort):
    """An index of PostgreSQL takes no entry beyond a third of a page, however little it can be packed."""
    rng = random.Random(2)
    said = ["".join(chr(rng.randrange(0x10000, 0x110000)) for _ in range(3_000)) for _ in range(3)]
    store.write([saying(n, sort, text) for n, text in enumerate(said, 1)])
    items = every_trace(store, Query("default", sort=sort, limit=1))
    assert [item.trace_id for item in items] == [f"{said.index(text) + 1:032x}" for text in sorted(said)]


@over_engines(
    st.lists(records(), min_size=1, max_size=25).map(distinct),
    st.lists(
        st.tuples(st.sampled_from(TRACES), st.sampled_from((*LABELS, None)), st.booleans()), max_size=8, unique=True
    ),
    st.sampled_from(["labels", "-labels"]),
    st.integers(1, 4),
    st.sampled_from([EVERYTHING, Term("kind", "=", ("llm",)), Not(Term("label", "=", ("fail",)))]),
)
def test_traces_stand_with_the_first_of_the_labels_that_were_given_to_them_or_their_spans(
    kind, found, given, sort, limit, filter_
):
    with opened(kind) as store:
        store.write(found)
        store.annotate([judged(n, *one) for n, one in enumerate(given)])
        store.unannotate("default", "0")
        first = {trace: min(said) for trace, said in by_trace(given[1:]).items()}
        for range_ in ({}, {"from_ns": START_NS + SECOND, "to_ns": START_NS + 4 * SECOND}):
            items = every_trace(store, Query("default", filter_, sort=sort, limit=limit, **range_))
            every = store.find_traces(Query("default", filter_, limit=1_000, **range_)).items
            assert Counter(items) == Counter(every)
            places = [place_of_text(first.get(item.trace_id), item.start_ns, sort) for item in items]
            assert places == sorted(places)


def judged(number: int, trace: str, label: str | None, of_span: bool) -> Annotation:
    """Return a judgement; one without a label has a score."""
    span, score = "a" * 16 if of_span else None, 0.5 if label is None else None
    return Annotation(str(number), "default", f"name {number % 3}", trace, span, label, score, annotator=ANN)


def by_trace(given: list[tuple[str, str | None, bool]]) -> dict[str, list[str]]:
    """Return the labels of each trace that has one."""
    said: dict[str, list[str]] = {}
    for trace, label, _ in given:
        if label is not None:
            said.setdefault(trace, []).append(label)
    return said


def test_a_page_goes_on_from_a_label_that_is_gone_and_a_thousand_traces_are_one_page(store):
    store.write([llm(f"{n:032x}", "a" * 16, at=n) for n in range(1, 1_006)])
    store.annotate([judged(n, f"{n:032x}", label, False) for n, label in ((1, "b"), (2, "a"), (3, "c"), (4, "c"))])
    first = store.find_traces(Query("default", sort="labels", limit=2))
    assert [int(item.trace_id, 16) for item in first.items] == [2, 1]
    store.unannotate("default", "1")
    rest = store.find_traces(Query("default", sort="labels", limit=1_000, cursor=first.next_cursor))
    assert [int(item.trace_id, 16) for item in rest.items][:4] == [3, 4, 1, 5]
    assert len(rest.items) == 1_000
    last = store.find_traces(Query("default", sort="labels", limit=1_000, cursor=rest.next_cursor))
    assert [int(item.trace_id, 16) for item in last.items] == [1_002, 1_003, 1_004, 1_005]


def test_of_several_texts_the_first_decides_then_the_next(store):
    tags = [["b"], ["a", "c"], ["a"], ["a", "b"], ["a-b"]]
    store.write([saying(n, "tags", *said) for n, said in enumerate(tags, 1)])
    found = [list(trace.tags) for trace in store.find_traces(Query("default", sort="tags")).items]
    assert found == [["a"], ["a", "b"], ["a", "c"], ["a-b"], ["b"]]


def test_a_cursor_that_is_not_ours_is_refused_politely(store):
    store.write([record(TRACES[0], "a" * 16)])
    for cursor in ("", "x", "!!!", "AAAA", "W10", "WzEsMiwzLDRd", "WyItdGltZSIsMSwyLDAsNV0", "é"):
        with pytest.raises(SpanwiseError, match="cursor"):
            store.find_traces(Query("default", cursor=cursor))
    for said in (["name", 1, 2, 0], ["name", 1, 2, 0, 3], ["name", None, 2, 0, "a"], ["name", 1, 2, 0, "a", "b"]):
        with pytest.raises(SpanwiseError, match="cursor"):
            store.find_traces(Query("default", sort="name", cursor=urlsafe_b64encode(orjson.dumps(said)).decode()))
    said = ["-time", 1, 2, 0, "a"]
    with pytest.raises(SpanwiseError, match="cursor"):
        store.find_traces(Query("default", cursor=urlsafe_b64encode(orjson.dumps(said)).decode()))


def test_a_cursor_of_another_order_is_refused(store):
    store.write([record(trace, "a" * 16) for trace in TRACES])
    cursor = store.find_traces(Query("default", limit=1)).next_cursor
    with pytest.raises(SpanwiseError, match="cursor"):
        store.find_traces(Query("default", sort="-cost", cursor=cursor))


def test_an_order_that_does_not_exist_is_refused_with_those_that_do(store):
    store.write([record(TRACES[0], "a" * 16)])
    with pytest.raises(SpanwiseError) as caught:
        store.find_traces(Query("default", sort="size"))
    assert "latency" in caught.value.hint
