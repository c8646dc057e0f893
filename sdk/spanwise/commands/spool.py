"""``spanwise spool``: see and send what programs have left on the disk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..config import Config, read_config
from ..delivery import choose_sender
from ..outbox import drain
from ..spool import Destination, Spool, destinations, is_for
from ..spool_folder import spool_folder
from .setting_options import add_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

_REFUSED: Final = 2
_OPTIONS: Final = ("endpoint", "project", "spool")


def add(commands: Commands) -> None:
    """Add the commands."""
    spool = commands.add_parser(
        "spool", help="list and send what programs could not send", description=__doc__, allow_abbrev=False
    )
    verbs = spool.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = verbs.add_parser("list", help="list what waits on the disk, for whom", allow_abbrev=False)
    send = verbs.add_parser(
        "send",
        help="send what waits on the disk",
        description="Sends what programs that are gone have left for this endpoint, project and SPANWISE_API_KEY.",
        allow_abbrev=False,
    )
    send.add_argument("--all", action="store_true", help="Also what was meant for other endpoints, projects and keys.")
    for verb, run in ((listed, _list), (send, _send)):
        add_settings(verb, _OPTIONS)
        verb.set_defaults(run=run, needs_server=False)


def _list(asked: argparse.Namespace) -> int:
    found = list(destinations(_root(_config(asked))))
    for one in found:
        key = f"key {one.key}..." if one.key else "no key"
        print(f"{one.size_bytes / 1e6:9.2f} MB  {one.endpoint}  project {one.project or '-'}  {key}")
    if not found:
        print("Nothing waits.")
    return 0


def _send(asked: argparse.Namespace) -> int:
    config = _config(asked)
    if config.spool == "off":
        print("spanwise: the spool is off.\n  Name its folder with --spool or SPANWISE_SPOOL.", file=sys.stderr)
        return _REFUSED
    found = list(destinations(_root(config)))
    others = 0
    complete = True
    for one in found:
        if asked.all or is_for(one, config):
            complete = _send_one(one, config) and complete
        else:
            others += 1
    if others:
        print(f"{others} destinations are not these settings'. See them with `spanwise spool list`, send with --all.")
    elif not found:
        print("Nothing waits.")
    return 0 if complete else 1


def _send_one(one: Destination, config: Config) -> bool:
    spool = Spool(one.folder.parent, config, one.folder.name)
    sender = choose_sender(config)
    try:
        spool.adopt()
        tally = drain(spool, sender)
        left = spool.waiting
    finally:
        sender.close()
        spool.close()
    failed = f", {tally.failed} refused for good" if tally.failed else ""
    print(f"{tally.sent} sent{failed}, {left} left for {one.endpoint}")
    return not left


def _config(asked: argparse.Namespace) -> Config:
    return read_config({name: getattr(asked, name) for name in _OPTIONS})


def _root(config: Config) -> Path:
    return spool_folder("" if config.spool == "off" else config.spool)
