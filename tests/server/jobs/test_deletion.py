"""What is deleted is gone everywhere, nothing else is, and a kill leaves whole traces."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import threading
from contextlib import closing

import pytest

from forked_process import Forked
from media_made import ask, blob, png, send
from server.jobs.test_again import derived
from server_process import clean_environment
from spanwise_server import cli
from spanwise_server.jobs.deletion import delete_found
from spanwise_server.jobs.housekeeping import Housekeeper
from spanwise_server.jobs.retention import DAY_NS, Retention, enforce, keep_retention, retention_of
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import START_NS, llm


def trace(n: int) -> str:
    return f"{n:032x}"


def calls(count: int, *, days: int = 0):
    """One call in each of *count* traces, a millisecond apart; *days* later than the others."""
    said = '[{"role":"user","parts":[{"type":"text","content":"question number%d"}]}]'
    return [
        llm(
            trace(n), f"{n:016x}", at=n / 1_000 + days * 86_400, session__id=f"s{n % 4}", user__id=f"u{n % 2}",
            gen_ai__input__messages=said % n,
        )
        for n in range(1, count + 1)
    ]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "data" / "main.db")
    opened.open()
    with closing(opened):
        yield opened


def left(store, project="default"):
    found = store.find_traces(Query(project, sort="time", limit=1_000)).items
    return [int(summary.trace_id, 16) for summary in found]


def words_of(store, phrase):
    """Return what the index alone finds."""
    assert store.wait_until_searchable()
    with closing(sqlite3.connect(store.path.with_name("search.db"))) as db:
        return [at for (at,) in db.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (phrase,))]


def test_what_is_left_is_what_a_store_would_hold_that_never_had_the_rest(store, tmp_path):
    store.write(calls(12))
    assert sum(delete_found(store, Query("default", parse("session:s1"), sort="time"))) == 3
    assert left(store) == [2, 3, 4, 6, 7, 8, 10, 11, 12]
    other = SqliteStore(tmp_path / "other" / "main.db")
    other.open()
    with closing(other):
        other.write([one for one in calls(12) if one.reading.session_id != "s1"])
        same = [[row for row in table if 0 not in row[-1:]] for table in derived(other.path)]
    found = [[row for row in table if 0 not in row[-1:]] for table in derived(store.path)]
    assert found[4:] == same[4:]  # traces and spans
    assert store.totals(Query("default")) == store.totals(Query("default", parse("-session:s1")))
    store.recount()
    assert [[row for row in table if 0 not in row[-1:]] for table in derived(store.path)] == found


def test_the_words_of_a_deleted_trace_leave_the_text_index(store):
    store.write(calls(5))
    assert len(words_of(store, "number3")) == 1
    assert store.delete_traces("default", [trace(3), trace(4), trace(77)]) == 2
    assert words_of(store, "number3") == words_of(store, "number4") == []
    assert len(words_of(store, "number2")) == len(words_of(store, "number5")) == 1
    with closing(sqlite3.connect(store.path.with_name("search.db"))) as db:
        db.execute("INSERT INTO texts (texts) VALUES ('integrity-check')")


def said_of_traces(store):
    """Return the users and sessions that the store knows, whether or not a trace has them."""
    with closing(sqlite3.connect(store.path)) as db:
        return {value for (value,) in db.execute("SELECT value FROM words WHERE field IN ('user', 'session')")}


def test_the_names_of_users_and_sessions_go_with_the_last_trace_that_has_them(store):
    store.write([*calls(3), llm(trace(9), f"{9:016x}", user__id="ana@example.com", session__id="newest")])
    assert store.delete_traces("default", [trace(9)]) == 1
    assert said_of_traces(store) == {"u0", "u1", "s1", "s2", "s3"}
    assert store.delete_traces("default", [trace(1)]) == 1
    assert said_of_traces(store) == {"u0", "u1", "s2", "s3"}  # another trace is of u1
    assert b"ana@example.com" not in b"".join(str(row).encode() for row in sqlite3.connect(store.path).iterdump())


def test_a_user_whose_name_went_is_found_when_they_come_again(store, tmp_path):
    """Also where another process took it away, and where its number was the newest."""
    other = SqliteStore(store.path)
    other.open()
    by_user = Query("default", parse("user:ana"))
    with closing(other):
        for deleting in (store, other, store, other):
            store.write([llm(trace(1), f"{1:016x}", user__id="ana", session__id="s1")])
            assert store.totals(by_user).traces.n == other.totals(by_user).traces.n == 1
            assert deleting.delete_traces("default", [trace(1)]) == 1
            store.write([llm(trace(2), f"{2:016x}", user__id="bob", session__id="s2")])
            assert [one.trace_id for one in store.find_traces(by_user).items] == []
            assert store.totals(by_user).traces.n == other.totals(by_user).traces.n == 0
            assert store.delete_traces("default", [trace(2)]) == 1
    assert said_of_traces(store) == set()


def test_a_span_that_came_just_now_can_be_deleted_and_come_again(store):
    for _ in range(3):
        store.write(calls(2))
        assert store.delete_traces("default", [trace(1), trace(2)]) == 2
    store.write(calls(2))
    assert len(words_of(store, "number1")) == 1


def test_old_traces_go_and_labelled_ones_stay_unless_told(store):
    store.write([*calls(6), *calls(9, days=5)[6:]])
    store.annotate(
        [Annotation(id="a", project="default", trace_id=trace(2), span_id=f"{2:016x}", name="quality", label="pass")]
    )
    now = START_NS + 6 * DAY_NS
    assert list(enforce(store, "default", now)) == []
    keep_retention(store, "default", Retention(days=3))
    assert sum(enforce(store, "default", now)) == 5
    assert left(store) == [2, 7, 8, 9]
    keep_retention(store, "default", Retention(days=3, labelled=True))
    assert sum(enforce(store, "default", now)) == 1
    assert left(store) == [7, 8, 9]
    assert retention_of(store, "other") == Retention()


def test_the_oldest_go_until_the_rest_is_small_enough(store):
    store.write([llm(trace(n), f"{n:016x}", at=n, x=random.Random(n).randbytes(4_000).hex()) for n in range(1, 300)])
    keep_retention(store, "default", Retention(max_mb=1))
    assert store.used("default").bytes > 1_000_000
    deleted = sum(enforce(store, "default", START_NS))
    assert 0 < deleted < 299
    assert left(store) == list(range(deleted + 1, 300))
    assert 800_000 < store.used("default").bytes <= 1_000_000


def test_a_server_deletes_by_itself_what_is_kept_no_longer(store):
    store.write(calls(3))
    keep_retention(store, "default", Retention(days=1))
    keeper = Housekeeper(store, first_s=0.0, every_s=0.05)
    try:
        for _ in range(200):
            if not left(store):
                break
            threading.Event().wait(0.05)
    finally:
        keeper.close()
    assert not left(store)


def test_spans_come_in_while_others_are_deleted(store):
    store.write(calls(400))
    stop = threading.Event()
    sent = 0

    def write():
        nonlocal sent
        while not stop.is_set():
            sent += 1
            store.write([llm(f"{'f' * 20}{sent:012x}", f"{sent:016x}", at=sent)])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        query = Query("default", parse("user:u0,u1"), sort="time")
        assert sum(delete_found(store, query)) == 400
    finally:
        stop.set()
        writer.join()
    assert store.totals(Query("default")).traces.n == sent


_KILLED = """
import sys
from pathlib import Path
from spanwise_server.jobs.deletion import delete_found
from spanwise_server.jobs import deletion
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store.sqlite import SqliteStore
deletion._SPANS_AT_ONCE = 3
store = SqliteStore(Path(sys.argv[1]))
store.open()
for some in delete_found(store, Query("default", parse("user:u0"), sort="time")):
    print(some, flush=True)
