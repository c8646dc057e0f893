"""The pages of prompts: the list, one with its versions, and the forms that publish and move labels."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from spanwise_server.experiments.experiment import Result
from spanwise_server.prompts.content import template_hash
from spanwise_server.prompts.statistics import Rate, mcnemar
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.experiments import Experiments

OLD = "Use the policy. If you are not sure, say so politely.\nAnswer {{question}}"
NEW = "Use the policy. Offer a person.\nAnswer {{question}}"


def form(client: TestClient, path: str, **fields: Any):
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/prompt-edit").text)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1], **fields})


def publish(client: TestClient, template: Any, **more: Any) -> None:
    answer = client.post("/api/v1/prompts", json={"name": "shop/support", "template": template, **more})
    assert answer.status_code in {200, 201}, answer.text


def call(client: TestClient, n: int, version: int, question: str, answer: str, template: str, **more: Any) -> None:
    """Send a call with a version of the prompt, as the SDK does."""

    def message(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    said = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.prompt.name": "shop/support", "spanwise.prompt.version": str(version),
        "spanwise.prompt.hash": template_hash(template), "spanwise.prompt.template": template,
        "spanwise.prompt.variables": json.dumps({"question": question}),
        "gen_ai.input.messages": message("system", template.replace("{{question}}", question)),
        "gen_ai.output.messages": message("assistant", answer), **more,
    }  # fmt: skip
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
    counts = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
    attributes += [{"key": key, "value": {"intValue": value}} for key, value in counts.items()]
    start = time.time_ns() - 3_600_000_000_000
    span = {
        "traceId": f"{n:032x}", "spanId": f"{n:016x}", "name": "chat", "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 2_000_000_000), "attributes": attributes,
    }  # fmt: skip
    sent = client.post("/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert sent.status_code == 200


def judge(client: TestClient, n: int, label: str, kind: str = "human") -> None:
    said = {
        "name": "verdict", "target": {"trace_id": f"{n:032x}", "span_id": f"{n:016x}"}, "label": label,
        "annotator": {"kind": kind, "id": "ana"},
    }  # fmt: skip
    assert client.post("/api/v1/annotations", json=said).status_code in {200, 201}


def test_without_a_prompt_the_page_says_how_to_get_one(client: TestClient) -> None:
    page = client.get("/prompts").text
    assert "No prompt yet" in page
    assert "spanwise.prompt(" in page
    assert 'aria-current="page"' in page


def test_prompts_stand_in_their_folders_with_their_labels(client: TestClient) -> None:
    publish(client, OLD, labels=["production"], note="First version")
    page = client.get("/prompts").text
    assert 'href="/prompts/shop/support"' in page
    assert "production 1" in page
    assert "First version" in page


def test_a_new_version_is_published_from_the_form(client: TestClient) -> None:
    answer = form(
        client, "/prompt-edit", name="shop/support", kind="text", text="Dear {{name}}", note="Kinder", label="staging",
        params='{"temperature": 0.2}', model="gpt-4o-mini",
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/prompts/shop/support?v=1")
    said = client.get("/api/v1/prompts/shop/support?label=staging").json()
    assert (said["template"], said["note"], said["params"]) == ("Dear {{name}}", "Kinder", {"temperature": 0.2})
    assert "Dear {{name}}" in client.get("/prompt-edit?name=shop/support&from=1").text


def test_messages_are_published_from_the_form(client: TestClient) -> None:
    fields = {"name": "bot", "kind": "chat", "role": ["system", "user"], "content": ["Be kind.", "{{question}}"]}
    assert form(client, "/prompt-edit", **fields).status_code == 303
    said = client.get("/api/v1/prompts/bot").json()
    assert [message["role"] for message in said["template"]] == ["system", "user"]
    assert "{{question}}" in client.get("/prompts/bot").text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"text": "{% if %}", "format": "jinja"}, "This is no Jinja template"),
        ({"text": "x", "params": "{"}, "The parameters are not JSON"),
        ({"text": "x", "tools": "{}"}, "The tools are no JSON list"),
        ({"text": "x", "name": "../x"}, "cannot be the name of a prompt"),
        ({"text": "x", "format": "word"}, "There is no format"),
    ],
)
def test_what_cannot_be_used_comes_back_in_the_form_with_the_reason(client: TestClient, fields, sentence) -> None:
    answer = form(client, "/prompt-edit", **{"name": "p", "kind": "text", "note": "kept", **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="kept"' in answer.text


def test_the_page_shows_what_changed_word_by_word_and_line_by_line(client: TestClient) -> None:
    publish(client, OLD, model="gpt-4o")
    publish(client, NEW, model="gpt-5")
    page = client.get("/prompts/shop/support?v=2").text
    assert "<ins>Offer a person</ins>" in page
    assert "<del>If you are not sure, say so politely</del>" in page
    assert '<span class="var">{{question}}</span>' in page
    assert "<del>gpt-4o</del>" in page
    assert "<ins>gpt-5</ins>" in page
    lines = client.get("/prompts/shop/support?v=2&lines=1").text
    assert "<ins>Use the policy. Offer a person.\n</ins>" in lines


def test_each_version_is_measured_and_its_failures_are_a_click_away(client: TestClient) -> None:
    publish(client, OLD, labels=["production"])
    publish(client, NEW)
    for n in range(1, 7):
        call(client, n, 1, f"q{n}", "Sorry.", OLD)
    for n in range(7, 9):
        call(client, n, 2, f"q{n}", "Ask Ana.", NEW)
    for n, label in ((1, "pass"), (2, "fail"), (3, "pass"), (7, "pass")):
        judge(client, n, label)
    judge(client, 4, "fail", "llm")
    page = client.get("/prompts/shop/support").text
    rows = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*</tr>", page.split('aria-label="Versions"')[-1], re.DOTALL)
    cells = [[re.sub(r"<[^>]+>|\s+", " ", c).strip() for c in re.findall(r"<td.*?</td>", r, re.DOTALL)] for r in rows]
    second, first = cells[1], cells[2]
    assert first[1:3] == ["6", "75 %"]
    assert second[1:3] == ["2", "25 %"]
    assert first[3:8] == ["67 %", "21 \u2013 94 of 3", "0 %", "0 \u2013 79 of 1", "2"]
    assert first[9:11] == ["100", "20"]
    assert "filter=prompt:shop/support@1%20label:fail%20-env:playground" in page
    failed = client.get("/api/v1/traces", params={"filter": "prompt:shop/support@1 label:fail -env:playground"})
    assert len(failed.json()["items"]) == 2, "as many as the cell says"


def test_calls_from_the_playground_are_no_traffic(client: TestClient) -> None:
    publish(client, OLD)
    call(client, 1, 1, "q", "a", OLD, **{"deployment.environment.name": "playground"})
    assert '<td class="n">0</td>' in client.get("/prompts/shop/support").text


def test_answers_to_the_same_inputs_stand_beside_each_other(client: TestClient) -> None:
    publish(client, OLD)
    publish(client, NEW)
    call(client, 1, 1, "Where is it?", "It is late.", OLD)
    call(client, 2, 2, "Where is it?", "It is here.", NEW)
    call(client, 3, 1, "Why?", "Because.", OLD)
    call(client, 4, 2, "Why?", "Because.", NEW)
    call(client, 5, 2, "Only new?", "Yes.", NEW)
    page = client.get("/prompts/shop/support?v=2&tab=answers").text
    assert "2 inputs that both 1 and 2 answered; 1 answered differently." in page
    assert "<del>late</del><ins>here</ins>" in page
    assert "same answer" in page
    assert "Only new?" not in page


def test_answers_are_held_against_the_schema(client: TestClient) -> None:
    schema = {"type": "object", "required": ["city"]}
    publish(client, OLD, output_schema=schema)
    for n, answer in enumerate(['{"city": "Lima"}', "Lima", "{}", '```json\n{"city": "Lima"}\n```'], 1):
        call(client, n, 1, f"q{n}", answer, OLD)
    assert "50 %" in client.get("/prompts/shop/support").text


def test_a_label_is_moved_and_its_history_shown(client: TestClient) -> None:
    publish(client, OLD, labels=["production"])
    publish(client, NEW)
    assert "Promote 2 to production" in client.get("/prompts/shop/support").text
    moved = form(client, "/prompt-label", name="shop/support", label="production", version=2)
    assert moved.status_code == 303
    assert "Roll back production to 1" in client.get("/prompts/shop/support?v=1").text
    history = client.get("/prompts/shop/support?tab=history").text
    assert history.count("<td>2</td>") == 1
    form(client, "/prompt-label", name="shop/support", label="production")
    assert "Make 2 production" in client.get("/prompts/shop/support").text


def test_each_move_of_a_label_is_marked_on_the_charts_of_the_project(client: TestClient) -> None:
    publish(client, OLD, labels=["production"])
    publish(client, NEW, labels=["production"])
    call(client, 1, 1, "q", "a", OLD)
    page = client.get("/dashboard").text
    assert page.count('class="change"') == 16, "two moves on eight charts"
    assert "shop/support: production 1 to 2" in page
    assert "2 changes of prompts." in page
    assert 'href="/prompts/shop/support?v=2"' in page
    traces = client.get("/traces").text
    assert traces.count('class="change"') == 2
    assert "shop/support: production 1 to 2" in traces
    assert "2 changes of prompts." in traces


def test_a_version_that_is_written_in_code_is_a_change_from_its_first_call_on(client: TestClient) -> None:
    call(client, 1, 1, "q", "a", OLD)
    call(client, 2, 2, "q", "a", NEW)
    call(client, 3, 2, "q2", "a", NEW)
    client.app.state.server.seen.wait()
    versions = client.get("/api/v1/prompts/shop/support/versions").json()["items"]
    begun = client.get(f"/api/v1/spans/{2:016x}").json()
    assert versions[0]["created_at"][:23] == begun.get("span", begun)["start_time"][:23]
    page = client.get("/dashboard").text
    assert page.count('class="change"') == 8, "one change on eight charts: the first version is none"
    assert "shop/support: first call with 2" in page
    assert "shop/support: first call with 2" in client.get("/traces").text


def dataset_of(client: TestClient, *numbers: int) -> dict[str, Any]:
    made = client.post("/api/v1/datasets", json={"name": "failures"}).json()
    for n in numbers:
        span = {"trace_id": f"{n:032x}", "span_id": f"{n:016x}"}
        body = {"span": span, "annotation_name": "verdict"}
        assert client.post(f"/api/v1/datasets/{made['id']}/examples", json=body).status_code == 201
    return made


def test_labelled_failures_and_rows_of_datasets_made_of_them_are_listed(client: TestClient) -> None:
    publish(client, OLD)
    publish(client, NEW)
    call(client, 1, 1, "Where is it?", "Nowhere.", OLD)
    call(client, 2, 1, "When?", "Soon.", OLD)
    judge(client, 1, "fail")
    judge(client, 2, "pass")
    dataset_of(client, 1, 2)
    page = client.get("/prompts/shop/support?tab=failures&v=1").text
    calls, rows = page.split("Examples it failed on", 1)
    assert "Open 1 trace" in calls
    assert "Nowhere." in calls
    assert "Soon." not in page
    assert f"/traces/{1:032x}?span={1:016x}" in calls
    assert f"/traces/{1:032x}?span={1:016x}" in rows
    assert ">failures</a>" in rows
    newer = client.get("/prompts/shop/support?tab=failures&v=2").text
    assert "Nowhere." not in newer
    assert "None. Add labelled failures to a dataset" in newer


def test_rows_that_a_run_of_the_version_failed_are_listed_and_those_of_a_changed_one_are_not(
    client: TestClient,
) -> None:
    publish(client, OLD)
    call(client, 1, 1, "Where is it?", "Here.", OLD)
    judge(client, 1, "pass")
    made = dataset_of(client, 1)
    store = client.app.state.server.store
    dataset = Datasets(store).find(made["id"])
    assert dataset is not None
    assert dataset.newest is not None
    (example,) = Datasets(store).examples(dataset.newest.id)
    for text, why in ((OLD, "It forgot the policy."), ("Changed in the playground.", "Not of this version.")):
        plan = {"prompt": "shop/support", "version": 1, "messages": [{"role": "system", "content": text}]}
        experiments = Experiments(store)
        run = experiments.plan(dataset, dataset.newest, plan, name="nightly", planned=1, threshold=0.5, by="ana")
        experiments.add_result(run.id, Result(example.id, passed=False, message=why))
    page = client.get("/prompts/shop/support?tab=failures").text
    assert "It forgot the policy." in page
    assert "nightly</a>" in page
    assert "Not of this version." not in page


def test_labels_are_protected_and_prompts_deleted_from_the_pages(client: TestClient) -> None:
    publish(client, OLD)
    assert form(client, "/prompt-protect", label="production", on="1").status_code == 303
    assert "Lift the protection of production" in client.get("/prompts").text
    form(client, "/prompt-protect", label="production")
    assert "Lift the protection of production" not in client.get("/prompts").text
    assert form(client, "/prompt-delete", name="shop/support").status_code == 303
    assert "No prompt yet" in client.get("/prompts").text


def test_hostile_prompts_are_text(client: TestClient) -> None:
    publish(client, "<script>alert(1)</script> {{x}}", note="<img src=x onerror=alert(1)>")
    publish(client, "<b>bold</b>")
    for tab in ("changes", "template", "answers", "failures", "history", "code"):
        page = client.get(f"/prompts/shop/support?tab={tab}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_few_labels_give_a_wide_interval() -> None:
    assert Rate(0, 0).interval is None
    low, high = Rate(47, 50).interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.838, 0.979)
    assert Rate(5, 5).interval is not None
    assert (Rate(5, 5).interval or (0, 0))[0] < 0.6


@pytest.mark.parametrize(
    ("failing", "passing", "p"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (1, 9, 0.021484375), (10, 10, 1.0)]
)
def test_mcnemar_is_exact(failing, passing, p) -> None:
    assert mcnemar(failing, passing) == pytest.approx(p)
    assert mcnemar(passing, failing) == mcnemar(failing, passing)
