"""What surrounds labelling, by touch alone on a phone and by keyboard alone: rubrics, settling, datasets and import."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from server_process import ServerProcess
from shop_traces import shop_trace
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.browser
Act = Callable[[Locator], None]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with six traces; each question is asked by two of them."""
    data: Path = tmp_path_factory.mktemp("touch")
    store = SqliteStore(data / "main.db")
    store.open()
    for n in range(6):
        store.write(shop_trace(n, question=f"Where is order {n // 2}?"))
    store.close()
    with ServerProcess(data) as running:
        yield running


def tap(what: Locator) -> None:
    what.tap()


def press(what: Locator) -> None:
    """Do what the keyboard does with a button or a link: go there, and press Enter."""
    what.focus()
    what.page.keyboard.press("Enter")


@pytest.fixture(params=["touch", "keyboard"])
def hand(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> tuple[Page, Act]:
    """A page, and how its buttons and links are used."""
    if request.param == "touch":
        return open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True), tap
    return open_page(), press


def test_a_rubric_is_made_and_reworded(hand: tuple[Page, Act], shop: ServerProcess, axe: Callable) -> None:
    page, act = hand
    page.goto(f"{shop.url}/rubrics/new")
    page.locator("#title").fill("Returns")
    page.locator("[id='q0.text']").fill("Is it right?")
    act(page.get_by_role("button", name="Question", exact=True))
    page.locator("[id='q2.text']").fill("What should it say?")
    page.locator("[id='q2.kind']").select_option("number")
    expect(page.locator("[id='q2.low']")).to_be_visible()
    act(page.get_by_role("button", name="Remove question 3"))
    expect(page.locator("[id='q2.text']")).to_have_count(0)
    act(page.get_by_role("button", name="Make the rubric"))
    expect(page).to_have_url(re.compile(r"/rubrics/\d+$"))
    page.locator("[id='q0.text']").fill("Is it right, and polite?")
    act(page.get_by_role("button", name="Save as v2"))
    expect(page.locator(".version-list")).to_contain_text("wording changed")
    axe(page)


def test_two_answers_are_settled(hand: tuple[Page, Act], shop: ServerProcess, axe: Callable) -> None:
    page, act = hand
    rubric = httpx.post(
        f"{shop.url}/api/v1/rubrics",
        json={"questions": [{"name": "correct", "kind": "binary", "text": "Right?", "critique": False}]},
        timeout=60,
    ).json()
    asked = {"name": "Orders", "rubric_id": rubric["id"], "limit": 1, "people": {"overlap": 2}}
    made = httpx.post(f"{shop.url}/api/v1/queues", json=asked, timeout=60).json()
    queue = f"{shop.url}/label/{made['id']}"
    for who, verdict, key in (("ana", ".thumbs .pass", "1"), ("bo", ".thumbs .fail", "2")):
        page.context.add_cookies([{"name": "spanwise_name", "value": who, "url": shop.url}])
        page.goto(queue)
        if act is tap:
            page.locator(verdict).tap()
        else:
            page.keyboard.press(key)
        expect(page.locator("#finished")).to_be_visible()
        page.wait_for_load_state()
    page.goto(f"{queue}/agreement")
    act(page.locator(".disagreements a").first)
    expect(page).to_have_url(re.compile("/settle/"))
    axe(page)
    if act is tap:
        page.locator("label.choice.fail").tap()
    else:
        page.get_by_role("radio", name=re.compile("fail", re.IGNORECASE)).focus()
        page.keyboard.press("Space")
    page.get_by_label("Why did they disagree?").select_option("guideline_gap")
    act(page.get_by_role("button", name="Settle"))
    expect(page.locator(".disagreements")).to_contain_text("The rubric does not say")


def test_pairs_are_compared_by_touch_alone(phone: Page, shop: ServerProcess, axe: Callable) -> None:
    question = {"name": "better", "kind": "pairwise", "text": "Which is better?"}
    rubric = httpx.post(f"{shop.url}/api/v1/rubrics", json={"questions": [question]}, timeout=60).json()
    asked = {"name": "Pairs", "rubric_id": rubric["id"], "recipe": "random"}
    made = httpx.post(f"{shop.url}/api/v1/queues", json=asked, timeout=60).json()
    phone.goto(f"{shop.url}/label/{made['id']}")
    pair = phone.locator(".pair")
    first = pair.inner_text()
    axe(phone)
    expect(phone.locator(".thumbs .choice")).to_have_count(4)
    phone.locator(".thumbs .choice[value='a']").tap()
    expect(pair).not_to_have_text(first)
    expect(phone.locator("[data-saved]")).to_have_text("✓ Saved")
    phone.get_by_role("button", name="Undo").tap()
    expect(pair).to_have_text(first, use_inner_text=True)
    phone.locator(".thumbs .choice[value='equal']").tap()
    expect(phone.locator("[data-saved]")).to_have_text("✓ Saved")
    url = f"{shop.url}/api/v1/queues/{made['id']}/events"
    acts = [one for one in httpx.get(url, timeout=60).json()["items"] if one["action"] == "set"]
    assert acts[0]["answers"]["better"]["value"]["choice"] == "equal"


def test_a_dataset_is_imported_edited_and_split(hand: tuple[Page, Act], shop: ServerProcess, axe: Callable) -> None:
    page, act = hand
    name = f"Returns by {act.__name__}"
    page.goto(f"{shop.url}/datasets")
    form = page.locator("form[action*='/datasets/import']")
    form.get_by_label("Dataset").fill(name)
    rows = "input,expected_output\nWhere is it?,On its way.\nMay I return it?,\n"
    file = {"name": "rows.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    form.locator("input[type=file]").set_input_files(file)
    act(form.get_by_role("button", name="Import"))
    expect(page.locator(".data-head")).to_contain_text(name)
    act(page.locator("table.examples .row-link").nth(1))
    page.get_by_label("Expected answer").fill("Within 30 days.")
    axe(page)
    act(page.get_by_role("button", name="Save as a new version"))
    expect(page.get_by_label("Expected answer")).to_have_value("Within 30 days.")
    act(page.locator("header.top").get_by_role("link", name=name))
    expect(page.locator(".versions li")).to_have_count(2)
    act(page.get_by_role("link", name="Changes"))
    expect(page.locator("main")).to_contain_text("Within 30 days.")
    page.go_back()
    act(page.locator("summary[aria-label^='Rename']"))
    act(page.get_by_role("button", name="Split"))
    expect(page.locator(".data-head")).to_contain_text("Splits")
    axe(page)
