"""Rubrics of every kind in a real browser, by keyboard alone and by touch alone, and several people at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

from server_process import ServerProcess
from shop_traces import shop_trace, trace_id
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.browser

TRACES = 12
EVERY: list[dict[str, Any]] = [
    {
        "name": "correct", "kind": "binary", "text": "Does it follow the policy?",
        "guidance": "Money back within 30 days.",
        "options": [{"value": "pass", "examples": ["Offers credit."]}, {"value": "fail"}],
    },
    {"name": "tone", "kind": "category", "text": "Tone?", "options": ["warm", "cold"], "critique": False},
    {"name": "quality", "kind": "number", "text": "How useful?", "low": 1, "high": 5, "whole": True, "critique": False},
    {"name": "fault", "kind": "first_bad_step", "text": "Which step went wrong first?", "critique": False},
    {"name": "marks", "kind": "highlights", "text": "Which words are wrong?"},
    {"name": "must", "kind": "assertions", "text": "What has to hold?"},
    {"name": "expected", "kind": "correction", "text": "Expected answer"},
]  # fmt: skip


@pytest.fixture(scope="module")
def labelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with twelve traces; each question is asked by two of them."""
    data: Path = tmp_path_factory.mktemp("rubrics")
    store = SqliteStore(data / "main.db")
    store.open()
    for n in range(TRACES):
        store.write(shop_trace(n, question=f"Where is order {n // 2}?"))
    store.close()
    with ServerProcess(data) as running:
        yield running


def made(server: ServerProcess, questions: list[dict[str, Any]], **asked: Any) -> str:
    """Return the address of a new queue that asks *questions*."""
    rubric = httpx.post(f"{server.url}/api/v1/rubrics", json={"questions": questions}, timeout=60).json()
    queue = httpx.post(
        f"{server.url}/api/v1/queues", json={"name": "Orders", "rubric_id": rubric["id"], **asked}, timeout=60
    ).json()
    return f"{server.url}/label/{queue['id']}"


def events(queue: str) -> list[dict[str, Any]]:
    found = httpx.get(queue.replace("/label/", "/api/v1/queues/") + "/events", timeout=60).json()["items"]
    return [event for event in found if event["action"] == "set"]


def shows(page: Page, n: int) -> None:
    expect(page.locator(".judged .prose").first).to_have_text(f"Order {n} arrives on Thursday.")


def saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_have_text("✓ Saved")


def test_a_whole_rubric_is_answered_by_keyboard_alone(page: Page, labelling: ServerProcess, axe: Callable) -> None:
    queue = made(labelling, EVERY)
    page.goto(queue)
    shows(page, 11)
    page.keyboard.press("i")
    expect(page.locator(".guidance blockquote")).to_have_text("Offers credit.")
    page.keyboard.press("2")
    page.keyboard.type("Too late.")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[name=a1]").first).to_be_focused()  # what is missing is shown, nothing is sent
    page.keyboard.press("2")
    expect(page.locator("[name=a2]")).to_be_focused()
    page.keyboard.type("9")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[name=a2]")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("4")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[name=a3]:checked + .n")).to_have_text("1")
    page.keyboard.press("h")
    page.keyboard.press("m")
    expect(page.locator("[data-marks-list] q")).to_have_text("Order")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.type("names the order\ngives a date")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.keyboard.type(" Sorry.")
    axe(page)
    page.reload()
    expect(page.locator("[data-marks-list] q")).to_have_text("Order")  # the draft is whole
    page.keyboard.press("Control+Enter")
    shows(page, 10)
    saved(page)
    (event,) = events(queue)
    answers = event["answers"]
    assert answers["correct"] == {"value": "fail", "critique": "Too late."}
    assert (answers["tone"]["value"], answers["quality"]["value"]) == ("cold", 4.0)
    assert answers["fault"]["value"]["name"] == "search_help"
    assert answers["marks"]["value"] == [{"quote": "Order", "start": 0, "end": 5, "note": ""}]
    assert answers["must"]["value"] == ["names the order", "gives a date"]
    assert answers["expected"]["value"] == "Order 11 arrives on Thursday. Sorry."


