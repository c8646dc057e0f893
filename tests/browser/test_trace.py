"""One trace in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from server_process import ServerProcess

pytestmark = pytest.mark.browser
SELECTED = ".tree [aria-selected=true]"


def opened(page: Page, server: ServerProcess, filter_text: str = "kind:tool") -> Page:
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter={filter_text}")
    page.locator(".row-link").first.click()
    expect(page.locator(".tree [role=treeitem]").first).to_be_visible()
    return page


def open_span(page: Page, kind: str) -> None:
    page.locator(f'.tree [role=treeitem][data-kind="{kind}"]').first.click()
    expect(page.locator(f'.span-head [data-kind="{kind}"]')).to_be_visible()


def named(row: Locator) -> str:
    """Return the name of a row's span: what is read out begins with its kind and its name."""
    return (row.get_attribute("aria-label") or "").partition(" ")[2].partition(", ")[0]


def test_every_tab_is_accessible_in_both_themes(server, page: Page, axe):
    opened(page, server)
    axe(page, themes=True)
    for kind in ("agent", "llm", "retriever", "tool"):
        open_span(page, kind)
        for n in range(page.get_by_role("tab").count()):
            page.get_by_role("tab").nth(n).click()
            expect(page.get_by_role("tab").nth(n)).to_have_attribute("aria-selected", "true")
            axe(page, "#detail", themes=True)


def test_arrows_move_fold_and_open_in_the_tree(server, page: Page):
    opened(page, server)
    page.keyboard.press("ArrowDown")
    second = page.locator(".tree [role=treeitem]").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(page.locator("#detail h2")).to_have_text(named(second))
    expect(page).to_have_url(re.compile("span="))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tree [role=treeitem]:visible")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tree [role=treeitem]:visible")).not_to_have_count(1)


def test_a_span_and_its_tab_are_in_the_url_and_survive_a_reload(server, page: Page):
    opened(page, server)
    open_span(page, "llm")
    page.get_by_role("tab", name=re.compile("Attributes")).click()
    expect(page).to_have_url(re.compile("tab=attributes"))
    chosen = page.locator(SELECTED).get_attribute("id")
    page.reload()
    expect(page.locator(SELECTED)).to_have_attribute("id", chosen or "")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Attributes")
    page.locator("#find-attribute").fill("gen_ai.request.model")
    expect(page.locator(".attrs tbody tr:visible").first).to_contain_text("gen_ai.request.model")


def test_n_and_p_jump_between_errors(server, page: Page):
    opened(page, server, "status:error")
    page.keyboard.press("n")
    expect(page.locator(SELECTED)).to_have_class(re.compile("failed"))
    expect(page.locator("#detail .note.error").first).to_be_visible()


def test_finding_narrows_the_tree_and_escape_gives_it_back(server, page: Page):
    opened(page, server)
    everything = page.locator(".tree [role=treeitem]:visible").count()
    page.keyboard.press("/")
    page.keyboard.type("tool")
    shown = page.locator(".tree [role=treeitem]:visible")
    expect(shown).not_to_have_count(everything)
    expect(shown).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(shown).to_have_count(everything)


#: Of every row that is shown, how far the middle of its bar lies from its own, in pixels.
ASTRAY = """() => [...document.querySelectorAll("#tree .rows")].flatMap((block) => {
  const middle = (element) => { const { top, bottom } = element.getBoundingClientRect(); return (top + bottom) / 2; };
  const bars = [...block.querySelectorAll(":scope > .wf > g")];
  return [...block.querySelectorAll("[data-n]")].flatMap((row, n) => {
    if (row.hidden) return bars[n].getClientRects().length && bars[n].checkVisibility() ? [1000] : [];
    const drawn = row.querySelector(".wf rect") ?? bars[n].querySelector("rect");
    return [middle(drawn) - middle(row)];
  });
})"""


def test_every_bar_stands_in_its_row_whichever_rows_are_shown(server, open_page):
    for options in ({}, {"viewport": {"width": 390, "height": 844}, "is_mobile": True}):
        page = opened(open_page(**options), server, "root:kind:agent")
        rows = page.locator(".tree [role=treeitem]:visible")
        everything = rows.count()
        assert page.evaluate(ASTRAY) == [0] * everything
        page.locator("#find").fill("llm")
        expect(rows).not_to_have_count(everything)
        assert page.evaluate(ASTRAY) == [0] * rows.count()
        page.locator("#find").fill("")
        expect(rows).to_have_count(everything)
        page.locator(".tree [aria-expanded] .twist").nth(1).click()
        expect(rows).not_to_have_count(everything)
        assert page.evaluate(ASTRAY) == [0] * rows.count()


