"""Measures of all spans: what rollups, ends of ranges and spans tell together is what a reader would count."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.errors import SpanwiseError
from spanwise_server.query.figures import measure_named
from spanwise_server.query.filters import Query
from spanwise_server.query.measures import KEYS
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Usage
from spanwise_server.store import tally as tallying
from spanwise_server.store.figures_asked import figures
from spanwise_server.store.rollups import HOUR_NS
from store_engines import KINDS, opened
from store_model.spans import SECOND, START_NS, TRACES, distinct, llm, record, records
from store_model.tallies import SAYS, check_told, told_one_by_one

HYPOTHESIS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOMENTS = (
    st.none()
    | st.integers(-3, 3).map(lambda n: START_NS // HOUR_NS * HOUR_NS + n * HOUR_NS)
    | st.integers(-3_600, 7_200).map(lambda s: START_NS + s * SECOND)
)


@given(
    kind=st.sampled_from(tuple(KINDS)),
    found=st.lists(records(), max_size=12),
    by=st.sets(st.sampled_from(sorted(SAYS)), max_size=2).map(lambda keys: tuple(sorted(keys))),
    text=st.sampled_from(["", "model:gpt-refuse", "-kind:llm", "kind:llm OR provider:x*", "status:error", "user:ann"]),
    start=MOMENTS,
    end=MOMENTS,
)
@HYPOTHESIS
def test_every_series_is_what_a_reader_would_count(kind, found, by, text, start, end):
    kept = distinct(found)
    query = Query("default", parse(text), start, end)
    with opened(kind) as store:
        store.write(kept)
        summaries = {t.trace_id: t for t in store.find_traces(Query("default", limit=100)).items}
        told = {one.key: one for one in store.tally(query, by, traces=True, percentiles=True)}
    check_told(told, told_one_by_one(kept, query, by, summaries))


@given(kind=st.sampled_from(tuple(KINDS)), found=st.lists(records(), max_size=12), by=st.sampled_from(sorted(SAYS)))
@HYPOTHESIS
def test_money_and_tokens_of_all_series_are_those_of_all_traces(kind, found, by):
    with opened(kind) as store:
        store.write(distinct(found))
        traces = store.find_traces(Query("default", limit=100)).items
        series = store.tally(Query("default"), [by])
    assert sum(one.sums.cost_nusd for one in series) == sum(trace.cost_nusd or 0 for trace in traces)
    assert sum(one.sums.unpriced for one in series) == sum(trace.unpriced_count for trace in traces)
    together = sum((one.sums.usage for one in series), Usage())
    whole = sum((trace.usage for trace in traces if trace.usage is not None), Usage())
    assert all((getattr(together, f.name) or 0) == (getattr(whole, f.name) or 0) for f in fields(Usage))


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def test_every_key_is_told(store):
    store.write([llm(TRACES[0], "a" * 16, cost=5, user__id="ann", session__id="s_1", spanwise__prompt__name="support")])
    for key in KEYS:
        assert [one.sums.cost_nusd for one in store.tally(Query("default"), [key])] == [5], key


def test_ends_of_a_range_within_an_hour_are_exact(store):
    store.write([record(TRACES[n], f"{n:016x}", at=n * 1_800) for n in range(4)])
    for seconds, spans in ((0, 4), (1, 3), (1_800, 3), (5_399, 1), (5_401, 0)):
        query = Query("default", from_ns=START_NS + seconds * SECOND)
        assert store.tally(query, ())[0].sums.calls == spans


def test_a_project_without_spans_comes_to_nothing(store):
    (one,) = store.tally(Query("nobody"), (), traces=True, percentiles=True)
    assert (one.sums.calls, one.traces, one.latency.p50_ms) == (0, 0, None)
    assert store.tally(Query("nobody"), ("model",)) == ()


def test_too_many_series_are_refused(store, monkeypatch):
    monkeypatch.setattr(tallying, "MOST_SERIES", 2)
    store.write([record(TRACES[0], f"{n:016x}", name=f"step {n}") for n in range(3)])
    with pytest.raises(SpanwiseError):
        store.tally(Query("default"), ["name"])


def test_shares_of_labels_that_fail_are_told_by_key(store):
    store.write([llm(TRACES[n], f"{n + 1:016x}", user__id=("ann", "ann", "bob")[n]) for n in range(3)])
    verdicts = ((0, "correct", "fail"), (1, "correct", "pass"), (2, "correct", "pass"), (2, "tone", "fail"))
    store.annotate([Annotation(f"{n}{name}", "default", name, TRACES[n], None, label) for n, name, label in verdicts])
    measures = [measure_named(name) for name in ("labelled", "label_fail_rate", "label_fail_rate.correct")]
    found = figures(store, Query("default"), ["user"], measures)
    assert {one.key[0]: [measure.value(one) for measure in measures] for one in found} == {
        "ann": [2, 0.5, 0.5],
        "bob": [1, 1.0, 0.0],
    }
