"""Days of traces that a server with ClickHouse keeps: told without asking, and never told once they changed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from clickhouse_server import database
from spanwise_server.errors import Overloaded
from spanwise_server.query.filters import Query
from spanwise_server.query.measures import Steps
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation
from spanwise_server.store import clickhouse_server, kept_days
from spanwise_server.store.clickhouse import ClickHouseStore
from spanwise_server.store.day_block import Changed, DayBlock
from spanwise_server.store.kept_days import KeptDays, Vocabulary
from spanwise_server.store.row_numbers import UNSAID
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import START_NS, TRACES, llm, record

DAY = 86_400
FILTERS = (
    "",
    "label:yes",
    "user:ann",
    "refund",
    "attr.plan:pro",
    "status:error latency>1s",
    "-user:ann",
    "root:name:step",
)
FACETS = ("status", "user", "session", "label", "model")


@pytest.fixture
def url():
    with database() as made:
        yield made


@pytest.fixture
def store(url, tmp_path):
    made = ClickHouseStore(url, tmp_path)
    made.open()
    with closing(made):
        yield made


@pytest.fixture
def other(store, url, tmp_path):
    """Another server process's store, of the same tables."""
    made = ClickHouseStore(url, tmp_path)
    made.open()
    with closing(made):
        yield made


def step(n, day, **more):
    """Return the only span of the trace *n*, so many days after the first."""
    said = {"user__id": ("ann", "bob")[n % 2], "session__id": f"of {n % 3}", "input__value": f"a refund of {n}"}
    status = "error" if n % 5 == 0 else "ok"
    return record(f"{n:032x}", f"{n:016x}", at=DAY * day + n, took=n % 4, status=status, **{**said, **more})


def fill(store):
    store.write(
        [step(n, day, plan=("pro", "free")[n % 3 > 0]) for n, day in enumerate((0, 0, 0, 1, 1, 5, 9, 9, 30), 1)]
    )
    store.write([llm(f"{90 + n:032x}", f"{90 + n:016x}", at=DAY * n, tokens=n, cost=n) for n in (0, 4, 30)])


