"""Every figure of the dashboard leads to the calls that make it: each link is followed and its calls are counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from server.pages.made import MS, PROJECT, T0, conversation, in_other_trace, llm, read, record
from spanwise import vocabulary as v
from spanwise_server.pages import format as fmt
from spanwise_server.record import MODEL_KINDS, NANO, Cost, Record
from spanwise_server.store.rollups import HOUR_NS

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Where is my parcel?"}]}]
SAID = {"role": "assistant", "parts": [{"type": "text", "content": "On its way."}], "finish_reason": "stop"}
START = T0 // HOUR_NS * HOUR_NS
Listed = Sequence[Mapping[str, Any]]


def one(trace: int, minute: int, model: str, cost_nusd: int | None = 1_000_000, **said: Any) -> list[Record]:
    """A trace with one call: of this model, in this minute."""
    status, prompt, env, user = (said.pop(name, None) for name in ("status", "prompt", "env", "user"))
    name, _, version = (prompt or "").partition("@")
    more = {
        v.RESPONSE_MODEL: model,
        v.PROMPT_NAME: name or None,
        v.PROMPT_VERSION: version or None,
        v.ENVIRONMENT: env,
        v.USER_ID: user,
        v.USAGE_OUTPUT_TOKENS: 10 + trace,
        **said,
    }
    more = {key: value for key, value in more.items() if value is not None}
    made = llm(9, None, f"call {model}", 0, 500 + 100 * trace, ASKED, SAID, more, cost_nusd=cost_nusd,
               **({"status": status} if status else {}))  # fmt: skip
    start = START + minute * 60_000 * MS
    span = replace(
        made.span, trace_id=f"{trace:032x}", start_ns=start, end_ns=start + made.span.end_ns - made.span.start_ns
    )
    return [read(span, cost_nusd)]


def world() -> Iterable[list[Record]]:
    """Calls of every kind that a figure counts apart, over three hours."""
    yield list(conversation())
    yield list(
        in_other_trace(
            conversation(), "b" * 32, 3_600_000, user_id="maya", session_id="s_1", spanwise_tags=["beta", "all"]
        )
    )
    for n, model in enumerate(("gpt-4o", "gpt-4o-mini", "o3", "claude-opus-4", "mistral-large", "gpt-4o")):
        yield one(n + 1, 20 * n, model, (n + 1) * 1_000_000, prompt=("support@8", "support", None)[n % 3],
                  env=("prod", "dev", None)[n % 3], user=("ann", None)[n % 2])  # fmt: skip
    yield one(20, 25, "gpt-4o", status="error", **{v.ERROR_TYPE: "RateLimitError"})
    yield one(21, 26, "gpt-4o", None)
    yield one(22, 27, "gpt-4o", None, **{v.USAGE_INPUT_TOKENS: None, v.USAGE_OUTPUT_TOKENS: None,
                                         v.USAGE_CACHE_READ: None, v.TIME_TO_FIRST_CHUNK: None})  # fmt: skip
    yield [replace(each, cost=Cost(7_000_000, source="estimated")) for each in one(23, 61, "o3", 7_000_000)]
    # one call, told twice with one answer: counted once
    told = one(24, 62, "gpt-4o", 3_000_000, **{v.RESPONSE_ID: "resp_1"})
    yield [*told, read(replace(told[0].span, span_id="f" * 16), 3_000_000)]
    # an agent that alone says what was used
    agent = record(1, None, "agent", 0, 900, {v.USAGE_INPUT_TOKENS: 40, v.USAGE_OUTPUT_TOKENS: 4}, kind="agent",
                   cost_nusd=2_000_000)  # fmt: skip
    start = START + 63 * 60_000 * MS
    yield [read(replace(agent.span, trace_id="e" * 32, start_ns=start, end_ns=start + 900 * MS), 2_000_000)]


@pytest.fixture
def shop(client):
    for records in world():
        client.app.state.server.store.write(records)
    return client


@dataclass(slots=True)
class Link:
    """One link: in which section, below which heading of a table, with which words, and where it leads."""

    section: str
    column: str
    words: list[str] = field(default_factory=list)
    href: str = ""


class Links(HTMLParser):
    """Reads the links of a page with what stands around them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Link] = []
        self._section, self._heading, self._columns, self._column = "", False, [""], 0
        self._open: Link | None = None
        self._th = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "section":
            self._section = said.get("aria-label") or ""
        elif tag == "p" and "note" in (said.get("class") or ""):
            self._section = "note"
        self._heading = tag == "h2"
        if tag == "thead":
            self._columns = []
        self._th = tag == "th"
        if tag == "tr":
            self._column = -1
        if tag == "td":
            self._column += 1
        if tag == "a":
            at = self._columns[self._column] if 0 <= self._column < len(self._columns) else ""
            self._open = Link(self._section, at, [], said.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            self.found.append(self._open)
            self._open = None
        if tag == "table":
            self._columns, self._column = [], 0

    def handle_data(self, data: str) -> None:
        if not (text := data.strip()):
            return
        if self._heading:
            self._section, self._heading = text, False
        if self._th:
            self._columns.append(text)
        if self._open is not None:
            self._open.words.append(text)


# --- what is listed, told as the figures tell it ----------------------------------------------------------------------


def money(spans: Listed) -> str:
    said = [span["cost"]["total_usd"] for span in spans if span["cost"]]
    return fmt.money(round(sum(said) * NANO) if said else None)


def each(spans: Listed) -> str:
    said = [span["cost"]["total_usd"] for span in spans]
    return fmt.money(round(sum(said) * NANO / len(said)))


def failed(spans: Listed) -> int:
    return sum(span["status"] == "error" for span in spans)


def used(name: str) -> Callable[[Listed], str]:
    return lambda spans: fmt.tokens(sum((span["usage"] or {}).get(name) or 0 for span in spans))


def number(spans: Listed) -> str:
    return f"{len(spans):,}"


def within(name: str) -> Callable[[Listed], tuple[float, float]]:
    def bounds(spans: Listed) -> tuple[float, float]:
        said = [span[name] for span in spans]
        assert None not in said
        return min(said) * 0.97, max(said) * 1.03

    return bounds


def ms_of(words: str) -> float:
    amount, unit = words.split()
    return float(amount) * {"ms": 1, "s": 1_000}[unit]


def cached(spans: Listed) -> str:
    usages = [span["usage"] or {} for span in spans]
    read, given = (sum(usage.get(name) or 0 for usage in usages) for name in ("cache_read_tokens", "input_tokens"))
    return fmt.percent(read / given)


def uncached(spans: Listed) -> str:
    usages = [span["usage"] or {} for span in spans]
    return fmt.tokens(sum((u.get("input_tokens") or 0) - (u.get("cache_read_tokens") or 0) for u in usages))


LATENCY, TTFT = within("duration_ms"), within("ttft_ms")
UNCACHED: Callable[[Listed], str] = lambda spans: fmt.tokens(  # noqa: E731 - beside the others of its kind
    sum(
        ((s["usage"] or {}).get("input_tokens") or 0) - ((s["usage"] or {}).get("cache_read_tokens") or 0)
        for s in spans
    )
)
KEYS = {
    "Tokens": used("total_tokens"),
    "Cost per session": lambda spans: fmt.money(
        round(sum(span["cost"]["total_usd"] for span in spans) * NANO / len({span["trace_id"] for span in spans}))
    ),
    "Calls": number, "Cost": money, "Cost per priced call": each, "Latency p95": LATENCY, "First token p50": TTFT,
}  # fmt: skip
COLUMNS = {
    "Calls": number, "Cost": money, "Per call": each, "p50": LATENCY, "p95": LATENCY, "p99": LATENCY,
    "First token p50": TTFT, "Input": used("input_tokens"), "Output": used("output_tokens"),
}  # fmt: skip
LAYERS: dict[str, dict[str, Callable[[Listed], Any]]] = {
    "Calls": {"ok": number, "failed": number, "": number},
    "Cost": {"*": money},
    "Latency of calls": {"p99": LATENCY, "p95": LATENCY, "p50": LATENCY},
    "Tokens": {"input": uncached, "read from cache": used("cache_read_tokens"), "output": used("output_tokens"),
               "": used("total_tokens")},
    "Time to first token": {"p99": TTFT, "p95": TTFT, "p50": TTFT},
    "Cost per priced call": {"a call": each},
}  # fmt: skip


def holds(words: str, told: str | tuple[float, float]) -> bool:
    return words == told if isinstance(told, str) else told[0] <= ms_of(words) <= told[1]


class Walk:
    """Follows links and remembers what each of them lists."""

    def __init__(self, client) -> None:
        self.client = client
        self._known: dict[str, Listed] = {}

    def listed(self, href: str) -> Listed:
        """Return the spans that a link lists, by the file that the list offers, checked against the list itself."""
        if href not in self._known:
            html = self.client.get(href).text
            rows = re.findall(r'<tr id="c-(\w{32})-(\w{16})"', html)
            files = re.findall(r'href="([^"]*/spans/export\?[^"]*format=jsonl[^"]*)"', html)
            lines = self.client.get(unescape(files[0])).text.splitlines() if files else []
            spans = [json.loads(line) for line in lines]
            assert [(span["trace_id"], span["span_id"]) for span in spans] == rows
            said = re.search(r"<strong>(\d+) [^<]*</strong>", html)
            assert said is None or int(said[1]) == len(rows)
            current = html.partition('aria-label="Which calls"')[2].partition("</nav>")[0]
            (tab,) = re.findall(r'aria-current="true">[^<]*(?:<span class="n">(\d+)</span>)?</a>', current)
            assert not tab or int(tab) == len(rows)
            self._known[href] = spans
        return self._known[href]

    def check(self, link: Link) -> str:
        """Follow one link and compare; return what kind of figure it was."""
        if link.words[-1].endswith((": nothing", ": 0", ": failed 0 %")):
            return link.section
        spans = self.listed(link.href)
        if link.section == "Key numbers":
            name, value = link.words[:2]
            if name == "Failed":
                calls = self.listed(re.sub("only=failed&?", "", link.href).rstrip("&?"))
                assert value == fmt.percent(len(spans) / len(calls))
                assert failed(spans) == len(spans)
            else:
                assert holds(value, KEYS[name](spans)), (name, value)
            return name
        if link.column:
            return self._cell(link, spans)
        if link.section == "note":
            return link.words[0]
        if link.section == "What it will cost":
            return self._projected(link, spans)
        return self._drawn(link, spans)

    def _projected(self, link: Link, spans: Listed) -> str:
        (words,) = link.words
        if words.endswith(" a call"):
            assert words == f"{each(spans)} a call"
        elif words.endswith((" a day", " saved")):
            assert spans
        elif words.startswith("$"):  # a month of what these calls cost
            assert spans
            assert all(one["cost"] is not None for one in spans)
        else:
            assert words == f"{cached(spans)} of input read from cache"
        return link.section

    def _cell(self, link: Link, spans: Listed) -> str:
        (words,) = link.words
        if link.column == "Failed":
            assert failed(spans) == len(spans)
            if words.isdecimal():
                assert int(words) == len(spans)
        elif link.column in COLUMNS and words not in ("—", "unpriced"):
            assert holds(words, COLUMNS[link.column](spans)), (link, words)
        return link.column

    def _drawn(self, link: Link, spans: Listed) -> str:
        _, _, said = link.words[-1].rpartition(": ")
        for piece in said.split(", "):
            name, words = re.fullmatch(
                r"(.*?) ?(\$?<?\$?[\d.,]+(?: ?[kM])?(?: m?s| %)?|unpriced|nothing)", piece
            ).groups()
            if words in ("nothing", "0") or link.section in ("Error rate", "Tokens per second"):
                continue
            layers = LAYERS[link.section]
            told = layers.get(name, layers.get("*"))
            assert told is not None, (link.section, piece)
            assert holds(words, told(spans)), (link, piece, told(spans))
        return link.section


def figures(client, query: str) -> list[Link]:
    reader = Links()
    answer = client.get(f"/dashboard?project={PROJECT}&{query}")
    assert answer.status_code == 200
    reader.feed(answer.text)
    return [link for link in reader.found if link.href.startswith("/dashboard/calls?")]


def test_every_figure_leads_to_what_it_counts(shop):
    walk = Walk(shop)
    seen = {walk.check(link) for link in figures(shop, "range=all&table=1")}
    assert seen >= {
        "Failed",
        "Cost",
        "unpriced",
        "estimated",
        "Per call",
        "Error rate",
        "Tokens per second",
        "p50",
        "p95",
        "p99",
        "First token p50",
        "Input",
        "Output",
        *KEYS,
        *LAYERS,
    }


def test_the_charts_stand_there_as_a_table_for_who_asks(shop):
    html = shop.get(f"/dashboard?project={PROJECT}&range=all&by=env").text
    assert "Measures over time" not in html
    (more,) = re.findall(r'href="([^"]+)#over-time"', html)
    html = shop.get(unescape(more)).text
    assert "Measures over time" in html
    assert {link.section for link in figures(shop, unescape(more).partition("?")[2])} >= {
        "The same over time",
        "By environment",
    }
    assert html.count('name="table" value="1"') >= 3, "the forms of the filter, the range and the projection keep it"
    assert "by=user&amp;table=1" in html
    (back,) = re.findall(r'href="([^"]+)">Without the table', html)
    assert unescape(back) == f"/dashboard?project={PROJECT}&range=all&by=env"


def test_no_figure_of_a_table_is_without_its_calls(shop):
    html = shop.get(f"/dashboard?project={PROJECT}&range=all&table=1").text
    cells = re.findall(r'<td data-label="([^"]+)" class="n[^"]*"[^>]*>(.*?)</td>', html)
    figures = [
        (column, cell) for column, cell in cells if re.sub(r"<[^>]+>", "", cell).strip() not in ("—", "0", "no trend")
    ]
    assert len(figures) > 100
    assert [one for one in figures if "<a " not in one[1]] == []


@pytest.mark.parametrize("by", ["prompt", "env", "user", "tag"])
def test_every_part_of_a_split_leads_to_its_own_calls_alone(shop, by):
    walk = Walk(shop)
    links = [
        link for link in figures(shop, f"range=all&by={by}") if link.section in ("Cost", f"By {by}") or link.column
    ]
    assert {walk.check(link) for link in links} >= {"Cost", "Calls", "Failed"}
    rows = [link for link in links if link.column == "Calls"]
    calls = sum(one.kind in MODEL_KINDS for records in world() for one in records)
    twice = 3 if by == "tag" else 0  # those of the trace with two tags
    assert sum(len(walk.listed(link.href)) for link in rows) == calls + twice
