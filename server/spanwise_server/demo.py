"""A server with a week of traces in it: a bundled example app sends them through the real SDK and clients."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .errors import ConfigError
from .resources import resource_dir
from .serving import Running, serve
from .settings import load

PROJECT: Final = "acme-support"
CLIENTS: Final = ("anthropic", "openai")
STOP_S: Final = 5.0


@dataclass(slots=True)
class Demo:
    """One demonstration: what was asked for, and how it went."""

    sessions: int
    once: bool
    """End when everything was sent, rather than stay for somebody to look."""
    say: Callable[[str], None]
    sent: bool = False
    _bot: subprocess.Popen[str] | None = None
    _ending: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, server: Running) -> None:
        """Let the example app send to *server*, beside whatever else this process does."""
        threading.Thread(target=self._run, args=(server,), name="spanwise-demo", daemon=True).start()

    def end(self) -> None:
        """Stop the example app where it still runs."""
        with self._lock:
            self._ending.set()
            bot = self._bot
        if bot is None or bot.poll() is not None:
            return
        bot.terminate()
        try:
            bot.wait(STOP_S)
        except subprocess.TimeoutExpired:
            bot.kill()
            bot.wait()

    def _run(self, server: Running) -> None:
        viewer = f"{server.url}/traces?project={PROJECT}&range=7d"
        self.say("An example app sends a week of its traces; that takes about half a minute.")
        self.say(f"Watch them come in: {viewer}")
        with self._lock:
            if self._ending.is_set():
                return
            self._bot = subprocess.Popen(  # noqa: S603  # our own example
                [
                    *(sys.executable, "-m", "support_bot"),
                    *("--endpoint", server.url, "--project", PROJECT, "--sessions", str(self.sessions)),
                ],
                env=environment(os.environ),
                stdout=subprocess.PIPE,
                text=True,
            )
        told, _ = self._bot.communicate()
        self.sent = self._bot.returncode == 0
        if self._ending.is_set():
            return
        if self.sent:
            self.say(f"All is in: {told.strip()}.")
            self.say(f"Open {viewer}")
        else:
            self.say(f"The example app ended with code {self._bot.returncode}; what it sent is there.")
        if self.once:
            server.stop()
        else:
            self.say("Ctrl-C ends the demo.")


def demo(*, port: str | None, data: str | None, sessions: int, once: bool, say: Callable[[str], None]) -> bool:
    """Serve with the example app's traces until Ctrl-C, or until all is sent; return whether all was."""
    missing = [name for name in CLIENTS if find_spec(name) is None]
    if missing:
        raise ConfigError(f"The demo needs {' and '.join(missing)}.", 'Install with: pip install "spanwise[demo]"')
    show = Demo(sessions, once, say)

    def on_start(server: Running) -> None:
        say(f"Spanwise is listening on {server.url}")
        say(f"Its data lies in {folder}" + ("" if data else ", which is removed at the end"))
        show.start(server)

    with _folder(data) as folder:
        settings = load({"port": port, "grpc_port": "off", "data": str(folder)}, environ={})
        try:
            serve(settings, on_start)
        finally:
            show.end()
    return show.sent


def environment(given: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Return the environment of the example app: its package is found, no setting is the user's, nothing is spooled."""
    kept = {name: value for name, value in given.items() if not name.startswith(("SPANWISE_", "OTEL_"))}
    path = [str(resource_dir("examples")), *filter(None, [given.get("PYTHONPATH")])]
    proxies = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ours = {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1", "SPANWISE_SPOOL": "off"}
    return {**kept, **proxies, **ours}


@contextmanager
def _folder(data: str | None) -> Iterator[Path]:
    if data:
        yield Path(data).expanduser().absolute()
        return
    with tempfile.TemporaryDirectory(prefix="spanwise-demo-") as made:
        yield Path(made)
