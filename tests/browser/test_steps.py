"""Pages of steps, comparisons of spans and prompts, saved views and what is done to chosen rows, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE
from server_process import ServerProcess

pytestmark = pytest.mark.browser
ROWS = ".rows-traces tbody tr"


def go(page: Page, server: ServerProcess, path: str) -> Page:
    page.goto(f"{server.url}{path}{'&' if '?' in path else '?'}project=acme-support")
    return page


def test_from_a_span_to_its_step_and_on_to_what_follows(server, page: Page, axe: Callable[..., None]):
    go(page, server, "/traces?range=all&filter=kind:tool")
    page.locator(".row-link").first.click()
    page.locator('.tree [role=treeitem][data-kind="tool"]').first.click()
    expect(page.locator('.span-head [data-kind="tool"]')).to_be_visible()
    name = page.locator("#detail h2").inner_text()
    page.get_by_role("link", name=f"How {name} fares everywhere").click()
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".kpi").first).to_contain_text("Runs")
    axe(page)
    page.locator("#after + *, .card:has(#after)").first.get_by_role("link").first.click()
    expect(page.locator("h1")).not_to_have_text(name)
    page.get_by_role("link", name="Steps").first.click()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    axe(page)


def test_a_span_is_compared_with_another_run_and_its_prompt_with_another_version(server, page: Page, axe):
    go(page, server, "/traces?range=all&filter=prompt:support@7")
    page.locator(".row-link").first.click()
    page.locator('.tree [role=treeitem][data-kind="llm"]').last.click()
    expect(page.locator('.span-head [data-kind="llm"]')).to_be_visible()
    page.get_by_role("link", name=re.compile("Compare with another run")).click()
    axe(page)
    page.locator(".row-link").first.click()
    expect(page.get_by_role("group", name="Output of A")).to_be_visible()
    axe(page)
    go(page, server, "/compare/prompts?prompt=support&a=6&b=7")
    expect(page.get_by_text("All calls")).to_be_visible()
    axe(page)


RUNS = "/dashboard/steps?name=lookup_order&range=all"


def test_the_spans_of_a_figure_are_accessible_and_so_is_having_none(server, page: Page, axe):
    go(page, server, RUNS)
    expect(page.get_by_text("in the newest 60 traces")).to_be_visible()
    axe(page, themes=True)
    page.get_by_role("link", name="Priced").click()
    expect(page.get_by_role("heading", name="No such span in this range")).to_be_visible()
    axe(page, themes=True)


def test_new_pages_fit_a_phone(server, open_page):
    phone = open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    for path in ("/steps?range=all", "/steps/lookup_order?range=all", RUNS, "/compare/prompts?prompt=support"):
        go(phone, server, path)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert phone.evaluate("[...document.querySelectorAll('.scroll-x')].every(e => e.scrollWidth <= 390)"), path


def test_a_view_is_saved_begun_with_deleted_and_brought_back(server, page: Page, axe):
    go(page, server, "/traces?range=all&filter=kind:tool")
    page.locator(".views-menu summary").click()
    page.get_by_label("Name of the view").fill("with tools")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".views-menu summary")).to_contain_text("with tools")
    page.locator(".views-menu summary").click()
    axe(page, ".views-menu")
    page.get_by_role("button", name="Begin with with tools").click()
    go(page, server, "/dashboard")
    page.locator('.rail [data-place="/traces"]').click()
    expect(page.locator(".chip")).to_contain_text("kind:tool")
    page.locator(".views-menu summary").click()
    page.get_by_role("button", name="Delete the view with tools").click()
    expect(page.locator(".views-menu summary")).to_contain_text("Views")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".views-menu summary")).to_contain_text("with tools")


def test_chosen_rows_are_tagged_annotated_and_put_into_a_dataset(server, page: Page, axe):
    go(page, server, "/traces?range=all")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("toolbar").locator("summary", has_text="Tag").click()
    axe(page, ".bulk")
    page.get_by_label("Tag", exact=True).fill("look again")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).first).to_contain_text("look again")
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator(ROWS).first).not_to_contain_text("look again")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("toolbar").locator("summary", has_text="Annotate").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("tone")
    page.get_by_role("textbox", name="Label", exact=True).fill("rude")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).filter(has_text="rude")).to_have_count(2)
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("toolbar").locator("summary", has_text="Dataset").click()
    page.get_by_role("combobox", name="Dataset", exact=True).fill("Of the list")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/datasets/\d+"))
    expect(page.locator("table.examples tbody tr")).to_have_count(2)
