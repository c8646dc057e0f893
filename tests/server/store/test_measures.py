"""Measures of model calls: rollups and calls tell the same, and both tell what a reader would count."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.query.calls import CALLS
from spanwise_server.query.filters import Query
from spanwise_server.query.measures import Steps
from spanwise_server.query.parse import parse
from spanwise_server.record import MODEL_KINDS, Usage
from spanwise_server.store import measures, settled
from spanwise_server.store.engine import Store
from spanwise_server.store.gathered import Gathered
from spanwise_server.store.kept_measures import KeptMeasures
from spanwise_server.store.rollups import HOUR_NS
from store_engines import KINDS, opened
from store_model.spans import START_NS, TRACES, distinct, llm, record, records

FIRST = START_NS // HOUR_NS * HOUR_NS
STEPS = Steps(FIRST - HOUR_NS, HOUR_NS, 4)
HYPOTHESIS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def measured(store: Store, text: str = "", by: str = "model", steps: Steps = STEPS):
    return store.measure(Query("default", parse(text)), by, steps)


@given(
    kind=st.sampled_from(tuple(KINDS)),
    found=st.lists(records(), max_size=12),
    by=st.sampled_from(list(measures.VALUE_OF_SERIES)),
    text=st.sampled_from(
        ["", "model:gpt-refuse", "-model:gpt-refuse", "kind:llm OR provider:x*", "env:prod", "-env:*"]
    ),
)
@HYPOTHESIS
def test_rollups_and_calls_tell_the_same(kind, found, by, text):
    with opened(kind) as store:
        store.write(distinct(found))
        query = Query("default", parse(text))
        assert measures.rollups_tell(query.filter, by, STEPS)
        with store._reading("default") as (connection, project_id):
            kept, every = KeptMeasures(), range(STEPS.count)
            told = kept.measure(connection, project_id or 0, query.filter, by, STEPS, times=True)
            again = kept.measure(connection, project_id or 0, query.filter, by, STEPS, times=True)
            rolled = Gathered()
            measures.add_rollups(rolled, connection, project_id or 0, query.filter, by, STEPS, every, times=True)
            looked = measures._from_calls(connection, project_id or 0, query, by, STEPS)
            seen = settled.measured(looked, STEPS)
    assert told == again == settled.measured(rolled, STEPS)
    assert told.slots == seen.slots
    assert (told.sums, told.latency, told.ttft) == (seen.sums, seen.latency, seen.ttft)
    said = [part for part in told.parts if part.sums != type(part.sums)()]
    assert said == [part for part in seen.parts if part.sums != type(part.sums)()]


@given(kind=st.sampled_from(tuple(KINDS)), found=st.lists(records(), max_size=12))
@HYPOTHESIS
def test_calls_are_spans_of_models_and_costs_are_those_of_the_traces(kind, found):
    kept = distinct(found)
    with opened(kind) as store:
        store.write(kept)
        told = measured(store)
        sums = told.sums
        listed = {
            key: store.find_calls(Query("default", parse(some.terms), own_environment=True, limit=100)).items
            for key, some in CALLS.items()
        }
        traces = store.find_traces(Query("default", parse(""), limit=100)).items
    calls = [one for one in kept if one.kind in MODEL_KINDS]
    assert sums.calls == len(calls)
    assert sums.errors == sum(one.span.status == "error" for one in calls)
    assert sums.cost_nusd == sum(trace.cost_nusd or 0 for trace in traces)
    assert sums.unpriced == sum(trace.unpriced_count for trace in traces)
    whole = sum((trace.usage for trace in traces if trace.usage is not None), Usage())
    assert all((getattr(sums.usage, f.name) or 0) == (getattr(whole, f.name) or 0) for f in fields(Usage))
    for key, some in CALLS.items():
        assert some.count(told) in (len(listed[key]), None), key
    assert sums.cost_nusd == sum(call.cost_nusd or 0 for call in listed["priced"])
    assert (whole.total_tokens or 0) == sum((call.usage or Usage()).total_tokens or 0 for call in listed["tokens"])


def test_a_call_stands_in_the_step_in_which_it_began(store):
    store.write([llm(TRACES[0], "a" * 16, cost=5, at=0), llm(TRACES[1], "b" * 16, cost=7, at=3_600)])
    assert [slot.sums.cost_nusd for slot in measured(store).slots if slot.sums.calls] == [5, 7]
    before = STEPS.before()
    assert before.end_ns == STEPS.first_ns
    assert measured(store, steps=before).sums.calls == 0


DAYS = [
    Steps(FIRST - 40 * 24 * HOUR_NS, 4 * HOUR_NS, 250),
    Steps(FIRST // (24 * HOUR_NS) * 24 * HOUR_NS - 40 * 24 * HOUR_NS, 2 * 24 * HOUR_NS, 21),
]
"""Steps shorter and longer than the days of which changes are counted."""


@pytest.mark.parametrize("steps", DAYS, ids=["hours", "days"])
def test_what_was_measured_before_is_told_again_only_where_it_still_holds(store, steps):
    def asked():
        return [
            (store.measure(Query("default", parse(text)), by, steps), by, text)
            for by, text in [("model", ""), ("prompt", ""), ("provider", "-model:gpt-refuse"), ("model", "model:other")]
        ]

    def told_anew():
        """Return what one tells who was never asked: not this store's own memory."""
        if hasattr(store, "_measures"):
            store._measures = KeptMeasures()
        return asked()

    day = 24 * 3_600
    store.write([llm(TRACES[n], "a" * 16, at=-n * 9 * day, cost=10**n) for n in range(4)])
    before = asked()
    assert before[0][0].sums.cost_nusd == 1_111
    for change, cost in [
        (lambda: None, 1_111),
        (lambda: store.write([llm(TRACES[3], "b" * 16, at=-27 * day, cost=10_000)]), 11_111),  # late
        (lambda: store.write([llm(TRACES[4], "a" * 16, at=-3 * day, model="other", cost=5)]), 11_116),  # where none was
        (lambda: store.write([llm(TRACES[0], "a" * 16, at=0, cost=7)]), 11_122),  # in the place of another
        (lambda: store.write([llm(TRACES[2], "c" * 16, at=-18 * day + 1, cost=1)]), 11_123),
        (lambda: store.delete_trace("default", TRACES[3]), 123),
        (store.recount, 123),
        (lambda: store.delete_trace("default", TRACES[0]), 116),
    ]:
        change()
        found = asked()
        assert found[0][0].sums.cost_nusd == cost
        assert found == asked() == told_anew()


