"""Uvicorn, which starts its application anew whenever a file changes: ``python processes_uvicorn.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import served

APP = """
import openai
import said

client = openai.AsyncOpenAI(max_retries=0)


async def app(scope, receive, send):
    assert scope["type"] == "http"
    answer = await client.chat.completions.create(
        model=said.MODEL, messages=[{"role": "user", "content": said.PLAIN}]
    )
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-life", b"LIFE")]})
    await send({"type": "http.response.body", "body": answer.choices[0].message.content.encode()})
"""


def main() -> None:
    """Ask, change the application, and ask until it is the changed one that answers."""
    here = Path("app_of_uvicorn.py")
    here.write_text(APP)
    port = served.free_port()
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--reload",
        "--lifespan",
        "off",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    server = subprocess.Popen([*command, "app_of_uvicorn:app"], env={**os.environ, "PYTHONPATH": paths})
    try:
        assert served.get(port) == "Oslo is the capital of Norway."
        here.write_text(APP.replace("LIFE", "two"))
        served.until(port, lambda _text, headers: headers.get("x-life") == "two")
    finally:
        server.terminate()
        server.wait(60)


main()
