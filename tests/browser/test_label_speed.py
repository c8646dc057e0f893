"""How fast it is: from key to next item over two hundred items, and fifty items by an expert who reads in no time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

from server_process import ServerProcess
from shop_traces import shop_trace
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.browser

ITEMS = 200
WATCH = """() => {
  window.took = []; let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); }, true);
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.id === "desk"))) {
      window.took.push(performance.now() - pressed);
    }
  }).observe(document.getElementById("main"), { childList: true });
}"""


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with two hundred and more traces."""
    data: Path = tmp_path_factory.mktemp("speed")
    store = SqliteStore(data / "main.db")
    store.open()
    store.write([record for n in range(ITEMS + 4) for record in shop_trace(n)])
    store.close()
    with ServerProcess(data) as running:
        yield running


def queue_of(server: ServerProcess, limit: int) -> str:
    made = httpx.post(f"{server.url}/api/v1/queues", json={"name": "Orders", "limit": limit}, timeout=30)
    return f"{server.url}/label/{made.json()['id']}"


def test_from_key_to_next_item_it_is_under_fifty_milliseconds(page: Page, labelling: ServerProcess) -> None:
    """Of two hundred items 95 % are shown within 50 ms of the key; a machine that is busy elsewhere gets two more."""
    for _ in range(3):
        took = sorted(took_of(page, labelling))
        assert len(took) == ITEMS
        if took[int(ITEMS * 0.95)] < 50:
            return
    raise AssertionError(took[-20:])


def took_of(page: Page, labelling: ServerProcess) -> list[float]:
    """Return how long each of two hundred items took to show, in milliseconds."""
    page.goto(queue_of(labelling, ITEMS + 3))
    page.evaluate(WATCH)
    for at in range(1, ITEMS + 1):
        page.locator("#ahead template").nth(1).wait_for(state="attached")
        page.keyboard.press("1")
        page.locator(f"#desk[data-position='{at + 1}']").wait_for()
    took: list[float] = page.evaluate("window.took")
    return took


def test_an_expert_labels_fifty_items_in_a_minute(page: Page, labelling: ServerProcess) -> None:
    """Every fifth fails with a critique; what takes time is the page, because this expert reads in none."""
    queue = queue_of(labelling, 51)
    page.goto(queue)
    expect(page.locator("#desk")).to_have_attribute("data-position", "1")
    start = time.monotonic()
    for at in range(1, 51):
        if at % 5:
            page.keyboard.press("1")
        else:
            page.keyboard.press("2")
            page.keyboard.type("Too late.")
            page.keyboard.press("Control+Enter")
        page.locator(f"#desk[data-position='{at + 1}']").wait_for()
    took = time.monotonic() - start
    expect(page.locator("[data-saved]")).to_have_text("✓ Saved", timeout=30_000)
    expect(page.locator("#pace")).to_contain_text("50 of 51")
    assert took < 60
