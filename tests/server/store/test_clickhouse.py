"""What is ClickHouse's own: retries, the cluster's tables, whose tables they are, what leaves the disk."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from clickhouse_server import clickhouse, database
from postgres_cluster import running
from server_process import run_cli
from spanwise_server.errors import ConfigError, Overloaded
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store import clickhouse_facets, clickhouse_figures, clickhouse_server, figures
from spanwise_server.store.clickhouse import ClickHouseStore
from spanwise_server.store.clickhouse_server import place_of, statements
from spanwise_server.store.conditions import Sql
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.sqlite import SqliteStore
from store_engines import sums
from store_model.spans import START_NS, TRACES, llm, record


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


def test_threads_share_the_client_that_made_the_tables(url, tmp_path, monkeypatch):
    made, connect = [], clickhouse_server.Server._connect

    def connected(server, *given, **more):
        made.append(connect(server, *given, **more))
        return made[-1]

    monkeypatch.setattr(clickhouse_server.Server, "_connect", connected)
    store = ClickHouseStore(url, tmp_path)
    store.open()
    with closing(store), ThreadPoolExecutor(8) as pool:
        together = threading.Barrier(8)

        def asked(number):
            together.wait()
            store.write([record(f"{number:032x}", "a" * 16)])
            return store.server.rows(Sql("SELECT count() FROM spans WHERE trace_id = ?", (number.to_bytes(16, "big"),)))

        assert list(pool.map(asked, range(1, 9))) == [[(1,)]] * 8
    assert len(made) == 1


def test_an_insert_whose_answer_was_lost_is_tried_again_and_counted_once(store, monkeypatch):
    monkeypatch.setattr(clickhouse_server, "_PAUSE_S", 0.0)
    client = store.server.client
    insert, lost = client.insert, []

    def insert_and_lose(*, context):
        insert(context=context)
        if lost.count(context.table) < 2:
            lost.append(context.table)
            raise OperationalError("the connection was closed")

    monkeypatch.setattr(client, "insert", insert_and_lose)
    store.write([llm(TRACES[0], "a" * 16, tokens=7, cost=5), record(TRACES[0], "b" * 16, parent="a" * 16)])
    assert [lost.count(table) for table in ("`span_writes`", "`traces`")] == [2, 2], lost
    assert sum(row[7] for row in sums(store)["r_hour"]) == 2
    raw = store.server.client.query("SELECT count() FROM spans", settings={"final": 0}).result_rows
    assert raw == [(2,)]


def test_all_spans_of_a_large_batch_are_there(store):
    long = "a text of some length, other in each span: "
    sent = [llm(f"{n % 40 + 1:032x}", f"{n + 1:016x}", tokens=1, cost=1, note=f"{n} {long * 60}") for n in range(3_000)]
    store.write(sent)
    assert store.server.rows(Sql("SELECT count() FROM spans")) == [(3_000,)]
    assert sum(row[7] for row in sums(store)["r_hour"]) == 3_000
    assert sum(trace.span_count for trace in store.find_traces(Query("default")).items) == 3_000


def test_a_server_that_stays_away_is_told(store, monkeypatch):
    monkeypatch.setattr(clickhouse_server, "_PAUSE_S", 0.0)

    def refuse(*_given, **_more):
        raise OperationalError("nobody is there")

    monkeypatch.setattr(store.server.client, "insert", refuse)
    with pytest.raises(Overloaded, match="nobody is there"):
        store.write([record(TRACES[0], "a" * 16)])
    assert store.find_traces(Query("default")).items == ()


def test_what_is_deleted_leaves_the_disk(store):
    store.write([record(TRACES[0], "a" * 16, note="a secret"), record(TRACES[1], "b" * 16)])
    assert store.delete_traces("default", [TRACES[0]]) == 1
    for table, spans in (("spans", 1), ("traces", 1)):
        raw = store.server.client.query(f"SELECT count() FROM {table}", settings={"final": 0}).result_rows
        assert raw == [(spans,)], table


def test_a_trace_that_moves_to_another_day_is_found_on_that_day_only(store):
    day = 86_400
    store.write([record(TRACES[0], "a" * 16, at=0)])
    store.write([record(TRACES[0], "b" * 16, at=-2 * day, parent="a" * 16)])
    (found,) = store.find_traces(Query("default")).items
    assert found.span_count == 2
    assert store.find_traces(Query("default", from_ns=found.start_ns + 1)).items == ()
    store.write([record(TRACES[0], "b" * 16, at=-1 * day, parent="a" * 16)])
    assert store.find_traces(Query("default", to_ns=found.start_ns + 1)).items == ()
    assert [r.span.span_id[0] for r in store.find_spans(Query("default", sort="time")).items] == ["b", "a"]
    assert len(sums(store)["r_hour"]) == 2


def test_figures_of_the_newest_traces_read_no_more_days_than_these_are_of(store, monkeypatch):
    monkeypatch.setattr(clickhouse_figures, "MOST_COUNTED", 5)
    monkeypatch.setattr(clickhouse_facets, "MOST_FACETED", 4)
    monkeypatch.setattr(figures, "MOST_COUNTED", 5)
    days = (0, 1, 2, 12, 13, 14, 15, 16, 17, 40, 90)
    store.write([
        record(f"{n:032x}", f"{n:016x}", at=-86_400 * day, user__id=("two", "one")[n % 2], session__id=f"of {n % 4}")
        for n, day in enumerate(days, 1)
    ])  # fmt: skip
    store.write([record(f"{99:032x}", "9" * 16, at=-86_400 * 300, project="other")])
    query = Query("default")
    asked, columns = [], store.server.columns
    monkeypatch.setattr(store.server, "columns", lambda sql: asked.append(sql.values[1:3]) or columns(sql))
    totals = store.totals(query)
    assert (totals.traces.n, totals.traces.exact) == (5, False)
    (users,) = store.facets(query, ["user"]).values()
    assert [(value.value, value.count) for value in users] == [("one", 2), ("two", 2)]
    today = START_NS // (86_400 * 10**9)
    read = [(today - first // (86_400 * 10**9), today - last // (86_400 * 10**9)) for first, last in asked]
    assert read == [(0, -1), (17, 0), (12, -1)], "traces of two stretches of time, then words of the newest days"
    bars = store.histogram(query, 3)
    assert [bar.ok + bar.errors for bar in bars] == [1, 1, 9]
    assert bars[-1].to_ns - bars[0].from_ns == 90 * 86_400 * 10**9 + 1, "of the project's traces alone"
    page = store.find_sessions(Query("default", limit=3))
    assert [one.session_id for one in page.items] == ["of 1", "of 2", "of 3"]
    assert [one.turns for one in page.items] == [3, 3, 3]
    last = store.find_sessions(Query("default", limit=3, cursor=page.next_cursor))
    assert [(one.session_id, one.turns) for one in last.items] == [("of 0", 2)]


def test_a_page_of_spans_reads_their_days_alone_and_a_list_of_calls_no_payload(store, monkeypatch):
    store.write([llm(f"{n:032x}", f"{n:016x}", at=-86_400 * n, note=f"no {n}") for n in range(5)])
    asked, table = [], store.server.table
    monkeypatch.setattr(store.server, "table", lambda sql: asked.append(sql.text) or table(sql))
    page = store.find_spans(Query("default", limit=2))
    assert [one.span.attributes["note"] for one in page.items] == ["no 0", "no 1"]
    assert f"s.start_ns >= {START_NS - 86_400 * 10**9} AND s.start_ns <= {START_NS}" in asked[-1]
    assert "s.payload AS payload" in asked[-1]
    calls = store.find_calls(Query("default", limit=2))
    assert [call.span_id for call in calls.items] == [one.span.span_id for one in page.items]
    assert "s.payload" not in asked[-1]


def test_tables_belong_to_the_small_tables_that_they_were_made_with(store, url, tmp_path):
    again = ClickHouseStore(url, tmp_path)
    again.open()
    again.close()
    with pytest.raises(ConfigError, match="another data folder"):
        ClickHouseStore(url, tmp_path / "other").open()


def test_two_processes_on_the_same_small_tables_count_every_span_once(store, url, tmp_path):
    other = ClickHouseStore(url, tmp_path)
    other.open()

    def write(through, first):
        for n in range(first, 6, 2):
            through.write(
                [llm(TRACES[0], f"{n + 1:016x}", tokens=1, cost=1), llm(TRACES[0], "f" * 16, tokens=1, cost=1)]
            )

    with closing(other):
        threads = [threading.Thread(target=write, args=each) for each in ((store, 0), (other, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (found,) = store.find_traces(Query("default")).items
    assert (found.span_count, found.cost_nusd) == (7, 7)
    assert sum(row[7] for row in sums(store)["r_hour"]) == 7


def test_several_servers_share_small_tables_in_postgresql(url, tmp_path):
    cluster = running()
    template = cluster.made_once("spanwise_template", migrate_database)
    with cluster.database(template) as small:
        said = f"{url}?small={quote(small, safe='')}"
        one, two = (ClickHouseStore(said, tmp_path / name) for name in ("one", "two"))
        for each in (one, two):
            each.open()
        with closing(one), closing(two):
            one.media.keep({"0" * 64: b"picture"})

            def write(through, first):
                for n in range(first, 16, 2):
                    through.write([llm(TRACES[0], id_, tokens=1, cost=1) for id_ in (f"{n + 1:016x}", "f" * 16)])

            threads = [threading.Thread(target=write, args=each) for each in ((one, 0), (two, 1))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            two.annotate(
                [Annotation("1", "default", "correct", TRACES[0], None, "fail", annotator=Annotator("human", "a"))]
            )
            (found,) = one.find_traces(Query("default", parse("label.correct:fail annotator:a*"))).items
            assert (found.span_count, found.cost_nusd) == (17, 17)
            assert sum(row[7] for row in sums(one)["r_hour"]) == 17
            assert one.values("default", "label", "f")[0].value == "fail"
            assert one.facets(Query("default"), ["label"])["label"][0].count == 1
            assert two.delete_traces("default", [TRACES[0]]) == 1
            assert one.annotations("default", [TRACES[0]]) == {}


def test_an_embedded_store_moves_to_clickhouse_within_its_data_folder(url, tmp_path):
    made = SqliteStore(tmp_path / "main.db")
    made.open()
    with closing(made):
        made.write([llm(trace, f"{n + 1:016x}", at=n, tokens=n, cost=n) for n, trace in enumerate(TRACES)])
        ana = Annotator("human", "ana")
        made.annotate([Annotation("1", "default", "correct", TRACES[0], None, "fail", annotator=ana)])
        traces, annotations = made.find_traces(Query("default")).items, made.annotations("default", TRACES)
        spans = list(made.each_span(Query("default")))
    done = run_cli("migrate", "--to", url, "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    moved = ClickHouseStore(url, tmp_path)
    moved.open()
    with closing(moved):
        assert moved.find_traces(Query("default")).items == traces
        assert list(moved.each_span(Query("default"))) == spans
        assert moved.annotations("default", TRACES) == annotations


def test_old_spans_go_by_themselves_where_the_url_says_for_how_long_they_stay(url, tmp_path):
    made = ClickHouseStore(f"{url}?retention_days=30", tmp_path)
    made.open()
    with closing(made):
        for table in ("spans", "traces"):
            (engine,) = made.server.rows(
                Sql("SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?", (table,))
            )[0]
            assert "toIntervalDay(30)" in engine


def test_spans_are_read_and_priced_again(store):
    store.write([llm(TRACES[0], "a" * 16, tokens=7, cost=5)])
    done = sum(
        (part.spans for part in store.revised("default", [TRACES[0]], lambda _, __: None, lambda r, p: r.reprice(p))), 0
    )
    assert done == 1
    summary = store.trace("default", TRACES[0]).summary
    assert (summary.cost_nusd, summary.unpriced_count) == (None, 1)
    assert store.find_traces(Query("default", parse("cost>=0"))).items == ()
    (hour,) = sums(store)["r_hour"]
    assert hour[7] == 1
    assert hour[-2:] == (0, 1)


def without_keeper(monkeypatch):
    """Have the cluster's statements run where no Keeper is: the tables are not replicated, statements not handed on."""
    monkeypatch.setattr(clickhouse_server.Server, "_on_cluster", "")
    rendered = clickhouse_server.Server._rendered
    replicated = re.compile(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?(.*?)\)\n")

    def plain(server, statement):
        text = replicated.sub(r"\1(\2)\n", rendered(server, statement))
        return text.replace("SETTINGS replicated_deduplication", "SETTINGS non_replicated_deduplication").replace(
            " replicated_deduplication", " non_replicated_deduplication"
        )

    monkeypatch.setattr(clickhouse_server.Server, "_rendered", plain)