def test_a_whole_rubric_is_answered_by_touch_alone(phone: Page, labelling: ServerProcess, axe: Callable) -> None:
    queue = made(labelling, EVERY[:4])
    phone.goto(queue)
    shows(phone, 11)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.locator(".thumbs .pass").tap()
    phone.locator(".ask[data-question='1'] .choice", has_text="warm").tap()
    phone.locator("[name=a2]").tap()
    phone.locator("[name=a2]").fill("5")
    phone.locator(".failed-steps label", has_text="No step went wrong").tap()
    axe(phone)
    phone.locator(".thumbs .pass").tap()
    shows(phone, 10)
    saved(phone)
    (event,) = events(queue)
    assert {name: given["value"] for name, given in event["answers"].items()} == {
        "correct": "pass", "tone": "warm", "quality": 5.0, "fault": "none",
    }  # fmt: skip


ANSWER = """Your **parcel** left [Leipzig](https://l.example/parcel) on *Thursday*.

- It is `in transit`
- The parcel has number 12"""
MARKED = "[...CSS.highlights.get('marked')].map((range) => range.toString())"
SELECT = """(word) => {
  const walker = document.createTreeWalker(document.querySelector("#desk [data-shown]"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(word);
    if (at >= 0) return getSelection().setBaseAndExtent(node, at, node, at + word.length);
  }
}"""


@pytest.fixture(scope="module")
def formatted(labelling: ServerProcess) -> ServerProcess:
    """The server with a trace, of a project of its own, whose answer is formatted."""
    span = {
        "traceId": "ab" * 16, "spanId": "ab" * 8, "name": "answer",
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000",
        "attributes": [
            {"key": name, "value": {"stringValue": value}}
            for name, value in (
                ("openinference.span.kind", "AGENT"), ("input.value", "Where is it?"), ("output.value", ANSWER),
            )
        ],
    }  # fmt: skip
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    httpx.post(f"{labelling.url}/v1/traces", json=sent, headers={"x-spanwise-project": "formatted"}, timeout=60)
    return labelling


def highlighting(server: ServerProcess) -> str:
    """Return the address of a new queue that asks for highlights of the formatted answer."""
    questions = [
        {"name": "correct", "kind": "binary", "text": "Good?"},
        {"name": "marks", "kind": "highlights", "text": "Which words?"},
    ]
    own = {"params": {"project": "formatted"}, "timeout": 20}
    rubric = httpx.post(f"{server.url}/api/v1/rubrics", json={"questions": questions}, **own).json()
    queue = httpx.post(f"{server.url}/api/v1/queues", json={"name": "Marks", "rubric_id": rubric["id"]}, **own).json()
    return f"{server.url}/label/{queue['id']}?project=formatted"


def test_words_of_the_answer_as_shown_are_marked_by_mouse_and_by_keyboard_and_shown_again(
    page: Page, formatted: ServerProcess, axe: Callable
) -> None:
    """Kept are offsets of the answer as it was sent, markup and all; a word is told from the same word elsewhere."""
    page.goto(highlighting(formatted))
    page.locator("#desk [data-shown] li").nth(1).get_by_text("parcel").dblclick(position={"x": 34, "y": 10})
    page.locator("[data-mark-here]").click()
    expect(page.locator("[data-marks-list] q")).to_have_text("parcel")
    expect(page.locator("[data-mark-here]")).to_be_hidden()
    page.keyboard.press("h")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "m"):
        page.keyboard.press(key)
    quotes = ["left [Leipzig](https://l.example/parcel) on", "parcel"]
    expect(page.locator("[data-marks-list] q")).to_have_text(quotes)
    assert page.evaluate(MARKED) == ["left Leipzig on", "parcel"]
    page.locator("[data-marks-list] input").first.fill("It has not left.")
    axe(page)
    page.reload()
    expect(page.locator("[data-marks-list] q")).to_have_text(quotes)  # the draft is whole
    assert page.evaluate(MARKED) == ["left Leipzig on", "parcel"]


