"""The dashboard in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE
from server_process import ServerProcess

pytestmark = pytest.mark.browser
CALLS = ".card:has(h2:text-is('Calls')) .chart"


def shown(page: Page, server: ServerProcess, more: str = "") -> Page:
    page.goto(f"{server.url}/dashboard?project=acme-support&range=7d{more}")
    expect(page.locator(".kpi").first).to_be_visible()
    return page


def test_the_dashboard_is_accessible_in_both_themes_and_on_a_phone(server, open_page, axe):
    for options in ({}, {"viewport": PHONE}):
        page = shown(open_page(**options), server)
        axe(page, themes="viewport" not in options)
        page.get_by_role("link", name="The same over time as a table").click()
        expect(page.locator("#over-time")).to_be_in_viewport()
        expect(page.locator("#over-time tbody tr").first).to_be_attached()
        axe(page, "#over-time", themes="viewport" not in options)


def test_nothing_is_wider_than_a_phone(server, phone: Page):
    shown(phone, server)
    assert phone.evaluate("document.querySelector('main').scrollWidth <= innerWidth")


def test_an_empty_project_says_so(empty_server, page: Page, axe):
    page.goto(f"{empty_server.url}/dashboard")
    expect(page.get_by_role("heading", name="No call of a model in this range")).to_be_visible()
    axe(page)


def test_from_a_spike_of_cost_to_the_dearest_trace(server, page: Page, axe):
    shown(page, server)
    chart = page.locator(CALLS)
    steps = chart.locator("a > [data-from]")
    first, last = steps.first.bounding_box(), steps.last.bounding_box()
    assert first is not None
    assert last is not None
    page.mouse.move(first["x"] + 1, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + 20, steps=4)
    expect(chart.locator(".drag")).to_be_visible()
    page.mouse.up()
    page.wait_for_url(re.compile(r"/dashboard\?.*from=.*to="))
    expect(page.locator(".range .word")).to_contain_text(" to ")
    page.get_by_role("link", name="Prompt version").click()
    page.wait_for_url(re.compile("by=prompt"))
    expect(page.get_by_role("heading", name="By prompt version")).to_be_visible()
    bar = page.locator(".card:has(h2:text-is('Cost')) .chart rect.b1").last
    title = bar.locator("title").text_content() or ""
    bar.click()
    page.wait_for_url(re.compile(r"/dashboard/calls\?.*only=priced.*filter=prompt:"))
    prompt = re.search(r": (\S+@\S+) \$", title)
    assert prompt is not None
    expect(page.locator(".chip")).to_have_text([f"prompt:{prompt[1]}"])
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Cost")
    axe(page)
    page.keyboard.press("j")
    expect(page.locator(".calls .row-link").first).to_be_focused()
    page.keyboard.press("Enter")
    name = page.locator(".trace-head h1")
    expect(name).to_be_visible()
    dearest = page.locator(".tree [role=treeitem]:has(.dear)")
    expect(dearest).to_have_count(1)
    expect(dearest.locator(".dear")).to_have_attribute(
        "title", re.compile(r"The dearest step: \d+ % of the cost, [\d,]+ tokens")
    )
    step = (dearest.get_attribute("aria-label") or "").partition(" ")[2].partition(", ")[0]
    dearest.click()
    expect(page.locator("#detail")).to_contain_text(step)
    page.get_by_label("More: copy the link").click()
    page.get_by_role("link", name="Compare", exact=True).click()
    offers = page.locator(".offers tbody tr")
    costs = [float(cell.strip("<$")) for cell in offers.locator("td:nth-child(4)").all_inner_texts()]
    offers.nth(costs.index(min(costs))).locator(".row-link").click()
    expect(page.locator(".pair.chosen")).to_have_count(1)
    expect(page.locator(".diff del, .diff ins").first).to_be_visible()


def test_the_slider_and_the_other_model_are_computed_on_the_server(server, page: Page):
    shown(page, server)
    page.locator("#a-day").focus()
    page.keyboard.press("End")
    page.wait_for_url(re.compile("a_day="))
    most = page.locator("#a-day").get_attribute("max")
    assert most is not None
    expect(page.locator(".projection output")).to_have_text(f"{int(most):,}")
    page.locator("select[name=onto]").select_option("openai/gpt-4o-mini")
    page.wait_for_url(re.compile("onto=openai"))
    expect(page.locator("select[name=onto]")).to_be_focused()
    expect(page.locator(".result .new dd")).to_contain_text("in 30 days")


def test_it_reads_without_scripts(server, open_page):
    page = shown(open_page(java_script_enabled=False), server)
    page.locator("#q").fill("model:gpt-4o")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(["model:gpt-4o"])
    expect(page.locator(".parts tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Compute").click()
    expect(page).to_have_url(re.compile("a_day="))
    page.locator(".kpi").first.click()
    expect(page.locator(".calls tbody tr")).to_have_count(50)
    page.get_by_role("link", name="More").click()
    expect(page.get_by_role("link", name="Before")).to_be_visible()
    page.locator("#q").fill("latency>1ms")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(["model:gpt-4o", "latency>1ms"])
    page.get_by_role("link", name="Failed").click()
    page.get_by_role("link", name="Their traces").click()
    expect(page).to_have_url(re.compile("any:"))


def test_a_key_leads_to_it(server, page: Page):
    page.goto(f"{server.url}/traces?project=acme-support&range=all")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()
