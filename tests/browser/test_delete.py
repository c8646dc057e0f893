"""Deleting traces in a real browser: asked twice, then gone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
ROWS = "#list tbody tr"


def test_chosen_traces_are_deleted_when_asked_twice(server, page: Page, axe):
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=status%3Aerror")
    boxes = page.locator(f"{ROWS} [name=trace_id]")
    expect(boxes.first).to_be_visible()
    chosen = [boxes.nth(n).get_attribute("value") for n in (0, 1)]
    boxes.nth(0).check()
    boxes.nth(1).check()
    delete = page.locator("#bulk-delete")
    delete.click()
    expect(delete).to_have_text("Delete 2 for good?")
    axe(page)
    boxes.nth(2).check()
    expect(delete).to_have_text("Delete")
    boxes.nth(2).uncheck()
    delete.click()
    expect(delete).to_have_text("Delete 2 for good?")
    delete.click()
    for trace_id in chosen:
        expect(page.locator(f'{ROWS} [value="{trace_id}"]')).to_have_count(0)
    expect(page.locator("#q")).to_have_value("")
    assert "filter=status" in page.url
    assert len({*chosen} & {t["trace_id"] for t in server.every("/api/v1/traces?project=acme-support&limit=1000")}) == 0


def test_a_trace_is_deleted_from_its_page_by_keys_alone(server, page: Page):
    page.goto(f"{server.url}/traces?project=acme-support&range=all")
    page.locator(f"{ROWS} .row-link").first.click()
    expect(page.locator(".trace-head h1")).to_be_visible()
    address = page.url
    more = page.locator("summary[aria-label^='More: copy the link']")
    more.focus()
    page.keyboard.press("Enter")
    delete = page.get_by_role("button", name="Delete the trace")
    expect(delete).to_be_visible()
    delete.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_be_visible()
    trace_id = address.split("/traces/")[1][:32]
    expect(page.locator(f'{ROWS} [value="{trace_id}"]')).to_have_count(0)