def test_where_nothing_was_written_since_nothing_is_added_up_again(store, monkeypatch):
    store.write([llm(TRACES[0], "a" * 16, cost=10)])
    first = measured(store)
    with monkeypatch.context() as patch:
        patch.setattr("spanwise_server.store.kept_measures.measured", lambda *_: pytest.fail("added up again"))
        assert measured(store) == first
    store.write([llm(TRACES[1], "a" * 16, cost=1)])
    assert measured(store).sums.cost_nusd == 11


def test_parts_are_the_dearest_first_and_say_what_has_no_value(store):
    store.write(
        [
            llm(TRACES[0], "a" * 16, cost=5, model="cheap"),
            llm(TRACES[1], "b" * 16, cost=70, model="dear", spanwise__prompt__name="support"),
            llm(TRACES[2], "c" * 16, cost=None, model="unknown"),
        ]
    )
    by_model = measured(store)
    assert [(part.value, part.sums.known_cost_nusd) for part in by_model.parts] == [
        ("dear", 70), ("cheap", 5), ("unknown", None),
    ]  # fmt: skip
    assert by_model.sums.unpriced == 1
    assert {part.provider for part in by_model.parts} == {"openai"}
    assert None in [part.value for part in measured(store, by="prompt").parts]


def test_a_user_is_found_by_looking_at_the_calls(store):
    store.write([llm(TRACES[0], "a" * 16, user__id="ann", cost=1), llm(TRACES[1], "b" * 16, user__id="bob", cost=2)])
    assert [(part.value, part.sums.cost_nusd) for part in measured(store, by="user").parts] == [("bob", 2), ("ann", 1)]
    assert measured(store, "user:ann").sums.calls == 1
    assert measured(store, "cost>0.000000001").sums.cost_nusd == 2


