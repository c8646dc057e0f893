"""Trees of very many spans: pages hold a window of them, and everything is found, folded and reached all the same."""

from __future__ import annotations

import re
from dataclasses import replace

from server.pages.made import (
    FIRST_CALL,
    FIRST_RESULT,
    PROJECT,
    QUESTION,
    REPLY,
    SYSTEM,
    TRACE,
    llm,
    record,
    span_id,
    tool,
)
from spanwise_server.pages.elements import drawn_as
from spanwise_server.pages.render import environment
from spanwise_server.pages.tree import AT_FIRST, BLOCK, SEEN_AT_FIRST, WINDOW
from spanwise_server.recent import Recent
from spanwise_server.record import KINDS

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def page(client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_a_long_tree_comes_in_windows_around_the_chosen_span(client):
    many = (record(1, None, "root", 0, 10_000), *(record(n, 1, f"step {n}", n, 1) for n in range(2, 2_501)))
    client.app.state.server.store.write(many)
    path = f"/traces/{TRACE}?project={PROJECT}"

    def places(html):
        return [int(n) for n in re.findall(r'data-n="(\d+)"', html)]

    first = page(client, path)
    assert places(first) == list(range(AT_FIRST))
    assert f'data-from="{AT_FIRST}" data-until="2500"' in first
    assert "before these" not in first
    assert first.count('class="rows below"') == AT_FIRST // BLOCK - SEEN_AT_FIRST
    deep = page(client, f"{path}&span={span_id(1_500)}")
    assert 'aria-selected="true"' in deep
    assert len(places(deep)) == AT_FIRST
    assert f'data-from="0" data-until="{places(deep)[0]}"' in deep
    assert "rows below" not in deep, "the chosen row is seen at once, wherever it is"
    rows = page(client, f"{path}&rows=1000&until=1100", **HTMX)
    assert places(rows) == list(range(1_000, 1_100))
    assert "more-rows" not in rows
    blocks = re.findall(r'class="rows" role="none" data-from="(\d+)" data-until="(\d+)"', rows)
    assert blocks == [(str(at), str(at + BLOCK)) for at in range(1_000, 1_100, BLOCK)]
    last = page(client, f"{path}&rows={2_500 - BLOCK - 3}&until=2500", **HTMX)
    assert last.count('class="rows"') == 2


def test_a_call_of_a_large_trace_is_read_beside_those_around_it(client):
    later = [SYSTEM, QUESTION, FIRST_CALL, FIRST_RESULT]
    near = (
        llm(1_500, 1, "plan", 15_000, 5, [SYSTEM, QUESTION], FIRST_CALL),
        tool(1_501, "lookup_order", 15_006, 3, "c1", {"ok": 1}),
        llm(1_502, 1, "answer", 15_010, 5, later, REPLY),
    )
    steps = (record(n, 1, f"step {n}", n * 10, 1) for n in range(2, 2_501) if not 1_500 <= n <= 1_502)
    client.app.state.server.store.write([record(1, None, "root", 0, 30_000), *steps, *near])
    html = page(client, f"/traces/{TRACE}?project={PROJECT}&span={span_id(1_502)}&tab=messages")
    assert "new since <em>plan</em>" in html
    assert "is on its way" in html
    assert f"span={span_id(1_501)}" in html[html.index('class="talk"') :], "the result leads to the tool that gave it"


def test_a_row_of_a_large_trace_is_one_element_and_its_bar_is_drawn_with_those_of_its_block(client):
    many = (record(1, None, "root", 0, 10_000), *(record(n, 1, f"step {n}", n, 1) for n in range(2, 2_501)))
    client.app.state.server.store.write(many)
    html = page(client, f"/traces/{TRACE}?project={PROJECT}&rows=1000&until=1025", **HTMX)
    assert len(re.findall(r'<a [^>]*role="treeitem"[^>]*>step \d+</a>', html)) == 25
    blocks = re.findall(r'<div class="rows.*?</div>', html, re.DOTALL)
    drawings = [re.findall(r"<svg .*?</svg>", block, re.DOTALL) for block in blocks]
    assert [len(of) for of in drawings] == [1, 1, 1]
    for (drawing,), rows in zip(drawings, (10, 10, 5), strict=True):
        assert [float(y) for y in re.findall(r'<text [^>]*y="([\d.]+)%"', drawing)] == [
            n * 100 / rows for n in range(rows)
        ]
        assert drawing.count("<rect") == drawing.count("<g ") == rows


def test_a_tree_that_is_sent_whole_has_no_gaps(client):
    many = (record(1, None, "root", 0, 10_000), *(record(n, 1, f"step {n}", n, 1) for n in range(2, WINDOW + 1)))
    client.app.state.server.store.write(many)
    for chosen in (1, WINDOW - 5):
        html = page(client, f"/traces/{TRACE}?project={PROJECT}&span={span_id(chosen)}")
        assert html.count('role="treeitem"') == WINDOW
        assert ("rows below" in html) == (chosen == 1)


def test_a_long_tree_is_walked_by_links_where_no_script_runs(client):
    many = (record(1, None, "root", 0, 10_000), *(record(n, 1, f"step {n}", n, 1) for n in range(2, 2_501)))
    client.app.state.server.store.write(many)
    seen, html = [], page(client, f"/traces/{TRACE}?project={PROJECT}")
    for _ in range(100):
        assert "<h1" in html
        seen += [int(n) for n in re.findall(r'data-n="(\d+)"', html)]
        following = re.search(r'href="([^"]*)">[\d,]+ more span', html)
        if following is None:
            break
        html = page(client, following[1].replace("&amp;", "&"))
    assert seen == list(range(2_500))
    before = re.search(r'href="([^"]*)">[\d,]+ spans before', html)
    assert before is not None
    assert f'data-n="{seen[-1] - WINDOW}"' in page(client, before[1].replace("&amp;", "&"))


def test_a_long_tree_is_folded_by_the_server_and_follows_what_is_written(client):
    store = client.app.state.server.store
    many = [record(1, None, "root", 0, 10_000), record(2, 1, "first half", 0, 5_000), record(3, 1, "second", 5_000, 9)]
    many += [record(n, 2 if n < 1_500 else 3, f"step {n}", n, 1) for n in range(4, 2_501)]
    store.write(tuple(many))
    path = f"/traces/{TRACE}?project={PROJECT}"
    folded = page(client, f"{path}&shut={span_id(2)}")
    assert re.findall(r'id="s-([0-9a-f]+)"', folded)[:3] == [span_id(1), span_id(2), span_id(3)]
    assert len(re.findall(r'role="treeitem"[^>]*aria-expanded="false"', folded)) == 1
    assert f"shut={span_id(2)}" in folded
    store.write((replace(many[2], reading=replace(many[2].reading, name="renamed")),))
    assert "renamed" in page(client, f"{path}&shut={span_id(2)}")


def test_the_server_finds_in_all_of_a_long_tree_and_knows_its_errors(client):
    many = (
        record(1, None, "root", 0, 10_000),
        *(record(n, 1, f"step {n}", n, 1, status="error" if n == 2_400 else "ok") for n in range(2, 2_501)),
    )
    client.app.state.server.store.write(many)
    path = f"/traces/{TRACE}?project={PROJECT}"
    assert f"2399:{span_id(2_400)} " in page(client, path)
    html = page(client, f"{path}&find=STEP 2400")
    assert html.count('role="treeitem"') == 1
    assert "step 2400" in html
    chosen = page(client, f"{path}&span={span_id(2_400)}&tab=attributes", **HTMX, **{"HX-Target": "section#detail"})
    assert "spanwise.scope" in chosen or "Scope" in chosen


def test_there_is_an_icon_of_every_kind_in_its_hues_as_a_background(client):
    style, sprite = client.get("/static/app.css").text, client.get("/static/icons.svg").text
    (image,) = re.findall(r'--icons:url\("data:image/svg\+xml,([^"]+)"\)', style)
    places = dict(re.findall(r'\[data-kind="(\w+)"\]\{--icon-at:(-?\d+)px\}', style))
    assert places.keys() == {drawn_as(kind) for kind in KINDS}
    for kind, at in places.items():
        hues = re.search(rf"--k-{kind}: light-dark\((.+?\)), (.+?\))\);", style)
        assert hues is not None
        (icon,) = re.findall(
            rf"<g transform='translate\(0 {-int(at)}\)' color='{re.escape(hues[1])}' class='{kind}'>.*?</g>", image
        )
        assert f".{kind}{{color:{hues[2]}}}" in image
        (path,) = re.findall(r" d='([^']+)'", icon)
        assert re.search(rf'<symbol id="k-{kind}"[^>]*><path d="{re.escape(path)}"/>', sprite)
    kind = environment().globals["kind"]
    assert all(f'data-kind="{drawn_as(one)}"' in kind(one) and f'aria-label="{one}"' in kind(one) for one in KINDS)


def test_what_is_kept_of_a_tree_is_of_its_newest_state_and_of_few_trees():
    kept = Recent[str](most=10)
    kept.keep("a", "1", "old", 4)
    assert kept.of("a", "1") == "old"
    assert kept.of("a", "2") is None
    kept.keep("a", "2", "new", 4)
    kept.keep("b", "1", "other", 4)
    assert kept.of("a", "2") == "new"
    kept.keep("c", "1", "third", 4)
    assert (kept.of("a", "2"), kept.of("b", "1"), kept.of("c", "1")) == ("new", None, "third")
    kept.keep("d", "1", "larger than everything", 11)
    assert kept.of("d", "1") is None
