"""Alerts in a real browser: a rule from the dashboard, its channel, and back again; on a phone too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PHONE, PROJECT

pytestmark = pytest.mark.browser


def test_a_rule_is_made_told_to_a_channel_deleted_and_had_back(server, page: Page, axe, open_page, complaints):
    complaints.allow("422")  # a threshold that is no number
    page.goto(f"{server.url}/dashboard?project={PROJECT}")
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Channels").click()
    page.get_by_label("By").select_option("webhook")
    page.get_by_label("Name").fill("Chat room")
    page.get_by_label("To addresses").fill("http://127.0.0.1:9/hook")
    page.get_by_role("button", name="Add the channel").click()
    page.get_by_role("button", name="Send a test to Chat room").click()
    expect(page.get_by_role("list", name="Newest messages to Chat room")).to_contain_text("not a public address")
    page.get_by_text("Secret", exact=True).click()
    axe(page)
    page.get_by_role("banner").get_by_role("link", name="Alerts").click()
    page.get_by_role("link", name="Budget of the month").click()
    page.locator("#threshold").fill("a lot")
    page.get_by_label("Chat room").check()
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("'a lot' is no threshold.")
    axe(page)
    page.locator("#threshold").fill("$100")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_text("cost above $100.00 this month")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("Rule Budget of the month is kept")
    expect(page.locator('.rail [aria-current="page"]')).to_contain_text("Dashboard")
    page.locator("section", has=page.get_by_role("heading", name="Rules")).get_by_label("Export").click()
    axe(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").locator("visible=true").click()
    expect(page.locator(".toast").last).to_have_text("1 rule exported")
    assert "cost above $100.00 this month" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    page.get_by_role("button", name="Delete Budget of the month").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(
        page.get_by_role("region", name="Table of rules").get_by_role("link", name="Budget of the month")
    ).to_be_visible()
    page.goto(f"{server.url}/dashboard?project={PROJECT}")
    expect(page.locator(".budget-list")).to_contain_text(re.compile(r"of \$100\.00"))
    phone = open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    for path in ("", "/new", "/channels", "/rules/1"):
        phone.goto(f"{server.url}/dashboard/alerts{path}?project={PROJECT}")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, path
    phone.goto(f"{server.url}/prompts?project={PROJECT}")
    phone.get_by_label("Export").tap()
    menu = phone.locator(".top .export .pop").bounding_box()
    assert menu is not None
    assert 0 <= menu["x"] < menu["x"] + menu["width"] <= 390
    assert menu["y"] + menu["height"] < 400


def test_what_is_typed_into_a_form_outlives_a_reload_until_it_is_sent(server, page: Page, complaints):
    complaints.allow("422")
    new = f"{server.url}/dashboard/alerts/new?project={PROJECT}"
    page.goto(new)
    page.locator("#name").fill("Slow answers")
    page.locator("#side").select_option("below")
    page.reload()
    expect(page.locator("#name")).to_have_value("Slow answers")
    expect(page.locator("#side")).to_have_value("below")
    page.locator("#threshold").fill("a lot")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto(new)  # what was refused is not lost either
    expect(page.locator("#threshold")).to_have_value("a lot")
    page.locator("#threshold").fill("$5")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    page.goto(new)
    expect(page.locator("#name")).to_have_value("")
    page.goto(f"{server.url}/rubrics/new?project={PROJECT}")
    questions = page.locator("#editor fieldset.question")
    before = questions.count()
    page.locator("#title").fill("Tone")
    page.get_by_role("button", name="Question", exact=True).click()
    expect(questions).to_have_count(before + 1)
    questions.last.locator("textarea").last.fill("Is it kind?")
    page.reload()
    expect(questions).to_have_count(before + 1)
    expect(page.locator("#title")).to_have_value("Tone")
    expect(questions.last.locator("textarea").last).to_have_value("Is it kind?")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(questions).to_have_count(before)
    expect(page.locator("#title")).to_have_value("")