"""


def test_killed_in_mid_deletion_nothing_is_lost_or_doubled_and_it_goes_on(store, tmp_path):
    store.write(calls(200))
    path = store.path
    store.close()
    for kill_after in (1, 4, 9, 1_000):
        run = Forked(_KILLED, path, environment=clean_environment())
        for _ in range(kill_after):
            if not run.stdout.readline():
                break
        else:
            run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
        with closing(SqliteStore(path)) as again:
            again.open()
            assert [n for n in left(again) if n % 2] == list(range(1, 200, 2))
            before = derived(path)
            again.recount()
            kept = [[row for row in table if any(row[-3:])] for table in before]
            assert [[row for row in table if any(row[-3:])] for table in derived(path)] == kept
    with closing(SqliteStore(path)) as again:
        again.open()
        assert left(again) == list(range(1, 200, 2))


def run(*arguments):
    return cli.main(list(map(str, arguments)))


def test_the_command_asks_first_and_deletes_with_media(client, settings, capsys, monkeypatch):
    send(client, ask(blob(png(), "image/png")))
    send(client, ask({"type": "text", "content": "kept"}, trace="5e" * 16))
    data = ("--data", settings.data)
    assert run("delete", *data) == 2
    assert "Nothing says which" in capsys.readouterr().err
    assert run("delete", "--trace", "4f" * 16, *data) == 2
    assert "--yes" in capsys.readouterr().err
    assert run("delete", "--user", "nobody", "--yes", *data) == 1
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: "n" if "1 trace of" in asked else "?")
    assert run("delete", "--trace", "4F" * 16, *data) == 1
    assert client.get(f"/api/v1/traces/{'4f' * 16}").status_code == 200
    assert run("delete", "--trace", "4F" * 16, "--yes", *data) == 0
    assert "1 traces deleted" in capsys.readouterr().out
    assert client.get(f"/api/v1/traces/{'4f' * 16}").status_code == 404
    assert client.get(f"/api/v1/traces/{'5e' * 16}").status_code == 200


def test_the_command_sets_and_shows_what_is_kept(tmp_path, capsys):
    data = ("--data", tmp_path)
    assert run("retention", *data) == 0
    assert "keeps every trace" in capsys.readouterr().out
    assert run("retention", "--days", 30, "--max-mb", 5_000, "--labelled", "delete", *data) == 0
    assert "for 30 days and up to 5,000 MB. Labelled traces go too." in capsys.readouterr().out
    assert run("retention", "--days", "off", "--labelled", "keep", *data) == 0
    assert "traces up to 5,000 MB. Labelled traces are kept all the same." in capsys.readouterr().out
    assert run("retention", "--days", "0", *data) == 2
    assert "whole number" in capsys.readouterr().err


def test_the_api_deletes_one_or_what_a_filter_finds_and_never_all_by_mistake(client):
    for n in range(4):
        send(client, ask({"type": "text", "content": f"word{n}"}, trace=f"{n + 1:032x}"))
    assert client.delete(f"/api/v1/traces/{1:032x}").status_code == 204
    assert client.delete(f"/api/v1/traces/{1:032x}").status_code == 404
    refused = client.delete("/api/v1/traces")
    assert refused.status_code == 422
    assert "filter" in refused.json()["error"]["hint"]
    assert client.delete("/api/v1/traces", params={"filter": "word2", "limit": 1}).json() == {"deleted": 1}
    listed = client.get("/api/v1/traces").json()["items"]
    assert sorted(one["trace_id"] for one in listed) == [f"{2:032x}", f"{4:032x}"]
    assert json.loads(client.get("/api/v1/traces", params={"filter": "word2"}).text)["items"] == []
