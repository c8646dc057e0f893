"""A new store of any engine, and what lies in its tables: how one test runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from postgres_cluster import running
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.sqlite import SqliteStore


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


#: How to make a store of each engine of the registry, by the scheme of its URLs.
KINDS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {"sqlite": _sqlite, "postgresql": _postgres}


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
