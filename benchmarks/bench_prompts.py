"""What a prompt costs: from memory in the application, and as requests to the server."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# ruff: noqa: SLF001 - what is measured is put in place by hand
import spanwise
from spanwise.client import PROMPTS, Fetched, _Entry
from spanwise.runtime import HELD

#: Microseconds that a prompt in memory may cost, and the share of one core that 100,000 requests an hour may take.
MOST_US = 20.0
MOST_SHARE = 0.01
FETCHES_AN_HOUR = 100_000
TEMPLATE = "You work for {{company}}. Answer in {{language}}, in at most 120 words."


def cpu_us(work: Callable[[], object], times: int) -> float:
    """Return the CPU time of one run in microseconds, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - began) / times * 1e6)
    return best


def from_memory() -> float:
    PROMPTS._config = HELD.runtime.config
    fetched = Fetched("7", TEMPLATE, "0" * 64, "plain")
    PROMPTS._entries["support", "production"] = _Entry(fetched, until=float("inf"), tried=True)
    return cpu_us(lambda: spanwise.prompt("support", label="production", fallback="F"), 50_000)


def on_the_server() -> float:
    from starlette.testclient import TestClient

    from spanwise_server.app import create_app
    from spanwise_server.settings import Settings

    with (
        tempfile.TemporaryDirectory() as folder,
        TestClient(create_app(Settings(data=Path(folder))), base_url="http://127.0.0.1:4318") as client,
    ):
        client.post("/api/v1/prompts", json={"name": "support", "template": TEMPLATE, "labels": ["production"]})
        path = "/api/v1/prompts/support?label=production"
        _, key = client.app.state.server.store.create_key("default", "fleet", frozenset({"read"}))  # type: ignore[attr-defined]
        known = {"If-None-Match": client.get(path).headers["etag"], "Authorization": f"Bearer {key}"}
        whole = cpu_us(lambda: client.get(path, headers=known), 200)
        return whole - cpu_us(lambda: client.get("/healthz"), 200)  # what the test's client and the framework cost


def main() -> int:
    memory = from_memory()
    print(f"prompt() from memory        {memory:8.2f} us   at most {MOST_US:.0f}")
    request = on_the_server()
    share = request / 1e6 * FETCHES_AN_HOUR / 3_600
    said = f"{share:.1%} of a core at 100,000 an hour, at most {MOST_SHARE:.0%}"
    print(f"304 of the server           {request:8.0f} us   {said}")
    return 0 if memory <= MOST_US and share <= MOST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
