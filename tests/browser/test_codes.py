"""Critiques coded in a real browser, by keyboard alone and by touch alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from server_process import ServerProcess
from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.browser

SAID = [
    "Refund promised although the policy says 30 days",
    "promises a refund after the 30 day window, policy says no",
    "Wrong refund policy: it is 30 days not 60",
    "Did not look up the order, invented a status",
    "invented order status without calling lookup_order",
    "Answered in English, customer wrote German",
    "Customer asked in German but got an English answer",
    "Leaks an internal ticket id",
]


@pytest.fixture(scope="module")
def coding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with eight critiques in each of two projects, one for the keyboard and one for the thumb."""
    data: Path = tmp_path_factory.mktemp("codes")
    store = SqliteStore(data / "main.db")
    store.open()
    for project in ("keys", "thumb"):
        for n, text in enumerate(SAID):
            store.write(shop_trace(n, project=project))
            who = Annotator("human", "local")
            store.annotate(
                [
                    Annotation(
                        f"{project}{n}", project, "correct", trace_id(n), span_id(n), label="fail", explanation=text,
                        annotator=who, created_ns=n, updated_ns=n,
                    )
                ]
            )  # fmt: skip
    store.close()
    with ServerProcess(data) as running:
        yield running


def listed(page: Page, *texts: str) -> None:
    expect(page.locator(".critiques .say")).to_have_text(list(texts))


def at(page: Page, n: int) -> None:
    expect(page.locator(".critiques [name=id]").nth(n)).to_be_focused()


def counts(page: Page, **codes: int) -> None:
    """Wait until the list of codes is this, the commonest first; underscores stand for spaces."""
    lines = [f"{name.replace('_', ' ')}{n}" for name, n in codes.items()]
    expect(page.locator(".code-views").nth(1).locator("li")).to_have_text(lines)


def test_lists_asked_for_fast_come_in_turn_and_the_last_one_stays(page: Page, coding: ServerProcess) -> None:
    page.goto(f"{coding.url}/label/codes?project=thumb")
    page.evaluate("window.still = true")
    held: list[Route] = []
    page.route("**/label/codes?*view=all*", lambda route: route.continue_() if held else held.append(route))
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.wait_for_function("document.querySelectorAll('[data-view][href*=\"view=groups\"][aria-current]').length")
    held[0].continue_()
    expect(page.locator(".code-group").first).to_be_visible()
    expect(page).to_have_url(re.compile("view=groups"))
    page.go_back()
    listed(page, *SAID)
    expect(page.locator("[data-view][href*='view=all']")).to_have_attribute("aria-current", "page")
    assert page.evaluate("window.still"), "no page is loaded anew, while which keys would be lost"


def test_critiques_are_grouped_merged_split_and_renamed_by_keyboard_alone(
    page: Page, coding: ServerProcess, axe: Callable[..., None]
) -> None:
    page.goto(f"{coding.url}/label/codes?project=keys")
    key = page.keyboard
    listed(page, *SAID)
    key.press("1")  # there is no code yet: the key does nothing
    key.press("j")
    at(page, 0)
    key.press("x")
    key.press("j")
    key.press("j")
    key.press("Shift+X")
    expect(page.locator(".chosen")).to_have_text("3 chosen")
    key.press("c")
    key.type("Wrong refund")
    key.press("Enter")
    listed(page, *SAID[3:])
    at(page, 2)  # the third row again, now another critique
    counts(page, Wrong_refund=3)
    expect(page.locator(".toast")).to_contain_text("Coded 3 critiques “Wrong refund”")
    key.press("1")  # nothing is ticked: the row that is looked at
    listed(page, *[SAID[n] for n in (3, 4, 6, 7)])
    key.press("u")
    listed(page, *SAID[3:])
    at(page, 3)  # the same critique, although the list above it grew
    axe(page)
    for _ in range(3):
        key.press("k")
    at(page, 0)
    key.press("0")
    listed(page, *SAID[4:])
    key.press("u")
    listed(page, *SAID[3:])

    key.press("]")
    expect(page.locator("[data-view][href*='view=all']")).to_have_attribute("aria-current", "page")
    key.press("]")
    expect(page.locator(".code-group")).to_have_count(2)
    axe(page)
    key.press("y")  # the first group as it stands
    expect(page.locator(".code-group")).to_have_count(1)
    expect(page.locator(".code-views").nth(1).locator("li")).to_have_count(2)
    key.press("c")
    key.press("Control+a")
    key.type("Wrong language")
    key.press("Enter")
    expect(page.locator(".code-views").nth(1).locator("li")).to_have_count(3)

    page.locator(".code-views a", has_text="Wrong refund").focus()
    key.press("Enter")
    expect(page.locator(".code-head h2")).to_have_text("Wrong refund")
    key.press("j")
    key.press("x")
    key.press("s")
    key.type("Late refund")
    key.press("Enter")
    listed(page, *SAID[1:3])
    key.press("r")
    expect(page.locator("#code-name")).to_be_focused()
    key.type("Wrong policy")
    key.press("Enter")
    expect(page.locator(".code-head h2")).to_have_text("Wrong policy")
    key.press("m")
    expect(page.locator("#code-into")).to_be_focused()
    key.type("Late")
    key.press("Tab")
    key.press("Enter")
    expect(page.locator(".code-head h2")).to_have_text("Late refund")
    listed(page, *SAID[:3])
    axe(page)
    key.press("u")
    expect(page.locator(".code-views").nth(1).locator("li")).to_have_count(4)
    key.press("j")
    key.press("o")
    page.wait_for_url("**/traces/**")


def test_critiques_are_coded_by_touch_alone(
    open_page: Callable[..., Page], coding: ServerProcess, axe: Callable[..., None]
) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark")
    page.goto(f"{coding.url}/label/codes?project=thumb")
    for n in (0, 1):
        page.locator(".say").nth(n).tap()
    page.get_by_label("Code: one there is, or a new name").fill("Wrong refund")
    page.get_by_role("button", name="Code", exact=True).tap()
    listed(page, *SAID[2:])
    page.locator(".say").first.tap()
    page.locator(".quick-codes .pill").first.tap()
    listed(page, *SAID[3:])
    page.locator(".toast button").tap()
    listed(page, *SAID[2:])
    axe(page)
    page.locator(".code-views a", has_text="Wrong refund").tap()
    expect(page.locator(".code-head h2")).to_have_text("Wrong refund")
    page.locator(".pill.on").first.tap()
    listed(page, SAID[1])
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 390, "nothing hangs over the edge"
    axe(page)
    page.goto(f"{coding.url}/label/codes/history?project=thumb")
    expect(page.locator("tbody tr")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    axe(page)
