"""The playground in a real browser: answers are written as they come, side by side, and can be stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fake_provider import FakeProvider
from fake_provider.answer import Answer
from server_process import ServerProcess

pytestmark = pytest.mark.browser


def model(request: Any) -> Answer:
    """Answer by what the system says, slowly if asked to."""
    said = json.dumps(request.body)
    if "Sort" in said:
        return Answer(text="refund", chunk_delay_s=0.1)
    text = f"Answer to {'B' if 'brief' in said else 'A'}. " + "word " * 40
    return Answer(text=text, chunk_delay_s=0.3 if "slowly" in said else 0)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(model) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[ServerProcess]:
    data: Path = tmp_path_factory.mktemp("playground")
    with ServerProcess(
        data, SPANWISE_ALLOW_PRIVATE="on", OPENAI_API_KEY="sk-env-secret", OPENAI_BASE_URL=provider.openai_url
    ) as running:
        yield running


@pytest.fixture
def play(server: ServerProcess, page: Page) -> Page:
    page.goto(f"{server.url}/playground")
    page.get_by_label("Model").fill("gpt-4o-mini")
    page.get_by_label("Message", exact=True).nth(0).fill("You are kind.")
    page.get_by_label("Message", exact=True).nth(1).fill("Where is Lima?")
    return page


def test_variants_answer_side_by_side(play: Page, axe: Callable[..., None]) -> None:
    axe(play)
    play.get_by_role("button", name="Variant", exact=True).click()
    second = play.get_by_role("region", name="Variant 2")
    second.get_by_label("Message", exact=True).nth(0).fill("You are brief.")
    play.get_by_label("Repeats").fill("3")
    play.keyboard.press("Control+Enter")
    first = play.get_by_role("region", name="Variant 1")
    expect(first.locator(".answer pre")).to_have_count(3)
    expect(first.locator(".answer pre").first).to_contain_text("Answer to A.")
    expect(second.locator(".answer pre").first).to_contain_text("Answer to B.")
    expect(first.locator(".flips")).to_have_text("3 of 3 answered; flip rate 0 %")
    expect(second.locator(".answer .link").first).to_have_text("trace")
    axe(play)
    assert "sk-env-secret" not in play.content()


def test_an_answer_is_written_as_it_comes_and_stopped(play: Page) -> None:
    play.get_by_label("Message", exact=True).nth(1).fill("Say it slowly")
    play.get_by_role("button", name="Run").click()
    answer = play.locator(".answer pre")
    expect(answer).to_contain_text("Answer to A.")
    play.get_by_role("button", name="Stop").click()
    expect(play.get_by_role("alert")).to_have_text("Stopped.")
    assert len(answer.inner_text()) < len("Answer to A. " + "word " * 40) - 5
    expect(play.get_by_role("button", name="Run")).to_be_enabled()


def test_what_is_wrong_is_said_where_it_is(play: Page, complaints) -> None:
    complaints.allow("422")
    play.locator("#variables").fill("{")
    play.get_by_role("button", name="Run").click()
    expect(play.get_by_role("alert")).to_contain_text("Variables is not JSON")
    play.locator("#variables").fill("")
    play.get_by_label("Provider").select_option("anthropic")
    play.get_by_role("button", name="Run").click()
    expect(play.get_by_role("alert")).to_contain_text("There is no key for anthropic")


def test_a_variant_becomes_a_version_and_an_answer_an_example(play: Page, server: ServerProcess) -> None:
    play.get_by_role("button", name="Run").click()
    play.get_by_role("button", name="Add to dataset").click()
    expect(play.get_by_role("heading", name="playground", level=2)).to_be_visible()
    play.go_back()
    play.get_by_label("Model").fill("gpt-4o-mini")
    play.get_by_label("Message", exact=True).nth(0).fill("You are kind to {{name}}.")
    play.get_by_label("Message", exact=True).nth(1).fill("Hi")
    play.get_by_label("Prompt to save as").fill("shop/played")
    play.get_by_role("button", name="Save as version").click()
    expect(play.locator(".prompt-head h2")).to_have_text("shop/played@1")
    said = server.get("/api/v1/prompts/shop/played")
    assert (said["variables"], said["model"]) == (["name"], "gpt-4o-mini")


def test_the_model_is_asked_the_examples_of_a_prompt(
    server: ServerProcess, page: Page, axe: Callable[..., None], complaints
) -> None:
    complaints.allow("422")
    template = "Sort.\nInput: My parcel is late\nOutput: delivery\n\nInput: Money back\nOutput: refund\n\n{{text}}"
    body = json.dumps({"name": "sort", "template": template, "model": "gpt-4o-mini"}).encode()
    assert server.call("/api/v1/prompts", body, {"content-type": "application/json"})[0] == 201
    page.goto(f"{server.url}/prompts/sort?tab=checks")
    axe(page)
    page.get_by_role("button", name="Ask 2").click()
    table = page.get_by_role("table", name="Its own examples")
    expect(table.locator("tbody tr").nth(0).locator(".badge")).to_have_text("differs")
    expect(table.locator("tbody tr").nth(1).locator(".badge")).to_have_text("agrees")
    expect(page.get_by_role("table", name="Checks", exact=True)).to_contain_text("answered 1 the same and 1 otherwise")
    axe(page)
    page.get_by_label("Provider").select_option("bedrock")
    page.get_by_role("button", name="Ask 2").click()
    expect(page.get_by_role("status").filter(has_text="There is no key for bedrock")).to_be_visible()


def test_a_phone_shows_the_playground(server: ServerProcess, phone: Page, axe) -> None:
    phone.goto(f"{server.url}/playground")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    axe(phone)
