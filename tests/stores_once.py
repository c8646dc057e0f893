"""What every store of a process would do anew, done once for all of them.

A server has one store all its life; a test has one to itself, and most of what it takes would be the same as in every
other.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

from spanwise_server.store import clickhouse_small, database, postgres_database, sqlite
from spanwise_server.store import migrate as migrations

_MOST = 5_000


class _Worded(LRUCache[Any, Any]):
    """Statements in words: by the name of the dialect, of which each engine has one that is equal to the others'."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_named(key), default)

    def __setitem__(self, key: Any, worded: Any) -> None:
        super().__setitem__(_named(key), worded)


def _named(key: Any) -> Any:
    dialect, *statement = key
    return dialect.name, *statement


@contextmanager
def migrated_once() -> Iterator[None]:
    """Begin every new store meanwhile with a copy of a migrated one."""
    with TemporaryDirectory() as folder:
        template = Path(folder) / "main.db"
        migrations.migrate(template)

        def copied(path: Path) -> None:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(template, path)
            migrations.migrate(path)

        with mock.patch.object(sqlite, "migrate", copied), mock.patch.object(clickhouse_small, "migrate", copied):
            yield


@contextmanager
def worded_once() -> Iterator[None]:
    """Give every store that is opened meanwhile the same words: SQLAlchemy finds them once for each engine."""
    words = _Worded(_MOST)

    def sharing(made: Callable[..., Engine]) -> Callable[..., Engine]:
        def engine(*given: Any) -> Engine:
            one = made(*given)
            one._compiled_cache = words
            return one

        return engine

    with ExitStack() as stack:
        for opening in (database, postgres_database):
            stack.enter_context(mock.patch.object(opening, "_engine", sharing(opening._engine)))
        yield
