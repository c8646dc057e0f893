"""``spanwise backup``, ``restore`` and ``doctor``: whether the data is well, and a copy for when it is not."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .command import FAILED, add_settings, command, say, settings_of
from .progress import ProgressLine

if TYPE_CHECKING:
    from .command import Commands

_MARKS: Final = {"ok": "ok", "warning": "look", "broken": "BROKEN"}


def add(commands: Commands) -> None:
    """Add the commands."""
    backup = command(
        commands,
        "backup",
        _backup,
        "copy the data into a folder while the server runs",
        "The copy is of one moment. It takes the place of an older one in the folder when it is whole, not before; "
        "of media only new ones are copied.",
    )
    backup.add_argument("to", type=Path, help="The folder.")
    restore = command(
        commands,
        "restore",
        _restore,
        "put a backup into an empty data folder",
        "The text index is made anew when the server starts.",
    )
    restore.add_argument("backup", type=Path, help="The folder that a backup was made into.")
    doctor = command(
        commands,
        "doctor",
        _doctor,
        "look for what is wrong with the data, and change nothing",
        "The server may run. Ends with 1 where something is broken.",
    )
    doctor.add_argument("--full", action="store_true", help="Read every span, every index and every file.")
    for each in (backup, restore, doctor):
        add_settings(each, "data", "store")


def _backup(asked: argparse.Namespace) -> int:
    from ..store.backup import back_up

    with ProgressLine() as line:
        media = back_up(settings_of(asked).data, asked.to, lambda done, of: line.show(done >> 20, of >> 20, "MB"))
    say(f"The backup is in {asked.to}; {media:,} media files are new there.")
    return 0


def _restore(asked: argparse.Namespace) -> int:
    from ..claim import claimed
    from ..store.backup import restore

    data = settings_of(asked).data
    with claimed(data):
        media = restore(asked.backup, data)
    say(f"The data of {asked.backup} is in {data}, with {media:,} media files. Start the server: spanwise serve")
    return 0


def _doctor(asked: argparse.Namespace) -> int:
    from ..claim import is_claimed
    from ..store.examine import examine

    data = settings_of(asked).data
    say(f"{data}: a server {'runs' if is_claimed(data) else 'does not run'} on it.")
    broken = False
    for found in examine(data, full=asked.full):
        say(f"{_MARKS[found.state]:>6}  {found.about:<7} {found.sentence}")
        if found.remedy and found.state != "ok":
            say(f"{'':>6}  {'':<7} {found.remedy}")
        broken |= found.state == "broken"
    return FAILED if broken else 0
