"""``spanwise migrate``, ``recount`` and ``reindex``: what is derived from the spans, made anew."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .command import FAILED, INDEXED_S, add_settings, command, open_store, say, settings_of

if TYPE_CHECKING:
    from ..settings import Settings
    from .command import Commands


def add(commands: Commands) -> None:
    """Add the commands."""
    migrate = command(
        commands,
        "migrate",
        _migrate,
        "bring the data to the newest schema, as serve does at its start, or move it to another store",
        "What is moved stays where it was. A move that is cut off goes on from there when it is asked for again; the "
        "server must be stopped meanwhile.",
    )
    migrate.add_argument("--to", metavar="URL", help="Move everything to this store, such as postgresql://...")
    added = (
        migrate,
        command(
            commands,
            "recount",
            _recount,
            "count every total, facet and chart anew from the spans",
            "They are kept exact as spans come in, so this should change nothing. The server must be stopped; "
            "a command that is cut off changes nothing.",
        ),
        command(
            commands,
            "reindex",
            _reindex,
            "make the text index anew, which also rids it of the words of deleted traces",
            "The server must be stopped; cut off, it goes on at the next start of the server.",
        ),
    )
    for each in added:
        add_settings(each, "data", "store")


def _migrate(asked: argparse.Namespace) -> int:
    from ..store.engine import shown

    settings = settings_of(asked)
    if asked.to:
        return _move(settings, asked.to)
    with open_store(asked):
        say(f"The data in {shown(settings.store, settings.data)} is at the newest schema.")
    return 0


def _move(settings: Settings, to: str) -> int:
    from contextlib import closing

    from ..errors import ConfigError
    from ..store.engine import Options, claimed_store, folder_of, make_store, shown
    from ..store.move import Move
    from ..store.sqlite import SqliteStore
    from .progress import ProgressLine

    options = Options(settings.data, full_text=settings.full_text)
    source, target = make_store(settings.store, options), make_store(to, options)
    if not isinstance(source, SqliteStore) or folder_of(to, settings.data) is not None:
        raise ConfigError("Data is moved from SQLite to a database.", "Give the URL of a database with --to.")
    spans = traces = 0
    with claimed_store(settings.store, settings.data):
        if not source.path.exists():
            raise ConfigError(f"There is no data in {source.path.parent}.", "Say where it is with --data or --store.")
        source.open()
        with closing(source):
            target.open()
            with closing(target), ProgressLine() as line:
                move = Move(source, target)
                if move.resumes():
                    say("Going on where the last move stopped.")
                for moved in move.run():
                    spans, traces = moved.spans, moved.traces
                    line.show(spans, moved.of, "spans")
    where = shown(to, settings.data)
    say(f"{spans:,} spans of {traces:,} traces are in {where}, with everything else. Start: spanwise serve --store URL")
    return 0


def _recount(asked: argparse.Namespace) -> int:
    from ..store.engine import claimed_store

    settings = settings_of(asked)
    with claimed_store(settings.store, settings.data), open_store(asked) as store:
        traces = store.recount()
    say(f"The totals of {traces:,} traces are counted anew.")
    return 0


def _reindex(asked: argparse.Namespace) -> int:
    from ..store.engine import claimed_store

    settings = settings_of(asked)
    with claimed_store(settings.store, settings.data), open_store(asked) as store:
        store.reindex()
        done = store.wait_until_searchable(INDEXED_S)
    say("The text index is new." if done else "The text index is not filled yet; the server goes on with it.")
    return 0 if done else FAILED
