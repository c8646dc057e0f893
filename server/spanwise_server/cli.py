"""The command ``spanwise``: every command is one function, and imports what it needs when it is run."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from spanwise._version import __version__

from .errors import ConfigError, NotFound, SpanwiseError
from .settings import SETTINGS, Settings, load

if TYPE_CHECKING:
    from .serving import Running
    from .store.sqlite import SqliteStore

REFUSED: Final = 2
FAILED: Final = 1
RIGHTS: Final = ("write", "read")
_NEEDED: Final = ("fastapi", "uvicorn", "sqlmodel", "alembic", "argon2", "platformdirs")
_IN_FORCE_ONLY_AT_START: Final = frozenset({"password"})  # a password on a command line stands in every process list


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 not done, 2 refused with a sentence."""
    asked = parser().parse_args(arguments)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    run: Callable[[argparse.Namespace], int] = asked.run
    if missing and run is not _version:
        _complain(
            "The server is not installed; this is the SDK alone.", 'Install it with: pip install "spanwise[server]"'
        )
        return REFUSED
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return run(asked)
    except SpanwiseError as refusal:
        _complain(refusal.message, refusal.hint)
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
    _add_serve(commands)
    _add_demo(commands)
    _add_keys(commands)
    _add_users(commands)
    migrate = _command(commands, "migrate", _migrate, "bring the data to the newest schema, as serve does at its start")
    _add_settings(migrate, "data")
    _command(commands, "version", _version, "print the version")
    return top


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type


def _command(
    commands: _Commands, name: str, run: Callable[[argparse.Namespace], int], sentence: str, more: str = ""
) -> argparse.ArgumentParser:
    capital = sentence[0].upper() + sentence[1:]
    made = commands.add_parser(name, help=sentence, description=f"{capital}. {more}".strip(), allow_abbrev=False)
    made.set_defaults(run=run)
    return made


def _add_settings(command: argparse.ArgumentParser, *names: str) -> None:
    for setting in SETTINGS:
        if setting.name in names:
            default = f" (default {setting.default})" if setting.default else ""
            command.add_argument(
                "--" + setting.name.replace("_", "-"),
                dest=setting.name,
                metavar=setting.name.rpartition("_")[2].upper(),
                help=f"{setting.sentence} Else {setting.variable}{default}.",
            )


def _add_serve(commands: _Commands) -> None:
    serve = _command(
        commands,
        "serve",
        _serve,
        "serve ingest, viewer and API on one port until Ctrl-C",
        "It ends in order at SIGTERM: requests under way are answered and what was taken is on the disk.",
    )
    _add_settings(serve, *(s.name for s in SETTINGS if s.name not in _IN_FORCE_ONLY_AT_START))


def _add_demo(commands: _Commands) -> None:
    demo = _command(
        commands,
        "demo",
        _demo,
        "serve with a week of an example app's traces, sent through the real SDK and clients",
        "Needs no key and no network: the models are played by a local program.",
    )
    _add_settings(demo, "port")
    demo.add_argument("--data", metavar="DATA", help="Folder to keep the data in; else a new one, removed at the end.")
    demo.add_argument("--once", action="store_true", help="End when everything was sent.")
    demo.add_argument("--sessions", type=int, default=150, metavar="N", help="Conversations to send (default 150).")


def _add_keys(commands: _Commands) -> None:
    keys = commands.add_parser("keys", help="make, list and revoke the API keys of programs", allow_abbrev=False)
    verbs = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = _command(verbs, "create", _create_key, "make a key and show it, this once")
    create.add_argument("--project", default="default", help="The only project it may touch (default: default).")
    create.add_argument("--name", default="", help="What to call it in lists.")
    create.add_argument("--rights", default=",".join(RIGHTS), help="write, read, or both with a comma (default: both).")
    listed = _command(verbs, "list", _list_keys, "list the keys, never their secrets")
    listed.add_argument("--project", help="Only those of this project.")
    revoke = _command(verbs, "revoke", _revoke_key, "make a key useless, within five seconds")
    revoke.add_argument("id", type=int, help="Its number in `spanwise keys list`.")
    for command in (create, listed, revoke):
        _add_settings(command, "data")


