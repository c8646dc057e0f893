"""Prompts in a real browser: publish, compare, promote, by mouse and by keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PROJECT
from server_process import ServerProcess

pytestmark = pytest.mark.browser
Q = f"project={PROJECT}"


def publish(server: ServerProcess, name: str, template: Any, **more: Any) -> None:
    body = json.dumps({"name": name, "template": template, **more}).encode()
    status, said = server.call(f"/api/v1/prompts?{Q}", body, {"content-type": "application/json"})
    assert status in {200, 201}, said


def test_a_version_is_written_published_compared_and_promoted(
    server: ServerProcess, page: Page, axe: Callable[..., None]
) -> None:
    publish(server, "shop/greeting", "Greet {{name}} politely.", labels=["production"], note="First version")
    page.goto(f"{server.url}/prompts?{Q}")
    axe(page)
    page.get_by_role("link", name="greeting").click()
    page.get_by_role("link", name="New", exact=True).click()
    axe(page)
    page.locator("#text").fill("Greet {{name}} briefly.")
    page.get_by_label("Why this change").fill("Shorter")
    page.reload()
    expect(page.locator("#text")).to_have_value("Greet {{name}} briefly.")
    page.get_by_role("button", name="Publish after version 1").click()
    expect(page.locator(".diff ins")).to_have_text("briefly")
    expect(page.locator(".diff del")).to_have_text("politely")
    axe(page)
    page.get_by_role("button", name="Promote 2 to production").click()
    expect(page.locator(".prompt-head .badge")).to_have_text("production")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("table", name="Moves of labels")).to_contain_text("production")
    axe(page)


def test_keys_walk_the_versions(server: ServerProcess, page: Page) -> None:
    for text in ("one", "two", "three"):
        publish(server, "walk", f"Say {text}.")
    page.goto(f"{server.url}/prompts/walk?{Q}")
    expect(page.locator(".prompt-head h2")).to_have_text("walk@3")
    page.keyboard.press("j")
    expect(page.locator(".prompt-head h2")).to_have_text("walk@2")
    page.keyboard.press("k")
    expect(page.locator(".prompt-head h2")).to_have_text("walk@3")
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("link", name="walk")).to_be_visible()


def test_messages_are_added_and_published(server: ServerProcess, page: Page) -> None:
    page.goto(f"{server.url}/prompt-edit?{Q}")
    page.get_by_label("Name").fill("talk")
    page.get_by_label("Messages").check()
    page.get_by_label("Message 1", exact=True).fill("Be kind.")
    page.get_by_label("Message 2", exact=True).fill("{{question}}")
    page.get_by_role("button", name="Message", exact=True).click()
    page.keyboard.type("And then?")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".prompt-head h2")).to_have_text("talk@1")
    said = server.get(f"/api/v1/prompts/talk?{Q}")
    assert [m["content"] for m in said["template"]] == ["Be kind.", "{{question}}", "And then?"]


def test_what_cannot_be_used_is_said_in_the_form(server: ServerProcess, page: Page, complaints) -> None:
    complaints.allow("422")
    page.goto(f"{server.url}/prompt-edit?{Q}")
    page.get_by_label("Name").fill("broken")
    page.get_by_label("Variables").select_option("jinja")
    page.locator("#text").fill("{% if %}")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("This is no Jinja template")
    expect(page.locator("#text")).to_have_value("{% if %}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_prompts_of_the_shop_are_measured(server: ServerProcess, open_page, axe, scheme) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"{server.url}/prompts?{Q}")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("table", name="Versions")).to_be_visible()
    axe(page)


def test_a_phone_shows_all_of_it(server: ServerProcess, phone: Page, axe) -> None:
    publish(server, "shop/phone", "Greet {{name}}.")
    for path in ("/prompts", "/prompts/shop/phone", "/prompt-edit"):
        phone.goto(f"{server.url}{path}?{Q}")
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        axe(phone)
