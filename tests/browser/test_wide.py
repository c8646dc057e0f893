"""Names that are very long and cannot be broken, in every field of a span: no page becomes wider than its window."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from browser.window import beyond_window
from server_process import ServerProcess

pytestmark = pytest.mark.browser
LONG = "Unbroken_name_" + "x" * 260
TRACE = "ab" * 16


def said(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def span(number: int, now: int) -> dict[str, object]:
    """A call of a model or of a tool within the one before, half of them failed."""
    asked = [{"role": "user", "parts": [{"type": "text", "content": LONG}]}]
    table = f"{LONG}\n# {LONG}\n|a|b|\n|-|-|\n|{LONG}|{LONG}|"
    call = {"type": "tool_call", "id": LONG, "name": LONG, "arguments": {LONG: LONG}}
    answered = [{"role": "assistant", "parts": [{"type": "text", "content": table}, call]}]
    fields = (
        *("gen_ai.request.model", "gen_ai.response.model", "gen_ai.provider.name", "gen_ai.tool.name", "user.id"),
        *("session.id", "deployment.environment.name", "spanwise.prompt.name", "spanwise.prompt.version", "error.type"),
        LONG,
    )
    tags = {"key": "spanwise.tags", "value": {"arrayValue": {"values": [{"stringValue": LONG}, {"stringValue": "b"}]}}}
    exception = {
        "name": "exception",
        "timeUnixNano": str(now),
        "attributes": [said(f"exception.{part}", LONG) for part in ("type", "message", "stacktrace")],
    }
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{number - 1:016x}" if number > 1 else "",
        "name": LONG,
        "startTimeUnixNano": str(now + number),
        "endTimeUnixNano": str(now + 10**9),
        "attributes": [
            said("gen_ai.operation.name", "chat" if number % 2 else "execute_tool"),
            said("gen_ai.input.messages", json.dumps(asked)),
            said("gen_ai.output.messages", json.dumps(answered)),
            *(said(field, LONG) for field in fields),
            tags,
        ],
        "status": {"code": 2 if number > 3 else 1, "message": LONG},
        "events": [exception],
    }


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with one trace of long names, a queue, a rule and a channel."""
    with ServerProcess(tmp_path_factory.mktemp("wide")) as server:
        now = time.time_ns() - 10**10
        scope = {"scope": {"name": LONG}, "spans": [span(number, now) for number in range(1, 7)]}
        resource = {"attributes": [said("service.name", LONG)]}
        post(server, "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})
        server.wait_for("/api/v1/traces?project=default", 1)
        post(server, "/api/v1/queues", {"name": LONG[:79], "filter": "kind:llm"})
        rule = {"name": LONG[:79], "measure": "cost_usd", "threshold": 0.25, "window": "month"}
        post(server, "/api/v1/alerts/rules", rule)
        hook = {"kind": "webhook", "name": LONG[:79], "target": f"https://hooks.example.com/{LONG}"}
        post(server, "/api/v1/alerts/channels", hook)
        yield server


def post(server: ServerProcess, path: str, body: dict[str, object]) -> None:
    headers = {"content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)
    ) as answer:
        assert answer.status in (200, 201)


def test_no_name_is_wider_than_the_window(wide: ServerProcess, open_page: Callable[..., Page]):
    page = open_page(java_script_enabled=False)
    call, tool = f"{TRACE}:{5:016x}", f"{TRACE}:{2:016x}"
    tabs = ("messages", "io", "prompt", "attributes", "events", "graph", "labels")
    paths = (
        *("/traces?range=all", "/sessions?range=all", "/dashboard?range=all", "/dashboard/calls?range=all"),
        *("/steps?range=all", f"/steps/{LONG}?range=all", f"/sessions/one?id={LONG}", f"/traces?filter=user:{LONG}"),
        *(f"/traces/{TRACE}?span={5:016x}&tab={tab}" for tab in tabs),
        *(f"/traces/{TRACE}", f"/compare?a={TRACE}&b={TRACE}", f"/compare/spans?a={call}&b={tool}"),
        *("/prompts", "/label", "/label/1", "/datasets", "/dashboard/alerts", "/dashboard/alerts/channels"),
        *(f"/playground?trace={TRACE}&span={5:016x}", f"/search?q={quote(LONG)}"),
    )
    beyond = {}
    for path in paths:
        answer = page.goto(f"{wide.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        beyond[path] = beyond_window(page)
    assert {path: found for path, found in beyond.items() if found} == {}