def told(store, text):
    """Return all that pages of traces are told of a filter."""
    query = Query("default", parse(text) if text else Query("").filter)
    ranged = replace(query, from_ns=START_NS + DAY * 10**9, to_ns=START_NS + 9 * DAY * 10**9 + 8 * 10**9)
    steps = Steps(START_NS // (DAY * 10**9) * DAY * 10**9, DAY * 10**9, 32)
    pages = []
    for sort in ("-time", "time"):
        first = store.find_traces(replace(query, sort=sort, limit=4))
        pages.append(first.items)
        if first.next_cursor is not None:
            second = store.find_traces(replace(query, sort=sort, limit=4, cursor=first.next_cursor))
            back = store.find_traces(replace(query, sort=sort, limit=4, cursor=second.previous_cursor))
            pages += [second.items, back.items]
    return (
        pages,
        store.find_traces(ranged).items,
        [(store.totals(asked), store.facets(asked, FACETS)) for asked in (query, ranged)],
        store.histogram(query, 7),
        store.histogram(ranged, 7),
        store.measure(Query("default"), "model", steps),
    )


def asked_of(store, monkeypatch):
    """Return the statements that the store sends from now on."""
    statements = []
    for name in ("table", "columns"):
        send = getattr(store.server, name)
        monkeypatch.setattr(store.server, name, lambda sql, send=send: statements.append(sql.text) or send(sql))
    return statements


def test_what_is_kept_tells_what_another_engine_does_whatever_another_process_changes(store, other, tmp_path):
    changes = (
        fill,
        lambda at: at.write([step(40, 5)]),  # one more on a day that is kept
        lambda at: at.write([record(f"{4:032x}", "e" * 16, at=DAY + 5, parent=f"{4:016x}", user__id="eve")]),
        lambda at: at.write([record(f"{7:032x}", "d" * 16, at=-3 * DAY, parent=f"{7:016x}")]),  # moves to another day
        lambda at: at.delete_traces("default", [f"{2:032x}", f"{9:032x}"]),
        lambda at: list(at.revised("default", [f"{94:032x}"], lambda *_: None, lambda r, p: r.reprice(p))),
        lambda at: at.annotate([Annotation("j1", "default", "good", f"{5:032x}", label="yes")]),
        lambda at: at.recount(),  # of either store
    )
    embedded = SqliteStore(tmp_path / "main.db")
    embedded.open()
    with closing(embedded):
        for change in changes:
            change(other)
            change(embedded)
            assert embedded.wait_until_searchable()
            for text in FILTERS:
                assert told(store, text) == told(embedded, text), text


def test_days_that_did_not_change_are_not_asked_for_again(store, other, monkeypatch):
    fill(store)
    assert told(store, "user:ann")
    asked = asked_of(store, monkeypatch)
    query = Query("default", parse("user:ann"), START_NS - DAY * 10**9, START_NS + 40 * DAY * 10**9)
    assert store.totals(query).traces.n == 5 - 1
    assert sum(bar.ok + bar.errors for bar in store.histogram(query, 9)) == 4
    assert store.facets(query, ("session",)) != {}
    assert asked == []
    other.write([step(40, 5)])
    assert store.totals(query).traces.n == 5
    (read,) = asked
    assert "PREWHERE t.version >" in read, "what changed, of the day that changed"


def test_rollups_of_days_that_did_not_change_are_not_read_again(store, other, monkeypatch):
    fill(store)
    first = START_NS // (DAY * 10**9)
    steps = Steps(first * DAY * 10**9, DAY * 10**9, 31)
    before = store.measure(Query("default"), "model", steps)
    asked = []
    rows = store.server.rows
    monkeypatch.setattr(store.server, "rows", lambda sql: asked.append(sql) or rows(sql))
    assert store.measure(Query("default"), "model", steps) == before
    assert not [sql for sql in asked if "FROM h_day" in sql.text], "none changed"
    other.write([llm(f"{98:032x}", f"{98:016x}", at=DAY * 30, cost=7)])
    assert store.measure(Query("default"), "model", steps).sums.calls == before.sums.calls + 1
    ranges = {sql.values[-2:] for sql in asked if "FROM h_day" in sql.text}
    assert ranges == {(first + 30, first + 31)}, "the newest day alone"
    other.write([llm(f"{99:032x}", f"{99:016x}", at=DAY * 4, cost=7)])
    assert store.measure(Query("default"), "model", steps).sums.calls == before.sums.calls + 2


def test_of_a_day_that_changes_all_the_time_what_changed_is_asked_for(store, monkeypatch):
    store.write([step(n, 0) for n in range(1, 4)])
    query = Query("default", parse("user:ann"))
    assert told(store, "user:ann")
    asked = asked_of(store, monkeypatch)
    for n in (4, 5, 6):
        store.write([step(n, 0)])
        asked.clear()
        assert store.totals(query).traces.n == n // 2
        assert sum(one.count for one in store.facets(query, ("name",))["name"]) == n // 2
        (text,) = asked
        assert "PREWHERE t.version >" in text
        assert sum(bar.ok + bar.errors for bar in store.histogram(query, 5)) == n // 2
        assert len(store.find_traces(query).items) == n // 2
    monkeypatch.setattr(kept_days, "MOST_FOLLOWED", 1)
    store.write([step(8, 0), step(10, 0)])
    assert store.totals(query).traces.n == 5, "more than are followed are read anew"


def test_words_of_a_day_with_very_many_traces_are_counted_by_clickhouse(store, monkeypatch):
    monkeypatch.setattr(kept_days, "MOST_WORDED", 3)
    fill(store)
    store.write([step(n, 9) for n in range(10, 15)])
    facets = store.facets(Query("default"), ("user", "name"))
    assert {one.value: one.count for one in facets["user"]} == {"ann": 7, "bob": 7}
    assert {one.value: one.count for one in facets["name"]} == {"step": 14, "chat gpt-4o": 3}
    assert {len(block) > 3 for block in store._kept_days._blocks.values() if block.words is not None} == {False}


@given(st.data())
def test_a_day_that_is_followed_is_the_day_read_anew(data):
    traces, numbers = {}, st.integers(0, 6)
    vocabulary = Vocabulary()

    def read(found, changes):
        rows = sorted(row for row in found.values() if row.found)
        block = DayBlock.of(changes, 0.0, list(zip(*(row[:6] for row in rows), strict=True)) or [()] * 6, 0, len(rows))
        block.words = vocabulary.packed([words_of(row) for row in rows])
        return block

    def words_of(row):
        return [f"name\x1f{row.start_ns % 3}", *(["status\x1ferror"] if row.status == 2 else [])]

    block = read(traces, 0)
    for changes in range(1, 6):
        changed = []
        for tie in data.draw(st.sets(st.integers(-3, 12), max_size=5)):
            drawn = Changed(data.draw(numbers), tie, bytes([tie + 3] * 16), data.draw(numbers) % 3, data.draw(numbers),
                            UNSAID, data.draw(st.booleans()))  # fmt: skip
            traces[tie] = drawn
            changed.append(drawn)
        block = block.followed(changes, changed, vocabulary.packed([words_of(row) for row in changed]))
        anew = read(traces, changes)
        block_places, block.places = block.places, None
        assert block == anew
        block.places = block_places
        assert block.places == {tie: row for row, tie in enumerate(anew.ties)}


def test_more_traces_than_can_be_kept_are_asked_for_and_not_brought_here(store, monkeypatch):
    fill(store)
    monkeypatch.setattr(kept_days, "MOST_READ", 4)
    query, asked = Query("default"), asked_of(store, monkeypatch)
    for _ in range(2):
        assert store.totals(query).traces.n == 12
        assert sum(bar.ok + bar.errors for bar in store.histogram(query, 5)) == 12
        assert len(store.find_traces(query).items) == 12
    assert asked
    assert not store._kept_days._blocks.keys() - {((1, query.filter), START_NS // (DAY * 10**9) + 30)}
    sizes = [len(block) for block in store._kept_days._blocks.values()]
    assert all(size <= 4 for size in sizes), sizes


def test_what_is_kept_takes_no_more_memory_than_it_may(store, monkeypatch):
    fill(store)
    monkeypatch.setattr(kept_days, "MOST_BYTES", 3_000)
    for text in FILTERS[:3]:
        told(store, text)
    kept = store._kept_days
    assert kept._bytes == sum(block.size for block in kept._blocks.values())
    assert 0 < kept._bytes <= 3_000


def test_a_day_that_is_kept_for_long_is_read_again_since_clickhouse_may_have_taken_traces_away(store, monkeypatch):
    fill(store)
    now = [1_000.0]
    store._kept_days = KeptDays(clock=lambda: now[0])
    assert store.totals(Query("default")).traces.n == 12
    store.server.command("ALTER TABLE traces DELETE WHERE 1 SETTINGS mutations_sync = 1")
    assert store.totals(Query("default")).traces.n == 12
    now[0] += kept_days.LONGEST_S + 1
    assert store.totals(Query("default")).traces.n == 0


@pytest.mark.parametrize("days", ["", " WHERE day > 20721"])
def test_what_was_written_by_a_release_that_noted_nothing_is_found(store, url, tmp_path, days):
    fill(store)
    with store._open.write() as connection:
        connection.execute(f"DELETE FROM rollup_days{days}")
    again = ClickHouseStore(url, tmp_path)
    again.open()
    with closing(again):
        assert again.totals(Query("default")).traces.n == 12
        assert len(again.find_spans(Query("default")).items) == 12


def test_a_write_that_failed_midway_counts_as_a_change(store, monkeypatch):
    monkeypatch.setattr(clickhouse_server, "_PAUSE_S", 0.0)
    fill(store)
    query = Query("default", parse("attr.plan:new"))
    assert store.find_traces(query).items == ()
    insert = store.server.client.insert

    def refuse_summaries(*, context):
        if "traces" in context.table:
            raise OperationalError("it went away")
        insert(context=context)

    with monkeypatch.context() as broken:
        broken.setattr(store.server.client, "insert", refuse_summaries)
        with pytest.raises(Overloaded):
            store.write([step(1, 0, plan="new")])
    assert [trace.trace_id for trace in store.find_traces(query).items] == [TRACES[0]]


def test_servers_of_a_cluster_that_may_lag_behind_are_asked_until_a_day_is_old_enough(store, monkeypatch):
    now = [1_000.0]
    store._kept_days = KeptDays(lagging_s=60.0, clock=lambda: now[0])
    fill(store)
    query, asked = Query("default"), asked_of(store, monkeypatch)
    for _ in range(2):
        asked.clear()
        assert store.totals(query).traces.n == 12
        assert asked
    now[0] += 61
    assert store.totals(query).traces.n == 12
    asked.clear()
    assert store.totals(query).traces.n == 12
    assert asked == []
