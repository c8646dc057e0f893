from __future__ import annotations

import pytest

from shop_traces import agent, model, text
from spanwise_server.errors import SpanwiseError
from spanwise_server.labelling.answer import answer_text, asked, plain, question_text
from spanwise_server.labelling.judgement import Verdict, annotation_id, annotation_of, correction_of, read_label
from spanwise_server.labelling.pace import pace
from spanwise_server.labelling.queue import Target
from spanwise_server.record import Annotator, Reading

ANA = Annotator("human", "ana")
SPAN = Target("0" * 31 + "1", "0" * 15 + "1")


def judged(verdict: Verdict, reading: Reading | None = None):
    return annotation_of(
        verdict, project="p", target=SPAN, reading=reading or agent("Why?", "Because.", 1), name="correct",
        annotator=ANA, source="queue:1", at_ns=5,
    )  # fmt: skip


def test_an_answer_left_as_it_is_is_no_correction() -> None:
    assert judged(Verdict("pass", "", "Because.")).correction is None


def test_line_ends_of_a_form_are_no_correction() -> None:
    assert correction_of("one\r\ntwo\r\n", Reading(output="one\ntwo")) is None


def test_an_emptied_answer_is_no_correction() -> None:
    assert correction_of("  ", Reading(output="something")) is None


def test_a_changed_answer_is_the_expected_output() -> None:
    assert judged(Verdict("fail", "rude", "Because, dear customer.")).correction == "Because, dear customer."


def test_a_corrected_object_stays_an_object() -> None:
    reading = Reading(output={"intent": "refund", "sure": False})
    assert correction_of('{"intent": "cancel", "sure": true}', reading) == {"intent": "cancel", "sure": True}
    assert correction_of("not json any more", reading) == "not json any more"


def test_an_untouched_object_is_no_correction() -> None:
    reading = Reading(output={"intent": "refund", "sure": False})
    assert correction_of(answer_text(reading), reading) is None


def test_fail_scores_zero_and_zero_is_said() -> None:
    assert judged(Verdict("fail")).score == 0.0
    assert judged(Verdict("pass")).score == 1.0
    assert judged(Verdict(None, "only a note")).score is None


def test_a_judgement_that_says_nothing_is_refused() -> None:
    with pytest.raises(SpanwiseError, match="says nothing"):
        judged(Verdict(None, "  ", "Because."))


def test_only_verdicts_are_verdicts() -> None:
    assert read_label("") is None
    with pytest.raises(SpanwiseError, match="'maybe' is not a verdict"):
        read_label("maybe")


def test_one_person_has_one_judgement_of_a_name_and_two_have_two() -> None:
    ids = {
        annotation_id("p", SPAN, "correct", who) for who in (ANA, Annotator("human", "ana"), Annotator("human", "bo"))
    }
    assert len(ids) == 2


def test_the_question_is_the_last_thing_the_user_said() -> None:
    assert question_text(model("Where is it?", "There.")) == "Where is it?"


def test_a_function_asked_with_one_text_was_asked_that_text() -> None:
    assert question_text(Reading(input={"question": "Where?"})) == "Where?"
    assert asked({"a": 0}) == plain({"a": 0}) == '{\n  "a": 0\n}'


def test_an_answer_in_an_object_stays_an_object() -> None:
    reading = Reading(output={"intent": "refund"})
    assert answer_text(reading) == '{\n  "intent": "refund"\n}'
    assert correction_of('{"intent": "cancel"}', reading) == {"intent": "cancel"}


def test_an_answer_of_tool_calls_is_told_as_calls() -> None:
    call = {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "look", "arguments": {"order": 7}}]}
    assert answer_text(Reading(output_messages=(call,))) == 'look({"order": 7})'


def test_reasoning_is_not_part_of_the_answer() -> None:
    said = {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "Yes."}]}
    assert answer_text(Reading(output_messages=(said, text("assistant", "Sure.")))) == "Yes.\n\nSure."


def test_pace_is_the_median_and_ignores_breaks() -> None:
    found = pace([30_000, 40_000, 38_000, 3_600_000], left=55)
    assert found is not None
    assert found.words == ("38 s an item", "about 35 min left")


def test_two_items_say_nothing_of_the_pace() -> None:
    assert pace([1_000, 2_000], left=10) is None
    assert pace([1_000, 2_000, 3_000], left=0) is None
