from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, Route, expect

from server_process import ServerProcess
from shop_traces import shop_trace, trace_id
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.browser

TRACES = 12


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with twelve traces of a shop's assistant in it."""
    data: Path = tmp_path_factory.mktemp("labelling")
    store = SqliteStore(data / "main.db")
    store.open()
    store.write([record for n in range(TRACES) for record in shop_trace(n)])
    store.close()
    with ServerProcess(data) as running:
        yield running


@pytest.fixture
def queue(labelling: ServerProcess) -> str:
    """The address of a new queue of all twelve, the newest first: item 1 is trace 11."""
    made = httpx.post(f"{labelling.url}/api/v1/queues", json={"name": "Orders"}, timeout=60)
    return f"{labelling.url}/label/{made.json()['id']}"


def states(queue: str) -> list[str]:
    items = httpx.get(queue.replace("/label/", "/api/v1/queues/"), timeout=60).json()["items"]
    return [item["state"] for item in items]


def labels(queue: str, n: int) -> list[dict[str, Any]]:
    base = queue.partition("/label/")[0]
    found = httpx.get(f"{base}/api/v1/annotations", params={"trace_id": trace_id(n)}, timeout=60).json()["items"]
    return [label for label in found if label["source"] == f"queue:{queue.rpartition('/')[2]}"]


def shows(page: Page, n: int) -> None:
    expect(page.locator(".judged .prose")).to_have_text(f"Order {n} arrives on Thursday.")


def saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_have_text("✓ Saved")


def test_five_items_are_labelled_by_keyboard(page: Page, queue: str) -> None:
    page.goto(queue)
    shows(page, 11)
    page.keyboard.press("1")
    shows(page, 10)
    page.keyboard.press("2")
    expect(page.locator("#critique")).to_be_focused()
    page.keyboard.type("Too late, 12 days. d u 1")
    page.keyboard.press("Control+Enter")
    shows(page, 9)
    page.keyboard.press("d")
    shows(page, 8)
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Shall I call you?")
    expect(page.locator("[data-diff] ins")).to_have_text(" Shall I call you?")
    expect(page.locator("[data-diff-count]")).to_have_text("4 words added, 0 removed")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    shows(page, 7)
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    shows(page, 6)
    saved(page)
    expect(page.locator("#pace")).to_contain_text("4 of 12")
    assert states(queue)[:5] == ["done", "done", "deferred", "done", "done"]
    assert labels(queue, 10)[0]["explanation"] == "Too late, 12 days. d u 1"
    assert labels(queue, 8)[0]["correction"] == "Order 8 arrives on Thursday. Shall I call you?"
    assert labels(queue, 7)[0]["explanation"] is None


def test_the_next_item_shows_before_the_server_has_answered(page: Page, queue: str) -> None:
    page.goto(queue)
    shows(page, 11)
    held: list[Route] = []
    delayed = True

    def hold(route: Route) -> None:
        if delayed:
            held.append(route)
        else:
            route.continue_()

    page.route("**/label/**", hold)
    page.keyboard.press("1")
    shows(page, 10)
    page.keyboard.press("1")
    shows(page, 9)
    assert states(queue)[:2] == ["todo", "todo"]
    expect(page.locator("[data-saved]")).to_have_text("Saving…")
    delayed = False
    for route in held:
        route.continue_()
    saved(page)
    assert states(queue)[:3] == ["done", "done", "todo"]


@contextmanager
def nothing_ahead(page: Page) -> Iterator[None]:
    """Keep what the page asks for beyond the items it came with from arriving until the end."""
    held: list[Route] = []
    slow = True

    def hold(route: Route) -> None:
        if slow and route.request.headers.get("hx-target") == "ahead":
            held.append(route)
        else:
            route.continue_()

    page.route("**/label/**", hold)
    yield
    slow = False
    for route in held:
        route.continue_()


def test_keys_faster_than_the_items_arrive_lose_nothing_and_load_no_page_anew(page: Page, queue: str) -> None:
    with nothing_ahead(page):
        page.goto(queue)
        shows(page, 11)
        page.evaluate("window.still = true")
        for n in (10, 9):
            page.keyboard.press("1")
            shows(page, n)
        page.keyboard.press("2")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#desk")).to_have_attribute("aria-busy", "true")
        page.keyboard.press("1")  # item 9 is decided and the next one is not here: this decides nothing
    shows(page, 8)
    expect(page.locator("#desk")).not_to_have_attribute("aria-busy", "true")
    saved(page)
    assert page.evaluate("window.still")
    assert states(queue)[:4] == ["done", "done", "done", "todo"]
    assert labels(queue, 9)[0]["label"] == "fail"


