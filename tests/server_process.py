"""A real server, started by the real command line, for tests that go over the wire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from forked_process import Forked

COMMAND = "import sys; from spanwise_server.cli import main; sys.exit(main(sys.argv[1:]))"
#: The same, with a file each for what it reads, prints and complains of.
APART = (
    """
import os, sys
for number, way in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
    os.dup2(os.open(sys.argv.pop(1), way), number)
sys.stdin = open(0)
"""
    + COMMAND
)
#: The one authority that programs trust here, whose key is nowhere: see ``conftest.py``.
NOBODY = Path(__file__).with_name("nobody.pem")
START_S = 120.0
END_S = 20.0


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPANWISE_", "OTEL_"))}
    return {**kept, "no_proxy": "127.0.0.1", "SPANWISE_SPOOL": "off", "SSL_CERT_FILE": str(NOBODY), **more}


def run_cli(
    *arguments: str, stdin: str = "", timeout_s: float = 60.0, fresh: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end and return what it said.

    It is forked with everything imported; with *fresh* the interpreter is started.
    """
    with TemporaryDirectory() as name:
        files = [Path(name) / said for said in ("in", "out", "err")]
        for file, text in zip(files, (stdin, "", ""), strict=True):
            file.write_text(text, "utf-8")
        if fresh:
            with files[0].open() as given, files[1].open("w") as out, files[2].open("w") as err:
                command = [sys.executable, "-m", "spanwise_server", *arguments]
                code = subprocess.run(
                    command, stdin=given, stdout=out, stderr=err, timeout=timeout_s, check=False,
                    env=clean_environment(**environment),
                ).returncode  # fmt: skip
        else:
            with Forked(APART, *files, *arguments, environment=clean_environment(**environment)) as process:
                try:
                    code = process.wait(timeout_s)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    raise
        return subprocess.CompletedProcess(arguments, code, *(file.read_text("utf-8") for file in files[1:]))


class ServerProcess:
    """``spanwise serve`` in a process of its own, on a free port, with its data in *data*.

    It is forked with everything imported; with *fresh* the interpreter is started, for tests of how a server starts.
    """

    def __init__(self, data: Path, *arguments: str, fresh: bool = False, **environment: str) -> None:
        self.data = data
        self._arguments = arguments
        self._environment = environment
        self._fresh = fresh
        self._process: subprocess.Popen[str] | Forked | None = None
        self.url = ""
        self.said: list[str] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> ServerProcess:
        """Start, and wait until it says where it listens."""
        command = ["serve", "--data", str(self.data), *self._arguments]
        if "--port" not in self._arguments:
            command += ["--port", "0"]
        environment = clean_environment(**self._environment)
        if self._fresh:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "spanwise_server", *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
            )
        else:
            self._process = Forked(COMMAND, *command, environment=environment)
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(listening,), daemon=True)
        self._reader.start()
        assert listening.wait(START_S), f"it did not start: {self.said}"
        assert self.url, f"it ended instead of listening: {self.said}"
        return self

    def _read(self, listening: threading.Event) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("Spanwise is listening on "):
                self.url = line.split()[-1]
                listening.set()
        listening.set()

    def end(self, how: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit code."""
        assert self._process is not None
        self._process.send_signal(how)  # to none that has ended: both kinds of process look
        code = self._process.wait(END_S)
        self._reader.join(END_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def __enter__(self) -> ServerProcess:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.end()
        except subprocess.TimeoutExpired:
            self.end(signal.SIGKILL)
            raise

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON at *path*."""
        return json.loads(self.call(path, headers=headers)[1])

    def call(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout_s: float = 60.0
    ) -> tuple[int, bytes]:
        """Return status and body of one request, whatever the status."""
        request = urllib.request.Request(self.url + path, data=body, headers=dict(headers or {}))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        try:
            with opener.open(request, timeout=timeout_s) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def every(self, path: str) -> list[Any]:
        """Return every item of a paged list."""
        items: list[Any] = []
        cursor = ""
        while True:
            page = self.get(f"{path}&limit=200" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def wait_for(self, path: str, count: int, within_s: float = 15.0) -> list[Any]:
        """Return the items of a list once there are at least *count*."""
        end = time.monotonic() + within_s
        while True:
            items = self.every(path)
            if len(items) >= count or time.monotonic() > end:
                return items
            time.sleep(0.1)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leave a redirect to the test."""
