"""Two traces side by side in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE

pytestmark = pytest.mark.browser
ROWS = ".rows-traces tbody tr"


def test_two_chosen_traces_are_compared_step_by_step(server, page: Page, axe):
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=name:answer_customer")
    boxes = page.locator(f"{ROWS} [name=trace_id]")
    boxes.nth(0).check()
    expect(page.locator("#bulk-compare")).to_be_hidden()
    boxes.nth(3).check()
    page.locator("#bulk-compare").click()
    expect(page.locator(".pair.chosen")).to_have_count(1)
    axe(page)
    page.locator(".pair a").first.click()
    page.wait_for_url(re.compile("step=0"))
    expect(page.locator(".diff del").first).to_be_visible()
    expect(page.locator(".diff ins").first).to_be_visible()
    a, b = (re.search(f"[?&]{name}=([0-9a-f]+)", page.url)[1] for name in "ab")
    page.get_by_role("link", name="Swap A and B").click()
    page.wait_for_url(re.compile(f"a={b}&b={a}"))
    page.get_by_role("link", name="open in A").click()
    expect(page.locator(".trace-head h1")).to_be_visible()


def test_a_trace_offers_those_of_its_name_without_scripts_too(server, open_page, axe):
    for options in ({"viewport": PHONE, "color_scheme": "dark"}, {"java_script_enabled": False}):
        page = open_page(**options)
        page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=name:answer_customer")
        trace = page.locator(f"{ROWS} [name=trace_id]").first.get_attribute("value")
        page.goto(f"{server.url}/compare?project=acme-support&a={trace}")
        page.locator(".offers .row-link").first.click()
        expect(page.locator(".pair").first).to_be_visible()
        if "viewport" in options:
            axe(page)
            assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
