"""The commands that make anew what is derived from the spans."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from spanwise_server import cli
from spanwise_server.claim import claimed, is_claimed
from spanwise_server.query.filters import Query, Text
from spanwise_server.settings import SETTINGS
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import TRACES, llm, record


@pytest.fixture
def data(tmp_path, monkeypatch):
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("SPANWISE_DATA", str(tmp_path))
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        store.write([llm(TRACES[0], "a" * 16, name="alpha", cost=7), record(TRACES[1], "b" * 16, name="alpha beta")])
        assert store.wait_until_searchable()
    return tmp_path


def sums(data):
    """Everything in the rollups, by what they are split by: a series' own number means nothing."""
    with closing(sqlite3.connect(data / "main.db")) as db:
        return {
            table: sorted(db.execute(f"SELECT kind, model, r.* FROM {table} r JOIN series s ON s.id = series_id"))
            for table in ("r_hour", "h_hour", "h_day")
        }


def without_series(found):
    return {table: sorted((*row[:2], *row[3:]) for row in rows) for table, rows in found.items()}


def test_recounting_changes_nothing_that_was_right(data) -> None:
    before = without_series(sums(data))
    assert cli.main(["recount"]) == 0
    assert without_series(sums(data)) == before


def test_recounting_mends_sums_that_were_wrong(data, capsys) -> None:
    before = without_series(sums(data))
    with closing(sqlite3.connect(data / "main.db")) as db:
        db.execute("UPDATE r_hour SET spans = spans + 1, cost_nusd = 0")
        db.execute("UPDATE traces SET cost_nusd = 1, name = 'wrong'")
        db.commit()
    assert cli.main(["recount"]) == 0
    assert "2 traces" in capsys.readouterr().out
    assert without_series(sums(data)) == before
    store = SqliteStore(data / "main.db")
    store.open()
    with closing(store):
        assert store.totals(Query("default")).cost_nusd == 7
        assert {trace.name for trace in store.find_traces(Query("default")).items} == {"alpha", "alpha beta"}


def test_reindexing_makes_a_new_index_in_which_all_is_found(data, capsys) -> None:
    (data / "search.db").write_bytes(b"")
    assert cli.main(["reindex"]) == 0
    assert "new" in capsys.readouterr().out
    store = SqliteStore(data / "main.db")
    store.open()
    with closing(store):
        assert len(store.find_traces(Query("default", Text("alpha"))).items) == 2


@pytest.mark.parametrize("command", ["recount", "reindex"])
def test_what_must_be_alone_is_refused_while_a_server_runs(command, data, capsys) -> None:
    assert not is_claimed(data)
    with claimed(data):
        assert is_claimed(data)
        assert cli.main([command]) == 2
    assert "Stop it first" in capsys.readouterr().err
    assert not is_claimed(data)


def test_a_folder_that_is_not_there_is_nobodys(tmp_path) -> None:
    assert not is_claimed(tmp_path / "nowhere")
