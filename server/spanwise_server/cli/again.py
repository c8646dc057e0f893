"""``spanwise reread`` and ``spanwise reprice``: today's dialects and today's prices for what is in the store."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .command import INDEXED_S, add_question, add_settings, command, open_store, say, settings_of
from .progress import ProgressLine

if TYPE_CHECKING:
    from ..jobs.again import What
    from .command import Commands

_WHILE_SERVING = "The server may run. What is cut off goes on from there when the same is asked again."


def add(commands: Commands) -> None:
    """Add the commands."""
    reread = command(
        commands,
        "reread",
        _reread,
        "read stored spans again with today's dialects",
        f"Only those that another version has read. {_WHILE_SERVING}",
    )
    reread.add_argument("--all", action="store_true", help="Also those that this version has read.")
    reprice = command(
        commands,
        "reprice",
        _reprice,
        "price stored spans again with today's price list",
        f"Each at the price of its own time; a cost that the sender reported stays. {_WHILE_SERVING}",
    )
    for each in (reread, reprice):
        each.add_argument("--project", help="Only this one; else every project.")
        add_question(each)
        add_settings(each, "data", "store")


def _reread(asked: argparse.Namespace) -> int:
    return _again(asked, "reread", "read again")


def _reprice(asked: argparse.Namespace) -> int:
    return _again(asked, "reprice", "priced again")


def _again(asked: argparse.Namespace, what: What, done: str) -> int:
    from ..claim import is_claimed
    from ..jobs.again import Again, Asked, Progress
    from ..query.moments import moment

    wanted = Asked(
        what,
        asked.project,
        asked.filter,
        moment(asked.from_time, "--from"),
        moment(asked.to_time, "--to"),
        everything=getattr(asked, "all", False),
    )
    last = Progress(0, 0, 0)
    with open_store(asked) as store, ProgressLine() as line:
        run = Again(store, wanted, rest=1.0 if is_claimed(settings_of(asked).data) else 0.0)
        if run.resumes():
            say("Going on where the last run stopped.")
        for last in run.run():
            line.show(last.traces, last.of, "traces", f"{last.spans:,} spans {done}, {last.changed:,} changed")
        store.wait_until_searchable(INDEXED_S)
    say(f"{last.traces:,} traces looked at, {last.spans:,} spans {done}, {last.changed:,} changed.")
    return 0
