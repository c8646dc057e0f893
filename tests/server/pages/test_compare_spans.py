from __future__ import annotations

import pytest

from server.pages.made import PROJECT, TRACE, in_other_trace, record, span_id
from spanwise import vocabulary as v

OTHER = "b" * 32
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.output_tokens": 10}


def asked(version: str, words: int, *, took: float, cost: int, status: str = "ok"):
    said = {
        **CALL,
        v.PROMPT_NAME: "support",
        v.PROMPT_VERSION: version,
        v.PROMPT_TEMPLATE: f"Answer in {words} words.",
        v.OUTPUT: f"Yes, in {words} words <b>",
    }
    return record(1, None, "chat", 0, took, said, kind="llm", cost_nusd=cost, status=status)


@pytest.fixture
def shop(client):
    store = client.app.state.server.store
    store.write((asked("6", 200, took=50, cost=2_000_000),))
    store.write(in_other_trace((asked("7", 120, took=20, cost=1_000_000, status="error"),), OTHER, 60_000))
    return client


def page(client, path: str, **params: str) -> str:
    answer = client.get(path, params={"project": PROJECT, **params})
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


def test_two_spans_stand_side_by_side_with_what_changed(shop):
    a, b = f"{TRACE}:{span_id(1)}", f"{OTHER}:{span_id(1)}"
    html = page(shop, "/compare/spans", a=a, b=b)
    assert "<del>200</del>" in html
    assert "<ins>120</ins>" in html
    assert "<b>&lt;b&gt;" not in html
    assert "30 ms" in html
    assert "$0.0010" in html
    assert f"/compare/prompts?project={PROJECT}&amp;prompt=support&amp;a=6&amp;b=7" in html


def test_without_another_the_runs_of_the_step_are_offered(shop):
    html = page(shop, "/compare/spans", a=f"{TRACE}:{span_id(1)}")
    assert f"b={OTHER}:{span_id(1)}" in html
    assert "support@7" in html
    span = page(shop, f"/traces/{TRACE}", span=span_id(1))
    assert f"/compare/spans?project={PROJECT}&amp;a={TRACE}:{span_id(1)}" in span


def test_two_versions_of_a_prompt_are_compared_over_all_their_calls(shop):
    html = page(shop, "/compare/prompts", prompt="support", a="6", b="7")
    assert "<del>200</del>" in html
    assert "All calls" in html
    assert "<h2>chat</h2>" in html
    assert "their newest calls side by side" in html
    newest = page(shop, "/compare/prompts", prompt="support")
    assert '<option value="7" selected>' in newest


def test_what_is_not_there_is_said(shop):
    for path, params in (
        ("/compare/spans", {"a": "nonsense"}),
        ("/compare/spans", {"a": f"{TRACE}:{'f' * 16}"}),
        ("/compare/prompts", {"prompt": "nobody"}),
    ):
        assert shop.get(path, params={"project": PROJECT, **params}).status_code == 404
