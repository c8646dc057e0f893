"""Steps: what rollups tell of the spans of a name is what a reader would count, whatever became of these meanwhile."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from hypothesis import strategies as st

from spanwise_server.query.filters import Query, Term
from spanwise_server.query.parse import parse
from spanwise_server.record import Record
from spanwise_server.store import steps, write
from spanwise_server.store.rollups import HOUR_NS
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.step_filler import UNCOUNTED
from store_engines import opened as opened_store
from store_engines import over_engines, rows, sums
from store_model.spans import START_NS, TRACES, record, records
from store_model.tallies import check_told, told_one_by_one

HOURS = (0, 0, 1, 2, 20, 26, 49)
FILTERS = (
    "name:search",
    "name:search kind:tool",
    "name:search kind:tool,span",
    "name:search kind:llm",
    'name:"chat gpt-refuse","agent grant"',
    'name:"chat gpt-refuse","agent grant" kind:llm,span',
    "name:nobody",
)
ENDS = st.none() | st.tuples(st.sampled_from(HOURS), st.sampled_from((-3, 0, 2, 4))).map(
    lambda end: START_NS + end[0] * HOUR_NS + end[1] * 1_000_000_000
)
WHOLE_ENDS = st.sampled_from(HOURS).map(lambda n: (START_NS // HOUR_NS + n) * HOUR_NS)


def later(one: Record, hours: int) -> Record:
    """Return a record as it were some hours later."""
    start, end = one.span.start_ns + hours * HOUR_NS, one.span.end_ns + hours * HOUR_NS
    name = "search" if one.span.name == "agent refuse" else one.span.name  # as tools are called
    return replace(one, span=replace(one.span, name=name, start_ns=start, end_ns=end))


SPREAD = st.lists(st.tuples(records(traces=3), st.sampled_from(HOURS)).map(lambda drawn: later(*drawn)), max_size=10)


@over_engines(
    st.lists(SPREAD, max_size=3),
    st.none() | st.sampled_from(TRACES[:3]),
    st.sampled_from(FILTERS),
    st.sets(st.sampled_from(("name", "kind", "day", "hour")), max_size=2).map(lambda keys: tuple(sorted(keys))),
    ENDS | WHOLE_ENDS,
    ENDS | WHOLE_ENDS,
)
def test_steps_are_what_a_reader_would_count(kind, batches, gone, text, by, start, end):
    kept: dict[tuple[str, str], Record] = {}
    query = Query("default", parse(text), start, end)
    with opened_store(kind) as store:
        for batch in batches:
            store.write(batch)
            kept |= {(one.span.trace_id, one.span.span_id): one for one in batch}
        if gone is not None:
            store.delete_trace("default", gone)
        summaries = {t.trace_id: t for t in store.find_traces(Query("default", limit=100)).items}
        told = {one.key: one for one in store.tally(query, by, traces=True, percentiles=True)}
        total, of_days = store.tally_of_days(query)
        assert (total,) == store.tally(query, (), traces=True, percentiles=True)
        days = {one.key: one for one in store.tally(query, ("day",), percentiles=True)}
        assert {one.key: one for one in of_days} == days
    left = [one for one in kept.values() if one.span.trace_id != gone]
    check_told(told, told_one_by_one(left, query, by, summaries))


def test_a_trace_in_several_hours_is_counted_once(tmp_path):
    query = Query("default", parse("name:step"))
    with opened(tmp_path) as store:
        for hour in (30, 0, 2):
            store.write([later(record(TRACES[0], f"{hour + 1:016x}"), hour)])
        store.write([later(record(TRACES[1], "a" * 16), 2)])
        assert [one.traces for one in store.tally(query, (), traces=True)] == [2]
        assert sorted(one.traces for one in store.tally(query, ("hour",), traces=True)) == [1, 1, 2]
        late = replace(query, from_ns=(START_NS // HOUR_NS + 1) * HOUR_NS)
        assert [one.traces for one in store.tally(late, (), traces=True)] == [2]


def test_a_trace_across_the_end_of_a_range_is_counted_once(tmp_path):
    with opened(tmp_path) as store:
        store.write([later(record(TRACES[0], f"{hour + 1:016x}"), hour) for hour in (0, 1, 2)])
        query = Query("default", parse("name:step"), START_NS, START_NS + 2 * HOUR_NS + 1)
        (one,) = store.tally(query, (), traces=True)
        assert (one.sums.calls, one.traces) == (3, 1)


def test_names_beyond_the_bound_are_told_by_their_spans(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "MOST_NAMES", 2)
    with opened(tmp_path) as store:
        for n in range(4):
            store.write([record(TRACES[n], f"{n + 1:016x}", name=f"step {n}")])
        store.write([record(TRACES[4], f"{n + 9:016x}", name=f"step {n}") for n in range(4)])
        assert sorted(rows(store, "SELECT name FROM steps WHERE kind = ''")) == [("step 0",), ("step 1",)]
        for n in range(4):
            (one,) = store.tally(Query("default", parse(f'name:"step {n}"')), (), traces=True, percentiles=True)
            assert (one.sums.calls, one.traces, one.latency.of) == (2, 2, 2), n
        store.delete_trace("default", TRACES[3])
        assert [one.sums.calls for one in store.tally(Query("default", parse('name:"step 3"')), ())] == [1]


def test_spans_with_a_name_that_is_no_word_are_told_by_themselves(tmp_path):
    name = "n" * 201
    with opened(tmp_path) as store:
        store.write([record(TRACES[0], "a" * 16, name=name)])
        assert rows(store, "SELECT * FROM steps") == []
        assert [one.sums.calls for one in store.tally(Query("default", Term("name", "=", (name,))), ())] == [1]


def test_a_store_from_before_steps_is_counted_when_it_is_opened(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("spanwise_server.store.step_filler._SPANS_AT_ONCE", 3)
    with opened(tmp_path) as store:
        for hour in (0, 30):
            store.write([
                later(record(trace, f"{hour + n:016x}", name=f"step {n % 2}"), hour)
                for trace in TRACES for n in range(1, 4)
            ])  # fmt: skip
        before = sums(store)
        with store._open.write() as connection:
            for table in ("r_step", "h_step_hour", "h_step_day", "t_step", "steps"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("INSERT INTO settings (name, value) VALUES (?, '1')", (UNCOUNTED,))
    with opened(tmp_path) as store:
        assert sums(store) == before
        assert store.setting(UNCOUNTED) is None
    assert "counting the steps of 30 spans, once;" in caplog.text


def test_a_large_trace_is_counted_as_its_spans_come(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "FEWEST_SPANS", 4)
    with opened(tmp_path) as store:
        for n in range(12):
            store.write([later(record(TRACES[0], f"{n + 1:016x}", name=f"step {n % 3}"), n % 5)])
        store.write([later(record(TRACES[0], f"{1:016x}", name="step 2"), 7)])  # what it was before, is not
        before = sums(store)
        store.recount()
        assert sums(store) == before


def opened(folder):
    store = SqliteStore(folder / "main.db")
    store.open()
    return closing(store)