def test_the_cluster_tables_answer_as_those_of_one_server_do(tmp_path, monkeypatch):
    without_keeper(monkeypatch)
    (tmp_path / "engine").mkdir()
    with clickhouse(tmp_path / "engine", cluster=True) as port:
        made = ClickHouseStore(f"clickhouse://127.0.0.1:{port}/shared?cluster=one", tmp_path / "data")
        made.open()
        with closing(made):
            made.write([llm(trace, f"{n + 1:016x}", tokens=n, cost=n) for n, trace in enumerate(TRACES)])
            made.write([llm(TRACES[1], f"{2:016x}", tokens=5, cost=50)])
            assert len(made.find_traces(Query("default")).items) == len(TRACES)
            assert made.trace("default", TRACES[1]).summary.cost_nusd == 50
            assert len(made.find_spans(Query("default", parse("kind:llm"))).items) == len(TRACES)
            assert sum(row[7] for row in sums(made)["r_hour"]) == len(TRACES)
            assert made.delete_traces("default", [TRACES[0]]) == 1
            assert made.totals(Query("default")).traces.n == len(TRACES) - 1


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("clickhouse:///db", "without a host"),
        ("clickhouse://h/db?shards=2", "shards"),
        ("clickhouse://h?retention_days=x", "days"),
    ],
)
def test_a_url_that_is_not_understood_is_refused_with_how_to_write_one(url, wrong):
    with pytest.raises(ConfigError, match=wrong):
        place_of(url)


def test_a_url_says_where_the_server_is_and_who_logs_in():
    place = place_of("clickhouses://ann:p%40ss@ch.example.com/traces?cluster=main&retention_days=90")
    assert (place.host, place.port, place.secure) == ("ch.example.com", 8443, True)
    assert (place.user, place.password, place.database) == ("ann", "p@ss", "traces")
    assert (place.cluster, place.retention_days) == ("main", 90)


def test_both_sets_of_tables_have_the_same_columns():
    folder = Path(__file__).parents[3] / "migrations" / "clickhouse"
    node, cluster = (statements((folder / name).read_text("utf-8")) for name in ("node.sql", "cluster.sql"))

    def columns(found, suffix):
        tables = {}
        for statement in found:
            head, _, rest = statement.partition("(\n")
            if head.startswith("CREATE TABLE") and rest:
                name = head.split("EXISTS ")[1].split()[0].removesuffix(suffix)
                tables[name] = rest.split("\n) ENGINE")[0]
        return tables

    assert columns(node, "") == columns(cluster, "_local")