def test_an_undo_while_the_next_item_is_on_its_way_stays_where_it_is(page: Page, queue: str) -> None:
    with nothing_ahead(page):
        page.goto(queue)
        shows(page, 11)
        for n in (10, 9, 9):
            page.keyboard.press("1")
            shows(page, n)
        expect(page.locator("#pace")).to_contain_text("3 of 12")
        page.keyboard.press("u")
        expect(page.locator("#pace")).to_contain_text("2 of 12")
        expect(page.locator("#desk")).not_to_have_attribute("aria-busy", "true")
        page.keyboard.press("2")  # the item is here again and wants a judgment
        page.keyboard.type("No date")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#pace")).to_contain_text("3 of 12")
    shows(page, 8)
    saved(page)
    assert states(queue)[:4] == ["done", "done", "done", "todo"]
    assert labels(queue, 9)[0]["explanation"] == "No date"


def test_a_key_has_shown_the_next_item_before_it_is_let_go(page: Page, queue: str) -> None:
    """What makes it fast, whatever the machine: the item lies in the page, so the key's own event puts it up."""
    page.goto(queue)
    for n in range(10, 4, -1):
        expect(page.locator("#ahead template")).to_have_count(2)
        shown = page.evaluate(
            """() => { const key = new KeyboardEvent("keydown", { key: "1", bubbles: true, cancelable: true });
            document.body.dispatchEvent(key);
            return document.querySelector("#desk .judged .prose").textContent.trim(); }"""
        )
        assert shown == f"Order {n} arrives on Thursday."


def test_undo_goes_back_across_items_and_brings_back_what_was_typed(page: Page, queue: str) -> None:
    page.goto(queue)
    page.keyboard.press("2")
    page.keyboard.type("Not true.")
    page.keyboard.press("Control+Enter")
    shows(page, 10)
    page.keyboard.press("1")
    shows(page, 9)
    page.keyboard.press("u")
    shows(page, 10)
    page.keyboard.press("u")
    shows(page, 11)
    expect(page.locator("#critique")).to_have_value("Not true.")
    assert states(queue)[:2] == ["todo", "todo"]
    page.keyboard.press("1")
    shows(page, 10)
    saved(page)
    assert [label["label"] for label in labels(queue, 11)] == ["pass"]


def test_undo_still_works_after_a_reload(page: Page, queue: str) -> None:
    page.goto(queue)
    page.keyboard.press("1")
    shows(page, 10)
    saved(page)
    page.reload()
    shows(page, 10)
    page.keyboard.press("u")
    shows(page, 11)
    assert labels(queue, 11) == []


def test_a_draft_survives_a_reload_and_goes_once_it_is_saved(page: Page, queue: str) -> None:
    page.goto(queue)
    page.keyboard.press("2")
    page.keyboard.type("Half a thou")
    page.reload()
    shows(page, 11)
    expect(page.locator("#critique")).to_have_value("Half a thou")
    expect(page.locator("#verdict input[value=fail]")).to_be_checked()
    page.keyboard.press("Control+Enter")
    shows(page, 10)
    saved(page)
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.includes('draft'))") == []


def test_a_label_given_while_the_server_is_away_is_saved_when_it_is_back(
    page: Page, queue: str, complaints: Any
) -> None:
    complaints.allow("ERR_CONNECTION_REFUSED")
    page.goto(queue)
    page.route("**/items/**", lambda route: route.abort("connectionrefused"))
    page.keyboard.press("1")
    shows(page, 10)
    expect(page.locator("[data-saved]")).to_contain_text("Not saved yet: trying again")
    page.unroute_all()
    saved(page)
    assert len(labels(queue, 11)) == 1


def test_a_label_not_yet_sent_survives_a_reload(page: Page, queue: str, complaints: Any) -> None:
    complaints.allow("ERR_CONNECTION_REFUSED")
    page.goto(queue)
    page.route("**/items/**", lambda route: route.abort("connectionrefused"))
    page.keyboard.press("1")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved yet")
    page.reload()
    expect(page.locator("[data-saved]")).to_contain_text("Not saved yet")  # it is tried again, and still in vain
    page.unroute_all()
    saved(page)
    assert [label["label"] for label in labels(queue, 11)] == ["pass"]


