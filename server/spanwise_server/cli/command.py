"""What every command is made of: its parser, its settings, its store, and how it speaks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from ..settings import SETTINGS, Settings, load

if TYPE_CHECKING:
    from ..store.engine import Store

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

#: Exit codes: not done, and refused with a sentence.
FAILED: Final = 1
REFUSED: Final = 2
#: Longest that a command waits for the text index, which grows by some 10,000 spans a second.
INDEXED_S: Final = 24 * 3_600.0


def command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], sentence: str, more: str = ""
) -> argparse.ArgumentParser:
    """Return a new command that calls *run*; *sentence* says what it does, *more* what else is good to know."""
    capital = sentence[0].upper() + sentence[1:]
    made = commands.add_parser(name, help=sentence, description=f"{capital}. {more}".strip(), allow_abbrev=False)
    made.set_defaults(run=run, needs_server=True)
    return made


def add_settings(to: argparse.ArgumentParser, *names: str) -> None:
    """Give *to*, a command, the options of these settings."""
    for setting in SETTINGS:
        if setting.name in names:
            default = f" (default {setting.default})" if setting.default else ""
            to.add_argument(
                "--" + setting.name.replace("_", "-"),
                dest=setting.name,
                metavar=setting.name.rpartition("_")[2].upper(),
                help=f"{setting.sentence} Else {setting.variable}{default}.",
            )


def add_question(to: argparse.ArgumentParser) -> None:
    """Give *to*, a command, the options that say which traces: a filter, and from when to when."""
    to.add_argument("--filter", default="", help="Only traces that match, see /help/filters.")
    to.add_argument("--from", dest="from_time", help="Only traces begun then or later, such as 2026-11-01.")
    to.add_argument("--to", dest="to_time", help="Only traces begun before then.")


def settings_of(asked: argparse.Namespace) -> Settings:
    """Return the settings: from the command line, else the environment, else the defaults."""
    return load({setting.name: getattr(asked, setting.name, None) for setting in SETTINGS})


@contextmanager
def open_store(asked: argparse.Namespace) -> Iterator[Store]:
    """Give the open store of the settings."""
    from ..store.engine import Options, make_store  # noqa: PLC0415  # help comes at once, without it

    settings = settings_of(asked)
    store = make_store(settings.store, Options(settings.data, full_text=settings.full_text))
    store.open()
    try:
        yield store
    finally:
        store.close()


def day(at_ns: int | None) -> str:
    """Return a moment to the minute, or ``never``."""
    return "never" if at_ns is None else f"{datetime.fromtimestamp(at_ns / 1e9, timezone.utc):%Y-%m-%d %H:%M} UTC"


def say(line: str) -> None:
    """Print a line to the standard output at once."""
    print(line, flush=True)


def complain(message: str, hint: str) -> None:
    """Print what went wrong and what would work to the standard error."""
    print(f"spanwise: {message}", *filter(None, [hint]), sep="\n  ", file=sys.stderr, flush=True)
