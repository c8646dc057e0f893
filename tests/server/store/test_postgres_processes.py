"""Several processes, and a database that goes away: nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine

from forked_process import Forked
from postgres_cluster import cluster, running
from spanwise_server.errors import ConfigError, Overloaded
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store import codec, dictionaries
from spanwise_server.store.day_rows import DAY_NS, day_of, day_of_row, trace_row
from spanwise_server.store.days import days_there, name_of
from spanwise_server.store.examine_postgres import examine_database
from spanwise_server.store.migrate import _config
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.words import pack_ids
from store_engines import rows
from store_model.spans import TRACES, llm, record

#: Writes spans of the same traces as its siblings do, some of them twice, in an order of its own.
WRITER = """
import random, sys
from pathlib import Path
from spanwise_server.store.postgres import PostgresStore
from store_model.spans import llm
store = PostgresStore(sys.argv[1], Path(sys.argv[2]))
store.open()
mine = int(sys.argv[3])
spans = [llm(f"{n % 20 + 1:032x}", f"{mine:08x}{n:08x}", at=n, cost=1, tokens=1, note="x" * 3_000 + str(n % 7))
         for n in range(200)]
shared = [llm(f"{n % 20 + 1:032x}", f"{n:016x}", at=n, cost=1, tokens=1) for n in range(100)]
todo = spans + shared + random.Random(mine).sample(spans, 50)
random.Random(mine + 100).shuffle(todo)
for at in range(0, len(todo), 7):
    store.write(todo[at:at + 7])
store.close()
"""


@pytest.fixture
def url() -> Iterator[str]:
    shared = running()
    with shared.database(shared.made_once("spanwise_template", migrate_database)) as made:
        yield made


def started(code: str, *arguments: object) -> Forked:
    return Forked(code, *arguments, environment={**os.environ, "SPANWISE_STRICT": "1"})


def codes(processes: list[Forked]) -> list[int]:
    """Wait for all, and return how they ended."""
    for process in processes:
        process.communicate(timeout=300)
    return [process.returncode for process in processes]


def test_what_three_processes_write_at_once_comes_out_as_if_one_had(url, tmp_path):
    writers = [started(WRITER, url, tmp_path, mine) for mine in (1, 2, 3)]
    assert codes(writers) == [0, 0, 0]
    store = PostgresStore(url, tmp_path)
    store.open()
    with closing(store):
        traces = store.find_traces(Query("default", limit=100)).items
        assert len(traces) == 20
        assert sum(trace.span_count for trace in traces) == 3 * 200 + 100
        before = (
            rows(store, "SELECT sum(spans), sum(input_uncached), sum(cost_nusd) FROM r_hour"),
            rows(store, "SELECT measure, bucket, sum(n) FROM h_hour GROUP BY 1, 2 ORDER BY 1, 2"),
            rows(store, "SELECT measure, bucket, sum(n) FROM h_day GROUP BY 1, 2 ORDER BY 1, 2"),
        )
        assert before[0] == [(700, 700, 700)]
        assert rows(store, "SELECT count(*), count(DISTINCT id) FROM spans") == [(700, 700)]
        assert rows(store, "SELECT count(*) FROM texts") == [(7,)], "each text is kept once, whoever brought it"
        store.recount()
        assert rows(store, "SELECT sum(spans), sum(input_uncached), sum(cost_nusd) FROM r_hour") == before[0]
        assert len(list(store.each_span(Query("default", limit=100)))) == 700


def test_words_that_another_process_numbered_anew_are_not_remembered(url, tmp_path):
    """Not even where that was the first time that anything was taken away."""
    with closing(PostgresStore(url, tmp_path)) as store, closing(PostgresStore(url, tmp_path)) as other:
        store.open()
        other.open()
        store.write([llm(TRACES[0], "a" * 16, user__id="ann")])
        other.recount()
        store.write([llm(TRACES[0], "b" * 16), llm(TRACES[1], "c" * 16, user__id="ann")])
        assert len(store.find_traces(Query("default", parse("user:ann"))).items) == 2


def test_a_process_that_is_killed_while_it_writes_loses_no_whole_transaction(url, tmp_path):
    code = """
import sys
from pathlib import Path
from spanwise_server.store.postgres import PostgresStore
from store_model.spans import llm
store = PostgresStore(sys.argv[1], Path(sys.argv[2]))
store.open()
for n in range(1, 100_000):
    store.write([llm(f"{n:032x}", f"{n:08x}{half:08x}", at=n % 50, cost=1) for half in range(2)])
    print(n, flush=True)