def test_arrows_move_without_deciding_and_escape_leaves(page: Page, queue: str) -> None:
    page.goto(queue)
    page.keyboard.press("ArrowRight")
    shows(page, 10)
    page.keyboard.press("ArrowRight")
    shows(page, 9)
    page.keyboard.press("ArrowLeft")
    shows(page, 10)
    page.reload()
    shows(page, 10)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/label$"))
    assert set(states(queue)) == {"todo"}


def test_keys_do_nothing_in_the_key_sheet(page: Page, queue: str) -> None:
    page.goto(queue)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    shows(page, 11)
    assert set(states(queue)) == {"todo"}


def test_the_queue_ends_in_a_dataset_that_is_downloaded(page: Page, queue: str) -> None:
    page.goto(queue)
    for n in range(TRACES - 1, 0, -1):
        shows(page, n)
        page.keyboard.press("1")
    shows(page, 0)
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="12 of 12 items labelled")).to_be_visible()
    page.get_by_role("button", name="Make a dataset").click()
    expect(page).to_have_url(re.compile(r"/datasets/\d+"))
    page.locator(".export summary").click()
    for title, lines in (("JSON Lines", 12), ("OpenAI fine-tuning", 12), ("CSV", 13)):
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(title)).click()
        assert len(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()) >= lines
    page.keyboard.press("Escape")  # the menu lies over the rows
    rows = page.locator("table.examples tbody tr")
    before = rows.first.inner_text()
    expect(rows).to_have_count(12)
    rows.first.get_by_role("button", name="Remove example").click()
    expect(rows).to_have_count(11)
    expect(page.locator(".toast").last).to_contain_text("1 example removed")
    page.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(12)
    assert rows.first.inner_text() == before
    page.set_viewport_size({"width": 390, "height": 844})
    expect(rows.first.get_by_role("button", name="Remove example")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_it_is_one_column_with_the_verdict_under_the_thumb(phone: Page, queue: str, axe: Callable) -> None:
    phone.goto(queue)
    bar = phone.locator(".thumbs").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    for button in phone.locator(".thumbs button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 48
    phone.locator(".thumbs .pass").tap()
    shows(phone, 10)
    phone.locator(".thumbs .fail").tap()
    expect(phone.locator("#critique")).to_be_focused()
    phone.keyboard.type("No.")
    expect(phone.locator(".thumbs .fail")).to_have_text("Save fail")
    axe(phone)
    phone.locator(".thumbs .fail").tap()
    shows(phone, 9)
    expect(phone.locator(".thumbs .fail")).to_have_text("Fail")
    saved(phone)
    assert labels(queue, 10)[0]["explanation"] == "No."


def test_without_scripts_forms_do_the_same(open_page: Callable[..., Page], queue: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(queue)
    page.locator("label.choice.fail").click()
    page.locator("#critique").fill("No script.")
    page.get_by_role("button", name="Save and next").click()
    shows(page, 10)
    page.get_by_role("button", name="Undo").click()
    shows(page, 11)
    assert labels(queue, 11) == []


def test_a_span_is_labelled_by_key_in_its_trace_and_taken_back(page: Page, labelling: ServerProcess) -> None:
    page.goto(f"{labelling.url}/traces/{trace_id(0)}?range=all")
    page.keyboard.press("e")
    expect(page.locator("#annotate-form")).to_be_visible()
    page.keyboard.press("2")
    page.keyboard.type("Impolite.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".judged-list")).to_contain_text("Impolite.")
    page.locator(".toast button").click()
    expect(page.locator(".judged-list", has_text="Impolite.")).to_have_count(0)


def test_every_page_of_labelling_is_accessible_in_both_themes(
    page: Page, labelling: ServerProcess, queue: str, axe: Callable[..., None]
) -> None:
    page.goto(queue)
    page.keyboard.press("o")
    page.keyboard.press("2")
    page.keyboard.type("Why")
    axe(page, themes=True)
    page.keyboard.press("Control+Enter")
    saved(page)
    made = httpx.post(
        f"{labelling.url}/api/v1/datasets",
        json={"name": f"d{queue.rpartition('/')[2]}", "examples": {"queue_id": int(queue.rpartition("/")[2])}},
        timeout=60,
    ).json()
    for path in ("/label", "/datasets", f"/datasets/{made['id']}"):
        page.goto(f"{labelling.url}{path}")
        axe(page, themes=True)
    page.goto(f"{labelling.url}/traces/{trace_id(11)}?range=all&tab=labels")
    expect(page.locator("#annotate-form")).to_be_visible()
    axe(page, themes=True)
