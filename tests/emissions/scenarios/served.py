"""Asks a server that a scenario started, and ends it."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def once(port: int) -> tuple[str, Mapping[str, str]] | None:
    """Ask once; return text and headers, or nothing where nobody is there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
            return answer.read().decode(), dict(answer.headers)
    except (urllib.error.URLError, ConnectionError):
        return None


def until(port: int, fits: Callable[[str, Mapping[str, str]], bool]) -> str:
    """Ask until an answer fits, and return its text."""
    deadline = time.monotonic() + 120
    while True:
        found = once(port)
        if found is not None and fits(*found):
            return found[0]
        assert time.monotonic() < deadline, f"it never came; the last was {found}"
        time.sleep(0.2)


def get(port: int) -> str:
    """Ask as soon as the server is there."""
    return until(port, lambda _text, _headers: True)


def ask(server: subprocess.Popen, port: int, times: int) -> None:
    """Ask *times* times, then end the server."""
    try:
        for _ in range(times):
            assert get(port) == "Oslo is the capital of Norway."
    finally:
        server.terminate()
        server.wait(60)
