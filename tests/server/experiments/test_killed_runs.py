"""A run over a dataset whose server is killed: the next server says so, and runs what is left."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fake_provider import FakeProvider
from fake_provider.answer import Answer, Request
from server_process import ServerProcess

pytestmark = pytest.mark.e2e

JSON = {"content-type": "application/json"}


def post(server: ServerProcess, path: str, body: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = server.call(path, raw, JSON)
    assert status < 300, answer
    return json.loads(answer)


def until(server: ServerProcess, number: int, good: Any) -> Any:
    for _ in range(400):
        found = server.get(f"/api/v1/experiments/{number}")
        if good(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_killed_server_leaves_a_run_that_says_so_and_can_be_resumed(tmp_path: Path) -> None:
    silent = threading.Event()

    def answer(request: Request) -> Answer:
        if "Lima" not in request.text and not silent.is_set():
            silent.wait(60)
        return Answer(text="In Peru.")

    with FakeProvider(answer) as provider:
        server = ServerProcess(
            tmp_path, SPANWISE_ALLOW_PRIVATE="on", OPENAI_API_KEY="sk-x", OPENAI_BASE_URL=provider.openai_url
        ).start()
        try:
            post(server, "/api/v1/datasets", {"name": "cities"})
            rows = b"question,answer\nWhere is Lima?,Peru\nWhere is Quito?,Ecuador\nWhere is Cusco?,Peru\n"
            post(server, "/api/v1/datasets/1/import", rows)
            messages = [{"role": "user", "content": "{{question}}"}]
            asked = {"dataset": "cities", "model": "gpt-4o-mini", "messages": messages, "format": "plain"}
            run = post(server, "/api/v1/experiments/run", {**asked, "checks": [{"kind": "contains"}]})
            until(server, run["id"], lambda found: found["done"] == 1)
            server.end(signal.SIGKILL)
            server.start()
            found = server.get(f"/api/v1/experiments/{run['id']}")
            assert (found["state"], found["done"], found["passed"]) == ("cut_off", 1, 1)
            silent.set()
            asked_before = len(provider.requests)
            post(server, f"/api/v1/experiments/{run['id']}/resume", {})
            found = until(server, run["id"], lambda one: one["state"] == "done")
            assert (found["done"], found["passed"], found["trials"]) == (3, 2, 3)
            assert len(provider.requests) == asked_before + 2
        finally:
            silent.set()
            server.end()
