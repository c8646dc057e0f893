"""Runs over datasets: real clients of the providers in the background of a server, against a provider on loopback."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from fake_provider import FakeProvider
from fake_provider.answer import Answer, Request
from spanwise_server.app import create_app
from spanwise_server.playground import retrying
from spanwise_server.settings import Settings

ROWS = b"question,answer\nWhere is Lima?,Peru\nWhere is Quito?,Ecuador\nWhere is Bonn?,Germany\n"
CALL = {
    "dataset": "cities",
    "provider": "openai",
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "Name the country."}, {"role": "user", "content": "{{question}}"}],
    "format": "plain",
    "checks": [{"kind": "contains"}],
}
COUNTRIES = {"Lima": "Peru", "Quito": "Ecuador", "Bonn": "France"}


def countries(request: Request) -> Answer:
    return Answer(text=next(f"In {land}." for city, land in COUNTRIES.items() if city in request.text))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(countries) as made:
        yield made


@pytest.fixture
def served(settings: Settings, provider: FakeProvider) -> Iterator[TestClient]:
    """A server with a dataset of three rows and a key for the provider."""
    with started(settings) as client:
        client.post("/api/v1/datasets", json={"name": "cities"})
        assert client.post("/api/v1/datasets/1/import", content=ROWS).json()["taken"] == 3
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/playground").text)
        assert token is not None
        key = {"csrf_token": token[1], "provider": "openai", "key": "sk-of-tests", "base_url": provider.openai_url}
        assert client.post("/playground/keys", data=key).status_code == 303
        yield client


def started(settings: Settings) -> TestClient:
    allowed = dataclasses.replace(settings, allow_private=True)
    return TestClient(create_app(allowed), base_url="http://127.0.0.1:4318", follow_redirects=False)


def start(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/experiments/run", json={**CALL, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()


def read(client: TestClient, run: dict[str, Any]) -> dict[str, Any]:
    return client.get(f"/api/v1/experiments/{run['id']}").json()


def until(client: TestClient, run: dict[str, Any], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return a run as it is once it is *good*."""
    for _ in range(1_200):
        found = read(client, run)
        if good(found):
            return found
        time.sleep(0.025)
    raise AssertionError(found)


def ended(client: TestClient, run: dict[str, Any]) -> dict[str, Any]:
    return until(client, run, lambda found: found["state"] not in {"waiting", "running"})


def test_a_run_asks_about_each_row_judges_and_counts(served: TestClient, provider: FakeProvider) -> None:
    run = ended(served, start(served))
    assert (run["state"], run["planned"], run["done"], run["passed"], run["trials"]) == ("done", 3, 3, 2, 3)
    assert run["input_tokens"] > 0
    assert run["cost_usd"] > 0
    failed = run["results"][0]
    assert (failed["passed"], failed["output"], failed["message"]) == (
        False,
        "In France.",
        "It does not say “Germany”.",
    )
    assert {request.text for request in provider.requests} == {"Where is Lima?", "Where is Quito?", "Where is Bonn?"}
    assert "sk-of-tests" not in json.dumps(run)


def test_each_call_is_traced_in_its_own_environment_with_its_experiment(served: TestClient) -> None:
    run = ended(served, start(served))
    assert served.app.state.server.store.wait_until_searchable()
    asked = {"filter": f"env:playground meta.experiment:{run['id']}"}
    found = served.get("/api/v1/spans", params=asked).json()["items"]
    assert len(found) == 3
    assert {span["metadata"]["example"] for span in found} == {result["example_id"] for result in run["results"]}
    assert {span["trace_id"] for span in found} == {result["trace_id"] for result in run["results"]}


