"""Every store takes in a large trace as it does a small one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from store_engines import KINDS, opened, sums
from store_model.spans import TRACES, llm, record


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def test_a_large_trace_comes_to_the_same_however_it_comes(store):
    """Late, twice, changed, from the bottom up, wrapped after it was counted, and with a root that comes last."""
    ids = [f"{n:016x}" for n in range(1, 701)]
    steps = [
        llm(TRACES[0], one, parent=ids[n // 9], at=n / 100, took=n % 3, tokens=n, cost=n, user__id=f"u{n % 3}")
        if n % 2
        else record(TRACES[0], one, parent=ids[n // 9], at=n / 100, name=f"step {n % 5}", status="error")
        for n, one in enumerate(ids)
        if n
    ]
    root = record(TRACES[0], ids[0], name="request", took=9, spanwise__input="asked", spanwise__output="said")
    random.Random(3).shuffle(steps)
    store.write(steps[:600])
    store.write(steps[590:640])
    store.write([llm(TRACES[0], ids[n], parent=ids[n // 9], at=n / 100, tokens=1, cost=5) for n in (688, 690, 691)])
    store.write([*steps[640:], root])
    store.write([replace(one, reading=replace(one.reading, environment="prod")) for one in steps[10:14]])
    store.write([llm(TRACES[0], "f" * 16, parent=ids[0], at=5, tokens=3), llm(TRACES[0], "e" * 16, parent="f" * 16)])
    kept, summed = store.trace("default", TRACES[0]), sums(store)
    assert (kept.summary.span_count, kept.summary.name, kept.summary.input_preview) == (702, "request", "asked")
    store.recount()
    assert store.trace("default", TRACES[0]) == kept
    assert sums(store) == summed


def none_whole(keys):
    asked = list(keys)
    assert not asked, "no trace is read as a whole"
    return {}


def test_a_batch_of_a_large_trace_reads_only_what_comes_again(monkeypatch):
    """Its sums are kept from write to write, unless somebody else wrote it meanwhile."""
    with opened("clickhouse") as store:
        spans = [llm(TRACES[0], f"{n:016x}", at=n / 100, tokens=n, cost=n) for n in range(1, 760)]
        store.write(spans[:600])
        with monkeypatch.context() as patch:
            patch.setattr(store._writer, "spans_of", none_whole)
            store.write(spans[595:610])
            store.write([*spans[610:640], replace(spans[0], reading=replace(spans[0].reading, environment="prod"))])
            with pytest.raises(AssertionError, match="whole"):
                store.write([llm(TRACES[1], "a" * 16)])
        assert store.repeated == 6
        other = type(store._writer)(store.server)
        monkeypatch.setattr(store, "_writer", other)  # as another server has
        store.write(spans[640:700])
        monkeypatch.undo()
        store.write(spans[690:])
        kept, summed = store.trace("default", TRACES[0]), sums(store)
        assert (kept.summary.span_count, kept.summary.cost_nusd) == (759, sum(range(1, 760)))
        assert len(store.find_traces(Query("default", parse("env:prod"))).items) == 1
        store.recount()
        assert (store.trace("default", TRACES[0]), sums(store)) == (kept, summed)
        store.delete_trace("default", TRACES[0])
        store.write(spans[:3])
        assert store.trace("default", TRACES[0]).summary.span_count == 3
