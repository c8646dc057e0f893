"""Runs one command of ``spanwise``; what a command needs is imported when it is run."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final

from spanwise._version import __version__
from spanwise.registry import COMMANDS, load_object

from ..errors import SpanwiseError
from . import access, again, backup, delete, export, serve, upkeep
from .command import REFUSED, command, complain, say

_NEEDED: Final = ("fastapi", "uvicorn", "sqlmodel", "alembic", "argon2", "platformdirs")
#: The groups of commands, in the order of the help.
GROUPS: Final = (serve, access, again, export, backup, delete, upkeep)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 not done, 2 refused with a sentence."""
    asked = parser().parse_args(arguments)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    run: Callable[[argparse.Namespace], int] = asked.run
    if missing and asked.needs_server:
        complain(
            "The server is not installed; this is the SDK alone.", 'Install it with: pip install "spanwise[server]"'
        )
        return REFUSED
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return run(asked)
    except SpanwiseError as refusal:
        complain(refusal.message, refusal.hint)
        return REFUSED
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    top = argparse.ArgumentParser(
        prog="spanwise", description="See every LLM call, label it, turn it into tests.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"spanwise {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    for path in COMMANDS.values():  # what the SDK brings works without the server's libraries
        load_object(path)(commands)
    command(commands, "version", _version, "print the version").set_defaults(needs_server=False)
    return top


def _version(_asked: argparse.Namespace) -> int:
    say(__version__)
    return 0
