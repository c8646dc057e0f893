from __future__ import annotations

from typing import Any

import pytest

from spanwise_server.errors import SpanwiseError
from spanwise_server.labelling.answers import (
    Answer,
    Given,
    annotations_of,
    answers_from,
    answers_json,
    missing,
    read_answers,
)
from spanwise_server.labelling.queue import Target
from spanwise_server.labelling.rubric import KINDS, Rubric, reworded, rubric_of, simple_rubric
from spanwise_server.record import Annotation, Annotator

EVERY: list[dict[str, Any]] = [
    {"name": "correct", "kind": "binary", "text": "Right?"},
    {"name": "tone", "kind": "category", "text": "Tone?", "options": ["warm", "cold"]},
    {"name": "quality", "kind": "number", "text": "How good?", "low": 1, "high": 5, "whole": True},
    {"name": "notes", "kind": "text", "text": "Anything else?"},
    {"name": "expected", "kind": "correction", "text": "Expected answer"},
    {"name": "must", "kind": "assertions", "text": "What has to hold?"},
    {"name": "first fault", "kind": "first_bad_step", "text": "Where did it go wrong?"},
    {"name": "marks", "kind": "highlights", "text": "Which words?"},
    {"name": "better", "kind": "pairwise", "text": "Which is better?"},
]


def every() -> Rubric:
    return rubric_of(EVERY)


def given(rubric: Rubric, **answers: Any) -> dict[str, Annotation]:
    read = read_answers(rubric, answers)
    facts = Given("p", Target("t", "s"), Annotator("human", "ana"), "queue:1", 7, {"rubric_version": 2})
    return {a.name: a for a in annotations_of(rubric, read, facts)}


def test_every_kind_is_kept_and_read_again() -> None:
    rubric = every()
    assert {q.kind for q in rubric.questions} == set(KINDS)
    assert rubric_of(rubric.as_json()) == rubric


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ([], "at least one question"),
        ([{"name": "a", "kind": "stars", "text": "?"}], "no known kind"),
        ([{"name": "a", "kind": "text", "text": " "}], "asks nothing"),
        ([{"name": "", "kind": "text", "text": "?"}], "no name"),
        ([{"name": "a", "kind": "category", "text": "?", "options": ["one"]}], "two or more different answers"),
        ([{"name": "a", "kind": "category", "text": "?", "options": ["one", "one"]}], "two or more different answers"),
        ([{"name": "a", "kind": "number", "text": "?", "low": 5, "high": 1}], "not below the upper"),
        ([{"name": "a", "kind": "number", "text": "?", "low": "five"}], "not numbers"),
        ([{"name": "a", "kind": "text", "text": "?"}] * 2, "are named 'a'"),
        ([{"name": n, "kind": "correction", "text": "?"} for n in "ab"], "Two questions ask for"),
    ],
)
def test_a_rubric_that_cannot_be_asked_says_why(questions: list[Any], why: str) -> None:
    with pytest.raises(SpanwiseError, match=why):
        rubric_of(questions)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("correct", "maybe", "no answer to 'correct'"),
        ("tone", "lukewarm", "no answer to 'tone'"),
        ("quality", 6, "out of bounds"),
        ("quality", 2.5, "not a whole number"),
        ("quality", "nan", "not a number"),
        ("first fault", "step 3", "no step"),
        ("marks", '[{"quote": "x", "start": 4, "end": 2}]', "ends before it starts"),
        ("marks", "[1]", "a list of quote"),
        ("better", "a", "no answer to .better."),
        ("unasked", "x", "asks nothing named 'unasked'"),
    ],
)
def test_an_answer_that_does_not_fit_says_why(name: str, value: Any, why: str) -> None:
    with pytest.raises(SpanwiseError, match=why):
        read_answers(every(), {name: {"value": value}})


def test_saying_nothing_is_no_judgement() -> None:
    with pytest.raises(SpanwiseError, match="says nothing"):
        read_answers(every(), {"correct": {"value": "", "critique": " "}, "must": {"value": "\n \n"}})


def test_zero_is_an_answer() -> None:
    rubric = rubric_of([{"name": "n", "kind": "number", "text": "?", "low": 0}])
    assert read_answers(rubric, {"n": {"value": 0}}) == {"n": Answer(0.0)}


def test_each_answer_is_an_annotation_and_what_is_expected_joins_the_verdict() -> None:
    said = given(
        every(),
        correct={"value": "fail", "critique": "late"},
        tone={"value": "cold"},
        quality={"value": "4"},
        notes={"value": "hm"},
        expected={"value": "It arrives today."},
        must={"value": "mentions the order\n\noffers a refund"},
        **{"first fault": {"value": {"span_id": "AB", "name": "lookup"}}},
        marks={"value": '[{"quote": "Thursday", "start": 3, "end": 11}]'},
        better={"value": {"choice": "second", "other": "t2/s2"}},
    )
    verdict = said["correct"]
    assert (verdict.label, verdict.score, verdict.explanation) == ("fail", 0.0, "late")
    assert verdict.correction == "It arrives today."
    assert verdict.metadata == {"rubric_version": 2, "assertions": ["mentions the order", "offers a refund"]}
    assert set(said) == {"correct", "tone", "quality", "notes", "first fault", "marks", "better"}
    assert next(iter(said)) == "correct"
    assert (said["tone"].label, said["quality"].score, said["notes"].explanation) == ("cold", 4.0, "hm")
    assert said["first fault"].label == "lookup"
    assert said["first fault"].metadata == {"rubric_version": 2, "step": {"span_id": "ab", "name": "lookup"}}
    assert said["marks"].metadata == {
        "rubric_version": 2,
        "highlights": [{"quote": "Thursday", "start": 3, "end": 11, "note": ""}],
    }
    assert (said["better"].label, said["better"].score) == ("worse", 0.0)


def test_a_correction_alone_is_kept_under_the_name_of_the_verdict() -> None:
    said = given(simple_rubric(), expected={"value": "Better."})
    assert [(a.name, a.label, a.correction) for a in said.values()] == [("correct", None, "Better.")]


def test_no_faulty_step_is_an_answer() -> None:
    assert given(every(), **{"first fault": {"value": "none"}})["first fault"].label == "none"


def test_answers_are_kept_as_json_and_read_again() -> None:
    read = read_answers(every(), {"correct": {"value": "pass"}, "must": {"value": ["a", "b"]}})
    assert answers_from(answers_json(read)) == read


def test_what_has_to_be_answered_and_was_not_is_told() -> None:
    rubric = every()
    read = read_answers(rubric, {"correct": {"value": "pass"}})
    assert [q.name for q in missing(rubric, read)] == ["tone", "quality", "first fault", "better"]


def test_one_verdict_is_answered_by_one_key_and_two_are_not() -> None:
    assert simple_rubric().on_key
    assert not every().on_key
    assert not rubric_of([EVERY[2]]).on_key
    assert rubric_of([EVERY[1], {**EVERY[3], "required": False}]).on_key


def test_another_wording_keeps_everything_else() -> None:
    again = reworded(simple_rubric(), "Would you send it?")
    assert again.lead.text == "Would you send it?"
    assert again.questions[1:] == simple_rubric().questions[1:]
