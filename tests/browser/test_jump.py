"""The search of the top bar in a real browser: by keys from anywhere, on a phone, and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE, PROJECT

pytestmark = pytest.mark.browser


def test_from_anywhere_a_few_letters_lead_anywhere(server, page: Page, axe, open_page):
    page.goto(f"{server.url}/prompts?project={PROJECT}")
    box = page.get_by_role("combobox", name="Search or jump")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    options = page.locator("#found [role=option]")
    expect(options.first).to_contain_text("Traces")
    axe(page, "header.top")
    page.keyboard.type("dash")
    expect(page.locator('[data-asked="dash"]')).to_be_attached()
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id") or "")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/dashboard\?"))
    page.wait_for_load_state()  # its keys are there with its scripts
    page.locator("#q").focus()
    page.keyboard.press("Control+k")  # also while typing in another box
    expect(box).to_be_focused()
    page.keyboard.type("nobody knows this")
    page.keyboard.press("Escape")
    expect(box).to_have_value("")
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    trace = (page.locator("tbody tr").first.get_attribute("id") or "").removeprefix("t-")
    page.keyboard.press("Control+k")
    page.keyboard.type(trace)
    page.keyboard.press("Enter")  # sent as a form, if it is faster than the list
    expect(page).to_have_url(re.compile(f"/traces/{trace}"))
    phone = open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    phone.goto(f"{server.url}/dashboard?project={PROJECT}")
    phone.get_by_role("link", name="Search", exact=True).tap()
    phone.get_by_role("combobox", name="Search or jump").fill("alerts")
    phone.get_by_role("option", name="Alerts").first.tap()
    expect(phone).to_have_url(re.compile("/dashboard/alerts"))
    plain = open_page(java_script_enabled=False)
    plain.goto(f"{server.url}/traces?project={PROJECT}")
    plain.get_by_role("combobox", name="Search or jump").fill("playground")
    plain.get_by_role("combobox", name="Search or jump").press("Enter")
    plain.get_by_role("link", name="Playground", exact=True).click()
    expect(plain).to_have_url(re.compile(r"/playground\?"))


def test_the_page_of_the_search_is_accessible_and_fits(server, page: Page, axe, open_page):
    page.goto(f"{server.url}/search?project={PROJECT}&q=refund")
    axe(page)
    page.get_by_role("combobox").fill("supp")
    expect(page.locator('[data-asked="supp"]')).to_be_attached()
    axe(page)
    phone = open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    for path in ("/search", "/traces", "/dashboard", "/label", "/sessions", "/prompts", "/rubrics"):
        phone.goto(f"{server.url}{path}?project={PROJECT}")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, path
