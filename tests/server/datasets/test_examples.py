from __future__ import annotations

import math
from dataclasses import replace

from shop_traces import failed, shop_trace
from spanwise_server.datasets.example import Example, example_of
from spanwise_server.datasets.version import Change, change, manifest_hash
from spanwise_server.record import Annotation, Annotator

PASS = Annotation(
    "a1",
    "default",
    "correct",
    "t",
    "s",
    label="pass",
    annotator=Annotator("human", "ana"),
    source="queue:4",
    updated_ns=9,
)
FAIL = replace(PASS, label="fail", explanation="late")
CORRECTED = replace(FAIL, correction="It arrives today.")


def example(judged: Annotation | None = PASS, n: int = 1) -> Example:
    records = shop_trace(n)
    return example_of(records[0], judged, around=records, blind=True)


def test_a_passed_answer_is_what_is_expected() -> None:
    assert example().expected_output == example().actual_output == {"content": "Order 1 arrives on Thursday."}


def test_a_correction_is_what_is_expected_and_the_answer_is_kept() -> None:
    made = example(CORRECTED)
    assert made.expected_output == {"content": "It arrives today."}
    assert made.actual_output == {"content": "Order 1 arrives on Thursday."}
    assert made.label == {"verdict": "fail", "critique": "late"}


def test_of_a_failed_answer_nothing_is_expected() -> None:
    assert example(FAIL).expected_output is None


def test_of_a_call_that_failed_nothing_is_expected_even_if_it_passed() -> None:
    records = failed(shop_trace(1), "429")
    assert example_of(records[0], PASS, around=records).expected_output is None


def test_it_says_where_it_came_from_and_who_judged() -> None:
    made = example()
    assert made.source is not None
    assert made.provenance is not None
    assert made.source["trace_id"] == shop_trace(1)[0].span.trace_id
    assert made.source["session_id"] == "s_1"
    assert made.provenance == {
        "annotation": "correct",
        "queue": "4",
        "annotators": ["ana"],
        "labelled_at_ns": 9,
        "blind": True,
    }


def test_what_was_retrieved_below_the_span_is_its_context() -> None:
    assert example().context == ["Parcels arrive in two days."]
    records = shop_trace(1)
    assert example_of(records[3], PASS, around=records).context == []


def test_the_messages_and_the_prompt_of_a_model_call_are_kept() -> None:
    made = example_of(shop_trace(1)[3], PASS)
    assert [message["role"] for message in made.input["messages"]] == ["system", "user", "assistant", "user"]
    assert made.source is not None
    assert made.source["prompt"] == {"name": "support-secret", "version": "7", "hash": "abc"}


def test_kept_and_read_again_it_is_the_same_example() -> None:
    made = example(CORRECTED)
    again = Example.from_json(made.as_json())
    assert again == made
    assert again.content_hash == made.content_hash


def test_what_json_has_no_number_for_is_kept_in_words() -> None:
    """Not every engine has a column for it otherwise."""
    records = shop_trace(1)
    odd = replace(records[0], reading=replace(records[0].reading, input={"score": math.nan, "best": [-math.inf]}))
    made = example_of(odd, PASS, around=records)
    assert made.input == {"content": {"score": "NaN", "best": ["-Infinity"]}}
    assert Example.from_json(made.as_json()).content_hash == made.content_hash


def test_the_hash_tells_what_an_example_is_and_not_who_labelled_it() -> None:
    other = replace(PASS, annotator=Annotator("human", "bo"), updated_ns=100)
    assert example(other).content_hash == example().content_hash
    assert example(FAIL).content_hash != example().content_hash


def test_one_span_is_one_example_however_often_it_is_added() -> None:
    assert example(FAIL).id == example(PASS).id != example(PASS, n=2).id


def test_a_version_is_named_by_what_it_holds_not_by_the_order() -> None:
    assert (
        manifest_hash({"a": "1", "b": "2"})
        == manifest_hash({"b": "2", "a": "1"})
        != manifest_hash({"a": "2", "b": "1"})
    )


def test_a_change_counts_what_is_added_changed_and_removed() -> None:
    found = change({"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1", "d": "1"})
    assert found == Change(added=1, changed=1, removed=1)
    assert found.words == "1 added, 1 changed, 1 removed"
    assert change({"a": "1"}, {"a": "1"}).words == "nothing changed"
