"""The commands on a PostgreSQL store: each works, or says what does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from postgres_cluster import program, running
from spanwise_server.cli import main
from spanwise_server.query.filters import Query
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from store_model.spans import TRACES, llm


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    shared = running()
    with shared.database(shared.made_once("spanwise_template", migrate_database)) as made:
        store = PostgresStore(made, tmp_path / "cache")
        store.open()
        with closing(store):
            store.write([llm(TRACES[n], f"{n + 1:016x}", cost=5, user__id=f"u{n}") for n in range(3)])
        yield made


def run(url: str, *arguments: str) -> int:
    return main([*arguments, "--store", url])


def test_the_doctor_finds_nothing_wrong_and_then_what_is_broken(url, capsys):
    assert run(url, "doctor", "--full") == 0
    said = capsys.readouterr().out
    assert "3 spans in 3 traces; all sums are exact" in said
    assert "tester@127.0.0.1" in said
    with psycopg.connect(url) as db:
        db.execute("UPDATE r_hour SET spans = spans + 1")
        db.execute("DELETE FROM attribute_blocks")
    assert run(url, "doctor") == 1
    said = capsys.readouterr().out
    assert "spanwise recount" in said
    assert "spanwise reindex" in said
    assert run(url, "recount") == run(url, "reindex") == 0
    assert run(url, "doctor") == 0
    assert main(["doctor", "--store", "postgresql://127.0.0.1:1/none"]) == 1
    assert "Start PostgreSQL" in capsys.readouterr().out


def test_the_doctor_of_an_empty_database_says_that_it_is(capsys):
    with running().database() as url:
        assert run(url, "doctor") == 0
        assert "The database is empty." in capsys.readouterr().out


def test_traces_are_deleted_priced_and_read_again(url, tmp_path, capsys):
    assert run(url, "delete", "--user", "u1", "--yes") == 0
    assert "1 traces deleted" in capsys.readouterr().out
    assert run(url, "reread", "--all") == 0
    assert "2 traces looked at, 2 spans read again" in capsys.readouterr().out
    assert run(url, "reprice") == 0
    assert run(url, "retention", "--days", "30") == 0
    assert "for 30 days" in capsys.readouterr().out
    assert run(url, "migrate") == 0
    assert run(url, "keys", "create", "--project", "default", "--name", "ci") == 0
    assert run(url, "doctor") == 0
    store = PostgresStore(url, tmp_path / "cache")
    store.open()
    with closing(store):
        assert len(store.find_traces(Query("default")).items) == 2


def test_a_backup_is_left_to_the_tools_of_postgresql_which_make_one(url, tmp_path, capsys):
    assert run(url, "backup", str(tmp_path / "copy")) == 2
    assert "pg_dump" in capsys.readouterr().err
    dump = str(tmp_path / "spanwise.dump")
    subprocess.run([program("pg_dump"), "--format=custom", f"--file={dump}", url], check=True, env=dict(os.environ))
    with running().database() as other:
        subprocess.run([program("pg_restore"), f"--dbname={other}", dump], check=True)
        assert run(other, "doctor", "--full") == 0
        store = PostgresStore(other, tmp_path / "cache")
        store.open()
        with closing(store):
            assert len(store.find_traces(Query("default")).items) == 3
            store.write([llm(TRACES[4], "f" * 16, cost=5)])
            assert store.totals(Query("default")).cost_nusd == 20