def test_a_prompt_of_the_registry_brings_its_messages_and_is_linked(served: TestClient) -> None:
    template = [{"role": "system", "content": "Name the country."}, {"role": "user", "content": "{{question}}"}]
    served.post("/api/v1/prompts", json={"name": "geo", "template": template, "model": "gpt-4o-mini"})
    body = {"dataset": "cities", "prompt": "geo", "checks": [{"kind": "contains"}]}
    answer = served.post("/api/v1/experiments/run", json=body)
    assert answer.status_code == 202, answer.text
    run = ended(served, answer.json())
    assert (run["what"], run["passed"]) == ("geo@1 · gpt-4o-mini", 2)
    span = served.get("/api/v1/spans", params={"filter": "prompt:geo@1"}).json()["items"][0]
    assert span["prompt"]["variables"] == {"question": span["input_messages"][-1]["parts"][0]["content"]}


def test_rows_stand_in_for_messages_where_there_is_no_variable(served: TestClient, provider: FakeProvider) -> None:
    messages = [{"role": "system", "content": "Name the country."}, {"role": "user", "content": "of an old call"}]
    run = ended(served, start(served, messages=messages, format="none"))
    assert run["passed"] == 2
    assert "of an old call" not in json.dumps([dict(request.body) for request in provider.requests])


def test_repeats_count_flips_and_the_majority_decides(served: TestClient, provider: FakeProvider) -> None:
    said = {"Lima": iter(["Peru", "Chile", "Peru"]), "Quito": iter(["Peru", "Peru", "Ecuador"])}
    provider.answer = lambda request: Answer(
        text=next((next(answers) for city, answers in said.items() if city in request.text), "Germany")
    )
    run = ended(served, start(served, repeats=3))
    by_text = {result["output"]: result for result in run["results"]}
    assert [(r["passes"], r["answers"], r["passed"]) for r in by_text.values()] != []
    quito = next(result for result in run["results"] if not result["passed"])
    assert (quito["passes"], quito["answers"], quito["output"]) == (1, 3, "Peru")
    assert run["passed"] == 2
    assert run["flip_rate"] == pytest.approx((1 / 3 + 1 / 3 + 0) / 3)
    assert len(provider.requests) == 9


def test_too_many_at_once_is_tried_again_as_the_provider_asks(served: TestClient, provider: FakeProvider) -> None:
    provider.answer = lambda request: (
        Answer(status=429, error="Slow down", retry_after_s=0.01) if request.number <= 4 else countries(request)
    )
    run = ended(served, start(served))
    assert (run["state"], run["done"], run["errors"], run["passed"]) == ("done", 3, 0, 2)
    assert len(provider.requests) == 7


def test_a_row_whose_call_fails_fails_and_says_why(served: TestClient, provider: FakeProvider) -> None:
    provider.answer = lambda request: (
        Answer(status=400, error="Too long") if "Lima" in request.text else countries(request)
    )
    run = ended(served, start(served))
    assert (run["state"], run["errors"], run["passed"], run["trials"]) == ("done", 1, 1, 3)
    (failed,) = [result for result in run["results"] if result["error"]]
    assert "Too long" in failed["error"]
    assert failed["passed"] is False


def test_a_run_that_never_gets_an_answer_ends_and_says_so(served: TestClient, provider: FakeProvider) -> None:
    rows = "question,answer\n" + "".join(f"Where is {n}?,X\n" for n in range(40))
    served.post("/api/v1/datasets/1/import", content=rows.encode())
    provider.answer = lambda request: Answer(status=401, error="Incorrect API key")
    run = ended(served, start(served))
    assert run["state"] == "failed"
    assert "Incorrect API key" in run["why"]
    assert run["done"] < 30


def test_stopping_hangs_up_on_calls_under_way_and_what_is_left_can_be_resumed(
    served: TestClient, provider: FakeProvider
) -> None:
    silent = threading.Event()

    def answer(request: Request) -> Answer:
        if not silent.is_set() and "Lima" not in request.text:
            time.sleep(30)  # a provider that does not answer: waiting for it would fail the test by its time limit
        return countries(request)

    provider.answer = answer
    began = start(served, at_once=3)
    until(served, began, lambda found: found["done"] == 1 and len(provider.requests) == 3)
    stopped = served.post(f"/api/v1/experiments/{began['id']}/stop").json()
    assert (stopped["state"], stopped["done"]) == ("stopped", 1)
    silent.set()
    assert served.post(f"/api/v1/experiments/{began['id']}/resume").status_code == 202
    run = ended(served, began)
    assert (run["state"], run["done"], run["passed"]) == ("done", 3, 2)
    assert len(provider.requests) == 5, "the row that was answered is not asked about again"
    again = served.post(f"/api/v1/experiments/{began['id']}/resume")
    assert (again.status_code, again.json()["error"]["message"]) == (409, "There is nothing left to run.")


