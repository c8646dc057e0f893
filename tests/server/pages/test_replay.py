"""A trace's last model call opens in the playground."""

from __future__ import annotations

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace, record


def test_a_trace_is_replayed_from_its_menu_by_its_last_model_call(client):
    store = client.app.state.server.store
    store.write(conversation())
    link = f"/playground?project={PROJECT}&amp;trace={TRACE}"
    assert link in client.get(f"/traces/{TRACE}?project={PROJECT}").text
    answer = client.get(link.replace("&amp;", "&"))
    last = max((one for one in conversation() if one.kind == "llm"), key=lambda one: one.span.start_ns)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{link.replace('&amp;', '&')}&span={last.span.span_id}"
    assert "I was charged twice" in client.get(answer.headers["location"]).text


def test_a_trace_without_a_model_call_is_not_replayed(client):
    client.app.state.server.store.write(in_other_trace((record(1, None, "job", 0, 5),), "b" * 32, 0))
    assert "/playground?" not in client.get(f"/traces/{'b' * 32}?project={PROJECT}").text
    assert client.get(f"/playground?project={PROJECT}&trace={'b' * 32}").status_code == 404
    assert client.get(f"/playground?project={PROJECT}&trace={'B' * 700}").status_code == 404
