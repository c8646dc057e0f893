"""Large things through real ingest: a message of megabytes opens cut and downloads whole, long sessions page well."""

from __future__ import annotations

import json
import re
import time

from starlette.testclient import TestClient

PROJECT = "big"
TRACE = "5" * 32
TURNS = 205
HTMX = {"HX-Request": "true", "HX-Target": "section#detail"}


def send(client: TestClient, spans: list[dict]) -> None:
    resource = {"attributes": [text("spanwise.project.name", PROJECT)]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    answer = client.post("/v1/traces", json=body)
    assert answer.status_code == 200
    assert not answer.json().get("partialSuccess", {}).get("rejectedSpans")


def text(key: str, value: str) -> dict:
    return {"key": key, "value": {"stringValue": value}}


def span(trace_id: str, number: int, name: str, *attributes: dict) -> dict:
    at = time.time_ns() - 3_600 * 10**9 + number * 10**9
    return {
        "traceId": trace_id, "spanId": f"{number + 1:016x}", "name": name, "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + 10**8), "attributes": list(attributes),
    }  # fmt: skip


def page(client: TestClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


def test_a_message_of_five_megabytes_opens_cut_and_downloads_whole(client):
    said = "".join(f"Line {n}: what a tool gave back, word for word, with ünïcödé.\n" for n in range(78_000))
    assert 4_900_000 < len(said.encode()) < 5_300_000
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "Summarise it."}]},
        {"role": "user", "parts": [{"type": "text", "content": said}]},
    ]
    send(client, [span(TRACE, 0, "chat", text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt-4o"),
                       text("gen_ai.input.messages", json.dumps(messages, ensure_ascii=False)))])  # fmt: skip
    path = f"/traces/{TRACE}?project={PROJECT}&tab=messages"
    for html in (page(client, path), page(client, path, **HTMX)):
        assert "Summarise it." in html
        assert "Line 0: what a tool gave back" in html
        assert "Line 70000" not in html
        assert "The first 64 KB of 5.0 MB." in html
        assert len(html) < 400_000
    (href,) = re.findall(r'href="([^"]+)" download>Download all', html)
    answer = client.get(href.replace("&amp;", "&"))
    assert answer.text == said
    assert "attachment" in answer.headers["content-disposition"]
    for tab in ("io", "attributes"):
        assert len(page(client, f"{path}&tab={tab}".replace("&tab=messages", ""))) < 1_000_000


def test_what_a_tool_gave_downloads_whole_however_large_and_whatever_it_is(client):
    said = "".join(f"Line {n}: what a tool gave back, word for word, with ünïcödé.\n" for n in range(6_000))
    rows = {"rows": [{"n": n, "said": "ünïcödé, word for word", "more": [n, None, 1.5]} for n in range(6_000)]}
    answered = [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": said}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "of none", "response": rows}]},
    ]
    said_of_it = {"operation.name": "execute_tool", "tool.name": "find", "tool.call.arguments": '{"q": 1}'}
    tool = tuple(text(f"gen_ai.{key}", value) for key, value in said_of_it.items())
    spans = [
        span(TRACE, 0, "words", *tool, text("gen_ai.tool.call.result", said)),
        span(TRACE, 1, "rows", *tool, text("gen_ai.tool.call.result", json.dumps(rows, ensure_ascii=False))),
        span(TRACE, 2, "chat", text("gen_ai.operation.name", "chat"),
             text("gen_ai.input.messages", json.dumps(answered, ensure_ascii=False))),
    ]  # fmt: skip
    for each in spans:
        send(client, [each])

    def links(number: int, tab: str, words: str) -> list[str]:
        html = page(client, f"/traces/{TRACE}?project={PROJECT}&span={number:016x}&tab={tab}")
        assert len(html) < 400_000
        return [href.replace("&amp;", "&") for href in re.findall(rf'href="([^"]+)" download[^>]*>{words}', html)]

    given, gave = links(1, "io", "Download<")
    assert json.loads(page(client, given)) == {"q": 1}
    assert page(client, gave) == said
    assert links(1, "io", "Download all") == [gave]
    assert json.loads(page(client, links(2, "io", "Download<")[1])) == rows
    in_call, alone = links(3, "messages", "Download all")
    assert page(client, in_call) == said
    assert json.loads(page(client, alone)) == rows
    assert client.get(gave.replace("value.out", "value.nothing")).status_code == 404


def turn(number: int) -> tuple[dict, ...]:
    said = {"openinference.span.kind": "CHAIN", "session.id": "long", "input.value": f"Question {number}?",
            "output.value": f"Answer {number}."}  # fmt: skip
    return tuple(text(key, value) for key, value in said.items())


def test_a_session_of_two_hundred_turns_is_read_forth_and_back(client):
    for first in range(0, TURNS, 50):
        numbers = range(first, min(first + 50, TURNS))
        send(client, [span(f"{n + 1:032x}", n, "turn", *turn(n + 1)) for n in numbers])
    path, seen, pages = f"/sessions/one?project={PROJECT}&id=long", list[int](), list[str]()
    while path:
        html = page(client, path)
        shown = [int(n) for n in re.findall(r"Question (\d+)\?", html)]

        assert f"Turns {shown[0]} to {shown[-1]} of {TURNS}" in html
        seen += shown
        pages.append(path)
        later = re.search(r'href="([^"]+)" rel="next"', html)
        path = later[1].replace("&amp;", "&") if later else ""
    assert seen == list(range(1, TURNS + 1))
    assert len(pages) == -(-TURNS // 40)
    back = re.search(r'href="([^"]+)" rel="prev"', html)
    assert back is not None
    html = page(client, back[1].replace("&amp;", "&"))
    shown = [int(n) for n in re.findall(r"Question (\d+)\?", html)]
    assert shown == seen[160:200]
    assert f"Turns 161 to 200 of {TURNS}" in html