"""
    writer = started(code, url, tmp_path)
    assert writer.stdout is not None
    kept = 0
    for line in writer.stdout:
        kept = int(line)
        if kept >= 15:
            break
    os.kill(writer.pid, signal.SIGKILL)
    more, _ = writer.communicate()
    kept = max([kept, *map(int, more.split())])
    store = PostgresStore(url, tmp_path)
    store.open()
    with closing(store):
        traces = store.totals(Query("default")).traces.n
        assert traces in (kept, kept + 1), "what was said to be kept is, and at most one more"
        assert rows(store, "SELECT sum(spans), sum(cost_nusd) FROM r_hour") == [(2 * traces, 2 * traces)]


def test_processes_that_open_a_new_database_at_once_make_its_tables_once(tmp_path):
    code = (
        "import sys; from spanwise_server.store.postgres_database import migrate_database; "
        "migrate_database(sys.argv[1])"
    )
    with running().database() as url:
        both = [started(code, url) for _ in range(3)]
        killed = started(f"print('on', flush=True); {code}; import time; time.sleep(600)", url)
        killed.stdout.readline()
        time.sleep(0.1)  # into its migration, or its wait for that of another
        killed.send_signal(signal.SIGKILL)
        assert codes([*both, killed]) == [0, 0, 0, -signal.SIGKILL]
        store = PostgresStore(url, tmp_path)
        store.open()
        with closing(store):
            store.write([record(TRACES[0], "a" * 16)])
            assert store.refusal() is None


def test_a_database_that_goes_away_is_refused_politely_and_used_again_when_it_is_back(tmp_path):
    with cluster() as alone, alone.database() as url:
        store = PostgresStore(url, tmp_path)
        store.open()
        with closing(store):
            store.write([llm(TRACES[0], "a" * 16, cost=1)])
            store.keep_setting("here", "1")
            alone.stop()
            with pytest.raises(Overloaded, match="database"):
                store.write([llm(TRACES[1], "b" * 16, cost=1)])
            with pytest.raises(Overloaded, match="database"):
                store.find_traces(Query("default"))
            with pytest.raises(Overloaded, match="database"):
                store.setting("here")
            assert "database" in (store.refusal() or "")
            alone.start()
            store.write([llm(TRACES[1], "b" * 16, cost=1)])
            assert store.refusal() is None
            assert store.setting("here") == "1"
            assert len(store.find_traces(Query("default")).items) == 2


def test_nobody_to_connect_to_is_said_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match="cannot be reached"):
        PostgresStore("postgresql://127.0.0.1:1/none", tmp_path).open()


def test_the_row_of_a_trace_says_its_day():
    now = 1_790_000_000_000_000_000
    assert day_of_row(trace_row(day_of(now, now), 5)) == day_of(now, now)
    assert day_of(now - 900 * DAY_NS, now) == day_of(now + 10 * DAY_NS, now) == day_of(0, now) == 0
    assert name_of("spans", day_of(now, now)) == "spans_20260921"
    assert name_of("spans", 0) == "spans_other"


def test_spans_lie_in_the_partition_of_the_day_on_which_their_trace_began(url, tmp_path):
    store = PostgresStore(url, tmp_path)
    store.open()
    with closing(store):
        today = time.time_ns()
        spans = [record(TRACES[n], f"{n + 1:016x}") for n in range(3)]
        from dataclasses import replace

        at = [today, today - 3 * DAY_NS, today - 5_000 * DAY_NS]
        moved = [
            replace(one, span=replace(one.span, start_ns=ns, end_ns=ns + 1)) for one, ns in zip(spans, at, strict=True)
        ]
        store.write(moved)
        for ns, expected in zip(at, moved, strict=True):
            table = name_of("spans", day_of(ns))
            assert rows(store, f"SELECT count(*) FROM {table}") == [(1,)]
            assert store.trace("default", expected.span.trace_id).records == (expected,)
        with store._open.side() as side:
            assert day_of(at[1]) in days_there(side.driver)


def test_a_text_with_a_nul_is_kept_whole_and_shown_with_a_sign_in_its_place(url, tmp_path):
    store = PostgresStore(url, tmp_path, full_text=True)
    store.open()
    with closing(store):
        written = record(TRACES[0], "a" * 16, name="a\x00b", user__id="u\x00")
        store.write([written])
        store.write([written])
        assert store.span("default", "a" * 16) == written
        assert store.find_traces(Query("default")).items[0].name == "a\ufffdb"


def test_words_of_texts_are_searched_only_where_they_are_kept(url, tmp_path):
    from spanwise_server.errors import SpanwiseError
    from spanwise_server.query.parse import parse

    store = PostgresStore(url, tmp_path)
    store.open()
    with closing(store):
        store.write([record(TRACES[0], "a" * 16, name="refund", tenant="t7")])
        assert len(store.find_traces(Query("default", parse("attr.tenant:t7"))).items) == 1
        with pytest.raises(SpanwiseError, match="does not keep the words"):
            store.find_traces(Query("default", parse("refund")))
    store = PostgresStore(url, tmp_path, full_text=True)
    store.open()
    with closing(store):
        store.reindex()
        assert len(store.find_traces(Query("default", parse("refund"))).items) == 1


def test_media_lie_in_the_database_and_go_when_nothing_needs_them(url, tmp_path):
    from hashlib import sha256

    content = b"\x89PNG a picture"
    digest = sha256(content).hexdigest()
    store = PostgresStore(url, tmp_path / "one")
    other = PostgresStore(url, tmp_path / "other")
    store.open()
    other.open()
    with closing(store), closing(other):
        store.media.keep({digest: content})
        from dataclasses import replace

        store.write([replace(record(TRACES[0], "a" * 16), media=(digest,))])
        assert other.media_content("default", digest) == content
        assert other.media_content("elsewhere", digest) is None
        assert store.sweep_media(0) == 0
        store.delete_trace("default", TRACES[0])
        assert store.sweep_media(0) == 1
        assert store.media_content("default", digest) is None
        assert rows(store, "SELECT count(*) FROM media") == [(0,)]


def test_the_url_may_be_spelled_as_other_programs_do(url):
    assert json.dumps(url)  # a url of the cluster's own
    migrate_database(url.replace("postgresql://", "postgres://"))


def test_a_day_that_no_project_keeps_is_dropped_whole_and_out_of_every_total(url, tmp_path):
    from spanwise_server.record import Annotation, Annotator
    from spanwise_server.store.base import Kept

    def of_day(days: int, n: int, project: str = "default"):
        from dataclasses import replace

        one = llm(f"{n:032x}", f"{n:016x}", cost=n, note=f"text {n % 3} " * 900, project=project)
        start = time.time_ns() - days * DAY_NS
        return replace(one, span=replace(one.span, start_ns=start, end_ns=start + 1_000 * n))

    store = PostgresStore(url, tmp_path)
    store.open()
    with closing(store):
        store.write([of_day(40, n) for n in range(1, 21)] + [of_day(41, 100, "other"), of_day(41, 101)])
        store.write([of_day(1, n) for n in range(30, 35)])
        labelled = Annotation(
            id="1", project="default", name="correct", trace_id=f"{1:032x}", span_id=None, label="fail", score=None,
            explanation=None, correction=None, annotator=Annotator("human", "ana"), created_ns=1, updated_ns=1,
            source="ui", metadata=None,
        )  # fmt: skip
        store.annotate([labelled])
        limit = time.time_ns() - 30 * DAY_NS
        assert store.drop_days({"default": Kept(limit, labelled=True)}) == 0, "one day has a label, one another project"
        assert store.drop_days({"default": Kept(limit, labelled=False)}) == 20
        with store._open.side() as side:
            days = days_there(side.driver)
        today = day_of(time.time_ns())
        assert today - 40 not in days
        assert {today - 41, today - 1} <= days
        assert len(store.find_traces(Query("default", limit=100)).items) == 6
        assert len(store.find_traces(Query("other", limit=100)).items) == 1
        sums = "SELECT sum(spans), sum(cost_nusd) FROM r_hour"
        assert rows(store, sums) == [(7, 100 + 101 + sum(range(30, 35)))]
        assert rows(store, "SELECT count(*) FROM texts") == [(4,)], "texts that other days need stay"
        for table in ("traces", "h_hour", "r_hour", "annotations", "text_uses", "spans", "payloads"):
            assert rows(store, f"SELECT count(*) >= 0 FROM {table}") == [(True,)]
        assert rows(store, "SELECT count(*) FROM annotations") == [(0,)]
        before = rows(store, sums), rows(store, "SELECT count(*), sum(n) FROM h_hour")
        store.recount()
        assert (rows(store, sums), rows(store, "SELECT count(*), sum(n) FROM h_hour")) == before
        store.write([of_day(40, n) for n in range(1, 21)])
        assert rows(store, sums) == [(27, 100 + 101 + sum(range(30, 35)) + sum(range(1, 21)))]


def test_what_an_older_version_wrote_is_taken_into_the_index_of_attributes_in_the_background(url, tmp_path):
    with closing(PostgresStore(url, tmp_path)) as store:
        store.open()
        for n in range(40):
            store.write([record(TRACES[n % 2], f"{n + 1:016x}", at=n, size=n % 20, note=f"of {n}")])
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("TRUNCATE attribute_blocks")
        database.execute("INSERT INTO settings (name, value) VALUES ('attributes_filled_to', '-1')")
        assert _state_of_search(url, tmp_path) == "warning"
    with closing(PostgresStore(url, tmp_path)) as store:
        store.open()
        store.write([record(TRACES[0], f"{1:016x}", at=0, size=99)])  # while it is being filled, or after
        assert store.wait_until_searchable(60)
        found = [len(store.find_spans(Query("default", parse(asked), limit=100)).items) for asked in _ASKED]
        assert found == [40, 2, 1, 0, 1]
    assert _state_of_search(url, tmp_path) == "ok"


_ASKED = ("attr.size:*", "attr.size:7", "attr.size:99", 'attr.note:"of 0"', 'attr.note:"of 39"')


def _state_of_search(url: str, folder: Path) -> str:
    return next(found.state for found in examine_database(url, folder) if found.about == "search")


def test_processes_that_share_a_database_train_one_dictionary_and_open_what_the_other_packed(
    url, tmp_path, monkeypatch
):
    monkeypatch.setattr(dictionaries, "_LOOKED_EVERY_S", 0.0)
    monkeypatch.setattr(dictionaries, "_FIRST_AT", 40)
    said = " ".join(f"word{n * 7 % 400}" for n in range(600))
    with closing(PostgresStore(url, tmp_path)) as store, closing(PostgresStore(url, tmp_path)) as other:
        store.open()
        other.open()
        for n in range(60):
            (store, other)[n % 2].write([record(f"{n + 1:032x}", f"{n + 1:016x}", text=f"{n} {said}")])
        for one in (store, other):
            one._dictionaries.wait()
            one.write([record(f"{99:032x}", f"{id(one):016x}", text=said)])
            one._dictionaries.wait()
        assert rows(store, "SELECT count(*) FROM dictionaries") == [(1,)]
        assert store._dictionary == other._dictionary != codec.NONE
        monkeypatch.setattr(codec, "_known", {})
        monkeypatch.setattr(codec, "_codecs", codec._Codecs())
        assert other.span("default", f"{id(store):016x}").span.attributes["text"] == said


def test_the_words_of_traces_from_before_they_lay_in_an_array_are_theirs_still(tmp_path):
    traces = (
        "INSERT INTO traces (id, project_id, trace_id, places, words, name, root_kind, start_ns, duration_ns, status, "
        "span_count, error_count, llm_count, unpriced_count, has_root) VALUES (%s, 1, %s, 1, %s, 'n', 'llm', %s, 1, 1, "
        "1, 0, 1, 0, 1)"
    )
    with running().database() as url:
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0017")
        engine.dispose()
        with psycopg.connect(url) as database:
            database.execute("INSERT INTO projects (id, name, created_ns) VALUES (1, 'default', 1)")
            for number, model in ((1, "gpt-4o"), (70_000, "gpt-5")):
                word = (number, 1, "model", model)
                database.execute("INSERT INTO words (id, project_id, field, value) VALUES (%s, %s, %s, %s)", word)
            for row, words in ((1, (1, 70_000)), (2, (70_000,)), (3, ())):
                database.execute(traces, (row, bytes([row] * 16), pack_ids(words), row))
        with closing(PostgresStore(url, tmp_path)) as store:
            store.open()
            found = [len(store.find_traces(Query("default", parse(f"model:{m}"))).items) for m in ("gpt-4o", "gpt-5")]
            assert found == [1, 2]
            assert rows(store, "SELECT words FROM traces ORDER BY id") == [([1, 70_000],), ([70_000],), ([],)]
