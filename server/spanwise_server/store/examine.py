"""Looks for what is wrong with a store, and changes nothing: beside a running server, or without one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.script import ScriptDirectory

from ..resources import resource_dir
from .backup import MAIN_FILE, MEDIA_FOLDER, damage
from .connection import Connection
from .database import BUSY_MS, SqliteConnection
from .dictionaries import load
from .examine_steps import steps
from .finding import Finding
from .payload import opened, texts_named
from .sqlite import LEAST_FREE_BYTES

#: Below this much free space it is time to make room.
_LITTLE_BYTES: Final = 1_000_000_000
#: Packed spans that are opened unless all are.
_SAMPLE: Final = 500
_ALL: Final = 2**62
_REMOVED_LATER: Final = "A running server removes them within twenty minutes."


def examine(data: Path, *, full: bool = False) -> Iterator[Finding]:
    """Yield what each look at the store in *data* comes to; *full* reads every span and every file."""
    yield room(data)
    main = data / MAIN_FILE
    if not main.is_file():
        yield Finding("data", "warning", f"There is none in {data}.", "Start a server, or say where it is with --data.")
        return
    wrong = damage(main, full=full)
    if wrong is not None:
        yield Finding("file", "broken", f"{main} is damaged: {wrong}.", "Restore a backup: spanwise restore FOLDER")
        return
    yield Finding("file", "ok", f"{main} is whole{'' if full else ' by a quick check'}.")
    read_only = f"{main.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True, factory=SqliteConnection)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("BEGIN")  # all that follows is of one moment
        found = _schema(connection)
        yield found
        if found.state != "ok":
            return
        yield totals(connection)
        yield steps(connection)
        yield payloads(connection, full=full)
        yield media(connection, data / MEDIA_FOLDER, full=full)
        yield _words(connection, data / "search.db")


def room(data: Path) -> Finding:
    """Say how much room there is where *data* lies."""
    at = next(folder for folder in (data, *data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(at).free
    said = f"{free / 1e9:,.1f} GB are free where {data} lies."
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "broken", said, "Nothing is taken any more until there is room.")
    if free < _LITTLE_BYTES:
        return Finding("disk", "warning", said, "Make room, or keep less: spanwise retention")
    return Finding("disk", "ok", said)


def _schema(connection: sqlite3.Connection) -> Finding:
    try:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError):
        return Finding("schema", "broken", "The file is none of Spanwise.", "Say where the data is with --data.")
    return schema(version)


def schema(version: str) -> Finding:
    """Return what is to be said of a schema of this version."""
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    if version == newest:
        return Finding("schema", "ok", f"Schema {version}, the newest.")
    if version in {revision.revision for revision in script.walk_revisions()}:
        return Finding("schema", "warning", f"Schema {version}; the newest is {newest}.", "Run: spanwise migrate")
    return Finding("schema", "broken", f"Schema {version} is of a newer Spanwise.", "Install that one or a newer one.")


def totals(connection: Connection) -> Finding:
    """Compare the spans with every sum that is kept of them."""
    kept, costs, of_traces = (
        connection.execute(statement).fetchone()
        for statement in (
            "SELECT count(*), count(*) FILTER (WHERE counted = 1 AND cost_nusd IS NOT NULL) FROM spans",
            "SELECT coalesce(sum(spans), 0), coalesce(sum(priced), 0), coalesce(sum(cost_nusd), 0) FROM r_hour",
            "SELECT coalesce(sum(span_count), 0), coalesce(sum(cost_nusd), 0), count(*) FROM traces",
        )
    )
    if (kept[0], kept[1], costs[2]) == (costs[0], costs[1], of_traces[1]) and kept[0] == of_traces[0]:
        return Finding("totals", "ok", f"{kept[0]:,} spans in {of_traces[2]:,} traces; all sums are exact.")
    said = f"{kept[0]:,} spans, but the traces count {of_traces[0]:,.0f} and the charts {costs[0]:,.0f}"
    return Finding("totals", "broken", f"{said}, or their costs differ.", "Stop the server and run: spanwise recount")


def payloads(connection: Connection, *, full: bool) -> Finding:
    """Open packed spans, and look for each text that they name."""
    lost = connection.execute(
        "SELECT count(*) FROM spans s WHERE NOT EXISTS (SELECT 1 FROM traces t WHERE t.id = s.id >> 24)"
    ).fetchone()[0]
    unreadable = 0
    looked = 0
    limit = _ALL if full else _SAMPLE
    load(connection)
    for first, body in connection.execute("SELECT id, body FROM payloads ORDER BY id DESC LIMIT ?", (limit,)):
        looked += 1
        unreadable += not _can_be_read(connection, first, body)
    empty = connection.execute(
        "SELECT count(*) FROM (SELECT s.id FROM spans s ORDER BY s.id DESC LIMIT ?) s "
        "WHERE NOT EXISTS (SELECT 1 FROM payloads p WHERE p.id BETWEEN (s.id >> 24) << 24 AND s.id)",
        (limit,),
    ).fetchone()[0]
    which = "all" if full else f"the newest {looked:,}"
    if not (lost or unreadable or empty):
        return Finding("spans", "ok", f"Of {which} packed spans each can be read.")
    return Finding(
        "spans",
        "broken",
        f"{unreadable:,} packed spans cannot be read, {empty:,} spans have no content, {lost:,} have no trace.",
        "Restore a backup: spanwise restore FOLDER",
    )


def _can_be_read(connection: Connection, first: int, body: bytes) -> bool:
    try:
        _, said = opened(body)
        there = connection.execute(
            "SELECT count(*) FROM spans WHERE id BETWEEN ? AND ?", (first, first + len(said) - 1)
        )
        texts = [connection.execute("SELECT 1 FROM texts WHERE hash = ?", (n,)).fetchone() for n in texts_named(body)]
        return there.fetchone()[0] == len(said) and None not in texts
    except Exception:  # noqa: BLE001  # whatever it is, it cannot be read
        return False


def media(connection: sqlite3.Connection, folder: Path, *, full: bool) -> Finding:
    """Look for each file that a trace needs."""
    needed = {digest.hex() for (digest,) in connection.execute("SELECT DISTINCT digest FROM media_uses")}
    there = {file.name: file for file in folder.glob("??/*") if "." not in file.name}
    missing = len(needed - there.keys())
    changed = sum(not _holds(there[name], name) for name in needed & there.keys()) if full else 0
    if missing or changed:
        said = f"Of {len(needed):,} files {missing:,} are missing and {changed:,} hold something else."
        return Finding("media", "broken", said, "Copy them from a backup's media folder.")
    more = len(there) - len(needed)
    said = f"{len(needed):,} files that traces need are there{' and whole' if full and needed else ''}."
    return Finding("media", "ok", f"{said} {more:,} more are not needed by traces. {_REMOVED_LATER}" if more else said)


def _holds(file: Path, digest: str) -> bool:
    return sha256(file.read_bytes()).hexdigest() == digest


def _words(connection: sqlite3.Connection, search: Path) -> Finding:
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    if not search.is_file():
        return Finding("search", "warning", "There is no text index.", "It is made when a server starts.")
    with closing(sqlite3.connect(f"{search.absolute().as_uri()}?mode=ro", uri=True)) as index:
        try:
            seen = index.execute("SELECT entry FROM seen").fetchone()[0]
        except sqlite3.DatabaseError as error:
            said = f"The text index cannot be read: {error}."
            return Finding("search", "broken", said, "It is made anew when a server starts.")
    behind = max(0, (0 if last is None else last[0]) - seen)
    if behind:
        said = f"The text index is {behind:,} commits behind."
        return Finding("search", "warning", said, "A running server catches up by itself.")
    return Finding("search", "ok", "The text index has every span.")
