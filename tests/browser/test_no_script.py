"""With JavaScript off everything can be read: each page shows what it is about, and links and forms lead on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.every_page import every_page
from browser.window import beyond_window
from server_process import ServerProcess

pytestmark = pytest.mark.browser
PROJECT = "acme-support"
#: What a reader must find on a page, where being there at all says too little.
SHOWN = {
    "traces": "main tbody tr .row-link",
    "sessions": "main tbody tr a",
    "session": ".turn, main article",
    "dashboard": "main table tbody tr",
    "steps": ".steps-page tbody tr a",
    "step": ".steps-page .shares li",
    "graph": ".graph tbody tr",
    "span-messages": ".msg .prose, .msg .text",
    "span-io": "#detail .text, #detail .prose",
    "span-prompt": "#detail pre, #detail .text",
    "span-attributes": ".attrs tbody tr",
    "labels": "#annotate-form",
    "compare": ".compare .pairs li",
    "compare-spans": ".compare .diff",
    "compare-prompts": ".figures tbody tr",
    "prompts": "main a[href*='/prompts/']",
    "prompt": "main .text, main pre",
    "queue": ".judged .prose",
    "dataset": "main tbody tr",
    "dataset-example": "main textarea, main .text",
    "experiments": "main a[href*='/experiments/']",
    "experiment": "main tbody tr",
    "experiment-compare": "main details, main tbody tr",
    "nothing": ".empty-state, main a[href*='filter']",
    "help-page": "main h2",
}


@pytest.fixture
def plain(open_page, complaints) -> Page:
    """A page on which no script runs."""
    complaints.allow("404")  # of the page that is not there
    return open_page(java_script_enabled=False)


def test_every_page_can_be_read(server: ServerProcess, plain: Page):
    pages = every_page(server)
    assert SHOWN.keys() <= pages.keys()
    for name, path in pages.items():
        plain.goto(f"{server.url}{path}{'&' if '?' in path else '?'}project={PROJECT}")
        assert plain.locator("h1, #detail h2, .label-bar").first.is_visible(), name
        shown = plain.locator(SHOWN.get(name, "main"))
        assert any(one.is_visible() for one in shown.all()[:60]), name
        assert plain.locator(".rail a[data-place]").count() >= 8, name
        assert beyond_window(plain) == [], name


def test_a_list_is_filtered_sorted_and_paged_and_a_trace_opened(server: ServerProcess, plain: Page):
    plain.goto(f"{server.url}/traces?project={PROJECT}&range=all")
    plain.locator("#q").fill("kind:tool")
    plain.locator("#q").press("Enter")
    expect(plain).to_have_url(re.compile("filter=kind:tool"))
    plain.get_by_role("link", name="prod").first.click()  # a facet
    expect(plain).to_have_url(re.compile("env:prod"))
    plain.goto(f"{server.url}/traces?project={PROJECT}&range=all&limit=50")
    plain.locator("thead a[href*='sort=']").filter(has_text="Cost").click()
    expect(plain).to_have_url(re.compile("sort="))
    first = plain.locator(".row-link").first.get_attribute("href")
    plain.locator("a[rel=next]").click()
    expect(plain.locator(".row-link").first).not_to_have_attribute("href", first or "")
    plain.locator("a[rel=prev]").click()
    expect(plain.locator(".row-link").first).to_have_attribute("href", first or "")
    plain.locator(".row-link").first.click()
    expect(plain.locator("#tree [role=treeitem]").first).to_be_visible()
    plain.locator('#tree [data-kind="llm"]').first.click()
    expect(plain.locator("#detail .msg").first).to_be_visible()
    plain.get_by_role("tab", name=re.compile("Attributes")).click()
    expect(plain.locator(".attrs tbody tr").first).to_be_visible()
    plain.locator("#find").fill("chat")
    plain.locator("#find").press("Enter")
    expect(plain).to_have_url(re.compile("find=chat"))
    plain.locator("#older").click()
    expect(plain.locator("#newer")).to_be_visible()


def test_sessions_steps_and_the_dashboard_are_filtered_by_forms_and_links(server: ServerProcess, plain: Page):
    for place in ("sessions", "dashboard"):
        plain.goto(f"{server.url}/{place}?project={PROJECT}&range=all")
        box = plain.locator("main input[name=q], main input[name=filter]").first
        box.fill("env:prod")
        box.press("Enter")
        expect(plain).to_have_url(re.compile("env:prod|env%3Aprod"))
    plain.locator("main .kpis a[href*='/dashboard/calls?'][href*='range=all']").first.click()
    expect(plain.locator(".row-link").first).to_be_visible()
    plain.goto(f"{server.url}/steps?project={PROJECT}&range=all")
    plain.locator(".steps-page tbody a").first.click()
    expect(plain.locator(".steps-page .shares li").first).to_be_visible()
