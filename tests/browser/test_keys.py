"""The keys of the sheet, pressed in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.every_page import every_page
from server_process import ServerProcess

pytestmark = pytest.mark.browser
PROJECT = "acme-support"
#: The controls of rows that a click in their middle does not reach.
COVERED = """all => all.filter(one => {
    const box = one.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    const hit = box.width && one.checkVisibility({opacityProperty: true}) && document.elementFromPoint(x, y);
    return hit && !one.contains(hit);
}).map(one => one.outerHTML.slice(0, 150))"""
CONTROLS = "main tbody tr:nth-child(-n+3) :is(a:not(.row-link), button, summary)"
FOCUSED = "document.activeElement?.getAttribute('href')"


def test_the_sheet_opens_and_its_keys_lead_to_every_place(server: ServerProcess, page: Page):
    page.goto(f"{server.url}/help?project={PROJECT}")
    for place in page.locator(".rail [data-keys]").evaluate_all(
        "all => all.map(a => [a.dataset.keys, a.dataset.place])"
    ):
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("g")  # keys do nothing while a dialog is open
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
        for key in place[0].split():
            page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"{place[1]}(/|\\?|$)"))
        expect(page.locator(f'.rail [data-place="{place[1]}"]')).to_have_attribute("aria-current", "page")


def test_every_list_is_walked_and_opened_by_keys(server: ServerProcess, page: Page):
    pages = every_page(server)
    for name in ("traces", "sessions", "steps", "prompts", "label", "rubrics", "datasets", "experiments", "dataset"):
        page.goto(f"{server.url}{pages[name]}{'&' if '?' in pages[name] else '?'}project={PROJECT}")
        if not page.locator("main tbody tr a").count():
            assert name == "rubrics"  # a new project has none
            continue
        assert page.locator(CONTROLS).evaluate_all(COVERED) == [], name
        page.keyboard.press("j")
        first = page.evaluate(FOCUSED)
        assert first, name
        if page.locator("main tbody tr").count() > 1:
            page.keyboard.press("j")
            assert page.evaluate(FOCUSED) != first, name
            page.keyboard.press("k")
        assert page.evaluate(FOCUSED) == first, name
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(re.escape(first.partition("?")[0])))
    for name in ("calls", "step-spans", "step", "alerts", "dashboard", "prompt", "queue-events"):
        page.goto(f"{server.url}{pages[name]}{'&' if '?' in pages[name] else '?'}project={PROJECT}")
        expect(page.locator(CONTROLS).first).to_be_attached()
        assert page.locator(CONTROLS).evaluate_all(COVERED) == [], name
    for name in ("sessions", "dashboard"):
        page.goto(f"{server.url}{pages[name]}&project={PROJECT}")
        page.keyboard.press("/")
        page.keyboard.type("jk?")  # typed, not done
        expect(page.locator("main input:focus")).to_have_value("jk?")
        expect(page.locator("#keys")).to_be_hidden()


def test_facets_rows_and_live_are_turned_by_keys(server: ServerProcess, page: Page):
    page.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    html = page.locator("html")
    for key, name, value in (("f", "data-facets", "shut"), ("r", "data-rows", "two")):
        page.keyboard.press(key)
        expect(html).to_have_attribute(name, value)
        page.keyboard.press(key)
        expect(html).not_to_have_attribute(name, value)
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile("live="))
    expect(page.locator("[data-live]").first).to_be_attached()
