"""Gunicorn, which forks after the application is loaded: ``python processes_gunicorn.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import openai
import said
import served


def app(_environ, start_response):
    """Ask once, of a client of its own: a connection may not be shared by processes."""
    answer = openai.OpenAI(max_retries=0).chat.completions.create(
        model=said.MODEL, messages=[{"role": "user", "content": said.PLAIN}]
    )
    body = answer.choices[0].message.content.encode()
    start_response("200 OK", [("content-type", "text/plain"), ("content-length", str(len(body)))])
    return [body]


def main() -> None:
    """Serve from two workers, ask, and end them as a system does."""
    port = served.free_port()
    options = ["--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--chdir", str(Path(__file__).parent)]
    command = [sys.executable, "-m", "gunicorn", *options, "--log-level", "error", "processes_gunicorn:app"]
    served.ask(subprocess.Popen(command), port, times=4)


if __name__ == "__main__":
    openai.OpenAI(max_retries=0).chat.completions.create(
        model=said.MODEL, messages=[{"role": "user", "content": said.PLAIN}]
    )
    main()
