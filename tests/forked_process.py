"""Python in a process of its own, forked from one that has imported the server and asked it for a few pages.

Most of what such a process takes is importing what never changes: a start by the interpreter is seven times as dear.
Where the start is what a test is about, or the end of an interpreter, it is the interpreter that has to be started.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import connection, forkserver, get_context
from pathlib import Path
from unittest import mock

#: What is forked has the sources, since some of these programs patch them.
PURE = "SPANWISE_PURE"
_IMPORTED = ("spanwise_server.serving", "spanwise_server.cli", "spanwise_server.store.clickhouse", "warmed")


class Forked:
    """*code*, run as by ``python -c``; used as ``subprocess.Popen`` is. What it prints or complains of is *stdout*."""

    def __init__(self, code: str, *arguments: object, environment: Mapping[str, str]) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(list(_IMPORTED))
        with mock.patch.dict(os.environ, _clean(), clear=True):
            forkserver.ensure_running()
        read, write = os.pipe()
        self.stdout = os.fdopen(read, encoding="utf-8")
        given = (code, [*map(str, arguments)], dict(environment))
        with connection.Connection(write, readable=False) as output:
            self._process = context.Process(target=_run, args=(*given, output), daemon=True)
            self._process.start()

    @property
    def pid(self) -> int:
        """Its number, also once it has ended."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, if it has."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return how it ended, if it has."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, once it has."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("forked", timeout)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Return what it printed to its end."""
        with self.stdout:
            said = self.stdout.read()
        self.wait(timeout)
        return said, None

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it has not ended."""
        with suppress(ProcessLookupError):  # it ends meanwhile
            if self._process.exitcode is None:
                os.kill(self.pid, sig)

    def __enter__(self) -> Forked:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self

    def __exit__(self, *_error: object) -> None:
        self.stdout.close()
        self.wait()


def _clean() -> dict[str, str]:
    """Return the environment to import in: that of the tests, without the settings of programs.

    The modules that lie here are found by it: what to import is looked for before what the tests have in their path.
    """
    mine = ("SPANWISE_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if name == PURE or not name.startswith(mine)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), kept.get("PYTHONPATH")]))}


def _run(code: str, arguments: list[str], environment: dict[str, str], output: connection.Connection) -> None:
    """Be the program."""
    for standard in (1, 2):
        os.dup2(output.fileno(), standard)
    output.close()
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<forked>", "exec"), {"__name__": "__main__"})
