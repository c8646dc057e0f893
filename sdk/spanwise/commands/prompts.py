"""``spanwise prompts``: prompts of the registry as files, so that a team can keep them in git."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from ..config import read_config
from ..prompt_file import SUFFIX, name_of, path_of, read, written
from ..transport import Transport
from .setting_options import add_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

_DIFFERENT: Final = 1
_REFUSED: Final = 2
_OPTIONS: Final = ("endpoint", "project")


class _Refusal(Exception):
    """What the server or a file would not have, in a sentence."""


@dataclass(frozen=True, slots=True)
class _Server:
    """The registry that the commands speak to."""

    transport: Transport

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Return status and JSON of one request; an answer that is no answer is a refusal."""
        said = None if body is None else orjson.dumps(body)
        outcome = self.transport.ask(method, f"/api/v1/prompts{path}", said)
        if outcome.status is None:
            raise _Refusal(f"The server cannot be reached: {outcome.problem}.")
        try:
            return outcome.status, orjson.loads(outcome.body or b"null")
        except ValueError as error:
            raise _Refusal(f"The server answered {outcome.status} with something that is not JSON.") from error

    def names(self) -> list[str]:
        """Return the name of every prompt."""
        return [str(one["name"]) for one in self.good("GET", "")["items"]]

    def fetch(self, name: str, label: str) -> dict[str, Any] | None:
        """Return a version as it was written, ``None`` where the prompt has no such label."""
        status, said = self.ask("GET", f"/{quote(name)}?label={quote(label, safe='')}")
        if status == 404:
            return None
        if status != 200:
            raise _Refusal(_sentence(status, said))
        return {**said, "template": said["template"] if said["source"] is None else said["source"]}

    def good(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a request that has to succeed."""
        status, said = self.ask(method, path, body)
        if status >= 400:
            raise _Refusal(_sentence(status, said))
        return said


def add(commands: Commands) -> None:
    """Add the commands."""
    top = commands.add_parser("prompts", help="prompts as files: push, pull, diff", description=__doc__)
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    push = verbs.add_parser("push", help="publish what the files say; the same again is no new version")
    push.add_argument("--label", action="append", default=[], help="Point this label at each version; may be repeated.")
    push.add_argument("--note", default="", help="Why, such as the commit.")
    pull = verbs.add_parser("pull", help="write the prompts of the registry to files")
    pull.add_argument("--delete", action="store_true", help="Also remove files of prompts that are not there.")
    diff = verbs.add_parser("diff", help="say how files and registry differ; exit code 1 where they do")
    for verb, run in ((push, _push), (pull, _pull), (diff, _diff)):
        verb.add_argument("folder", nargs="?", type=Path, default=Path("prompts"), help="Default: prompts.")
        if verb is not push:
            verb.add_argument("--at", metavar="LABEL", default="latest", help="Which versions (default: latest).")
        add_settings(verb, _OPTIONS)
        verb.set_defaults(run=_run, verb=run, needs_server=False)


def _run(asked: argparse.Namespace) -> int:
    config = read_config({name: getattr(asked, name) for name in _OPTIONS})
    transport = Transport(config)
    try:
        code: int = asked.verb(asked, _Server(transport))
    except _Refusal as refusal:
        print(f"spanwise: {refusal}", file=sys.stderr)
        return _REFUSED
    finally:
        transport.close()
    return code


def _push(asked: argparse.Namespace, server: _Server) -> int:
    waiting = dict(_files(asked.folder))
    if not waiting:
        raise _Refusal(f"There is no {SUFFIX} file in {asked.folder}.")
    problems: dict[str, str] = {}
    before = -1
    while waiting and len(waiting) != before:  # a prompt can only include what is there: those without come first
        before = len(waiting)
        for name, text in list(waiting.items()):
            body = {**_content(name, text), "name": name, "note": asked.note, "labels": asked.label}
            status, said = server.ask("POST", "", body)
            if status >= 400:
                problems[name] = _sentence(status, said)
                continue
            del waiting[name]
            print(f"{'new ' if status == 201 else 'same'} {name}@{said['version']}")
    for name in waiting:
        print(f"spanwise: {name}: {problems[name]}", file=sys.stderr)
    return _REFUSED if waiting else 0


def _pull(asked: argparse.Namespace, server: _Server) -> int:
    there = dict(_files(asked.folder))
    for name in server.names():
        said = server.fetch(name, asked.at)
        if said is None:
            continue
        text = written(said)
        if there.pop(name, None) == text:
            continue
        file = asked.folder / path_of(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}@{said['version']} -> {file}")
    if asked.delete:
        for name in there:
            (asked.folder / path_of(name)).unlink()
            print(f"removed {asked.folder / path_of(name)}")
    return 0


def _diff(asked: argparse.Namespace, server: _Server) -> int:
    here = dict(_files(asked.folder))
    there = {}
    for name in server.names():
        said = server.fetch(name, asked.at)
        if said is not None:
            there[name] = written(said)
    different = False
    for name in sorted({*here, *there}):
        ours = written(_content(name, here[name])) if name in here else ""
        theirs = there.get(name, "")
        labels = f"{name}@{asked.at}", str(asked.folder / path_of(name))
        for line in difflib.unified_diff(theirs.splitlines(), ours.splitlines(), *labels, lineterm=""):
            different = True
            print(line)
    return _DIFFERENT if different else 0


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each prompt's file, in order."""
    for file in sorted(folder.rglob(f"*{SUFFIX}")):
        yield name_of(PurePosixPath(file.relative_to(folder).as_posix())), file.read_text(encoding="utf-8")


def _content(name: str, text: str) -> dict[str, Any]:
    try:
        return read(text)
    except ValueError as error:
        raise _Refusal(f"The file of {name!r} is no prompt: {error}.") from error


def _sentence(status: int, said: Any) -> str:
    error = said.get("error", {}) if isinstance(said, dict) else {}
    return " ".join(filter(None, (error.get("message"), error.get("hint")))) or f"The server answered {status}."
