"""What is found of a prompt without running it."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from server.prompts.test_prompt_pages import OLD, call, judge, publish
from spanwise_server.datasets.example import Example
from spanwise_server.prompts.checks import Weight, leaked, weight_of
from spanwise_server.prompts.content import Content


def found(client: TestClient) -> dict[str, tuple[str, str]]:
    page = client.get("/prompts/shop/support?tab=checks").text
    rows = re.findall(r"<tr><td>([^<]+)</td><td><span[^>]*>([^<]+)</span></td><td>([^<]+)</td></tr>", page)
    return {name: (state, words) for name, state, words in rows}


def test_a_call_that_left_a_variable_unfilled_is_found(client: TestClient) -> None:
    publish(client, OLD)
    call(client, 1, 1, "Where?", "Here.", OLD)
    assert found(client)["Unfilled variables"][0] == "fine"
    call(client, 2, 1, "", "Here.", OLD)
    assert found(client)["Unfilled variables"] == ("wrong", "Of its newest 2 calls: question in 1.")


def test_a_row_of_a_dataset_in_the_prompt_is_a_leak(client: TestClient) -> None:
    publish(client, OLD)
    call(client, 1, 1, "q", "The parcel 4711 will be with you on Monday.", OLD)
    judge(client, 1, "pass")
    made = client.post("/api/v1/datasets", json={"name": "parcels"}).json()
    span = {"trace_id": f"{1:032x}", "span_id": f"{1:016x}"}
    client.post(f"/api/v1/datasets/{made['id']}/examples", json={"span": span, "annotation_name": "verdict"})
    assert found(client)["Leak"] == ("fine", "No row of a dataset here stands in the prompt.")
    publish(client, "Answer like this: the parcel 4711 will be with you on Monday. {{question}}")
    state, words = found(client)["Leak"]
    assert state == "wrong"
    assert "1 row stands in the prompt and in the dataset &#39;parcels&#39;" in words


@pytest.mark.parametrize(
    ("text", "expected"), [("Where IS my  parcel, please tell me now?", ["ex_1"]), ("Where is it?", [])]
)
def test_leaks_are_found_whatever_the_case_and_spaces(text, expected) -> None:
    example = Example("ex_1", {"content": "where is my parcel, please tell me now?"}, None, None)
    assert leaked(Content(f"Example:\n{text}\nAnswer."), [example]) == expected


def test_short_inputs_are_no_leaks() -> None:
    assert leaked(Content("Say hello."), [Example("ex_1", {"content": "hello"}, None, None)]) == []


def test_the_weight_is_of_what_never_changes_and_of_what_comes_before_the_first_variable() -> None:
    assert weight_of(Content("a" * 400)) == Weight(100, 100)
    assert weight_of(Content("a" * 40 + "{{x}}" + "b" * 400)) == Weight(110, 10)
    assert weight_of(Content("a" * 40 + "{x}" + "b" * 400, "fstring")).late_tokens == 100


def test_a_variable_that_stands_early_breaks_the_cache(client: TestClient) -> None:
    publish(client, "For {{company}}: " + "rule " * 2_000)
    state, words = found(client)["Cacheable prefix"]
    assert state == "wrong"
    assert "move variables to the end" in words
    publish(client, "rule " * 2_000 + "For {{company}}")
    assert found(client)["Cacheable prefix"][0] == "fine"


def test_what_never_changes_costs_money_every_month(client: TestClient) -> None:
    publish(client, OLD)
    assert "No priced call" in found(client)["Static weight"][1]
    for n in range(1, 5):
        call(client, n, 1, f"q{n}", "a", OLD)
    assert re.search(
        r"At [\d.]+ calls a day, as of late, they cost less than \$0\.01 a month", found(client)["Static weight"][1]
    )


def test_answers_are_held_against_the_schema(client: TestClient) -> None:
    publish(client, OLD, output_schema={"type": "object"})
    call(client, 1, 1, "q1", "{}", OLD)
    call(client, 2, 1, "q2", "no", OLD)
    assert found(client)["Output format"] == ("wrong", "1 of 2 answers are not as the schema asks.")
