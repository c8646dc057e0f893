"""A call that two spans report is counted once, whatever order they come in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.query.filters import Query
from spanwise_server.record import Record
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import TRACES, llm, record, records

ROOT = "a" * 16


def summary_of(*spans: Record):
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "main.db")
        store.open()
        with closing(store):
            store.write([record(TRACES[0], ROOT, name="request", took=30), *spans])
            return store.trace("default", TRACES[0]).summary


def call(span_id: str, answer: str | None = "resp_1", **more) -> Record:
    if answer is not None:
        more["gen_ai__response__id"] = answer
    return llm(TRACES[0], span_id * 16, **{"parent": ROOT, **more})


def test_two_spans_side_by_side_with_one_answer_are_one_call():
    summary = summary_of(call("b", tokens=100, cost=1_000, at=1, took=3), call("c", tokens=100, cost=1_000, at=2))
    assert (summary.llm_count, summary.usage.total_tokens, summary.cost_nusd) == (1, 100, 1_000)


def test_the_span_that_says_most_of_the_call_is_counted():
    unpriced = call("b", tokens=100, at=1, took=3)
    priced = call("c", tokens=100, cost=1_000, at=2)
    silent = call("d", tokens=None, at=1)
    summary = summary_of(unpriced, priced, silent)
    assert (summary.llm_count, summary.cost_nusd, summary.unpriced_count) == (1, 1_000, 0)


def test_calls_with_other_answers_or_none_are_all_counted():
    spans = [call("b", tokens=1), call("c", "resp_2", tokens=2), call("d", None, tokens=4), call("e", None, tokens=8)]
    assert summary_of(*spans).usage.total_tokens == 15


def test_answers_with_one_id_one_after_the_other_are_calls_of_their_own():
    summary = summary_of(call("b", tokens=100, at=0, took=1), call("c", tokens=100, at=2))
    assert (summary.llm_count, summary.usage.total_tokens) == (2, 200)


def test_answers_with_one_id_at_the_same_time_but_other_counts_are_calls_of_their_own():
    summary = summary_of(call("b", tokens=100), call("c", tokens=30))
    assert (summary.llm_count, summary.usage.total_tokens) == (2, 130)


def test_spans_that_agree_on_one_side_only_are_one_call():
    """Some instrumentations count the output of a stream twice."""
    said = {"gen_ai__usage__output_tokens": 7}, {"gen_ai__usage__output_tokens": 14}
    summary = summary_of(call("b", tokens=100, **said[0]), call("c", tokens=100, **said[1]))
    assert summary.llm_count == 1
    assert summary.usage.input_tokens == 100


def both(span_id, answer, given=100, found=9, **more):
    return call(span_id, answer, tokens=given, gen_ai__usage__output_tokens=found, **more)


def test_a_span_that_names_no_answer_is_one_call_with_one_that_does_where_all_tokens_agree():
    assert summary_of(both("b", None, took=3), both("c", "resp_1", at=1)).llm_count == 1


def test_each_span_that_names_an_answer_stands_for_one_that_does_not_at_most():
    spans = [both("b", None), both("c", None), both("d", None), both("e", "resp_1")]
    assert summary_of(*spans).llm_count == 3


def test_spans_that_name_no_answer_are_calls_of_their_own():
    assert (
        summary_of(both("b", None), both("c", None), both("d", None, found=8), both("e", "resp_1", 99)).llm_count == 4
    )


def test_a_span_that_names_no_answer_is_a_call_of_its_own_at_another_time():
    assert summary_of(both("b", None, at=0, took=1), both("c", "resp_1", at=2)).llm_count == 2


def test_an_id_that_a_server_gives_to_every_answer_makes_no_call_less():
    spans = [llm(TRACES[0], f"{n:016x}", gen_ai__response__id="chatcmpl-1", tokens=n, took=99) for n in range(1, 300)]
    assert summary_of(*spans).llm_count == 299


def test_the_same_id_in_another_trace_is_another_call():
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "main.db")
        store.open()
        with closing(store):
            store.write([llm(trace, "b" * 16, gen_ai__response__id="resp_1", tokens=5) for trace in TRACES[:2]])
            assert [t.usage.total_tokens for t in store.find_traces(Query("default")).items] == [5, 5]


def test_of_a_span_within_another_the_one_with_usage_is_the_call():
    inner_silent = summary_of(call("b", None, tokens=100), call("c", None, tokens=None, parent="b" * 16))
    outer_silent = summary_of(call("b", None, tokens=None), call("c", None, tokens=100, parent="b" * 16))
    for summary in (inner_silent, outer_silent):
        assert (summary.llm_count, summary.usage.total_tokens) == (1, 100)


def test_of_two_silent_spans_one_within_the_other_one_is_a_call():
    between = record(TRACES[0], "d" * 16, parent="b" * 16, name="post")
    assert (
        summary_of(call("b", None, tokens=None), between, call("c", None, tokens=None, parent="d" * 16)).llm_count == 1
    )


def replace_id(one: Record, span_id: str) -> Record:
    return replace(one, span=replace(one.span, span_id=span_id))


def own_span(span_id: str, **more) -> Record:
    """Return what a provider's client reports of a call whose answer it has not read."""
    return call(span_id, None, **{"name": "POST /v1/chat", "tokens": None, "status": "unset", **more})


