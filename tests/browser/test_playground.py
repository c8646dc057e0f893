"""The playground in a real browser: answers are written as they come, side by side, and can be stopped."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fake_provider import FakeProvider
from fake_provider.answer import Answer
from server_process import ServerProcess

pytestmark = pytest.mark.browser
ROWS = b"question,answer\nWhere is Lima?,Answer to A\nWhere is Oslo?,Answer to B\nWhere is Bonn?,Answer to A\n"
LET_GO = threading.Event()


def model(request: Any) -> Answer:
    """Answer by what the system says, slowly if asked to; of Bonn nothing until a test lets go."""
    said = json.dumps(request.body)
    if "Sort" in said:
        return Answer(text="refund", chunk_delay_s=0.1)

    if "Bonn" in said:
        LET_GO.wait(60)
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
        headers = {"content-type": "application/json"}
        assert running.call("/api/v1/datasets", b'{"name": "cities"}', headers)[0] == 201
        assert running.call("/api/v1/datasets/1/import", ROWS)[0] == 201
        yield running
    LET_GO.set()


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


def test_a_row_fills_the_variables_and_all_rows_are_run_over_stopped_and_compared(play: Page, axe) -> None:
    play.get_by_label("Variables are written").select_option("plain")
    play.get_by_label("Message", exact=True).nth(1).fill("{{city}}")
    play.get_by_role("heading", name="Dataset").click()
    play.get_by_label("Rows of the dataset").select_option("cities")
    over = play.locator(".play-over")
    expect(over.get_by_role("status")).to_contain_text("Choose a column for city.")
    over.get_by_label("Column for city").select_option("question")
    play.get_by_label("Search rows").press_sequentially("Oslo")
    expect(play.locator(".row-pick")).to_have_count(1)
    play.locator(".row-pick").click()
    expect(play.locator("#variables")).to_have_value(re.compile(r'"city": "Where is Oslo\?"'))
    expect(play.get_by_text("Expected: Answer to B")).to_be_visible()
    over.get_by_label("Check", exact=True).select_option("contains")
    expect(over.get_by_role("status")).to_contain_text("for 3 calls")
    expect(over.get_by_role("status")).to_contain_text("At the published price of gpt-4o-mini today")
    axe(play)
    over.get_by_role("button", name="Run over 3 rows").click()
    expect(play.get_by_text("2 of 3 rows")).to_be_visible()
    expect(play.get_by_role("table", name="Results").get_by_text("pass", exact=True)).to_have_count(1)
    axe(play)
    play.get_by_role("button", name="Stop").click()
    expect(play.get_by_text("stopped", exact=True)).to_be_visible()
    LET_GO.set()
    play.get_by_role("button", name="Resume").click()
    expect(play.get_by_role("definition").filter(has_text="2 of 3")).to_be_visible()
    play.go_back()
    play.go_back()
    play.go_back()
    expect(play.get_by_label("Message", exact=True).nth(1)).to_have_value("{{city}}")


def test_two_variants_open_side_by_side_and_fill_as_they_run(play: Page, phone: Page, axe) -> None:
    LET_GO.set()
    play.get_by_role("heading", name="Dataset").click()
    play.get_by_label("Rows of the dataset").select_option("cities")
    over = play.locator(".play-over")
    over.get_by_label("Check", exact=True).select_option("contains")
    play.get_by_role("button", name="Variant", exact=True).click()
    second = play.get_by_role("region", name="Variant 2")
    second.get_by_label("Message", exact=True).nth(0).fill("You are brief.")
    over.get_by_role("button", name="Run 2 variants over 3 rows").click()
    expect(play.get_by_text("3 rows in both")).to_be_visible()
    expect(play.get_by_role("table", name="Rows by verdict")).to_contain_text("2 newly failing")
    row = play.locator(".swap-row").first
    expect(row.locator(".badge").first).to_have_text("newly failing")
    expect(row.locator("ins").first).to_be_visible()
    axe(play)
    phone.goto(play.url)
    expect(phone.get_by_role("table", name="Rows by verdict")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    axe(phone)


def test_a_draft_survives_a_closed_tab_until_it_is_started_over(play: Page, server: ServerProcess) -> None:
    play.get_by_role("button", name="Variant", exact=True).click()
    second = play.get_by_role("region", name="Variant 2")
    second.get_by_label("Model").fill("gpt-4o")
    second.get_by_role("button", name="Message", exact=True).click()
    second.get_by_label("Message", exact=True).nth(2).fill("And Quito?")
    context = play.context
    play.close()
    page = context.new_page()
    page.goto(f"{server.url}/playground")
    again = page.get_by_role("region", name="Variant 2")
    expect(again.get_by_label("Model")).to_have_value("gpt-4o")
    expect(again.get_by_label("Message", exact=True).nth(2)).to_have_value("And Quito?")
    page.get_by_role("button", name="Start over").click()
    expect(again).to_have_count(0)
    expect(page.get_by_label("Model")).to_have_value("")
    page.get_by_role("button", name="Undo").click()
    expect(again.get_by_label("Model")).to_have_value("gpt-4o")
    page.get_by_role("button", name="Start over").click()
    page.reload()
    expect(page.get_by_label("Model")).to_have_value("")


def test_a_phone_shows_the_playground(server: ServerProcess, phone: Page, axe) -> None:
    phone.goto(f"{server.url}/playground")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    axe(phone)
