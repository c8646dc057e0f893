"""The text index is asked row by row or once for everything: the answer is the same, and its price is bounded."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store import find, proof
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import record

ASKED = (
    "-attr.tenant:*", "attr.tenant:t1", "-attr.tenant:t1", "attr.n>5", "refund", "-refund", '"the refund"',
    "any:(attr.tenant:t2)",
    "attr.tenant:t1 OR attr.tenant:t2", "status:error -attr.tenant:t0", "refund attr.tenant:t1",
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "main.db")
    made.open()
    with closing(made):
        for n in range(60):
            said = {"tenant": f"t{n % 3}"} if n % 10 else {}
            name = "the refund" if n % 4 else "refund the"
            status = "error" if n % 5 == 0 else "ok"
            trace, span = f"{n + 1:032x}", f"{n + 1:016x}"
            made.write([record(trace, span, at=n, n=n, name=name, status=status, **said)])
        assert made.wait_until_searchable()
        yield made


def everything(store, text, sort):
    """Return the ids of all traces and of all spans found, page by page."""
    found = []
    for ask, id_of in ((store.find_traces, lambda t: t.trace_id), (store.find_spans, lambda r: r.span.span_id)):
        query = Query("default", parse(text), sort=sort, limit=7)
        ids = []
        while True:
            page = ask(query)
            ids += map(id_of, page.items)
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
        found.append(ids)
    return found


@pytest.mark.parametrize("sort", ["-time", "time", "-latency"])
@pytest.mark.parametrize("text", ASKED)
def test_both_ways_to_ask_the_index_find_the_same(store, monkeypatch, text, sort):
    one_by_one = everything(store, text, sort)
    monkeypatch.setattr(find, "_WALKED_FIRST", 3)
    monkeypatch.setattr(find, "_DRIVEN_ONE_BY_ONE", 0)
    assert everything(store, text, sort) == one_by_one
    traces, _ = one_by_one
    assert len(set(traces)) == len(traces)


def test_figures_prove_few_spans_and_say_that_they_did(store, monkeypatch):
    query = Query("default", parse('"the refund"'))
    exact = store.totals(query).traces
    assert (exact.n, exact.exact) == (45, True)
    store._writer.changes += 1  # forgets what was proved
    limited = proof.Proofs.limited
    monkeypatch.setattr(proof.Proofs, "limited", lambda proofs, most: limited(proofs, min(most, 5)))
    believed = store.totals(query).traces
    assert not believed.exact
    assert 45 <= believed.n <= 60
    assert sum(bar.ok + bar.errors for bar in store.histogram(query, 5)) <= 60


def test_what_was_proved_of_a_span_is_forgotten_when_it_changes(store):
    query = Query("default", parse('"the refund"'))
    assert store.totals(query).traces.n == 45
    store.write([record(f"{2:032x}", f"{2:016x}", at=1, name="refund the", tenant="t1")])
    assert store.wait_until_searchable()
    assert store.totals(query).traces.n == 44
