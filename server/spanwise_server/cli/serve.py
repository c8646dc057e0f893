"""``spanwise serve`` and ``spanwise demo``."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..settings import SETTINGS
from .command import FAILED, add_settings, command, say, settings_of

if TYPE_CHECKING:
    from ..serving import Running
    from .command import Commands

_IN_FORCE_ONLY_AT_START: Final = frozenset(
    {"password", "smtp"}
)  # a password on a command line stands in every process list


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_serve(commands)
    _add_demo(commands)


def _add_serve(commands: Commands) -> None:
    serve = command(
        commands,
        "serve",
        _serve,
        "serve ingest, viewer and API on one port until Ctrl-C",
        "It ends in order at SIGTERM: requests under way are answered and what was taken is on the disk.",
    )
    add_settings(serve, *(s.name for s in SETTINGS if s.name not in _IN_FORCE_ONLY_AT_START))


def _add_demo(commands: Commands) -> None:
    demo = command(
        commands,
        "demo",
        _demo,
        "serve with a week of an example app's traces, sent through the real SDK and clients",
        "Needs no key and no network: the models are played by a local program.",
    )
    add_settings(demo, "port")
    demo.add_argument("--data", metavar="DATA", help="Folder to keep the data in; else a new one, removed at the end.")
    demo.add_argument("--once", action="store_true", help="End when everything was sent.")
    demo.add_argument("--sessions", type=int, default=150, metavar="N", help="Conversations to send (default 150).")


def _serve(asked: argparse.Namespace) -> int:
    with _loading():
        from ..serving import serve
        from ..store.engine import shown

    settings = settings_of(asked)

    def on_start(server: Running) -> None:
        say(f"Spanwise is listening on {server.url}")
        say(f"  viewer  {server.url}/traces")
        if server.grpc is not None:
            say(f"  grpc    {server.grpc}")
        say(f"  data    {shown(settings.store, settings.data)}")

    serve(settings, on_start)
    return 0


def _demo(asked: argparse.Namespace) -> int:
    with _loading():
        from ..demo import demo

    sent = demo(port=asked.port, data=asked.data, sessions=asked.sessions, once=asked.once, say=say)
    return 0 if sent or not asked.once else FAILED


@contextmanager
def _loading() -> Iterator[None]:
    """Load modules without looking among them for garbage: they stay, and looking takes a fifth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
