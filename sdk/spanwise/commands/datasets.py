"""``spanwise datasets``: a dataset as a file, out of the server and into it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..config import read_config
from ..datasets import DatasetClient, DatasetError
from .setting_options import add_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

_REFUSED: Final = 2
_OPTIONS: Final = ("endpoint", "project")


def add(commands: Commands) -> None:
    """Add the commands."""
    top = commands.add_parser("datasets", help="datasets as files: pull, push", description=__doc__, allow_abbrev=False)
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    pull = verbs.add_parser("pull", help="write a version to a file", allow_abbrev=False)
    pull.add_argument("dataset", metavar="NAME[@VERSION]", help="A version is a number, a tag or a content hash.")
    pull.add_argument("--format", default="jsonl", help="See /help/datasets (default: jsonl).")
    pull.add_argument("--out", type=Path, help="The file; else the standard output.")
    push = verbs.add_parser("push", help="take a file into a dataset, which is made if need be", allow_abbrev=False)
    push.add_argument("dataset", metavar="NAME", help="The dataset.")
    push.add_argument("file", type=Path, help="CSV, Excel, JSON or JSON Lines.")
    for verb, run in ((pull, _pull), (push, _push)):
        add_settings(verb, _OPTIONS)
        verb.set_defaults(run=run, needs_server=False)


def _pull(asked: argparse.Namespace) -> int:
    try:
        pulled = _client(asked).pull(asked.dataset, asked.format)
    except (DatasetError, ValueError) as refusal:
        return _refuse(refusal)
    if asked.out is None:
        sys.stdout.buffer.write(pulled.body)
        sys.stdout.flush()
    else:
        unfinished = asked.out.with_name(asked.out.name + ".part")
        unfinished.write_bytes(pulled.body)
        unfinished.replace(asked.out)
    print(f"{pulled.name}@v{pulled.version}, {pulled.content_hash}", file=sys.stderr)
    if pulled.left_out:
        print(f"left out, since {asked.format} has no place for them: {pulled.left_out}", file=sys.stderr)
    return 0


def _push(asked: argparse.Namespace) -> int:
    try:
        came = _client(asked).push(asked.dataset, asked.file.read_bytes())
    except (DatasetError, ValueError, OSError) as refusal:
        return _refuse(refusal)
    for problem in came["left_out"]:
        print(problem, file=sys.stderr)
    version = came["version"]
    now = f"{asked.dataset}@v{version['number']}" if version else f"{asked.dataset} has it all already"
    print(f"{came['taken']:,} taken, {came['unchanged']:,} there already, {len(came['left_out']):,} left out: {now}")
    return 1 if came["left_out"] else 0


def _client(asked: argparse.Namespace) -> DatasetClient:
    return DatasetClient(read_config({name: getattr(asked, name) for name in _OPTIONS}))


def _refuse(refusal: Exception) -> int:
    print(f"spanwise: {refusal}", file=sys.stderr)
    return _REFUSED