def _add_users(commands: _Commands) -> None:
    users = commands.add_parser("users", help="set the login password", allow_abbrev=False)
    verbs = users.add_subparsers(title="commands", metavar="COMMAND", required=True)
    password = _command(
        verbs,
        "password",
        _set_password,
        "set the password that everybody logs in with",
        "Asks for it twice; without a terminal it is the first line of the standard input.",
    )
    _add_settings(password, "data")


def _serve(asked: argparse.Namespace) -> int:
    from .serving import serve

    settings = _settings(asked)

    def on_start(server: Running) -> None:
        _say(f"Spanwise is listening on {server.url}")
        _say(f"  viewer  {server.url}/traces")
        _say(f"  data    {settings.data}")

    serve(settings, on_start)
    return 0


def _demo(asked: argparse.Namespace) -> int:
    from .demo import demo

    sent = demo(port=asked.port, data=asked.data, sessions=asked.sessions, once=asked.once, say=_say)
    return 0 if sent or not asked.once else FAILED


def _create_key(asked: argparse.Namespace) -> int:
    rights = frozenset(filter(None, (right.strip() for right in asked.rights.split(","))))
    if not rights or not rights <= set(RIGHTS):
        raise ConfigError(f"--rights is {asked.rights!r}.", "Give write, read, or both as write,read.")
    with _store(asked) as store:
        key, secret = store.create_key(asked.project, asked.name, rights)
    _say(secret)
    # The secret alone goes to standard output, so that a script can keep it.
    print(
        f"Key {key.id} of project {key.project} may {' and '.join(sorted(key.rights))}. It is not shown again: "
        "keep it in SPANWISE_API_KEY where your app runs.",
        file=sys.stderr,
    )
    return 0


def _list_keys(asked: argparse.Namespace) -> int:
    with _store(asked) as store:
        keys = store.keys(asked.project)
    if not keys:
        _say("There are no keys. Make one with: spanwise keys create --project NAME")
        return 0
    heads = ("ID", "KEY", "PROJECT", "NAME", "RIGHTS", "MADE", "LAST USED")
    rows = [
        (
            str(key.id),
            f"{key.prefix}...",
            key.project,
            key.name or "-",
            ",".join(sorted(key.rights)),
            _day(key.created_ns),
            "revoked" if key.revoked_ns is not None else _day(key.last_used_ns),
        )
        for key in keys
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _revoke_key(asked: argparse.Namespace) -> int:
    with _store(asked) as store:
        revoked = store.revoke_key(asked.id)
    if not revoked:
        raise NotFound(f"There is no key {asked.id} in use.", "See `spanwise keys list`.")
    _say(f"Key {asked.id} is revoked.")
    return 0


def _set_password(asked: argparse.Namespace) -> int:
    from .auth.guard import PASSWORD_SETTING
    from .auth.passwords import hashed

    password = _ask_password()
    with _store(asked) as store:
        store.keep_setting(PASSWORD_SETTING, hashed(password))
    _say("The password is set: the viewer asks for it now, and programs need a key from `spanwise keys create`.")
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != password:
        raise ConfigError("The two are not the same.", "Try again.")
    return password


def _migrate(asked: argparse.Namespace) -> int:
    settings = _settings(asked)
    with _store(asked):
        _say(f"The data in {settings.data} is at the newest schema.")
    return 0


def _version(_asked: argparse.Namespace) -> int:
    _say(__version__)
    return 0


@contextmanager
def _store(asked: argparse.Namespace) -> Iterator[SqliteStore]:
    from .store.sqlite import SqliteStore

    store = SqliteStore(_settings(asked).data / "main.db")
    store.open()
    try:
        yield store
    finally:
        store.close()


def _settings(asked: argparse.Namespace) -> Settings:
    return load({setting.name: getattr(asked, setting.name, None) for setting in SETTINGS})


def _day(at_ns: int | None) -> str:
    return "never" if at_ns is None else f"{datetime.fromtimestamp(at_ns / 1e9, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _say(line: str) -> None:
    print(line, flush=True)


def _complain(message: str, hint: str) -> None:
    print(f"spanwise: {message}", *filter(None, [hint]), sep="\n  ", file=sys.stderr, flush=True)
