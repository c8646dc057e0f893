"""A trace as its tree shows it is the trace itself, as far as rows know it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.record import Cost
from spanwise_server.store.engine import STORES
from spanwise_server.store.sqlite import SqliteStore
from store_engines import opened
from store_model.spans import TRACES, distinct, llm, record, records


@pytest.fixture(params=STORES)
def store(request):
    with opened(request.param) as made:
        yield made


def test_every_engine_gives_the_outline_and_some_spans_of_a_trace(store):
    spans = [
        llm(TRACES[0], "a" * 16, tokens=7, cost=5, at=2),
        record(TRACES[0], "b" * 16, parent="a" * 16, at=3, status="error"),
        record(TRACES[0], "c" * 16, at=1),
        record(TRACES[1], "d" * 16),
    ]
    store.write(spans)
    whole, outline = store.trace("default", TRACES[0]), store.outline("default", TRACES[0])
    assert [drawn(one) for one in outline.records] == [drawn(one) for one in whole.records]
    assert outline.summary == whole.summary
    assert list(outline.records.ids) == [one.span.span_id for one in whole.records]
    assert store.spans_of("default", TRACES[0], ["b" * 16, "c" * 16, "d" * 16]) == (spans[2], spans[1])
    assert store.spans_of("default", TRACES[0], []) == ()
    assert store.outline("other", TRACES[0]) is None


def test_the_outlines_of_several_traces_are_those_of_each(store):
    store.write([record(trace, f"{n + 1:016x}", at=-n, name=f"step {n}") for trace in TRACES[:3] for n in range(3)])
    store.write([record("e" * 32, "9" * 16, project="other")])
    asked = [TRACES[2], "f" * 32, TRACES[0], "e" * 32]
    found = dict(store.outlines("default", asked))
    assert list(found) == [TRACES[2], TRACES[0]]
    for trace_id, outline in found.items():
        alone = store.outline("default", trace_id).records
        assert [drawn(one) for one in outline] == [drawn(one) for one in alone]
        assert {one.span.trace_id for one in outline} == {trace_id}
    assert list(store.outlines("default", [])) == list(store.outlines("nobody", TRACES)) == []


def test_a_trace_is_of_another_revision_after_every_write_that_touches_it(store):
    first = llm(TRACES[0], "a" * 16, tokens=10)
    store.write([first, record(TRACES[1], "d" * 16)])
    seen = [store.extent("default", TRACES[0])]
    assert seen[0].spans == 1
    other = store.extent("default", TRACES[1])
    store.write([record(TRACES[0], "b" * 16)])
    seen.append(store.extent("default", TRACES[0]))
    assert seen[-1].spans == 2
    store.write([replace(first, reading=replace(first.reading, name="renamed"))])
    seen.append(store.extent("default", TRACES[0]))
    (_,) = store.revised("default", [TRACES[0]], priced, lambda reviser, part: reviser.reprice(part))
    seen.append(store.extent("default", TRACES[0]))
    assert len({one.revision for one in seen}) == len(seen)
    assert store.extent("default", TRACES[1]) == other
    assert store.extent("other", TRACES[0]) is None
    store.delete_trace("default", TRACES[0])
    assert store.extent("default", TRACES[0]) is None


def priced(reading, start_ns):
    return None if reading.usage is None else Cost(1_000)


@given(st.lists(records(traces=1), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_outline_says_what_a_tree_draws(found):
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "main.db")
        store.open()
        with closing(store):
            store.write(distinct(found))
            whole, outline = store.trace("default", TRACES[0]), store.outline("default", TRACES[0])
            assert whole is not None
            assert outline is not None
            ids = [record.span.span_id for record in whole.records]
            some = store.spans_of("default", TRACES[0], ids[::2])
            assert store.outline("default", "f" * 32) is None
    assert outline.summary == whole.summary
    assert some == whole.records[::2]
    assert [drawn(record) for record in outline.records] == [drawn(record) for record in whole.records]


def drawn(record):
    span, reading = record.span, record.reading
    usage, cost = reading.usage, record.cost
    return (
        span.span_id, span.parent_span_id, span.start_ns, span.end_ns, span.status, record.kind, record.name,
        reading.model or reading.request_model, None if usage is None else usage.total_tokens, reading.ttft_ms,
        None if cost is None else cost.total_nusd, record.unpriced,
    )  # fmt: skip
