"""The list of traces in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from server_process import ServerProcess

pytestmark = pytest.mark.browser
ROWS = ".rows-traces tbody tr"


def listed(page: Page, server: ServerProcess, **params: str) -> Page:
    query = "&".join(f"{name}={value}" for name, value in {"project": "acme-support", "range": "all", **params}.items())
    page.goto(f"{server.url}/traces?{query}")
    return page


def test_the_list_is_accessible_in_both_themes_and_on_a_phone(server, open_page, axe):
    for options in ({}, {"viewport": {"width": 390, "height": 844}}):
        page = listed(open_page(**options), server)
        expect(page.locator(ROWS)).to_have_count(50)
        axe(page, themes="viewport" not in options)


def test_keys_move_choose_and_open(server, page: Page):
    listed(page, server)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(ROWS).nth(1).locator(".row-link")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator("#bulk-count")).to_have_text("3 chosen")
    assert page.locator(".bulk").evaluate("bar => bar.offsetHeight") < 48, "the bar has one line"
    page.keyboard.press("Escape")
    expect(page.locator(".bulk")).to_be_hidden()
    name = page.locator(ROWS).nth(3).locator(".row-link").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".trace-head h1")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(50)


def test_a_filter_is_typed_completed_and_taken_back_by_keys_alone(server, page: Page):
    listed(page, server)
    page.keyboard.press("/")
    page.keyboard.type("stat")
    expect(page.locator("#complete [data-fill='status:']")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#q")).to_have_value("status:")
    expect(page.get_by_role("option", name=re.compile("status:error"))).to_be_visible()
    page.keyboard.type("error")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(["status:error"])
    expect(page).to_have_url(re.compile("filter=status:error"))
    expect(page.locator(f"{ROWS}:not(:has(.pick.error))")).to_have_count(0)
    expect(page.locator(f"{ROWS} .pick.error").first).to_be_attached()
    page.keyboard.press("/")
    page.keyboard.press("Backspace")
    expect(page.locator("#q")).to_have_value("status:error")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_count(0)


@pytest.mark.parametrize("script", ["app", "list"])
def test_who_types_before_the_scripts_are_there_is_answered(server, page: Page, script: str):
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(rf"static/{script}\..*js"), hold)
    page.goto(f"{server.url}/traces?project=acme-support&range=all", wait_until="commit")
    page.locator("#q").click()
    page.keyboard.type("stat")
    held[0].continue_()
    expect(page.locator("#complete [data-fill='status:']")).to_be_visible()


def test_keys_pressed_before_the_scripts_are_there_are_done_once_they_are(server, page: Page):
    held: list[Route] = []
    page.route(re.compile(r"static/list\..*js"), lambda route: route.continue_() if held else held.append(route))
    page.goto(f"{server.url}/traces?project=acme-support&range=all", wait_until="commit")
    expect(page.locator(ROWS).first).to_be_visible()
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    page.keyboard.press("Control+x")  # the browser's
    expect(page.locator("#list [name=trace_id]:checked")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(f"{ROWS}:nth-of-type(2) [name=trace_id]")).to_be_checked()
    expect(page.locator("#list [name=trace_id]:checked")).to_have_count(1)


def test_keys_work_from_the_moment_they_are_heard(server, open_page):
    page = open_page(fresh=True)
    # A key is pressed in the task that binds it: nothing that it leads to may still wait to be set up.
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.getElementById('q')?.focus(), {once: true})"
    )
    listed(page, server)
    expect(page.locator("#complete [data-fill='kind:']")).to_be_visible()


def test_a_key_never_takes_what_was_completed_for_another_text(server, page: Page):
    listed(page, server)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/traces/complete.*q=stat$"), hold)
    page.keyboard.press("/")
    expect(page.locator("#complete [data-fill='kind:']")).to_be_visible()
    with page.expect_request(re.compile("q=stat$")):
        page.keyboard.type("stat")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
    expect(page.locator("#q")).to_have_value("stat")
    expect(page.locator("#q")).to_be_focused()
    held[0].continue_()
    expect(page.locator("#q")).to_have_value("status:")


def test_times_are_written_anew_for_the_readers_zone_but_never_under_a_reader_who_types(server, open_page):
    page = open_page(timezone_id="Asia/Tokyo")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "hx-request" in route.request.headers:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile(r"/traces\?"), hold)
    with page.expect_request(lambda request: "hx-request" in request.headers):
        listed(page, server)
    page.keyboard.press("/")
    page.keyboard.type("half a wo")
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
        held[0].continue_()
    page.keyboard.type("rd")
    expect(page.locator("#q")).to_have_value("half a word")
    expect(page.locator("#q")).to_be_focused()


def test_times_are_written_into_what_is_there(server, open_page):
    when = ".c-time time"
    utc = listed(open_page(), server, sort="time").locator(when).first.inner_text()
    page = open_page(fresh=True, timezone_id="Asia/Tokyo")
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.querySelector('tbody tr').dataset.kept = 'yes' })"
    )
    listed(page, server, sort="time")
    expect(page.locator(when).first).not_to_have_text(utc)
    expect(page.locator("tbody tr[data-kept]")).to_have_count(1)


def test_scripts_begin_with_the_reader_where_the_first_paint_has_not_come(server, open_page):
    page = open_page(fresh=True)
    page.add_init_script(
        "requestAnimationFrame = () => 0; window.begun = 0; addEventListener('htmx:after:init', () => { begun += 1 })"
    )
    listed(page, server, sort="time")
    assert page.evaluate("begun") == 0
    page.evaluate("document.documentElement.dataset.kept = 'yes'")
    page.get_by_role("columnheader", name="Cost").get_by_role("link").click()
    page.wait_for_url("**sort=*cost*")
    assert page.evaluate("begun") > 0
    expect(page.locator("html[data-kept]"), "the page was not loaded anew").to_have_count(1)


def test_a_row_is_one_link_and_says_what_the_cell_pointed_at_says(server, page: Page):
    listed(page, server)
    row = page.locator(ROWS).nth(1)
    link = row.locator(".row-link")
    for cell, said in (
        (".c-time", r"^\d{4}-\d\d-\d\d .* UTC$"),
        (".c-tok", " output"),
        (".c-model", ", "),
        (".c-lat", "^$"),
    ):
        box = row.locator(cell).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
        expect(link).to_have_attribute("title", re.compile(said))
    preview = row.locator(".c-in").get_attribute("title")
    row.locator(".c-in").hover(force=True)
    expect(link).to_have_attribute("title", preview or "")
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))


def test_keys_do_nothing_while_typing_or_in_a_dialog(server, page: Page):
    listed(page, server)
    page.keyboard.press("/")
    page.keyboard.type("jx?")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator(f"{ROWS} :focus")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_facet_writes_into_the_filter_and_back_takes_it_out(server, page: Page):
    listed(page, server)
    page.locator("[data-facet=env] a", has_text="staging").click()
    expect(page.locator(".chip")).to_have_text(["env:staging"])
    expect(page.locator("[data-facet=env] [aria-current]")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chip")).to_have_count(0)
    expect(page.locator(ROWS)).to_have_count(50)


def test_dragging_over_the_histogram_zooms(server, page: Page):
    listed(page, server, range="7d")
    box = page.locator(".hist .chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20)
    page.mouse.up()
    page.wait_for_url(re.compile("from=.*to="))
    expect(page.locator(".range .word")).to_contain_text(" to ")


def test_pages_and_sorts_are_urls(server, page: Page):
    listed(page, server)
    top = page.locator(ROWS).first
    newest = top.get_attribute("id") or ""
    page.get_by_role("link", name="Older").click()
    page.wait_for_url(re.compile("cursor="))
    expect(top).not_to_have_attribute("id", newest)
    second = top.get_attribute("id") or ""
    page.reload()
    expect(top).to_have_attribute("id", second)
    page.get_by_role("link", name="Latency").click()
    page.wait_for_url(re.compile("sort=-latency"))
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Latency")
    expect(page).not_to_have_url(re.compile("cursor"))


def test_a_title_of_texts_sorts_from_a_on_then_from_z_on(server, page: Page):
    listed(page, server)
    users = page.locator(f"{ROWS} td.c-user")
    page.get_by_role("columnheader", name="User").get_by_role("link").click()
    page.wait_for_url(re.compile("sort=user"))
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("User")
    rising = users.all_inner_texts()
    assert rising == sorted(rising)
    page.get_by_role("link", name="Older").click()
    page.wait_for_url(re.compile("cursor="))
    expect(users.first).not_to_have_text(rising[0])
    assert min(users.all_inner_texts()) >= rising[-1]
    page.get_by_role("columnheader", name="User").get_by_role("link").click()
    page.wait_for_url(re.compile("sort=-user"))
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("User")
    falling = users.all_inner_texts()
    assert falling == sorted(falling, reverse=True)


def test_the_choice_of_theme_and_of_two_lines_stays(server, page: Page):
    listed(page, server)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.keyboard.press("r")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-rows", "two")


def test_chosen_traces_become_a_labelling_queue_and_join_it(server, page: Page, axe: Callable[..., None]):
    listed(page, server)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(".bulk summary", has_text="Label").press("Enter")
    page.locator(".bulk").get_by_role("button", name="Put into the queue").press("Enter")
    page.wait_for_url(re.compile("/label/"))
    expect(page.locator(".pace")).to_contain_text("0 of 1")
    page.go_back()
    listed(page, server)
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.locator(".bulk summary", has_text="Label").click()
    page.locator(".bulk select[name=queue_id]").select_option(label="1 chosen trace")
    axe(page, ".bulk")
    page.locator(".bulk").get_by_role("button", name="Put into the queue").click()
    expect(page.locator(".toast")).to_contain_text("1 item added to 1 chosen trace")
    expect(page.locator(".bulk")).to_be_hidden()
    page.locator(".toast").get_by_role("link", name="Open").click()
    expect(page.locator(".pace")).to_contain_text("0 of 2")


def test_on_a_phone_traces_are_chosen_and_put_into_a_queue_by_touch(server, phone: Page, axe: Callable[..., None]):
    listed(phone, server)
    phone.locator("[name=trace_id]").nth(1).tap()
    phone.locator(".bulk summary", has_text="Label").tap()
    axe(phone, ".bulk")
    phone.locator(".bulk").get_by_role("button", name="Put into the queue").tap()
    phone.wait_for_url(re.compile("/label/"))
    expect(phone.locator(".pace")).to_contain_text("0 of 1")


def test_on_a_tablet_rows_are_chosen_by_touch(server, open_page: Callable[..., Page]):
    tablet = open_page(viewport={"width": 1180, "height": 820}, has_touch=True, is_mobile=True)
    listed(tablet, server, filter="status:error")
    failed = tablet.locator(ROWS).first
    box = failed.locator(".pick").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    for cell in (".c-in", ".c-out"):  # other columns give way to them
        wide = failed.locator(cell).bounding_box()
        assert wide is not None
        assert wide["width"] >= 100
    assert "inset" in failed.evaluate("row => getComputedStyle(row).boxShadow")  # no dot says that it failed
    tablet.touchscreen.tap(box["x"] + 3, box["y"] + 3)
    expect(tablet.locator("#bulk-count")).to_have_text("1 chosen")


def test_everything_can_be_reached_without_scripts(server, open_page: Callable[..., Page]):
    page = listed(open_page(java_script_enabled=False), server)
    page.locator("#q").fill("kind:tool")
    page.locator("#q").press("Enter")
    expect(page.locator(".chip")).to_have_text(["kind:tool"])
    page.locator(".row-link").first.click()
    page.locator(".tree [role=treeitem]").nth(1).click()
    expect(page.locator(".tree [aria-selected=true]")).to_have_count(1)
    expect(page).to_have_url(re.compile("span="))
    page.get_by_role("tab", name=re.compile("Attributes")).click()
    expect(page.locator(".attrs").first).to_be_visible()


def test_on_a_phone_rows_are_cards_and_the_rail_is_below(server, phone: Page):
    listed(phone, server)
    first = phone.locator(ROWS).first.bounding_box()
    rail = phone.locator(".rail").bounding_box()
    assert first is not None
    assert rail is not None
    assert first["height"] > 80
    assert rail["y"] > 700
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_first_span_page_opens_the_first_trace_by_itself(empty_server, page: Page, axe):
    page.goto(f"{empty_server.url}/traces?project=new-shop")
    expect(page.get_by_text("Waiting for the first span")).to_be_visible()
    axe(page)
    span = {
        "traceId": "4f8a1c00000000000000000000009be2", "spanId": "00000000000000a1", "name": "first_call",
        "startTimeUnixNano": "1795435200000000000", "endTimeUnixNano": "1795435201000000000",
    }  # fmt: skip
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    sent = page.request.post(f"{empty_server.url}/v1/traces", data=body, headers={"x-spanwise-project": "new-shop"})
    assert sent.ok
    page.wait_for_url(re.compile("/traces/4f8a1c"), timeout=30_000)
    expect(page.locator(".trace-head h1")).to_have_text("first_call")


def test_all_that_a_filter_finds_is_exported_with_its_progress(server, page: Page, tmp_path):
    listed(page, server, filter="kind:tool")
    found = int(page.locator(".sum strong").inner_text().split()[0])
    page.get_by_label("Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    expect(page.locator(".toast")).to_have_text(f"{found} traces exported")
    download.value.save_as(tmp_path / "traces.jsonl")
    assert download.value.suggested_filename == "traces.jsonl"
    traces = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    assert len(traces) == found
    assert all("tool" in {span["kind"] for span in trace["spans"]} for trace in traces)


def test_an_export_that_is_cut_off_says_so(server, page: Page):
    listed(page, server)
    answers = iter(["running", "running", "stopped"])
    page.route(
        "**/export/progress/*",
        lambda route: route.fulfill(json={"done": 7, "of": 9, "exact": True, "state": next(answers)}),
    )
    page.get_by_label("Export").click()
    with page.expect_download():
        page.get_by_role("link", name="CSV").click()
    expect(page.locator(".toast")).to_contain_text("Exporting: 7 of 9 traces")
    expect(page.locator(".toast")).to_contain_text("stopped after 7 traces; the file is not whole")


def test_only_the_chosen_traces_are_exported(server, page: Page, tmp_path):
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=kind%3Allm")
    boxes = page.locator("#list [name=trace_id]")
    boxes.nth(1).check()
    boxes.nth(3).check()
    chosen = {boxes.nth(n).get_attribute("value") for n in (1, 3)}
    page.locator(".bulk .export summary").click()
    with page.expect_download() as saved:
        page.locator(".bulk .export a[href*='format=jsonl']").click()
    saved.value.save_as(tmp_path / "chosen")
    found = [json.loads(line)["trace"]["trace_id"] for line in (tmp_path / "chosen").read_text().splitlines()]
    assert sorted(found) == sorted(chosen)
    expect(page.locator(".toast")).to_have_text("2 traces exported")


def test_columns_are_chosen_and_resized_and_stay_so(server, page: Page, axe):
    listed(page, server)
    page.locator(".columns-menu summary").click()
    axe(page, ".columns-menu")
    page.get_by_label("Spans", exact=True).check()
    page.get_by_label("User", exact=True).uncheck()
    page.get_by_role("button", name="Show these").click()
    headers = page.locator(".rows-traces thead")
    expect(headers.get_by_text("Spans")).to_be_visible()
    expect(headers.get_by_text("User")).to_have_count(0)
    grip = page.locator('[data-grip="name"]').bounding_box()
    name = page.locator("th.c-name")
    before = name.bounding_box()
    assert grip is not None
    assert before is not None
    page.mouse.move(grip["x"] + 4, grip["y"] + 6)
    page.mouse.down()
    page.mouse.move(grip["x"] + 84, grip["y"] + 6)
    page.mouse.up()
    page.reload()
    after = name.bounding_box()
    assert after is not None
    assert abs(after["width"] - before["width"] - 80) <= 2
    page.locator('[data-grip="name"]').dblclick()
    again = name.bounding_box()
    assert again is not None
    assert abs(again["width"] - before["width"]) <= 2
    page.locator(".columns-menu summary").click()
    page.get_by_role("button", name="As it was").click()
    expect(headers.get_by_text("User")).to_be_visible()


def test_all_that_the_filter_finds_are_chosen_at_once_and_counted_before_they_go(server, page: Page):
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=kind:tool")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("1 chosen")
    every = page.get_by_label(re.compile("All [0-9]+ that match"))
    every.check()
    total = every.get_attribute("data-n")
    expect(page.locator("#bulk-count")).to_have_text(f"{total} chosen")
    expect(page.locator(".bulk .not-of-all").first).to_be_hidden()
    page.locator("#bulk-delete").click()
    expect(page.locator("#bulk-delete")).to_have_text(f"Delete {total} for good?")
    page.locator("#bulk-clear").click()
    expect(page.locator("[name=trace_id]:checked")).to_have_count(0)
    expect(every).not_to_be_checked()


def test_what_was_done_to_chosen_traces_is_undone_under_the_readers_hands(server, page: Page):
    listed(page, server)
    page.evaluate("window.stayed = true")
    boxes, tagged = page.locator(f"{ROWS} [name=trace_id]"), page.locator(f"{ROWS} [title='tag: once more']")
    for n in (0, 1):
        boxes.nth(n).check()
    page.locator(".bulk summary", has_text="Tag").click()
    page.locator(".bulk [name=tag]").fill("once more")
    page.locator(".bulk").get_by_role("button", name="Tag them").click()
    expect(tagged).to_have_count(2)
    facet = page.locator("#traces_found [data-facet=label] a", has_text="once more")
    expect(facet.locator(".n")).to_have_text("2")
    page.locator("#traces_found [data-facet=provider] summary").click()
    page.locator("#traces_found [data-facet=status] summary").click()
    for n in (20, 22, 24):
        boxes.nth(n).check()
    page.locator("#list").evaluate("list => { list.scrollTop = 300 }")
    page.locator(".toast").get_by_role("button", name=re.compile("Undo")).click()
    expect(tagged).to_have_count(0)
    expect(facet).to_have_count(0)
    expect(page.locator("#bulk-count")).to_have_text("3 chosen")
    assert [boxes.nth(n).is_checked() for n in (0, 1, 20, 21, 22, 24)] == [False, False, True, False, True, True]
    assert page.locator("#list").evaluate("list => list.scrollTop") == 300
    expect(page.locator("#traces_found [data-facet=provider]")).to_have_attribute("open", "")
    expect(page.locator("#traces_found [data-facet=status]")).not_to_have_attribute("open", "")
    assert page.evaluate("window.stayed"), "the page was not loaded again"


def test_dates_of_what_is_older_are_not_cut(server, page: Page):
    for path, sort, cell in (("traces", "time", "td.c-time"), ("sessions", "start", "td.s-last")):
        page.goto(f"{server.url}/{path}?project=acme-support&range=all&sort={sort}")
        times = page.locator(cell)
        expect(times.first).to_contain_text(":")
        assert times.evaluate_all("cells => cells.filter(e => e.scrollWidth > e.clientWidth).length") == 0
