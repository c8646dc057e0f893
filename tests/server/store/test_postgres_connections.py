"""Connections that PostgreSQL has closed are made anew, and reading small tables takes no transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from postgres_cluster import running
from spanwise_server.errors import Overloaded
from spanwise_server.store import postgres_database
from spanwise_server.store.gin import GinIndex
from spanwise_server.store.postgres_database import PostgresDatabase, migrate_database


@pytest.fixture
def database() -> Iterator[PostgresDatabase]:
    shared = running()
    with shared.database(shared.made_once("spanwise_template", migrate_database)) as url:
        made = PostgresDatabase(url, GinIndex(full_text=False))
        yield made
        made.close()


def ask(database: PostgresDatabase) -> list[bool]:
    """Return, of each kind of connection, whether it can be asked."""
    return [answers(lent) for lent in (database.session, database.transaction, database.read, database.write)]


def answers(lent: Callable[[], AbstractContextManager[Any]]) -> bool:
    try:
        with lent() as one:
            asked = "SELECT 1"
            return one.execute(text(asked) if isinstance(one, Session) else asked).fetchone()[0] == 1
    except Overloaded:
        return False


def close_all(database: PostgresDatabase) -> None:
    name = database.url.rpartition("/")[2]
    running().run(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")


def test_connections_that_were_closed_meanwhile_are_made_anew(database, monkeypatch):
    monkeypatch.setattr(postgres_database, "_SURELY_THERE_S", -1.0)
    assert ask(database) == [True] * 4
    close_all(database)
    assert ask(database) == [True] * 4


def test_one_that_was_used_a_moment_ago_is_refused_once_and_then_made_anew(database, monkeypatch):
    monkeypatch.setattr(postgres_database, "_SURELY_THERE_S", 3_600.0)
    assert ask(database) == [True] * 4
    close_all(database)
    assert False in ask(database)
    assert ask(database) == [True] * 4


def test_reading_small_tables_opens_no_transaction(database):
    with database.session() as session:
        first, second = (session.execute(text("SELECT now()")).scalar_one() for _ in range(2))
    assert first < second, "now() is when the transaction began"
    with database.transaction() as session:
        first, second = (session.execute(text("SELECT now()")).scalar_one() for _ in range(2))
    assert first == second