def test_a_call_of_two_tags_stands_under_both_and_counts_once(store):
    store.write(
        [
            llm(TRACES[0], "a" * 16, spanwise__tags=["beta", "vip"], cost=1),
            llm(TRACES[1], "b" * 16, spanwise__tags=["beta"], cost=2),
            llm(TRACES[2], "c" * 16, cost=4),
        ]
    )
    told = measured(store, by="tag")
    assert [(part.value, part.sums.calls, part.sums.cost_nusd) for part in told.parts] == [
        (None, 1, 4), ("beta", 2, 3), ("vip", 1, 1),
    ]  # fmt: skip
    assert (told.sums.calls, told.sums.cost_nusd, told.latency.of) == (3, 7, 3)


def test_sessions_cost_what_their_priced_calls_do(store, monkeypatch):
    store.write(
        [
            record(TRACES[0], "1" * 16, session__id="s1"),
            llm(TRACES[0], "a" * 16, parent="1" * 16, cost=10),
            llm(TRACES[1], "b" * 16, at=1, session__id="s1", cost=20),
            llm(TRACES[2], "c" * 16, at=2, session__id="s2", cost=60),
            llm(TRACES[3], "d" * 16, at=3, cost=500),
            llm(TRACES[4], "e" * 16, at=4, session__id="s3"),
        ]
    )
    told = store.session_costs(Query("default", parse("")))
    assert (told.sessions, told.cost_nusd, told.each_nusd, told.newest_only) == (2, 90, 45, False)
    monkeypatch.setattr(measures, "MOST_OF_SESSIONS", 2)
    told = store.session_costs(Query("default", parse("kind:llm")))
    assert (told.sessions, told.cost_nusd, told.newest_only) == (1, 60, True)


def test_only_the_newest_calls_are_looked_at_where_there_are_many(store, monkeypatch):
    monkeypatch.setattr(measures, "MOST_CALLS", 2)
    store.write([llm(TRACES[n], "a" * 16, at=n, user__id="ann", cost=10**n) for n in range(4)])
    few = measured(store, by="user")
    assert few.newest_only
    assert few.sums.cost_nusd == 1_100
    assert not measured(store).newest_only


def test_percentiles_are_within_two_percent(store):
    store.write([llm(f"{n:032x}", "a" * 16, took=n / 10) for n in range(1, 101)])
    latency = measured(store).latency
    assert latency.p50_ms == pytest.approx(5_000, rel=0.02)
    assert latency.p95_ms == pytest.approx(9_500, rel=0.02)
    assert latency.p99_ms == pytest.approx(9_900, rel=0.02)


def test_points_are_answered_calls_with_their_output_tokens(store):
    store.write(
        [
            llm(TRACES[0], "a" * 16, gen_ai__usage__output_tokens=12, took=2),
            llm(TRACES[1], "b" * 16, gen_ai__usage__output_tokens=12, status="error"),
            llm(TRACES[2], "c" * 16),
            record(TRACES[3], "d" * 16),
        ]
    )
    (point,) = store.call_points(Query("default", parse("")), 10)
    assert (point.trace_id, point.span_id, point.output_tokens, point.duration_ms) == (TRACES[0], "a" * 16, 12, 2_000)


def test_the_range_of_calls_is_whole_hours(store):
    assert store.range_of_calls("default") is None
    store.write([record(TRACES[1], "d" * 16, at=-9_000), llm(TRACES[0], "a" * 16)])
    assert store.range_of_calls("default") == (FIRST, FIRST + HOUR_NS)
