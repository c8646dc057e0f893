"""``spanwise run``: run any program recorded, without changing it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..auto import AUTO_VARIABLE
from ..config import SETTINGS, read_config
from .setting_options import add_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

_OPTIONS: Final = ("endpoint", "project", "service", "environment", "release", "instrument")
_NOT_FOUND: Final = 127
_REFUSED: Final = 2


def add(commands: Commands) -> None:
    """Add the command."""
    sentence = "run a program with its model calls recorded, without changing it"
    run = commands.add_parser(
        "run",
        help=sentence,
        description=f"{sentence.capitalize()}: spanwise run -- python app.py. What it starts is recorded too.",
        allow_abbrev=False,
    )
    add_settings(run, _OPTIONS)
    run.add_argument("program", nargs=argparse.REMAINDER, metavar="-- PROGRAM ...", help="What to run.")
    run.set_defaults(run=_run, needs_server=False)


def _run(asked: argparse.Namespace) -> int:
    program: Sequence[str] = asked.program[1:] if asked.program[:1] == ["--"] else asked.program
    given = {name: getattr(asked, name) for name in _OPTIONS if getattr(asked, name) is not None}
    if not program:
        return _refuse("there is nothing to run.", "Such as: spanwise run -- python app.py")
    try:
        read_config(given)
    except ValueError as error:
        return _refuse(str(error), "See: spanwise run --help")
    return _become(program, environment(given, os.environ))


def environment(given: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a program is recorded."""
    variables = {setting.name: setting.variable for setting in SETTINGS}
    return {**environ, **{variables[name]: value for name, value in given.items()}, AUTO_VARIABLE: "1"}


def _become(program: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run *program* in the place of this one, where the system can, so that signals reach it."""
    sys.stdout.flush()
    try:
        if os.name == "nt":
            return subprocess.run(program, env=environ, check=False).returncode  # noqa: S603  # what the user asked for
        os.execvpe(program[0], list(program), environ)  # noqa: S606  # what the user asked for
    except OSError as error:
        _refuse(f"{program[0]} cannot be run: {error.strerror}.", "")
        return _NOT_FOUND


def _refuse(message: str, hint: str) -> int:
    print(f"spanwise: {message}", *filter(None, [hint]), sep="\n  ", file=sys.stderr)
    return _REFUSED
