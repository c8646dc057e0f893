"""The newest spans of a filter: found wherever they are, by reading about as many as are wanted."""

from __future__ import annotations

import re

import pytest

from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store import compile as compiling
from spanwise_server.store import measures, newest
from spanwise_server.store.postgres_connection import PostgresConnection
from store_engines import KINDS, opened
from store_model.spans import TRACES, llm, record

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