def test_words_are_marked_by_touch_and_shown_again_with_the_label(phone: Page, formatted: ServerProcess) -> None:
    queue = highlighting(formatted)
    phone.goto(queue)
    phone.evaluate(SELECT, "Thursday")  # what a long press does
    phone.locator("[data-mark-here]").tap()
    expect(phone.locator("[data-marks-list] q")).to_have_text("Thursday")
    phone.locator(".thumbs .pass").tap()
    expect(phone.locator("#finished")).to_be_visible()
    acts = httpx.get(f"{queue.partition('?')[0].replace('/label/', '/api/v1/queues/')}/events", timeout=60).json()[
        "items"
    ]
    (mark,) = acts[0]["answers"]["marks"]["value"]
    assert ANSWER[mark["start"] : mark["end"]] == mark["quote"] == "Thursday"
    phone.goto(queue.replace("?", f"?item={acts[0]['item_id']}&"))
    expect(phone.locator("[data-marks-list] q")).to_have_text("Thursday")
    assert phone.evaluate(MARKED) == ["Thursday"]
    phone.get_by_role("button", name="Remove the mark on").tap()
    assert phone.evaluate(MARKED) == []


def test_one_of_several_answers_is_given_on_its_key(page: Page, labelling: ServerProcess) -> None:
    queue = made(labelling, [EVERY[1]])
    page.goto(queue)
    page.keyboard.press("2")
    shows(page, 10)
    page.keyboard.press("1")
    shows(page, 9)
    saved(page)
    assert [event["answers"]["tone"]["value"] for event in events(queue)] == ["warm", "cold"]


def test_pairs_are_compared_by_key_and_undone(page: Page, labelling: ServerProcess, axe: Callable) -> None:
    queue = made(labelling, [{"name": "better", "kind": "pairwise", "text": "Which is better?"}], recipe="random")
    page.goto(queue)
    first = page.locator(".pair").inner_text()
    expect(page.locator(".pair .judged")).to_have_count(2)
    axe(page)
    page.keyboard.press("a")
    expect(page.locator(".pair")).not_to_have_text(first)
    page.keyboard.press("=")
    saved(page)
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator("[data-saved]")).to_have_text("✓ Saved")
    assert page.locator(".pair").inner_text() == first
    assert events(queue)[0]["answers"]["better"]["value"]["choice"] == "equal"


def test_two_people_label_blind_and_look_afterwards(
    open_page: Callable[..., Page], labelling: ServerProcess, axe: Callable
) -> None:
    queue = made(labelling, EVERY[:1], limit=3, people={"overlap": 2})
    for who, keys in (("ana", "111"), ("bo", "2")):
        page = open_page()
        page.goto(queue)
        page.get_by_label("Your name").fill(who)
        page.keyboard.press("Enter")
        shows(page, 11)
        for at, key in enumerate(keys, 1):
            page.keyboard.press(key)
            if key == "2":
                page.keyboard.type("Late, says bo.")
                page.keyboard.press("Control+Enter")
            if at < 3:
                shows(page, 11 - at)
    expect(page.locator("#pace")).to_contain_text("1 by you")
    saved(page)
    page.keyboard.press("ArrowLeft")
    shows(page, 11)
    page.keyboard.press("r")
    expect(page.locator(".others")).to_contain_text("ana said correct: pass")
    axe(page)
    page.goto(f"{queue}/agreement")
    expect(page.get_by_role("heading")).to_contain_text(["2 items still want your own label"])
    page.get_by_role("link", name="Show it all the same").click()
    expect(page.locator(".disagreements")).to_contain_text("Late, says bo.")
    axe(page)
    page.locator(".disagreements a").first.click()
    axe(page)
    page.locator("label.choice.fail").click()
    page.get_by_label("Why did they disagree?").select_option("guideline_gap")
    page.get_by_role("button", name="Settle").click()
    expect(page.locator(".disagreements")).to_contain_text("The rubric does not say")
    page.goto(f"{queue}/events")
    expect(page.locator(".figures")).to_contain_text("settled")
    axe(page)


def test_two_pages_open_at_once_show_different_items_and_leaving_gives_back(
    open_page: Callable[..., Page], labelling: ServerProcess
) -> None:
    queue = made(labelling, EVERY[:1])
    names = []
    for who in ("ana", "bo"):
        page = open_page()
        page.context.add_cookies([{"name": "spanwise_name", "value": who, "url": labelling.url}])
        page.goto(queue)
        names.append(page.locator(".judged .prose").inner_text())
    assert names == ["Order 11 arrives on Thursday.", "Order 8 arrives on Thursday."]


