"""What is around every page, and the acts of a trace's header, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from browser.conftest import PROJECT
from server_process import ServerProcess

pytestmark = pytest.mark.browser
PRESS = (
    "([key, how]) => document.body.dispatchEvent("
    "new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...how}))"
)


def test_keys_with_a_modifier_are_left_to_the_browser_and_the_keyboard(server: ServerProcess, page: Page):
    page.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    before = page.url
    # AltGr says Control and Alt on Windows, and is a modifier of its own elsewhere.
    for how in ({"ctrlKey": True, "altKey": True}, {"modifierAltGraph": True}, {"metaKey": True}, {"ctrlKey": True}):
        for key in ("?", "x", "f", "r", "l", "g", "d", "/"):
            assert page.evaluate(PRESS, [key, how]), (key, how)  # nobody took it
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#list [name=trace_id]:checked")).to_have_count(0)
    assert page.evaluate("document.activeElement === document.body")
    assert page.url == before
    assert not page.evaluate(PRESS, ["?", {}])
    expect(page.locator("#keys")).to_be_visible()


def test_of_two_pages_asked_for_the_later_one_stays_whichever_answers_first(server: ServerProcess, page: Page):
    page.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    late: list[Route] = []
    page.route("**/traces?*range=24h*", lambda route: None if late else late.append(route))
    page.locator(".range-menu summary").click()
    page.get_by_role("link", name="Last 24 hours").click()
    page.get_by_role("link", name="Last 7 days").click()
    expect(page.locator(".range-menu summary")).to_contain_text("7 days")
    with page.expect_event("requestfinished", lambda request: "range=30d" in request.url):
        late[0].continue_()  # nobody waits for it any more
        page.locator(".range-menu summary").click()
        page.get_by_role("link", name="Last 30 days").click()
    expect(page.locator(".range-menu summary")).to_contain_text("30 days")
    expect(page).to_have_url(re.compile("range=30d"))
    for days in ("7 days", "All time"):
        page.go_back()
        expect(page.locator(".range-menu summary")).to_contain_text(days)
    expect(page.locator(".toast")).to_have_count(0)


def test_rail_project_and_range_are_chosen_and_the_rail_stays_so(server: ServerProcess, page: Page, open_page):
    page.goto(f"{server.url}/traces?project={PROJECT}&filter=kind:llm")
    word = page.locator(".rail a[data-place='/traces'] .word")
    expect(word).to_be_hidden()
    page.locator(".fold-rail").click()
    expect(word).to_be_visible()
    page.reload()
    expect(word).to_be_visible()
    expect(page.locator(".fold-rail")).to_have_attribute("aria-expanded", "true")
    page.locator(".range-menu summary").click()
    page.get_by_role("link", name="Last 24 hours").click()
    expect(page).to_have_url(re.compile("range=24h"))
    expect(page.locator(".range-menu summary")).to_contain_text("24 hours")
    page.locator(".range-menu summary").click()
    page.get_by_label("From").fill("2020-01-01T00:00")
    page.get_by_label("To", exact=True).fill("2020-01-02T00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"from=2020-01-01.*to=2020-01-02"))
    expect(page.locator(".chip")).to_contain_text("kind:llm")  # the filter outlives another range
    page.go_back()
    expect(page.locator(".range-menu summary")).to_contain_text("24 hours")
    page.locator(".projects summary").click()
    page.locator(".projects a", has_text=PROJECT).click()
    expect(page.locator(".projects summary")).to_contain_text(PROJECT)
    still = open_page(reduced_motion="reduce")
    still.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    moving = "all => all.filter(e => parseFloat(getComputedStyle(e).animationDuration) > 0.01 || "
    moving += "parseFloat(getComputedStyle(e).transitionDuration) > 0.01).length"
    assert still.locator("body *").evaluate_all(moving) == 0


def test_the_menu_of_a_trace_copies_downloads_and_replays(server: ServerProcess, open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{server.url}/traces?project={PROJECT}&range=all&filter=kind:tool")
    page.locator(".row-link").first.click()
    expect(page.locator(".trace-head")).to_be_visible()
    trace = page.url.partition("/traces/")[2][:32]
    clip = "navigator.clipboard.readText()"
    page.get_by_title("Copy the trace id").click()
    expect(page.locator(".toast").last).to_have_text("Copied")
    assert page.evaluate(clip) == trace
    more = page.locator("summary[aria-label^='More: copy the link']")
    more.click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".toast")).to_have_count(2)
    assert page.evaluate(clip) == page.url
    for title, spans in (
        ("Download as JSON", lambda body: json.loads(body)["spans"]),
        ("Download as OTLP", lambda body: json.loads(body.splitlines()[0])["resourceSpans"]),
    ):
        if not page.get_by_role("link", name=title).is_visible():
            more.click()
        with page.expect_download() as download:
            page.get_by_role("link", name=title).click()
        assert spans(Path(download.value.path()).read_text())
    if not page.get_by_role("link", name="Replay").first.is_visible():
        more.click()
    page.locator(".trace-head").get_by_role("link", name="Replay").click()
    expect(page).to_have_url(re.compile(f"/playground.*trace={trace}&span="))
    expect(page.get_by_label("Message", exact=True).first).not_to_have_value("")
