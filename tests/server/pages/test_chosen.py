from __future__ import annotations

import re

import pytest

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace
from spanwise_server.pages import chosen

OTHER = "b" * 32
LIST = f"/traces?project={PROJECT}&range=all"


@pytest.fixture
def shop(client):
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), OTHER, 60_000, user_id="maya"))
    return client


def token(client) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(LIST).text)
    assert found is not None
    return found[1]


def post(client, path: str, quiet: bool = True, **form: object):
    headers = {"hx-request": "true"} if quiet else {}
    data = {"csrf_token": token(client), "trace_id": [TRACE, OTHER], **form}
    return client.post(f"{path}?project={PROJECT}", data=data, headers=headers)


def found(client, text: str) -> set[str]:
    items = client.get("/api/v1/traces", params={"project": PROJECT, "filter": text}).json()["items"]
    return {trace["trace_id"] for trace in items}


def test_a_tag_is_a_label_that_filters_find_and_undo_takes_back(shop):
    said = post(shop, "/traces/tag", tag="  needs   review ")
    assert said.status_code == 200
    assert said.json()["text"] == "2 traces tagged needs review"
    assert found(shop, 'label.tag:"needs review"') == {TRACE, OTHER}
    assert post(shop, "/traces/tag", tag="second", trace_id=[TRACE]).status_code == 200
    html = shop.get(LIST).text
    assert html.count('title="tag: needs review"') == 2
    assert html.count('title="tag: second"') == 1
    undone = shop.post(said.json()["undo"], data={"csrf_token": token(shop)})
    assert undone.status_code == 204
    assert "hx-refresh" not in undone.headers, "the page stays"
    assert found(shop, 'label.tag:"needs review"') == set()
    assert found(shop, "label.tag:second") == {TRACE}


def test_chosen_traces_are_labelled_under_a_name_without_scripts_too(shop):
    answer = post(shop, "/traces/label", quiet=False, verdict="fail", label_name="tone")
    assert answer.status_code == 303
    assert found(shop, "label.tone:fail") == {TRACE, OTHER}
    judged = shop.app.state.server.store.annotations(PROJECT, [TRACE])[TRACE]
    assert (judged[-1].span_id, judged[-1].source, judged[-1].annotator.kind) == (None, "viewer", "human")


def test_their_roots_go_into_a_dataset(shop):
    answer = post(shop, "/traces/dataset", quiet=False, dataset="hard ones")
    assert answer.status_code == 303
    shown = shop.get(answer.headers["location"]).text
    assert "hard ones" in shown
    assert "I was charged twice" in shown


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/traces/tag", {"tag": " "}),
        ("/traces/label", {"verdict": ""}),
        ("/traces/tag", {"tag": "x", "trace_id": ["no"]}),
    ],
)
def test_what_says_nothing_or_is_about_nothing_is_refused(shop, path, form):
    assert post(shop, path, **form).status_code == 400


def test_all_that_the_filter_finds_are_tagged_and_deleted_and_never_more_than_were_said(shop, monkeypatch):
    both = {"trace_id": [], "all_of": LIST}
    assert post(shop, "/traces/tag", tag="all", **both).json()["text"] == "2 traces tagged all"
    assert found(shop, "label.tag:all") == {TRACE, OTHER}
    assert post(shop, "/traces/tag", tag="few", trace_id=[TRACE], all_of=f"{LIST}&filter=user:maya").status_code == 200
    assert found(shop, "label.tag:few") == {OTHER}
    monkeypatch.setattr(chosen, "MOST", 1)
    refused = post(shop, "/traces/delete", quiet=False, **both)
    assert refused.status_code == 400
    assert "More than 1 traces match" in refused.text
    assert post(shop, "/traces/delete", quiet=False, trace_id=[]).status_code == 400
    assert found(shop, "") == {TRACE, OTHER}
    by_maya = {"trace_id": [], "all_of": f"{LIST}&filter=user:maya"}
    asked = post(shop, "/traces/delete", quiet=False, sure="0", **by_maya)
    assert asked.status_code == 200
    assert "Delete 1 trace for good?" in asked.text
    assert re.findall(r'name="trace_id" value="(\w+)"', asked.text) == [OTHER]
    assert found(shop, "") == {TRACE, OTHER}
    deleted = post(shop, "/traces/delete", quiet=False, sure="1", **by_maya)
    assert deleted.status_code == 303
    assert found(shop, "") == {TRACE}
