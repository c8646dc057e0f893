"""What a page weighs on the wire, and that nothing on it moves once it is drawn."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

from server_process import ServerProcess

pytestmark = pytest.mark.browser
FIRST_LOAD = 100_000
LATER = 30_000
PAGES = ("/traces?range=all", "/sessions?range=all", "/dashboard?range=all", "/steps?range=all", "/datasets", "/label")
#: Said by the browser itself of every element that moved without being asked to.
SHIFTS = """() => new Promise(done => {
    const seen = [];
    new PerformanceObserver(list => seen.push(...list.getEntries().filter(one => !one.hadRecentInput)))
        .observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(
        seen.map(one => [one.value, ...one.sources.map(({ node }) => node?.className ?? node?.nodeName)])), 50)));
})"""


def weighed(page: Page, url: str) -> int:
    """Return how many bytes came over the wire for a page with all that it loads."""
    came: list[Request] = []

    def note(request: Request) -> None:
        came.append(request)

    page.on("requestfinished", note)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    return sum(request.sizes()["responseBodySize"] for request in came)


def test_pages_are_light_and_nothing_on_them_shifts(server: ServerProcess, open_page):
    for path in PAGES:
        page = open_page(fresh=True)
        url = f"{server.url}{path}{'&' if '?' in path else '?'}project=acme-support"
        assert weighed(page, url) < FIRST_LOAD, path
        assert page.evaluate(SHIFTS) == [], path
        assert weighed(page, url) < LATER, path  # the browser has kept what never changes


def test_a_trace_is_light_and_still(server: ServerProcess, page: Page):
    page.goto(f"{server.url}/traces?range=all&project=acme-support&filter=kind:tool")
    url = f"{server.url}{page.locator('.row-link').first.get_attribute('href')}"
    assert weighed(page, url) < LATER
    assert page.evaluate(SHIFTS) == []


def test_a_graph_is_light_and_has_its_place_before_it_is_drawn(server: ServerProcess, open_page):
    page = open_page()
    page.goto(f"{server.url}/traces?range=all&project=acme-support&filter=root:kind:agent")
    href = page.locator(".row-link").first.get_attribute("href")
    fresh = open_page(fresh=True)
    assert weighed(fresh, f"{server.url}{href}&tab=graph") < FIRST_LOAD  # what lays it out is fetched for it alone
    fresh.locator(".graph .drawn svg").wait_for()
    assert fresh.evaluate(SHIFTS) == []


def test_what_lies_below_the_window_comes_with_the_second_frame(server: ServerProcess, open_page):
    for path, last in (
        ("/traces", "tbody tr >> nth=-1"),
        ("/sessions", "tbody tr >> nth=-1"),
        ("/dashboard", "#dearest"),
    ):
        url = f"{server.url}{path}?range=all&project=acme-support"
        for script in (False, True):
            page = open_page(java_script_enabled=script)
            page.goto(url)
            expect(page.locator(last)).to_be_visible()
        page.evaluate("delete document.documentElement.dataset.whole")  # as in the first frame
        expect(page.locator(last)).to_be_hidden()
        seen = "[...document.querySelectorAll('tbody tr, .dashboard > *')].filter(e => e.checkVisibility()).at(-1)"
        assert page.evaluate(f"{seen}.getBoundingClientRect().bottom") >= 900
        page.set_viewport_size({"width": 1440, "height": 1300})  # where they may be seen
        expect(page.locator(last)).to_be_visible()


def test_the_first_frame_of_the_dashboard_waits_for_no_chart_and_no_element_that_it_does_not_show(server, open_page):
    page = open_page()
    page.goto(f"{server.url}/dashboard?range=all&project=acme-support")
    charts, places = page.locator("#charts > .card"), page.locator("#charts .hit")
    expect(charts.last).to_be_visible()
    expect(charts).to_have_count(8)
    page.evaluate("delete document.documentElement.dataset.whole")  # as in the first frame
    assert [one.is_visible() for one in charts.all()] == [True] * 6 + [False] * 2
    assert page.evaluate("document.querySelector('#charts > :nth-child(6)').getBoundingClientRect().bottom") >= 900
    assert places.count() > 100
    assert places.evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 0
    last = page.locator('link[rel="expect"]').get_attribute("href")
    assert page.evaluate(f"document.querySelector('{last}').matches('#charts')")
