"""``spanwise migrate``, ``recount`` and ``reindex``: what is derived from the spans, made anew."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .command import FAILED, INDEXED_S, add_settings, command, open_store, say, settings_of

if TYPE_CHECKING:
    from .command import Commands


def add(commands: Commands) -> None:
    """Add the commands."""
    added = (
        command(commands, "migrate", _migrate, "bring the data to the newest schema, as serve does at its start"),
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
    with open_store(asked):
        say(f"The data in {shown(settings.store, settings.data)} is at the newest schema.")
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