def test_a_run_stops_when_it_has_cost_what_it_may(served: TestClient) -> None:
    run = ended(served, start(served, at_once=1, most_usd=0.000001))
    assert (run["state"], run["done"]) == ("stopped", 1)
    assert "as much as it may" in run["why"]


def test_the_end_of_the_server_cuts_a_run_off_and_the_next_server_says_so(
    settings: Settings, served: TestClient, provider: FakeProvider
) -> None:
    provider.answer = lambda request: Answer(text="word " * 200, chunk_delay_s=0.2)
    began = start(served)
    waiting = [start(served) for _ in range(2)]
    until(served, began, lambda found: found["state"] == "running")
    server = served.app.state.server
    server.runs.close()
    for run in (began, *waiting):
        found = ended(served, run)
        assert (found["state"], found["why"]) == ("cut_off", "The server was ended.")


def test_deleting_a_run_that_is_under_way_stops_it(served: TestClient, provider: FakeProvider) -> None:
    rows = "question,answer\n" + "".join(f"Where is {n}?,X\n" for n in range(60))
    served.post("/api/v1/datasets/1/import", content=rows.encode())
    provider.answer = lambda request: Answer(text="In Peru.", delay_s=0.1)
    began = start(served, at_once=1)
    until(served, began, lambda found: len(provider.requests) >= 1)
    assert served.delete(f"/api/v1/experiments/{began['id']}").status_code == 204
    assert served.app.state.server.runs.wait_for(began["id"])
    assert len(provider.requests) < 60
    assert served.get("/api/v1/experiments").json()["items"] == []


def test_a_run_that_waits_for_others_is_stopped_before_it_asks_anything(
    served: TestClient, provider: FakeProvider
) -> None:
    provider.answer = lambda request: Answer(text="word " * 400, chunk_delay_s=0.2)
    running = [start(served) for _ in range(2)]
    for run in running:
        until(served, run, lambda found: found["state"] == "running")
    waiting = start(served, name="third")
    assert waiting["state"] == "waiting"
    assert "waiting" in page_of(served, waiting["url"])
    stopped = served.post(f"/api/v1/experiments/{waiting['id']}/stop").json()
    assert (stopped["state"], stopped["done"]) == ("stopped", 0)
    for run in running:
        assert served.post(f"/api/v1/experiments/{run['id']}/stop").json()["state"] == "stopped"
    assert len(provider.requests) <= 6, "three rows of two runs"


def test_an_estimate_says_what_it_rests_on_and_calls_nobody(served: TestClient, provider: FakeProvider) -> None:
    before = served.post("/api/v1/experiments/estimate", json=CALL).json()
    assert provider.requests == []
    assert (before["rows"], before["calls"]) == (3, 3)
    assert "Input at 4 characters a token, a guess: no call is recorded." in before["rests_on"]
    assert any("as long as those that are expected" in said for said in before["rests_on"])
    run = ended(served, start(served))
    after = served.post("/api/v1/experiments/estimate", json={**CALL, "repeats": 2}).json()
    assert after["calls"] == 6
    assert any("the mean of the newest 3 calls of gpt-4o-mini" in said for said in after["rests_on"])
    assert any("published price of gpt-4o-mini" in said for said in after["rests_on"])
    assert after["output_tokens"] == pytest.approx(2 * run["output_tokens"], abs=2)
    assert after["cost_usd"] == pytest.approx(2 * run["cost_usd"], rel=0.1)
    unknown = served.post("/api/v1/experiments/estimate", json={**CALL, "model": "made-up"}).json()
    assert unknown["cost_usd"] is None
    assert "There is no published price of made-up." in unknown["rests_on"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"messages": [{"role": "user", "content": "{{city}}"}]}, "No row has a value for city."),
        ({"dataset": "nobody"}, "There is no dataset 'nobody'."),
        ({"split": "test"}, "has no row in its split 'test'"),
        ({"dataset_version": 9}, "There is no version 9"),
        ({"provider": "nobody"}, "There is no provider 'nobody'."),
        ({"provider": "anthropic"}, "There is no key for anthropic."),
        ({"messages": []}, "There is no model, or no message"),
        ({"checks": [{"kind": "regex", "value": "("}]}, "The pattern cannot be read"),
        ({"messages": [{"role": "user", "content": "{{"}], "format": "jinja"}, ""),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_kept(served: TestClient, more: Any, said: str) -> None:
    refused = served.post("/api/v1/experiments/run", json={**CALL, **more})
    assert refused.status_code in {404, 400, 422}, refused.text
    assert said in refused.json()["error"]["message"]
    assert served.get("/api/v1/experiments").json()["items"] == []