ANSWERED = {"gen_ai__output__messages": '[{"role":"assistant","parts":[{"type":"text","content":"Yes."}]}]'}


def test_a_span_that_says_nothing_of_the_answer_is_one_call_with_the_one_that_it_ran_within():
    """A client's own span of a stream ends before it is read."""
    outer = call("b", tokens=100, at=1, took=3, gen_ai__response__model="gpt-4o-2024-08-06")
    for silent in (None, ANSWERED):
        said = outer if silent is None else call("b", None, tokens=None, at=1, took=3, **silent)
        assert summary_of(said, own_span("c", at=2)).llm_count == 1


def test_a_call_that_failed_is_one_call_though_two_report_it_and_neither_says_what_it_took():
    for status in ("unset", "error"):
        failed = call("b", None, tokens=None, at=1, took=3, status="error")
        summary = summary_of(failed, own_span("c", at=2, status=status))
        assert summary.llm_count == 1


def test_many_streams_at_once_are_as_many_calls():
    spans = [llm(TRACES[0], f"{n:016x}", parent=ROOT, tokens=n, at=n / 100, took=3) for n in range(1, 21)]
    own = [replace_id(own_span("c", at=1 + n / 100), f"{n:016x}") for n in range(101, 124)]
    assert summary_of(*spans, *own[:20]).llm_count == 20
    assert summary_of(*spans, *own).llm_count == 23


@pytest.mark.parametrize(
    "silent",
    [
        {"name": "chat gpt-4o"},
        {"at": 0.5},
        {"took": 9},
        {"parent": None},
        {"model": "gpt-3.5-turbo"},
        {"status": "error"},
        ANSWERED,
    ],
    ids=lambda differing: next(iter(differing)),
)
def test_a_span_that_says_nothing_of_the_answer_is_a_call_of_its_own(silent):
    """Of one instrumentation, at another time, elsewhere, of another model, with an end or answer of its own."""
    outer = call("b", tokens=100, at=1, took=3)
    assert summary_of(outer, own_span("c", **{"at": 2, **silent})).llm_count == 2


def test_a_call_below_a_model_span_of_another_kind_is_a_call_of_its_own():
    embedding = {"gen_ai__operation__name": "embeddings"}
    assert (
        summary_of(call("b", None, tokens=9, **embedding), call("c", None, tokens=None, parent="b" * 16)).llm_count == 1
    )


def test_calls_without_usage_below_a_long_chain_are_all_counted():
    silent = 400
    chain = [record(TRACES[0], f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else None) for n in range(1, silent)]
    calls = [llm(TRACES[0], f"{n:016x}", parent=f"{silent - 1:016x}", tokens=None) for n in range(silent, 2 * silent)]
    assert summary_of(*chain, *calls).llm_count == silent


def everything_summed(batches) -> tuple[object, ...]:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "main.db")
        store.open()
        with closing(store):
            for batch in batches:
                store.write(batch)
            totals = store.totals(Query("default"))
            return store.find_traces(Query("default")).items, totals


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_counted_depends_on_no_order_and_on_no_batches(data):
    spans = data.draw(st.lists(records(traces=1), min_size=2, max_size=6, unique_by=lambda record: record.span.span_id))
    shuffled = data.draw(st.permutations(spans))
    cut = data.draw(st.integers(0, len(spans)))
    at_once = everything_summed([spans])
    assert everything_summed([batch for batch in (shuffled[:cut], shuffled[cut:]) if batch]) == at_once
    assert everything_summed([[one] for one in shuffled]) == at_once
    assert everything_summed([spans, shuffled]) == at_once
