"""Looks for what is wrong with a PostgreSQL store, and changes nothing; servers may run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from .attribute_blocks import NOT_TAKEN_IN
from .block_filler import being_filled
from .connection import Connection
from .examine import payloads, schema, totals
from .examine_steps import steps
from .finding import Finding
from .gin import GinIndex
from .postgres_database import OLDEST_VERSION, PostgresDatabase, driver_url


def examine_database(url: str, data: Path, *, full: bool = False) -> Iterator[Finding]:  # noqa: ARG001  # of every engine
    """Yield what each look at the store at *url* comes to; *full* reads every span and every content of media."""
    database = yield from _answering(url)
    if database is None:
        return
    with closing(database), database.read() as connection:  # so that all is of one moment
        yield totals(connection)
        yield steps(connection)
        yield payloads(connection, full=full)
        yield _media(connection, full=full)
        yield _words(connection)


def examine_small(url: str, owner: Callable[[Any], Finding], *, full: bool) -> Iterator[Finding]:
    """Yield what each look at the small tables at *url* comes to; *owner* judges the row with their id."""
    database = yield from _answering(url)
    if database is None:
        return
    with closing(database), database.read() as connection:
        yield owner(connection.execute("SELECT value FROM settings WHERE name = 'store_id'").fetchone())
        yield _media(connection, full=full)


def _answering(url: str) -> Generator[Finding, None, PostgresDatabase | None]:
    """Say of the server and the schema what there is to say; return the database where the rest can be looked at."""
    try:
        with psycopg.connect(driver_url(url), connect_timeout=5) as driver:
            version = driver.info.server_version
            there = driver.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchall()[0][0]
            revision = driver.execute("SELECT version_num FROM alembic_version").fetchall()[0][0] if there else None
    except psycopg.Error as error:
        said = f"{str(error).strip().splitlines()[0]}."
        yield Finding("server", "broken", said, "Start PostgreSQL, or correct --store.")
        return None
    named = f"PostgreSQL {version // 10_000}.{version % 10_000} answers."
    if version < OLDEST_VERSION:
        yield Finding("server", "broken", named, "Use version 14 or newer.")
        return None
    yield Finding("server", "ok", named)
    if revision is None:
        yield Finding("schema", "warning", "The database is empty.", "Its tables are made when a server starts.")
        return None
    found = schema(revision)
    yield found
    return PostgresDatabase(url, GinIndex(full_text=False)) if found.state == "ok" else None


def _media(connection: Connection, *, full: bool) -> Finding:
    needed, missing = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM media m WHERE m.digest = u.digest)) "
        "FROM (SELECT DISTINCT digest FROM media_uses) u"
    ).fetchone()
    changed = 0
    if full:
        rows = connection.execute("SELECT digest, body FROM media")
        changed = sum(sha256(body).digest() != digest for digest, body in rows)
    if missing or changed:
        said = f"Of {needed:,} contents {missing:,} are missing and {changed:,} are something else."
        return Finding("media", "broken", said, "Put them back from a dump of the database.")
    return Finding("media", "ok", f"{needed:,} contents that traces need are there.")


def _words(connection: Connection) -> Finding:
    lacking = connection.execute(NOT_TAKEN_IN).fetchone()[0]
    if lacking and being_filled(connection):
        said = f"The attributes of {lacking:,} spans are being indexed."
        return Finding("search", "warning", said, "A running server does it in the background.")
    if lacking:
        return Finding("search", "broken", f"The words of {lacking:,} spans are not indexed.", "Run: spanwise reindex")
    return Finding("search", "ok", "The words of every span are indexed.")
