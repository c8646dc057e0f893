"""Large things by hand: a trace of thousands of spans is scrolled, found in and folded, all of it sent by OTLP."""

from __future__ import annotations

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from server_process import ServerProcess
from spanwise.vocabulary import PENDING

pytestmark = pytest.mark.browser
PROJECT = "large"
TRACE = "1a" * 16
SPANS = 6_000
HALF = SPANS // 2


def span_id(n: int) -> str:
    return f"{n + 1:016x}"


def send(server: ServerProcess, spans: list[dict]) -> None:
    resource = {"attributes": [{"key": "spanwise.project.name", "value": {"stringValue": PROJECT}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    request = urllib.request.Request(
        f"{server.url}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def span(n: int, parent: int | None, begin: int, **more) -> dict:
    made = {
        "traceId": TRACE, "spanId": span_id(n), "name": f"step {n}", "startTimeUnixNano": str(begin + n * 1_000_000),
        "endTimeUnixNano": str(begin + (SPANS if n in (0, 1) else n + 1) * 1_000_000), **more,
    }  # fmt: skip
    return made if parent is None else {**made, "parentSpanId": span_id(parent)}


@pytest.fixture(scope="module")
def large(server: ServerProcess) -> ServerProcess:
    begin = time.time_ns() - 60 * 10**9
    spans = [span(0, None, begin), span(1, 0, begin)]
    spans += [span(n, 1 if n < HALF else 0, begin) for n in range(2, SPANS)]
    spans[5_500]["status"] = {"code": 2, "message": "the far error"}
    for at in range(0, SPANS, 1_000):
        send(server, spans[at : at + 1_000])
    return server


def scroll(page: Page, place: int) -> None:
    page.locator("#spans").evaluate("(spans, place) => { spans.scrollTop = place * 28 }", place)


def test_the_first_frame_has_the_rows_that_are_seen(large: ServerProcess, page: Page):
    page.goto(f"{large.url}/traces/{TRACE}?project={PROJECT}")
    last = page.locator('#tree [data-n="59"]')
    expect(last).to_be_visible()  # though it has to be scrolled to
    page.evaluate("delete document.documentElement.dataset.whole")  # as in the first frame
    expect(last).to_be_hidden()
    seen = "[...document.querySelectorAll('#tree .rows [data-n]')].filter(row => row.checkVisibility()).at(-1)"
    assert page.evaluate(f"{seen}.getBoundingClientRect().bottom") >= 900
    page.goto(f"{large.url}/traces/{TRACE}?project={PROJECT}&span={span_id(50)}")
    page.evaluate("delete document.documentElement.dataset.whole")
    expect(page.locator('#tree [data-n="50"]')).to_be_in_viewport()


def test_a_trace_of_thousands_of_spans_is_walked_whole(large: ServerProcess, page: Page, axe):
    page.goto(f"{large.url}/traces?project={PROJECT}&filter=trace:{TRACE}")
    page.evaluate("window.kept = true")
    page.locator(".rows-traces .row-link").click()
    rows = page.locator("#tree [data-n]")
    expect(page.locator('#tree [data-n="0"]')).to_be_visible()
    axe(page)

    # Wherever it is scrolled to, the rows are there, and the page never holds all of them.
    for place in (HALF, 5_900, 1_500, 4_400, 2_200, 700, 0):
        scroll(page, place)
        expect(page.locator(f'#tree [data-n="{place + 10}"]')).to_be_in_viewport()
    assert rows.count() <= 250
    held = rows.evaluate_all("rows => rows.map(row => Number(row.dataset.n))")
    assert held == sorted(set(held))

    # A row far down opens its span, the arrows go on from there, and a reload comes back to it.
    scroll(page, 3_000)
    page.locator('#tree [data-n="3010"]').click()
    expect(page.locator("#detail h2")).to_have_text("step 3010")
    assert page.evaluate("window.kept")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#detail h2")).to_have_text("step 3011")
    expect(page).to_have_url(re.compile(f"span={span_id(3_011)}"))
    page.reload()
    expect(page.locator(f"#s-{span_id(3_011)}")).to_be_in_viewport()

    # Finding and errors look at all of it.
    page.keyboard.press("/")
    page.keyboard.type("step 4321")
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(f"#s-{span_id(3_011)}")).to_be_in_viewport()
    page.locator("#find").blur()
    page.keyboard.press("n")
    expect(page.locator("#detail .note.error").first).to_contain_text("the far error")
    expect(page.locator(f"#s-{span_id(5_500)}")).to_be_in_viewport()

    # Folding a span far above leaves only what is not below it, and is in the URL.
    scroll(page, 0)
    page.locator(f"#s-{span_id(1)} .twist").click()
    expect(page.locator(f"#s-{span_id(HALF)}")).to_have_attribute("data-n", "2")
    expect(page).to_have_url(re.compile(f"shut={span_id(1)}"))
    page.reload()
    expect(page.locator(f"#s-{span_id(5_500)}")).to_be_in_viewport()
    scroll(page, 0)
    page.locator(f"#s-{span_id(1)} .twist").click()
    expect(page.locator(f"#s-{span_id(2)}")).to_have_attribute("data-n", "2")


def test_rows_left_behind_are_out_of_the_page_and_come_back_without_the_server(large: ServerProcess, page: Page):
    page.goto(f"{large.url}/traces/{TRACE}?project={PROJECT}")
    first, asked = page.locator('#tree [data-n="3010"]'), []
    scroll(page, 3_000)
    expect(first).to_be_in_viewport()
    scroll(page, 3_100)
    expect(page.locator('#tree [data-n="3110"]')).to_be_in_viewport()
    expect(first).to_have_count(0)
    page.wait_for_load_state("networkidle")
    page.route("**/*rows=*", lambda route: (asked.append(route.request.url), route.abort()))
    for place, row in ((3_000, first), (3_100, page.locator('#tree [data-n="3110"]')), (3_000, first)):
        scroll(page, place)
        expect(row).to_be_in_viewport()
    first.click()
    expect(page.locator("#detail h2")).to_have_text("step 3010")
    assert all("rows=30" not in url and "rows=31" not in url for url in asked), asked


def test_rows_that_are_seen_stay_while_a_large_trace_runs(server: ServerProcess, page: Page):
    running, begin = "1b" * 16, time.time_ns() - 60 * 10**9
    pending = [{"key": PENDING, "value": {"boolValue": True}}]
    send(server, [span(0, None, begin, traceId=running, attributes=pending)])
    send(server, [span(n, 0, begin, traceId=running) for n in range(1, 900)])
    with page.expect_response(lambda response: "/live?" in response.url):
        page.goto(f"{server.url}/traces/{running}?project={PROJECT}")
    expect(page.locator(".trace-head .badge.accent")).to_have_text("running")
    scroll(page, 500)
    expect(page.locator('#tree [data-n="510"]')).to_be_in_viewport()
    top = page.locator("#spans").evaluate("spans => spans.scrollTop")
    send(server, [span(n, 0, begin, traceId=running) for n in range(900, 950)])
    expect(page.locator(".trace-head .stats")).to_contain_text("949")
    expect(page.locator('#tree [data-n="510"]')).to_be_in_viewport()
    assert page.locator("#spans").evaluate("spans => spans.scrollTop") == top
    scroll(page, 940)
    expect(page.locator('#tree [data-n="949"]')).to_be_in_viewport()
