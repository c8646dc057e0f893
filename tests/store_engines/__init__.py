"""A new store of any engine, and what lies in its tables: how one test runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickhouse_server import emptied
from postgres_cluster import running
from spanwise_server.store.clickhouse import ClickHouseStore
from spanwise_server.store.conditions import Sql
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.tables import SUMS


@contextmanager
def _sqlite() -> Iterator[SqliteStore]:
    with TemporaryDirectory() as folder:
        yield SqliteStore(Path(folder) / "main.db")


@contextmanager
def _postgres() -> Iterator[PostgresStore]:
    cluster = running()
    template = cluster.made_once("spanwise_template", migrate_database)
    with TemporaryDirectory() as folder, cluster.database(template) as url:
        yield PostgresStore(url, Path(folder), full_text=True)


@contextmanager
def _clickhouse() -> Iterator[ClickHouseStore]:
    with TemporaryDirectory() as folder, emptied(with_tables) as url:
        yield ClickHouseStore(url, Path(folder))


def with_tables(url: str) -> None:
    """Make the tables of a ClickHouse database."""
    with TemporaryDirectory() as folder, closing(ClickHouseStore(url, Path(folder))) as made:
        made.open()


#: How to make a store of each engine of the registry, by the scheme of its URLs.
KINDS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "clickhouse": _clickhouse,
}
#: Worlds that hypothesis makes for each engine; a new database takes its time.
EXAMPLES = {"sqlite": 25, "clickhouse": 4}
MOST_EXAMPLES_ELSEWHERE = 8
_SERIES = ("kind", "provider", "model", "environment", "prompt_name", "prompt_version")
_WORDS_IN_TABLE = (
    "SELECT field, value, trace_id, w.start_ns FROM trace_words w "
    "JOIN words ON words.id = word_id JOIN traces t ON t.id = trace_row"
)
_WORDS_IN_ARRAYS = "SELECT field, value, trace_id, start_ns FROM traces t JOIN words ON words.id = ANY(t.words)"
_ROLLUPS = {
    "r_hour": (("hour",), SUMS),
    "h_hour": (("hour", "measure", "bucket"), ("n",)),
    "h_day": (("day", "measure", "bucket"), ("n",)),
}
_OF_STEPS = ("r_step", "h_step_hour", "h_step_day", "t_step")


@contextmanager
def opened(kind: str) -> Iterator[Any]:
    """Give a new and open store of an engine."""
    with KINDS[kind]() as made:
        made.open()
        with closing(made):
            yield made


def rows(store: Any, sql: str) -> list[tuple[Any, ...]]:
    """Return what *sql* finds in the tables of a store that keeps them in a database of SQL."""
    with store._reading("") as (connection, _):
        return [tuple(row) for row in connection.execute(sql)]


def sums(store: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Return every rollup row that says something, by what it is split by."""
    found = {}
    for table, (keys, values) in _ROLLUPS.items():
        if isinstance(store, ClickHouseStore):
            key = ", ".join((*_SERIES, *keys))
            summed = ", ".join(f"sum(x.{name})" for name in values)
            said = f"HAVING sum(x.{values[0]}) != 0"
            sql = Sql(f"SELECT {key}, {summed} FROM {table} AS x GROUP BY {key} {said}")
            found[table] = sorted(store.server.rows(sql))
        else:
            found[table] = _split(store, "series", _SERIES, table)
    if not isinstance(store, ClickHouseStore):
        found |= {table: _split(store, "steps", ("name", "kind"), table) for table in _OF_STEPS}
    return found


def _split(store: Any, by: str, columns: Sequence[str], table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a rollup, with what they are split by in the place of its number."""
    said = ", ".join(f"s.{name}" for name in columns)
    key = "step_id" if by == "steps" else "series_id"
    joined = rows(store, f"SELECT {said}, r.* FROM {by} s JOIN {table} r ON r.{key} = s.id")
    return sorted((*row[: len(columns)], *row[len(columns) + 1 :]) for row in joined)


def words(store: Any) -> list[tuple[Any, ...]]:
    """Return every word with the trace and time it is filed under."""
    if isinstance(store, ClickHouseStore):
        split = store.server.rows(Sql("SELECT w, trace_id, start_ns FROM traces ARRAY JOIN words AS w"))
        return sorted((*word.split("\x1f", 1), trace_id.hex(), start_ns) for word, trace_id, start_ns in split)
    found = rows(store, _WORDS_IN_ARRAYS if isinstance(store, PostgresStore) else _WORDS_IN_TABLE)
    return sorted((field, value, trace_id.hex(), start_ns) for field, value, trace_id, start_ns in found)


def long_texts(store: Any) -> int:
    """Return how many long texts the tables hold, of spans that are there or not."""
    if isinstance(store, ClickHouseStore):
        raw = store.server.client.query("SELECT count() FROM spans WHERE length(payload) > 2000", settings={"final": 0})
        return int(raw.result_rows[0][0])
    return int(rows(store, "SELECT count(*) FROM texts")[0][0])


def over_engines(*strategies):
    """Hold a check of what *strategies* draw against every engine."""

    def over(check):
        @pytest.mark.parametrize("kind", KINDS)
        def test(kind):
            most = EXAMPLES.get(kind, MOST_EXAMPLES_ELSEWHERE)

            @settings(max_examples=most, deadline=None, suppress_health_check=[HealthCheck.too_slow])
            @given(st.tuples(*strategies))
            def holds(drawn):
                check(kind, *drawn)

            holds()

        test.__name__ = check.__name__
        return test

    return over