def test_the_critical_path_is_marked_by_c(server, page: Page):
    opened(page, server)
    page.keyboard.press("c")
    expect(page.locator("#critical")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tree")).to_have_class(re.compile("critical"))


def test_brackets_go_to_the_next_and_the_previous_trace(server, page: Page):
    opened(page, server)
    first = page.url
    page.keyboard.press("]")
    expect(page).not_to_have_url(first)
    expect(page.locator("#newer")).to_be_visible()
    page.keyboard.press("[")
    expect(page).to_have_url(first)


def test_raw_shows_the_text_as_it_was_sent_and_back(server, page: Page):
    opened(page, server)
    open_span(page, "llm")
    message = page.locator(".msg.user").first
    message.hover()
    message.get_by_text("Raw").click()
    expect(message.locator("pre.raw")).to_be_visible()
    expect(message.locator(".shown")).to_be_hidden()
    message.get_by_text("Rendered").click()
    expect(message.locator(".shown")).to_be_visible()


def test_messages_fold_mark_what_is_new_and_link_calls_to_their_spans(server, page: Page):
    opened(page, server, "kind:tool%20root:kind:agent")
    link = page.locator("#detail a[data-goes]")
    for n in range(page.locator('.tree [role=treeitem][data-kind="llm"]').count()):
        page.locator('.tree [role=treeitem][data-kind="llm"]').nth(n).click()
        expect(page.locator('.tree [role=treeitem][data-kind="llm"]').nth(n)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#detail .talk")).to_be_visible()
        if link.count() and page.locator(".seam").count():
            break
    expect(page.locator(".seam")).to_contain_text("new since")
    system = page.locator(".talk > details.msg.fold").first
    expect(system.locator(".inside")).to_be_hidden()
    system.locator("summary").click()
    expect(system.locator(".inside")).to_be_visible()
    for fold in page.locator(".talk > details.msg.fold:not([open])").all():
        fold.locator("summary").click()
    folds = page.locator("#detail .call .json details > summary").locator("visible=true")
    if folds.count():
        inner = folds.first.locator("xpath=..")
        was = inner.get_attribute("open")
        folds.first.click()
        assert inner.get_attribute("open") != was
    to = link.locator("visible=true").first
    span = to.get_attribute("data-goes")
    to.click()
    expect(page.locator(SELECTED)).to_have_attribute("id", f"s-{span}")
    expect(page.locator('.span-head [data-kind="tool"]')).to_be_visible()


def test_a_row_is_fetched_while_the_pointer_is_on_it(server, page: Page):
    page.goto(f"{server.url}/traces?project=acme-support&range=all")
    row = page.locator(".row-link").nth(3)
    href = (row.get_attribute("href") or "").partition("?")[0]
    with page.expect_request(lambda asked: href in asked.url) as fetched:
        row.hover()
    assert fetched.value.method == "GET"
    assert "/traces/" not in page.url  # nothing was opened


def test_e_labels_a_span_and_undo_takes_it_back(server, page: Page):
    opened(page, server)
    page.keyboard.press("e")
    expect(page.locator("#annotate-form")).to_be_visible()
    page.locator(".choice.pass").click()
    page.locator("#annotate-form button[type=submit]").click()
    expect(page.locator(".judged-list .badge.ok")).to_have_text("pass")
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator(".judged-list .badge.ok")).to_have_count(0)


def test_what_was_written_and_not_saved_survives_a_reload(server, page: Page):
    opened(page, server, "kind:retriever")
    page.keyboard.press("e")
    page.locator("#critique").fill("It names the wrong order.")
    page.locator("#expected").fill("Order 7.")
    page.reload()
    expect(page.locator("#critique")).to_have_value("It names the wrong order.")
    expect(page.locator("#expected")).to_have_value("Order 7.")
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".judged-list .badge.error")).to_be_visible()
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator(".judged-list .badge.error")).to_have_count(0)
    page.reload()
    expect(page.locator("#critique")).to_have_value("")


def test_on_a_phone_a_span_opens_as_its_own_view(server, phone: Page):
    opened(phone, server)
    expect(phone.locator("#detail")).to_be_hidden()
    phone.locator(".tree [role=treeitem]").nth(1).click()
    expect(phone.locator("#detail")).to_be_visible()
    expect(phone.locator("#tree")).to_be_hidden()
    expect(phone).to_have_url(re.compile(r"[?&]span="))
    phone.reload()
    expect(phone.locator("#detail")).to_be_visible()
    phone.get_by_role("link", name="Back to the tree").click()
    expect(phone.locator("#tree")).to_be_visible()
    expect(phone).not_to_have_url(re.compile(r"[?&]span="))
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator("#annotate").click()
    expect(phone.locator("#annotate-form")).to_be_visible()
    expect(phone.locator("#tree")).to_be_hidden()
    phone.get_by_role("link", name="Back to the tree").click()
    expect(phone.locator("#tree")).to_be_visible()


def test_a_trace_that_is_not_there_says_what_to_do(server, page: Page, complaints, axe):
    complaints.allow("404")
    page.goto(f"{server.url}/traces/{'f' * 32}?project=acme-support")
    expect(page.get_by_text("Choose its project at the top left")).to_be_visible()
    axe(page)


def test_an_agents_graph_is_drawn_and_its_steps_lead_to_their_spans(server, page: Page):
    opened(page, server)
    page.locator('.tree [role=treeitem][data-kind="agent"]').first.click()
    page.get_by_role("tab", name="Graph").click()
    nodes = page.locator(".graph .drawn .node")
    expect(nodes.first).to_be_visible()
    expect(page.locator(".graph .drawn .edge .note").first).to_be_visible()
    expect(nodes).to_have_count(page.locator(".graph tbody tr").count())
    tool = page.locator('.graph .drawn .node[data-kind="tool"]').first
    name = page.locator(f'[data-node="{tool.get_attribute("data-step")}"]').get_attribute("data-name")
    tool.click()
    expect(page.locator("#detail h2")).to_have_text(name or "")
    expect(page.locator(SELECTED)).to_contain_text(name or "")


def test_the_graph_says_all_in_a_table_without_scripts(server, open_page):
    page = open_page(java_script_enabled=False)
    page.goto(f"{server.url}/traces?project=acme-support&range=all&filter=kind:tool")
    page.locator(".row-link").first.click()
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator(".graph tbody tr")).not_to_have_count(0)
    expect(page.locator(".graph .drawn")).to_be_hidden()
