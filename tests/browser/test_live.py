"""Pages that show by themselves what arrives, in a real browser."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server_process import ServerProcess
from spanwise.vocabulary import KIND, PENDING

pytestmark = pytest.mark.browser
MS = 1_000_000
ROWS = ".rows-traces tbody tr"
TREE = ".tree [role=treeitem]"
TRACE = "7e" * 16


def hexes(number: int) -> str:
    return f"{number:016x}"


def send(server: ServerProcess, trace_id: str, number: int, name: str, parent: int | None = None, **more: Any) -> None:
    """Send one span that has just ended; ``pending`` only announces it."""
    now = time.time_ns()
    attributes = {KIND: "agent" if parent is None else "tool", **more}
    span = {
        "traceId": trace_id,
        "spanId": hexes(number),
        "name": name,
        "startTimeUnixNano": str(now - 20 * MS),
        "endTimeUnixNano": str(now),
        "attributes": [
            {"key": key, "value": {"boolValue": value} if isinstance(value, bool) else {"stringValue": value}}
            for key, value in attributes.items()
        ],
    }
    if parent is not None:
        span["parentSpanId"] = hexes(parent)
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    request = urllib.request.Request(f"{server.url}/v1/traces", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def listening(page: Page, url: str) -> Page:
    """Open a page and wait until it listens, so that nothing sent from now on is missed."""
    with page.expect_response(lambda response: "/live?" in response.url or response.url.endswith("/live")):
        page.goto(url)
    return page


def test_rows_come_in_by_themselves_but_never_under_a_readers_hands(empty_server, page: Page):
    send(empty_server, "a1" * 16, 1, "first")
    listening(page, f"{empty_server.url}/traces?live=1")
    expect(page.locator(ROWS)).to_have_count(1)
    send(empty_server, "a2" * 16, 1, "second")
    expect(page.locator(ROWS).first).to_contain_text("second")
    page.locator("tbody [name=trace_id]").first.check(force=True)
    send(empty_server, "a3" * 16, 1, "third")
    expect(page.locator(".btn.live.paused")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator(ROWS).first).to_contain_text("third")
    expect(page.locator(".btn.live.paused")).to_have_count(0)


def test_a_running_trace_fills_in_and_what_is_read_stays(empty_server, page: Page):
    send(empty_server, TRACE, 1, "long run", **{PENDING: True})
    listening(page, f"{empty_server.url}/traces/{TRACE}")
    expect(page.locator(".trace-head .badge.accent")).to_have_text("running")
    expect(page.locator(f"{TREE}.running")).to_contain_text("long run")
    send(empty_server, TRACE, 2, "look up", 1)
    step = page.locator(TREE, has_text="look up")
    expect(step).to_be_visible()
    step.click()
    expect(page.locator("#detail h2")).to_have_text("look up")
    page.evaluate("document.querySelector('#detail h2').dataset.kept = 'yes'")
    send(empty_server, TRACE, 3, "send mail", 1)
    expect(page.locator(TREE)).to_have_count(3)
    expect(page.locator("#detail h2[data-kept]")).to_have_text("look up")
    expect(page.locator(f"{TREE}[aria-selected=true]")).to_contain_text("look up")
    send(empty_server, TRACE, 1, "long run")
    expect(page.locator(".trace-head .badge.ok")).to_have_text("ok")
    expect(page.locator(f"{TREE}.running")).to_have_count(0)
    expect(page.locator("[data-live]")).to_have_count(0)
    expect(page.locator("#detail h2[data-kept]")).to_have_text("look up")


def test_a_missing_parent_is_shown_as_missing_and_then_heals(empty_server, page: Page, axe):
    trace_id = "8f" * 16
    send(empty_server, trace_id, 2, "orphan", 1)
    listening(page, f"{empty_server.url}/traces/{trace_id}")
    expect(page.locator(f"{TREE}.missing")).to_contain_text("not arrived")
    axe(page)
    send(empty_server, trace_id, 1, "parent")
    expect(page.locator(f"{TREE}.missing")).to_have_count(0)
    expect(page.locator(TREE).first).to_contain_text("parent")


def test_an_empty_project_goes_to_its_first_trace(empty_server, page: Page):
    page.goto(f"{empty_server.url}/traces?project=brand-new")
    expect(page.get_by_text("Waiting for the first span")).to_be_visible()


def test_a_huge_trace_is_found_in_and_its_errors_are_reached(empty_server, page: Page):
    trace_id, now = "9b" * 16, time.time_ns()
    spans = [
        {
            "traceId": trace_id,
            "spanId": hexes(n),
            "parentSpanId": hexes(1) if n > 1 else "",
            "name": f"step {n}",
            "startTimeUnixNano": str(now + n * MS),
            "endTimeUnixNano": str(now + (30_000 * MS if n == 1 else (n + 1) * MS)),
            "status": {"code": 2 if n in (2_000, 2_900) else 1},
        }
        for n in range(1, 3_001)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    request = urllib.request.Request(f"{empty_server.url}/v1/traces", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    page.goto(f"{empty_server.url}/traces/{trace_id}")
    selected = page.locator(f"{TREE}[aria-selected=true]")
    page.locator("#tree").press("n")
    expect(selected).to_contain_text("step 2000")
    expect(page.locator("#detail h2")).to_have_text("step 2000")
    page.keyboard.press("n")
    expect(selected).to_contain_text("step 2900")
    page.keyboard.press("p")
    expect(selected).to_contain_text("step 2000")
    page.locator("#find").fill("step 1234")
    expect(page.locator(TREE)).to_have_count(1)
    expect(page.locator(TREE)).to_contain_text("step 1234")
    page.locator("#find").press("Escape")
    expect(page.locator(TREE)).not_to_have_count(1)


def test_each_block_of_code_is_copied_by_its_own_button(empty_server, page: Page, axe):
    text = "Two ways:\n\n```python\nprint(1)\n```\n\nor\n\n```sh\necho 2\n```"
    messages = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}]}])
    said = {KIND: "llm", "gen_ai.operation.name": "chat", "gen_ai.output.messages": messages}
    send(empty_server, "ac" * 16, 1, "chat", **said)
    page.goto(f"{empty_server.url}/traces/{'ac' * 16}")
    blocks = page.locator(".prose pre")
    expect(blocks).to_have_count(2)
    blocks.nth(1).hover()
    button = blocks.nth(1).get_by_role("button", name="Copy this block")
    expect(button).to_have_attribute("data-copy", "echo 2")
    button.click()
    expect(page.locator(".toast")).to_contain_text("Copied")
    axe(page, ".prose")
