"""Runs the server in this process: claims the data folder and the port, listens, ends in order."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import uvicorn

from .app import create_app
from .errors import ConfigError
from .settings import Settings
from .store.engine import claimed_store

#: Longest that requests under way may take once the server was told to end.
DRAIN_S: Final = 15
#: glibc's number for the most arenas that ``malloc`` makes. It makes one for each thread, up to eight a core, and each
#: keeps what its largest batch took; two are as quick here, where threads take turns, and save some 25 MB under load.
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2
#: Its number for the size from which on memory is asked of the system and given back to it as it is freed. Left alone,
#: the first large body raises it, and what later ones leave behind is in pieces that the next may not fit in.
_M_MMAP_THRESHOLD: Final = -3
_MAPPED_FROM_BYTES: Final = 512 * 1024
KEEP_ALIVE_S: Final = 65
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with, not listened on


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    url: str
    stop: Callable[[], None]
    """Ends the server in order; may be called from any thread."""
    grpc: str | None = None
    """The address that takes OTLP over gRPC, ``None`` where none does."""


def serve(settings: Settings, on_start: Callable[[Running], None]) -> None:
    """Serve until told to end by a signal or by ``stop``; *on_start* is called once requests are answered.

    Raises ConfigError, before anything is answered, where the port or the data folder is in use, or where the server
    refuses to start.
    """
    _bound_arenas()
    with claimed_store(settings.store, settings.data), _bound(settings) as listener:
        spanwise = create_app(settings)
        app = _Noted(spanwise)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            server_header=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )

        def let_listeners_go() -> None:
            # Pages that listen for changes are answered without an end: they would hold up that of the server.
            if hasattr(spanwise.state, "server"):
                spanwise.state.server.changes.close()

        server = _Server(
            config,
            on_start=lambda stop: on_start(Running(url_of(listener), stop, spanwise.state.grpc)),
            on_end=let_listeners_go,
        )
        try:
            server.run(sockets=[listener])
        except SystemExit:
            if app.failure is None:
                raise
        if app.failure is not None:
            raise app.failure


def url_of(listener: socket.socket) -> str:
    """Return the root URL by which this machine reaches *listener*."""
    host, port = listener.getsockname()[:2]
    if host in _WILDCARDS:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it listens and ends without a signal of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_start: Callable[[Callable[[], None]], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, quietly where it fails: whoever called ``serve`` is told why."""
        log = logging.getLogger("uvicorn.error")
        log.setLevel(logging.CRITICAL)
        await super().startup(sockets)
        log.setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(self.handle_exit, 0, None)

        _collect_less()
        self._on_start(stop)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """End in order at the first signal, at once at the second; uvicorn would raise the signal again."""
        self._on_end()  # what never ends by itself, such as pages that listen, would hold up the rest
        self.force_exit = self.should_exit
        self.should_exit = True


def _collect_less() -> None:
    """Have the garbage collector pass over what was loaded, and look for cycles in what comes less often.

    A request makes tens of thousands of objects that live until it is answered and have no cycles. By Python's own
    threshold of 700 the collector walks them again and again, at a tenth of the whole cost of a span.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


class _Noted:
    """An application that keeps the error which kept it from starting."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.failure: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] == "lifespan":
                self.failure = error
            raise


def _bound_arenas() -> None:
    """Let memory that threads free be used by the others, where the C library can be told to."""
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, _ARENAS)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
    except (OSError, AttributeError, TypeError):  # not glibc, or no such thing as the program's own symbols
        return


@contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """Yield a socket bound to the address of *settings*, which does not listen yet."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(f"There is no address {settings.host!r}: {error.strerror}.", "Correct --host.") from error
    with socket.socket(family, kind, protocol) as listener:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            if settings.port:
                _refuse_a_listener(family, address)
        except OSError as error:
            raise _not_bound(settings, error) from error
        yield listener


def _refuse_a_listener(family: int, address: Any) -> None:
    """Raise OSError where somebody listens on every address of this machine at the port: ours would hide it."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(address) == 0:
            raise OSError(errno.EADDRINUSE, "in use")


def _not_bound(settings: Settings, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Port {settings.port} on {settings.host} is taken by another program.",
            f"Choose another with --port (or make demo PORT={settings.port + 1}); --port 0 takes any that is free.",
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"This user may not listen on port {settings.port}.", "Choose a --port above 1023.")
    return ConfigError(
        f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.", "Correct --host or --port."
    )
