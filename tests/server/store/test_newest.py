"""The newest spans of a filter: found wherever they are, by reading about as many as are wanted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store import candidates, find, measures, newest
from spanwise_server.store import compile as compiling
from spanwise_server.store.change import SPAN_COLUMNS, TRACE_COLUMNS
from spanwise_server.store.postgres_connection import PostgresConnection
from store_engines import KINDS, opened
from store_model.spans import START_NS, TRACES, llm, record

DAY = 24 * 3_600


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


@pytest.mark.parametrize("few_of_all", [1, 1_000], ids=["of-few-traces", "walked"])
def test_the_newest_spans_are_found_in_long_traces_too(store, monkeypatch, few_of_all):
    """Traces are read in the order in which their last spans can have begun, not in that of their first ones."""
    monkeypatch.setattr(newest, "FEW_OF_ALL", few_of_all)
    monkeypatch.setattr(newest, "_TRACES_FIRST", 1)
    monkeypatch.setattr(measures, "MOST_OF_SESSIONS", 3)
    monkeypatch.setattr(compiling, "MOST_SPANS_DRIVEN", 0)
    long = [record(TRACES[0], "1" * 16, at=-2 * DAY, took=3 * DAY, session__id="long")]
    long += [llm(TRACES[0], f"{n:016x}", parent="1" * 16, at=-2 * DAY + n * DAY, cost=10**n) for n in range(4)]
    short = [llm(TRACES[n], "a" * 16, at=n * 3_600, session__id=f"s{n}", cost=10**7 * n) for n in range(1, 4)]
    other = [llm(TRACES[4], f"{n:016x}", at=n, model="other", cost=1) for n in range(1, 9)]
    store.write([*long, *short, *other])
    query = Query("default", parse("model:gpt-4o"))
    told = store.session_costs(query)
    assert (told.sessions, told.cost_nusd, told.newest_only) == (3, 10**3 + 10**7 * 5, True)


def test_the_newest_spans_are_found_on_whatever_day_their_trace_is_filed(store):
    """Of one that goes on for days, one whose only span came again with another time, one of a clock that is wrong."""
    store.write([llm(f"{n + 100:032x}", "a" * 16, at=-n * 7_200, cost=1, session__id=f"s{n}") for n in range(60)])
    store.write([record(TRACES[0], "1" * 16, at=-9 * DAY), llm(TRACES[1], "2" * 16, at=-6 * DAY, cost=1)])
    store.write([llm(TRACES[0], "3" * 16, parent="1" * 16, at=-100, cost=10**3, session__id="long")])
    store.write([llm(TRACES[1], "2" * 16, at=-200, cost=10**6, session__id="moved")])
    store.write([llm(TRACES[2], "4" * 16, at=400 * DAY, cost=10**9, session__id="ahead")])
    every = list(store.each_span(Query("default", sort="time")))
    assert len(every) == 64
    newest_first = [one.span.span_id + one.span.trace_id for one in reversed(every)]
    for limit in (1, 7, 64):
        found, cursor = [], None
        while cursor is not None or not found:
            page = store.find_spans(Query("default", limit=limit, cursor=cursor))
            found += [one.span.span_id + one.span.trace_id for one in page.items]
            cursor = page.next_cursor
        assert found == newest_first
    for text in ("", "model:gpt-4o"):
        told = store.session_costs(Query("default", parse(text)))
        assert (told.sessions, told.cost_nusd) == (63, 60 + 10**3 + 10**6 + 10**9)
        assert [one.span_id for one in store.call_points(Query("default", parse(text)), 3)] == []
        since = Query("default", parse(text), from_ns=START_NS - 3_600 * 10**9, to_ns=START_NS)
        assert {one.span.span_id for one in store.find_spans(since).items} == {"3" * 16, "2" * 16}
        assert store.session_costs(since).cost_nusd == 10**3 + 10**6


def test_postgres_reads_no_days_before_those_of_the_newest_spans(monkeypatch):
    """Its statistics have it expect few spans of a model that are priced and answered, for which it would read all."""
    read = []

    def explained(self, sql, values=(), /):
        if "FROM spans" in sql:
            plan = asked(self, f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", values).fetchall()
            scans = [line for (line,) in plan if re.search(r"Scan.* on spans_", line)]
            read.append(sum(int(re.search(r"actual rows=(\d+)", line)[1]) for line in scans))
        return asked(self, sql, values)

    with opened("postgresql") as store:
        for day in range(8):
            store.write(
                [
                    (record if n % 2 else llm)(
                        f"{day * 1_000 + n:032x}", "a" * 16, at=-day * DAY - n, gen_ai__usage__output_tokens=3,
                        **({} if n % 2 else {"cost": 5}),
                    )
                    for n in range(200)
                ]
            )  # fmt: skip
        with store._open.write() as connection:
            connection.execute("ANALYZE spans")
        asked = PostgresConnection.execute
        monkeypatch.setattr(PostgresConnection, "execute", explained)
        monkeypatch.setattr(compiling, "MOST_SPANS_DRIVEN", 0)
        monkeypatch.setattr(measures, "MOST_OF_SESSIONS", 20)
        query = Query("default", parse("model:gpt-4o kind:llm provider:openai"))
        assert store.session_costs(query).newest_only
        assert len(store.call_points(query, 20)) == 20
    assert len(read) == 2
    assert max(read) < 100


def test_postgres_plans_for_no_other_days_than_those_of_the_traces_whose_spans_it_reads(monkeypatch):
    """To plan for every day takes longer than most answers do."""
    looked_at = []

    def explained(self, sql, values=(), /):
        if "spans s" in sql or "payloads" in sql:
            plan = asked(self, f"EXPLAIN {sql}", values).fetchall()
            looked_at.append({scan[1] for (line,) in plan if (scan := re.search(r" on ((?:spans|bodies)_\w+)", line))})
        return asked(self, sql, values)

    with opened("postgresql") as store:
        calls = [
            llm(f"{n:032x}", "a" * 16, at=-n * DAY, app__tenant="few" if n in (3, 4) else "all", model=f"m{n}")
            for n in range(12)
        ]
        store.write(calls)
        asked = PostgresConnection.execute
        queries = [
            Query("default", parse(text)) for text in ("attr.app.tenant:few", "model:m3 OR model:m4", "model:m5")
        ]
        found = [sorted(one.reading.model for one in store.find_spans(query).items) for query in queries]
        assert found == [["m3", "m4"], ["m3", "m4"], ["m5"]]
        monkeypatch.setattr(PostgresConnection, "execute", explained)
        assert [one.reading.model for one in store.find_spans(queries[0]).items] == ["m3", "m4"]
        of_few, looked_at[:] = list(looked_at), []
        assert [one.reading.model for one in store.find_spans(queries[2]).items] == ["m5"]
    assert of_few
    assert looked_at
    assert all(len(days) == 2 for days in of_few), of_few
    assert all(len(days) == 1 for days in looked_at), looked_at


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_columns_stand_in_the_order_of_the_tables(kind):
    with opened(kind) as made, made.reading() as connection:
        for table, columns in (("spans", SPAN_COLUMNS), ("traces", TRACE_COLUMNS)):
            found = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
            assert tuple(column[0] for column in found) == columns


def test_postgres_plans_for_the_newest_days_first(monkeypatch):
    """Spans that are older are looked for where those do not fill the page."""
    scanned = []

    def explained(self, sql, values=(), /):
        if "FROM spans" in sql or "JOIN spans" in sql:
            plan = asked(self, f"EXPLAIN {sql}", values).fetchall()
            scanned.append(len({scan[1] for (line,) in plan if (scan := re.search(r" on (spans_\w+)", line))}))
        return asked(self, sql, values)

    with opened("postgresql") as store:
        for day in range(30):
            store.write([llm(f"{day * 100 + n:032x}", "a" * 16, at=-day * DAY - n, cost=1) for n in range(10)])
        asked = PostgresConnection.execute
        monkeypatch.setattr(PostgresConnection, "execute", explained)
        monkeypatch.setattr(compiling, "MOST_SPANS_DRIVEN", 0)
        monkeypatch.setattr(measures, "MOST_OF_SESSIONS", 8)
        assert len(store.find_calls(Query("default", limit=8)).items) == 8
        assert store.session_costs(Query("default")).newest_only
        assert store.session_costs(Query("default", parse("model:gpt-4o"))).newest_only
        assert store.find_calls(Query("default", from_ns=START_NS - 5 * DAY * 10**9, sort="-latency")).items
        assert max(scanned) <= 10
        assert len(scanned) == 5  # by latency the longest traces come first, 50 and then more of them
        assert len(store.find_calls(Query("default", limit=100)).items) == 100
        assert max(scanned) >= 30


@pytest.mark.parametrize("most", [3, 8, 1_000], ids=["never-told", "told-at-first", "told-by-all"])
def test_the_longest_spans_are_found_in_the_longest_traces_as_far_as_these_tell(store, monkeypatch, most):
    monkeypatch.setattr(find, "MOST_LONGEST", most)
    monkeypatch.setattr(find, "_NEAR_FIRST", 1)
    for n in range(
        1, 13
    ):  # a trace takes at least as long as its longest span: the first ones longer, with short spans
        of_trace, apart = f"{n:032x}", 100 - 8 * n if n < 5 else 0
        store.write([llm(of_trace, f"{n:016x}", at=n * 3_600, took=n)])
        store.write([llm(of_trace, "f" * 16, at=n * 3_600 + apart, took=n % 4)])
    query = Query("default", sort="-latency")
    every = list(store.each_span(Query("default", sort="time")))
    for text, limit in (("", 1), ("", 4), ("model:gpt-4o", 5), ("latency<9s", 2), ("name:nobody", 3)):
        kept = [one for one in every if text != "name:nobody" and (text != "latency<9s" or one.duration_ms < 9_000)]
        for first, end in ((None, None), (START_NS + 4 * 3_600 * 10**9, START_NS + 9 * 3_600 * 10**9)):
            asked = replace(query, filter=parse(text), from_ns=first, to_ns=end, limit=limit)
            found, cursor = [], None
            while cursor is not None or not found:
                page = store.find_calls(replace(asked, cursor=cursor))
                found += [(call.duration_ms, call.trace_id, call.span_id) for call in page.items]
                cursor = page.next_cursor
                if not page.items:
                    break
            wanted = [
                (one.duration_ms, one.span.trace_id, one.span.span_id)
                for one in kept if (first or 0) <= one.span.start_ns < (end or 2**63)
            ]  # fmt: skip
            assert sorted(found) == sorted(wanted)
            assert [took for took, _, _ in found] == sorted((took for took, _, _ in wanted), reverse=True)


@pytest.mark.parametrize("sort", ["time", "-ttft"])
def test_spans_of_a_range_are_not_looked_for_in_traces_that_ended_before_it(monkeypatch, sort):
    """But in those that reach into it."""
    looked_at: list[int] = []

    def noted(project_id, traces):
        looked_at.extend(traces)
        return spans_of(project_id, traces)

    with opened("sqlite") as store:
        said = {"gen_ai__response__time_to_first_chunk": 1}
        for n in range(1, 21):
            store.write([llm(f"{n:032x}", "a" * 16, at=n * 3_600, took=4_000 if n == 10 else 1, **said)])
        store.write([llm(f"{10:032x}", "b" * 16, at=10 * 3_600 + 3_700, took=1, **said)])
        query = Query("default", parse("model:gpt-4o"), START_NS + (10 * 3_600 + 1_800) * 10**9, sort=sort, limit=30)
        assert store.find_calls(replace(query, sort="-ttft")).items  # looks first tokens up
        spans_of = find.spans_of_traces
        monkeypatch.setattr(find, "spans_of_traces", noted)
        monkeypatch.setattr(candidates, "_FEW_OF_ALL", 1)
        monkeypatch.setattr(compiling, "MOST_SPANS_DRIVEN", 0)
        monkeypatch.setattr(find, "_MOST_SPANS_SORTED", 0)
        found = store.find_calls(query).items
    assert sorted(call.trace_id for call in found) == [f"{n:032x}" for n in range(10, 21)]
    assert sorted(looked_at) == list(range(10, 21))
