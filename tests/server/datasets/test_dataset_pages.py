from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop_traces import failed, shop_trace, span_id, trace_id


@pytest.fixture
def labelled(client: TestClient) -> TestClient:
    """A server with a queue of three items: passed, failed and corrected, passed without an answer."""
    store = client.app.state.server.store
    store.write([*shop_trace(3), *shop_trace(2), *failed(shop_trace(1), "429")])
    queue = api(client, "queues", name="Refunds")
    for item, given in zip(
        client.get(f"/api/v1/queues/{queue['id']}").json()["items"],
        ({"label": "pass"}, {"label": "fail", "explanation": "late", "correction": "Today."}, {"label": "pass"}),
        strict=True,
    ):
        url = f"queues/{queue['id']}/items/{item['id']}/label"
        api(client, url, annotator="ana", **given)
    return client


def api(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def post(client: TestClient, url: str, **fields: Any):
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/datasets").text)
    assert found is not None
    return client.post(url, data={"csrf_token": found[1], **fields})


def made(client: TestClient) -> str:
    answer = post(client, "/datasets/from-queue", queue_id=1)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_without_a_dataset_the_page_says_how_to_get_one(client: TestClient) -> None:
    assert "No dataset yet" in client.get("/datasets").text


def test_a_queue_becomes_a_dataset_of_its_name(labelled: TestClient) -> None:
    page = labelled.get(made(labelled)).text
    assert "<h2>Refunds</h2>" in page
    assert "3 examples, 3 added" in page
    assert "Today." in page
    assert f"/traces/{trace_id(2)}?span={span_id(2)}" in page


def test_the_page_says_what_a_format_leaves_out_and_why(labelled: TestClient) -> None:
    assert "2 of 3; left out: 1 no expected output" in labelled.get(made(labelled)).text


def test_a_download_says_in_headers_what_it_leaves_out(labelled: TestClient) -> None:
    answer = labelled.get(f"{made(labelled)}/export?format=openai-chat")
    assert len(answer.text.splitlines()) == 2
    assert answer.headers["x-spanwise-examples"] == "2"
    assert answer.headers["x-spanwise-left-out"] == "1"
    assert answer.headers["x-spanwise-left-out-why"] == "1 no expected output"
    assert answer.headers["content-disposition"] == 'attachment; filename="Refunds-v1.openai.jsonl"'


def test_the_api_and_the_page_give_the_same_file(labelled: TestClient) -> None:
    dataset = made(labelled)
    for name in ("jsonl", "csv", "openai-chat"):
        page = labelled.get(f"{dataset}/export?format={name}")
        by_api = labelled.get(f"/api/v1{dataset}/export?format={name}")
        assert page.content == by_api.content
        assert page.content


def test_a_format_nobody_has_is_refused(labelled: TestClient) -> None:
    answer = labelled.get(f"/api/v1{made(labelled)}/export?format=xml")
    assert answer.status_code == 400
    assert "jsonl, csv, huggingface" in answer.json()["error"]["hint"]


def test_an_older_version_is_downloaded_as_it_was(labelled: TestClient) -> None:
    dataset = made(labelled)
    before = labelled.get(f"{dataset}/export").content
    api(labelled, "datasets/1/examples", span={"trace_id": trace_id(3), "span_id": span_id(3, 3)})
    assert labelled.get(f"{dataset}/export?version=1").content == before
    assert len(labelled.get(f"{dataset}/export").content.splitlines()) == 4
    assert "not the newest" in labelled.get(f"{dataset}?version=1").text


def test_a_name_of_any_letters_is_a_file_name(labelled: TestClient) -> None:
    answer = post(labelled, "/datasets/from-labels", name='Größe "A"/β')
    disposition = labelled.get(f"{answer.headers['location']}/export").headers["content-disposition"]
    assert 'filename="Gr-e-A-v1.jsonl"' in disposition
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%22A%22%2F%CE%B2-v1.jsonl" in disposition


def test_labels_of_a_filter_are_added_to_the_dataset_of_that_name(labelled: TestClient) -> None:
    post(labelled, "/datasets/from-labels", name="golden", filter="session:s_0", which="passed")
    post(labelled, "/datasets/from-labels", name="golden", which="failed")
    found = labelled.get("/api/v1/datasets").json()["items"]
    assert [(d["name"], d["newest"]["number"], d["newest"]["examples"]) for d in found] == [("golden", 2, 2)]


def test_nothing_labelled_makes_no_dataset(labelled: TestClient) -> None:
    answer = post(labelled, "/datasets/from-labels", name="none", annotation_name="polite")
    assert answer.status_code == 400
    assert labelled.get("/api/v1/datasets").json()["items"] == []


def test_a_dataset_is_renamed_and_deleted_after_the_count(labelled: TestClient) -> None:
    dataset = made(labelled)
    post(labelled, f"{dataset}/rename", name="golden", description="for refunds")
    page = labelled.get(dataset).text
    assert "<h2>golden</h2>" in page
    assert "3 examples in 1 version go" in page
    assert post(labelled, f"{dataset}/delete").status_code == 303
    assert labelled.get(dataset).status_code == 404
    assert len(labelled.get(f"/api/v1/annotations?trace_id={trace_id(2)}").json()["items"]) == 1


def test_examples_are_read_over_the_api_in_the_exported_shape(labelled: TestClient) -> None:
    dataset = made(labelled)
    found = labelled.get(f"/api/v1{dataset}/examples").json()
    lines = [json.loads(line) for line in labelled.get(f"{dataset}/export").text.splitlines()]
    assert found["items"] == lines
    assert found["version"]["content_hash"].startswith("b2:")


def test_a_dataset_is_made_over_the_api_in_one_request(labelled: TestClient) -> None:
    made_of = api(labelled, "datasets", name="golden", examples={"queue_id": 1, "which": "expected"})
    assert made_of["newest"]["examples"] == 2
    again = labelled.post("/api/v1/datasets", json={"name": "golden"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_two_sources_at_once_are_refused(labelled: TestClient) -> None:
    answer = labelled.post("/api/v1/datasets", json={"name": "x", "examples": {"queue_id": 1, "filter": ""}})
    assert answer.status_code == 400
    assert labelled.get("/api/v1/datasets").json()["items"] == []


def test_queues_are_made_read_and_deleted_over_the_api(labelled: TestClient) -> None:
    queue = api(labelled, "queues", name="tools", filter="kind:tool", order="random", limit=2)
    assert queue["progress"] == {"total": 2, "done": 0, "deferred": 0}
    item = labelled.get(f"/api/v1/queues/{queue['id']}").json()["items"][0]
    assert item["state"] == "todo"
    given = {"label": "defer", "annotator": "ana", "key": "a-long-key"}
    first = api(labelled, f"queues/{queue['id']}/items/{item['id']}/label", **given)
    again = api(labelled, f"queues/{queue['id']}/items/{item['id']}/label", **given)
    assert first == again
    assert first["item"]["state"] == "deferred"
    assert labelled.delete(f"/api/v1/queues/{queue['id']}").status_code == 204
    assert labelled.get(f"/api/v1/queues/{queue['id']}").status_code == 404


def test_an_example_is_removed_by_its_button_and_put_back_and_stays_in_the_version_before(labelled: TestClient) -> None:
    url = post(labelled, "/datasets/from-labels", name="golden").headers["location"]
    page = labelled.get(url).text
    gone = re.findall(r'name="example_id" value="([^"]+)"', page)[0]
    assert post(labelled, f"{url}/remove", example_id=gone).status_code == 303
    page = labelled.get(url).text
    assert gone not in re.findall(r'name="example_id" value="([^"]+)"', page)
    undo = re.search(r'data-text="1 example removed" data-undo="([^"]+)"', page)
    assert undo is not None
    before = labelled.get(url, params={"version": 1}).text
    assert gone[3:9] in before
    assert "/remove" not in before
    assert post(labelled, unescape(undo[1])).status_code == 303
    assert gone in re.findall(r'name="example_id" value="([^"]+)"', labelled.get(url).text)
    assert post(labelled, f"{url}/put-back/7").status_code == 404


# --- files taken in, examples edited, versions compared


def upload(client: TestClient, file: str, body: bytes, **fields: str):
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/datasets").text)
    assert found is not None
    return client.post("/datasets/import", data={"csrf_token": found[1], **fields}, files={"file": (file, body)})


def test_a_file_becomes_a_dataset_of_its_name(client: TestClient) -> None:
    answer = upload(client, "golden.csv", b"question,answer\nWhere?,Here.\n")
    assert answer.status_code == 303
    page = client.get(answer.headers["location"]).text
    assert "<h2>golden</h2>" in page
    assert "Where?" in page
    assert "From golden.csv" in page


def test_rows_that_cannot_be_taken_are_named_and_the_others_taken(client: TestClient) -> None:
    answer = upload(client, "golden.csv", b"question,answer\nWhere?,Here.\n,Nothing\n", name="support")
    assert answer.status_code == 200
    assert "1 taken, 1 left out" in answer.text
    assert "Row 2: It has no input." in answer.text
    assert client.get("/api/v1/datasets?name=support").json()["items"][0]["newest"]["examples"] == 1


def test_a_file_that_cannot_be_read_leaves_no_dataset_behind(client: TestClient) -> None:
    answer = upload(client, "golden.csv", b"\xff\xfe")
    assert answer.status_code == 400
    assert "not UTF-8" in answer.text
    assert client.get("/api/v1/datasets").json()["items"] == []


def test_an_example_is_edited_into_a_new_version(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    listed = labelled.get(f"/api/v1{location}/examples").json()["items"]
    example = next(item for item in listed if item["label"]["verdict"] == "fail")
    url = f"{location}/examples/{example['id']}"
    page = labelled.get(url).text
    assert "Today." in page
    same = dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)<', page))
    answer = post(labelled, url, **{**same, "expected_output": "Tomorrow.", "tags": "late, orders", "split": "test"})
    assert answer.status_code == 303
    after = labelled.get(f"/api/v1{location}/examples?q=tomorrow").json()
    assert after["version"]["number"] == 2
    (edited,) = after["items"]
    assert edited["expected_output"] == {"content": "Tomorrow."}
    assert (edited["tags"], edited["split"]) == (["late", "orders"], "test")
    assert edited["input"] == example["input"]
    assert edited["label"] == example["label"]
    diff = labelled.get(f"{location}/diff").text
    assert "<del>Today</del>" in diff
    assert "<ins>Tomorrow</ins>" in diff
    old = labelled.get(f"{url}?version=1").text
    assert "as it was" in old
    assert "Save as a new version" not in old


def test_an_example_is_written_by_hand(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    form = labelled.get(f"{location}/examples/new")
    assert form.status_code == 200
    assert "Add to the dataset" in form.text
    answer = post(labelled, f"{location}/examples/new", input="And by bus?", expected_output="No.", verdict="")
    assert answer.status_code == 303
    page = labelled.get(answer.headers["location"]).text
    assert "And by bus?" in page
    assert post(labelled, f"{location}/examples/new", input="  ").status_code == 400


def test_a_dataset_is_split_and_its_versions_tagged(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    assert post(labelled, f"{location}/split", shares="train 50, test 60").status_code == 400
    assert post(labelled, f"{location}/split", shares="train 50, test 50").status_code == 303
    assert post(labelled, f"{location}/tag", version="1", tag="prod").status_code == 303
    page = labelled.get(location).text
    assert "Split: train 50, test 50" in page
    assert '<span class="badge accent">prod</span>' in page
    exported = labelled.get(f"/api/v1{location}/export?version=prod")
    assert exported.headers["x-spanwise-dataset-version"] == "1"
    assert post(labelled, f"{location}/tag", version="1", remove="prod").status_code == 303
    assert labelled.get(f"/api/v1{location}").json()["tags"] == {}


def test_the_search_of_examples_says_when_nothing_matches(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    assert "No example of v1 matches." in labelled.get(f"{location}?q=unheard").text
    assert "of 1<" in labelled.get(f"{location}?q=Today").text


def test_the_api_does_all_of_it(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    path = f"/api/v1{location}"
    (first, *_) = labelled.get(f"{path}/examples").json()["items"]
    patched = labelled.patch(f"{path}/examples/{first['id']}", json={"tags": ["a"]})
    assert patched.json()["version"]["changed"] == 1
    refused = labelled.patch(f"{path}/examples/{first['id']}", json={"source": None})
    assert refused.status_code == 400
    assert "cannot be edited" in refused.json()["error"]["message"]
    assert labelled.patch(f"{path}/examples/nobody", json={}).status_code == 404
    assert labelled.put(f"{path}/splits", json={"train": 50, "test": 50}).json()["version"]["number"] == 3
    assert labelled.put(f"{path}/tags/prod?version=1").json() == {"tags": {"prod": 1}}
    diff = labelled.get(f"{path}/diff?from=prod&to=2").json()
    assert diff["changed"] == [{"id": first["id"], "fields": {"tags": {"before": [], "after": ["a"]}}}]
    assert (diff["added"], diff["removed"], diff["changed_count"]) == ([], [], 1)
    assert labelled.delete(f"{path}/tags/prod").status_code == 204
    assert labelled.delete(f"{path}/tags/prod").status_code == 404
    body = labelled.get(f"{path}/export?format=csv&version=1").content
    came = labelled.post(f"{path}/import", content=body).json()
    assert came["taken"] + came["unchanged"] == 3


def test_deleting_a_trace_marks_the_versions_that_held_it(labelled: TestClient) -> None:
    location = made(labelled).partition("?")[0]
    assert labelled.delete(f"/api/v1/traces/{trace_id(2)}").status_code == 204
    page = labelled.get(location).text
    assert "1 example forgotten" in page
    assert "Today." not in page
    assert labelled.get(f"/api/v1{location}/export").headers["x-spanwise-examples"] == "2"