def test_a_variable_is_filled_from_the_column_it_is_mapped_to(served: TestClient, provider: FakeProvider) -> None:
    messages = [{"role": "user", "content": "{{city}}"}]
    run = ended(served, start(served, messages=messages, mapping={"city": "question"}))
    assert run["passed"] == 2


def test_two_models_are_compared_row_by_row(served: TestClient, provider: FakeProvider) -> None:
    old = ended(served, start(served))
    now = {"Lima": "Chile", "Quito": "Ecuador", "Bonn": "Germany"}
    provider.answer = lambda request: Answer(text=next(land for city, land in now.items() if city in request.text))
    new = ended(served, start(served, model="gpt-4o"))
    asked = {"before": old["id"], "after": new["id"]}
    found = served.get("/api/v1/experiments/compare", params=asked).json()
    assert (found["newly_failing"], found["newly_passing"], found["p_value"]) == (1, 1, 1.0)
    assert [row["change"] for row in found["rows"]] == ["newly failing", "newly passing", "still passing"]
    assert found["rows"][0]["before"]["output"] == "In Peru."
    assert found["cost_usd_per_call"]["after"] > found["cost_usd_per_call"]["before"]
    changed = served.get("/api/v1/experiments/compare", params={**asked, "changed": True}).json()
    assert len(changed["rows"]) == 2


def test_results_of_a_program_are_judged_by_the_checks_it_names(served: TestClient) -> None:
    ids = [item["id"] for item in served.get("/api/v1/datasets/1/examples").json()["items"]]
    results = [
        {"example_id": ids[0], "output": "In Peru"},
        {"example_id": ids[1], "output": "In Chile"},
        {"example_id": ids[2], "error": "KeyError: 'Bonn'"},
    ]
    body = {"name": "bot", "dataset": "cities", "function": "bot:answer", "results": results}
    kept = served.post("/api/v1/experiments", json={**body, "checks": [{"kind": "contains"}]}).json()
    assert (kept["passed"], kept["trials"], kept["errors"], kept["what"]) == (1, 3, 1, "bot:answer")
    unjudged = served.post("/api/v1/experiments", json=body).json()
    assert (unjudged["passed"], unjudged["trials"]) == (0, 1)


def test_only_what_may_get_better_is_tried_again() -> None:
    class Refused(Exception):
        def __init__(self, status: int) -> None:
            super().__init__(status)
            self.status_code = status

    assert retrying.pause_s(Refused(400), 1) is None
    assert retrying.pause_s(Refused(401), 1) is None
    waits = [retrying.pause_s(Refused(503), tries, lambda: 1.0) for tries in range(1, 7)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, None]
    assert retrying.pause_s(ConnectionResetError(), 1, lambda: 1.0) == 1.0
    assert retrying.pause_s(ValueError("no key"), 1) is None


def page_of(client: TestClient, path: str) -> str:
    found = client.get(path)
    assert found.status_code == 200, found.text
    return found.text


def post_form(client: TestClient, path: str) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/playground").text)
    assert token is not None
    assert client.post(path, data={"csrf_token": token[1]}).status_code == 303