def test_a_rubric_is_made_reworded_and_its_older_labels_revisited(
    page: Page, labelling: ServerProcess, axe: Callable, complaints: Any
) -> None:
    complaints.allow("422")  # the bounds the wrong way round
    page.goto(f"{labelling.url}/rubrics/new")
    page.locator("#title").fill("Returns")
    page.locator("[id='q0.text']").fill("Is it right?")
    page.get_by_role("button", name="Question", exact=True).click()
    page.locator("[id='q2.text']").fill("Which tone?")
    expect(page.locator("#title")).to_have_value("Returns")
    page.locator("[id='q2.name']").fill("tone")
    page.locator("[id='q2.o0.value']").fill("warm")
    page.get_by_role("button", name="Answer", exact=True).click()
    page.locator("[id='q2.o1.value']").fill("cold")
    page.locator("[id='q2.o2.value']").fill("rude")
    page.get_by_role("button", name="Move question 3 up").click()
    expect(page.locator("[id='q1.text']")).to_have_value("Which tone?")
    page.locator("[id='q1.kind']").select_option("number")
    expect(page.locator("[id='q1.low']")).to_be_visible()
    page.locator("[id='q1.low']").fill("5")
    page.locator("[id='q1.high']").fill("1")
    axe(page)
    page.get_by_role("button", name="Make the rubric").click()
    expect(page.get_by_role("alert")).to_contain_text("not below the upper")
    page.get_by_role("button", name="Remove question 2").click()
    expect(page.locator("[id='q2.text']")).to_have_count(0)
    page.get_by_role("button", name="Make the rubric").click()
    expect(page).to_have_url(re.compile(r"/rubrics/\d+$"))
    rubric = int(page.url.rpartition("/")[2])
    asked = {"name": "Returns", "rubric_id": rubric, "limit": 2}
    queue = httpx.post(f"{labelling.url}/api/v1/queues", json=asked, timeout=60).json()
    page.goto(f"{labelling.url}/label/{queue['id']}")
    page.keyboard.press("1")
    shows(page, 10)
    saved(page)
    page.goto(f"{labelling.url}/rubrics/{rubric}")
    page.locator("[id='q0.text']").fill("Is it right, and polite?")
    page.locator("#note").fill("tone counts")
    page.get_by_role("button", name="Save as v2").click()
    expect(page.locator(".version-list")).to_contain_text("wording changed")
    expect(page.locator(".version-list")).to_contain_text("tone counts")
    axe(page)
    page.locator(".older-list a").click()
    shows(page, 11)
    expect(page.locator("#verdict legend").first).to_have_text("Is it right, and polite?")
    expect(page.locator(".why")).to_contain_text("your label is of v1")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="No label under an older wording is left")).to_be_visible()
    labels = httpx.get(f"{labelling.url}/api/v1/annotations", params={"trace_id": trace_id(11)}, timeout=60).json()[
        "items"
    ]
    mine = [label for label in labels if label["source"] == f"queue:{queue['id']}"]
    assert [label["metadata"]["rubric_version"] for label in mine] == [2]


def test_the_lists_are_accessible_in_both_themes(page: Page, labelling: ServerProcess, axe: Callable) -> None:
    made(labelling, EVERY[:1], rule={"share": 0.1})
    for path in ("/rubrics", "/label"):
        page.goto(f"{labelling.url}{path}")
        axe(page, themes=True)
    page.locator(".more summary").click()
    page.locator(".queue-list .menu summary").first.click()
    axe(page, themes=True)


def test_a_queue_is_made_by_form_with_recipe_and_people(page: Page, labelling: ServerProcess) -> None:
    page.goto(f"{labelling.url}/label")
    page.locator("#recipe").select_option("stratified")
    page.locator("#by").select_option("name")
    page.locator("#limit").fill("4")
    page.locator(".more summary").click()
    page.locator("#people").fill("ana, bo")
    page.locator("#overlap").fill("2")
    page.get_by_role("button", name="Make the queue").click()
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    expect(page.locator(".empty-state")).to_contain_text("This queue is for ana, bo.")
    page.get_by_label("Your name").fill("ana")
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_contain_text("at random of name:answer_question")
