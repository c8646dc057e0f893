"""The whole way of a first visitor: open traces, filter, open one, label by keyboard, make a dataset, download it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from server_process import ServerProcess

pytestmark = pytest.mark.browser
PROJECT = "acme-support"
#: Places whose own tests check the same page of the same project for accessibility, in both themes and on a phone.
CHECKED = ("/traces", "/sessions", "/dashboard")
FILTER = "kind:llm prompt:support"
CRITIQUE = "It promises what no tool has said."
EXPECTED = "Your parcel left Leipzig this morning; the carrier has not given a time yet."
FORMATS = ("jsonl", "csv", "openai-chat")


def open_traces(page: Page, server: ServerProcess) -> None:
    page.goto(f"{server.url}/traces?project={PROJECT}&range=7d")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    expect(page.locator("tbody tr")).not_to_have_count(0)


def filter_by_keyboard(page: Page, words: str) -> None:
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("filter="))
    expect(page.locator(".chips li")).to_have_count(len(words.split()))


def open_first_by_keyboard(page: Page) -> None:
    page.locator("#q").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/traces/[0-9a-f]{32}"))


def download(page: Page, name: str) -> Path:
    if not page.locator("details.export[open]").count():
        page.get_by_text("Export", exact=True).click()
    with page.expect_download() as started:
        page.locator(f"details.export a[href*='format={name}']").click()
    return Path(started.value.path())


def test_from_the_list_to_a_downloaded_eval_set_by_keyboard(page, axe, server) -> None:
    open_traces(page, server)
    filter_by_keyboard(page, FILTER)
    axe(page)

    # Open one and judge its span.
    open_first_by_keyboard(page)
    expect(page.get_by_role("main")).to_contain_text("answer_customer")
    axe(page)
    page.keyboard.press("e")
    expect(page.locator("#annotate-form")).to_be_visible()
    page.locator("#annotate-form textarea").first.blur()
    page.keyboard.press("2")
    page.keyboard.type(CRITIQUE)
    page.keyboard.press("Control+Enter")
    judged = page.get_by_role("region", name="Labels of this span")
    expect(judged).to_contain_text(CRITIQUE)
    expect(judged.locator(".badge", has_text="fail")).to_be_visible()  # beside what its user said of it

    # Make a queue of what the filter shows.
    page.go_back()
    open_traces(page, server)
    filter_by_keyboard(page, FILTER)
    page.get_by_label("Label these").click()
    page.locator(".label-these input[name=limit]").fill("4")
    page.locator(".label-these").get_by_role("button", name="Put into the queue").click()
    page.wait_for_url(re.compile(r"/label/\d+"))
    expect(page.locator("#pace")).to_contain_text("0 of 4")
    axe(page)

    # Pass; fail with a critique and a better answer; undo and pass again; pass the last.
    page.keyboard.press("1")
    expect(page.locator("#pace")).to_contain_text("1 of 4")
    page.keyboard.press("2")
    expect(page.locator("#critique")).to_be_focused()
    page.keyboard.type(CRITIQUE)
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("#expected")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type(EXPECTED)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pace")).to_contain_text("2 of 4")
    page.keyboard.press("1")
    expect(page.locator("#pace")).to_contain_text("3 of 4")
    page.keyboard.press("u")
    expect(page.locator("#pace")).to_contain_text("2 of 4")
    page.keyboard.press("1")
    expect(page.locator("#pace")).to_contain_text("3 of 4")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="4 of 4 items labelled")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("3 pass, 1 fail, 1 corrected answer")

    # Make a dataset and download it in every format.
    page.get_by_role("button", name="Make a dataset").click()
    page.wait_for_url(re.compile(r"/datasets/\d+"))
    expect(page.locator("dl.stats")).to_contain_text("Corrections")
    axe(page)
    lines = {name: download(page, name).read_text(encoding="utf-8-sig") for name in FORMATS}

    examples = [json.loads(line) for line in lines["jsonl"].splitlines()]
    examples = [example for example in examples if "input" in example]
    assert len(examples) == 4
    (corrected,) = [example for example in examples if example["label"]["verdict"] == "fail"]
    assert corrected["label"]["critique"] == CRITIQUE
    assert EXPECTED in json.dumps(corrected["expected_output"])
    assert EXPECTED not in json.dumps(corrected["actual_output"])
    assert all(example["source"]["trace_id"] for example in examples)

    rows = list(csv.DictReader(lines["csv"].splitlines(keepends=True)))
    assert len(rows) == 4

    chats = [json.loads(line)["messages"] for line in lines["openai-chat"].splitlines()]
    assert len(chats) == 4
    assert all(chat[0]["role"] == "system" and chat[-1]["role"] == "assistant" for chat in chats)
    assert any(chat[-1].get("content") == EXPECTED for chat in chats)

    # The labels are annotations like any other.
    found = server.every(f"/api/v1/traces?project={PROJECT}&filter=label:fail")
    explanations = {judged["explanation"] for trace in found for judged in trace["annotations"]}
    assert CRITIQUE in explanations


def test_every_place_in_the_rail_opens_without_a_complaint(page, axe, server) -> None:
    open_traces(page, server)
    places = page.locator("nav.rail a, .rail nav a").evaluate_all("links => links.map(link => link.href)")
    assert len(places) >= 3
    for place in places:
        page.goto(place)
        expect(page.locator("h1").first).to_be_visible()
        if urlsplit(place).path not in CHECKED:
            axe(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_traces_and_a_trace_without_sideways_scrolling(open_page, server, scheme) -> None:
    phone = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme)
    phone.goto(f"{server.url}/traces?project={PROJECT}&range=7d")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert phone.evaluate(wider) <= 0
    phone.locator("a.row-link").first.tap()
    phone.wait_for_url(re.compile(r"/traces/[0-9a-f]{32}"))
    assert phone.evaluate(wider) <= 0