def test_the_page_of_a_run_shows_how_far_it_is_stops_it_and_resumes_it(
    served: TestClient, provider: FakeProvider
) -> None:
    slow = threading.Event()

    def answer(request: Request) -> Answer:
        if not slow.is_set() and "Lima" not in request.text:
            time.sleep(30)  # until it is hung up on
        return countries(request)

    provider.answer = answer
    began = start(served)
    until(served, began, lambda found: found["done"] == 1)
    page = page_of(served, began["url"])
    assert "1 of 3 rows" in page
    assert 'hx-trigger="every 2s"' in page
    fragment = served.get(began["url"], headers={"hx-request": "true", "hx-target": "#experiment"}).text
    assert "<html" not in fragment
    assert 'id="experiment"' in fragment
    post_form(served, f"{began['url']}/stop")
    page = page_of(served, began["url"])
    assert "stopped" in page
    assert "every 2s" not in page
    slow.set()
    post_form(served, f"{began['url']}/resume")
    ended(served, began)
    page = page_of(served, began["url"])
    assert "2 of 3" in page
    assert "contains what is expected" in page
    assert "estimated" in page
    assert "In France." in page_of(served, f"{began['url']}?show=failed")
    assert "In Peru." not in page_of(served, f"{began['url']}?show=failed")


def test_two_runs_that_are_under_way_are_compared_as_far_as_they_are(
    served: TestClient, provider: FakeProvider
) -> None:
    provider.answer = lambda request: (
        Answer(text="word " * 400, chunk_delay_s=0.2) if "Bonn" in request.text else countries(request)
    )
    old, new = start(served), start(served, model="gpt-4o")
    for run in (old, new):
        until(served, run, lambda found: found["done"] == 2)
    path = f"/experiments/compare?before={old['id']}&after={new['id']}"
    page = page_of(served, path)
    assert "running, 2 of 3 rows" in page
    assert "2 rows in both" in page
    fragment = served.get(path, headers={"hx-request": "true", "hx-target": "#comparison"}).text
    assert fragment.lstrip().startswith('<div id="comparison" hx-get')
    for run in (old, new):
        post_form(served, f"{run['url']}/stop")
    assert "stopped, 2 of 3 rows" in page_of(served, path)
    assert "every 2s" not in page_of(served, path)


def test_a_run_that_was_cut_off_says_so(served: TestClient, provider: FakeProvider) -> None:
    provider.answer = lambda request: Answer(text="word " * 200, chunk_delay_s=0.2)
    began = start(served)
    until(served, began, lambda found: found["state"] == "running")
    served.app.state.server.runs.close()
    page = page_of(served, began["url"])
    assert "cut off" in page
    assert "Resume runs the other 3 rows" in page


def test_the_page_of_two_runs_pairs_their_rows(served: TestClient, provider: FakeProvider) -> None:
    old = ended(served, start(served))
    provider.answer = lambda request: Answer(text="In Germany.")
    new = ended(served, start(served, model="gpt-4o"))
    page = page_of(served, f"/experiments/compare?before={old['id']}&after={new['id']}")
    assert "Worse on 1 more rows than better, which may be chance (p = 1.000" in page
    assert page.index('newly failing</span><span class="cut">Where is') < page.index(
        'newly passing</span><span class="cut">'
    )
    assert re.search(r"<ins>[^<]*Germany", page)
    assert "67 % (2 of 3; 21 to 94 %)" in page
    only = page_of(served, f"/experiments/compare?before={old['id']}&after={new['id']}&show=newly+passing")
    assert "Where is Bonn?" in only
    assert "Where is Lima?" not in only
    served.post("/api/v1/datasets", json={"name": "others"})
    served.post("/api/v1/datasets/2/import", content=ROWS)
    other = ended(served, start(served, dataset="others"))
    refused = served.get(f"/experiments/compare?before={old['id']}&after={other['id']}")
    assert refused.status_code == 400
    assert "over &#39;cities&#39; and &#39;others&#39;" in refused.text
