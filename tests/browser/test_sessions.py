"""Sessions in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE

pytestmark = pytest.mark.browser
ROWS = ".sessions tbody tr"


def test_list_and_conversation_are_accessible_in_both_themes_and_on_a_phone(server, open_page, axe):
    for options in ({}, {"viewport": PHONE}):
        page = open_page(**options)
        page.goto(f"{server.url}/sessions?project=acme-support&range=all")
        expect(page.locator(ROWS)).to_have_count(50)
        axe(page, themes="viewport" not in options)
        assert page.evaluate("document.querySelector('.scroll-x').scrollWidth <= innerWidth")
        page.locator(f"{ROWS} .row-link").first.click()
        expect(page.locator(".turn").first).to_be_visible()
        axe(page, themes="viewport" not in options)
        assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")


def test_a_session_is_found_read_and_followed_to_a_trace_and_back(server, page: Page):
    page.goto(f"{server.url}/traces?project=acme-support&range=all")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()
    page.goto(f"{server.url}/sessions?project=acme-support&range=all")
    page.keyboard.press("/")
    page.keyboard.type("user:")
    expect(page.locator("#complete [role=option]").first).to_contain_text("user:")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    row = page.locator(ROWS).first
    newest = row.locator(".row-link").inner_text()
    for key in ("j", "x", "j", "X"):
        page.keyboard.press(key)
    expect(page.locator("#bulk-count")).to_have_text("2 chosen")
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    expect(page.locator("#bulk-delete")).to_have_text(re.compile(r"Delete 2 with \d+ traces for good\?"))
    page.keyboard.press("Escape")
    expect(page.locator("#bulk-count")).to_be_hidden()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url(re.compile("cursor="))
    expect(row.locator(".row-link")).not_to_have_text(newest)
    turns = int(row.locator(".s-turns").inner_text())
    session = row.locator(".row-link").inner_text()
    row.locator(".row-link").click()
    expect(page.locator(".turn")).to_have_count(turns)
    page.locator(".turn footer .link").first.click()
    page.locator(".stats").get_by_role("link", name=session).click()
    expect(page.locator(".turn")).to_have_count(turns)


def test_it_reads_without_scripts(server, open_page):
    page = open_page(java_script_enabled=False)
    page.goto(f"{server.url}/sessions?project=acme-support&range=all")
    page.locator("#q").fill("env:staging")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(["env:staging"])
    page.locator(f"{ROWS} .row-link").first.click()
    expect(page.locator(".turn .prose").first).to_be_visible()
