"""Rows put in many by each statement, and by the columns that they say anything in."""

from __future__ import annotations

import sqlite3

import pytest

from spanwise_server.store.sparse import TOGETHER, put, put_sparse

COLUMNS = ("id", "name", "note")


@pytest.fixture
def connection():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, note TEXT)")
        yield connection
    connection.close()


def kept(connection):
    return connection.execute("SELECT id, name, note FROM things ORDER BY id").fetchall()


@pytest.mark.parametrize("count", [0, 1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 3 * TOGETHER + 2])
def test_every_row_goes_in_once(connection, count):
    rows = [(n, f"n{n}", None) for n in range(count)]
    put(connection, "things", COLUMNS, rows)
    assert kept(connection) == rows


def test_rows_in_conflict_are_let_be_or_replaced_among_many(connection):
    first = [(n, "first", "kept") for n in range(0, 90, 2)]
    put(connection, "things", COLUMNS, first)
    more = [(n, "second", None) for n in range(90)]
    put(connection, "things", COLUMNS, more, "ON CONFLICT DO NOTHING")
    assert [row[1] for row in kept(connection)] == ["first", "second"] * 45
    put(connection, "things", COLUMNS, more, "ON CONFLICT (id) DO UPDATE SET name = excluded.name")
    assert kept(connection) == [(n, "second", None if n % 2 else "kept") for n in range(90)]


def test_rows_that_say_different_columns_all_say_the_same_as_before(connection):
    rows = [(n, None if n % 3 == 0 else "name", None if n % 7 else "note") for n in range(200)]
    put_sparse(connection, "things", COLUMNS, rows)
    assert kept(connection) == rows
