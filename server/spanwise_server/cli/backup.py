"""``spanwise backup``, ``restore`` and ``doctor``: whether the data is well, and a copy for when it is not."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .command import FAILED, add_settings, command, say, settings_of
from .progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.engine import Copier
    from ..store.finding import Finding
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

    if copier := _copier(asked):
        say(copier.back_up(*_places(asked), asked.to))
        return 0
    with ProgressLine() as line:
        media = back_up(_folder(asked), asked.to, lambda done, of: line.show(done >> 20, of >> 20, "MB"))
    say(f"The backup is in {asked.to}; {media:,} media files are new there.")
    return 0


def _restore(asked: argparse.Namespace) -> int:
    from ..claim import claimed
    from ..store.backup import restore

    if copier := _copier(asked):
        say(f"{copier.restore(*_places(asked), asked.backup)} Start the server: spanwise serve --store URL")
        return 0
    data = _folder(asked)
    with claimed(data):
        media = restore(asked.backup, data)
    say(f"The data of {asked.backup} is in {data}, with {media:,} media files. Start the server: spanwise serve")
    return 0


def _copier(asked: argparse.Namespace) -> Copier | None:
    """Return what copies the store where that is not a copy of its folder."""
    from spanwise.registry import load_object

    from ..store.engine import engine_of

    engine = engine_of(settings_of(asked).store)
    found: Copier | None = load_object(engine.copier) if engine.copier else None
    return found


def _places(asked: argparse.Namespace) -> tuple[str, Path]:
    settings = settings_of(asked)
    return settings.store, settings.data


def _folder(asked: argparse.Namespace) -> Path:
    """Return the folder to copy, or say what copies the database that is there instead."""
    from ..errors import ConfigError
    from ..store.engine import engine_of, folder_of

    settings = settings_of(asked)
    folder = folder_of(settings.store, settings.data)
    if folder is None:
        engine = engine_of(settings.store)
        raise ConfigError(f"{engine.title} is copied by tools of its own.", engine.copied_by)
    return folder


def _findings(asked: argparse.Namespace) -> Iterator[Finding]:
    from spanwise.registry import load_object

    from ..claim import is_claimed
    from ..errors import ConfigError
    from ..store.engine import engine_of, folder_of, shown
    from ..store.examine import examine

    settings = settings_of(asked)
    folder = folder_of(settings.store, settings.data)
    if folder is not None:
        say(f"{folder}: a server {'runs' if is_claimed(folder) else 'does not run'} on it.")
        yield from examine(folder, full=asked.full)
        return
    engine = engine_of(settings.store)
    if not engine.examiner:
        raise ConfigError(f"{engine.title} is not looked over by this command.", "Use the tools of its own.")
    say(f"{shown(settings.store, settings.data)}:")
    yield from load_object(engine.examiner)(settings.store, settings.data, full=asked.full)


def _doctor(asked: argparse.Namespace) -> int:
    broken = False
    for found in _findings(asked):
        say(f"{_MARKS[found.state]:>6}  {found.about:<7} {found.sentence}")
        if found.remedy and found.state != "ok":
            say(f"{'':>6}  {'':<7} {found.remedy}")
        broken |= found.state == "broken"
    return FAILED if broken else 0
