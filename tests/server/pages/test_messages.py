from __future__ import annotations

import json
from dataclasses import replace

from server.pages.made import QUESTION, REPLY, SYSTEM, answer, call, conversation, llm, message, record, span_id
from spanwise import vocabulary as v
from spanwise_server.pages.message_parts import Answer, Call, Link, Other, Picture, Reasoning, Text
from spanwise_server.pages.messages import text_at, transcript


def by_id(number):
    records = conversation()
    return next(r for r in records if r.span.span_id == span_id(number)), records


def parts(*given):
    sound = llm(2, 1, "ask", 0, 100, [QUESTION], REPLY)
    record = replace(sound, reading=replace(sound.reading, input_messages=(message("user", None, *given),)))
    return transcript(record, (record,)).new[0].parts


def test_the_system_prompt_stands_apart_to_be_folded():
    talk = transcript(*by_id(2))
    assert [turn.who for turn in talk.system] == ["System"]
    assert [turn.who for turn in talk.new] == ["User", "Assistant"]
    assert talk.seam is None


def test_what_an_earlier_call_has_seen_is_folded_and_the_new_begins_at_a_seam():
    talk = transcript(*by_id(7))
    assert [turn.who for turn in talk.before] == ["User"]
    assert talk.earlier is not None
    assert talk.earlier.name == "plan"
    assert talk.earlier.preview == "lookup_order, create_refund"
    assert talk.seam == "plan"
    assert [turn.out for turn in talk.new] == [True]


def test_a_call_and_its_result_are_one_card():
    talk = transcript(*by_id(4))
    cards = [
        part for turn in (*talk.before, *(talk.earlier.turns if talk.earlier else ()), *talk.new) for part in turn.parts
    ]
    lookup = next(part for part in cards if isinstance(part, Call) and part.name == "lookup_order")
    assert "ch_1" in str(lookup.result)
    assert lookup.span_id == span_id(3)
    assert lookup.duration_ms == 300
    assert not any(isinstance(part, Answer) for part in cards)


def test_a_call_of_the_last_answer_finds_its_result_in_the_tools_span():
    talk = transcript(*by_id(2))
    card = talk.new[-1].parts[0]
    assert isinstance(card, Call)
    assert "ok" in str(card.result)


def test_a_tool_that_does_not_say_which_call_it_ran_is_found_by_its_name_and_arguments():
    asked = llm(
        2, 1, "ask", 0, 100, [QUESTION], message("assistant", None, call("c9", "look", a=1), call("c8", "look", a=2))
    )
    spans = [
        record(n, 1, "look", 100 * n, 50, {v.TOOL_NAME: "look", v.TOOL_CALL_ARGUMENTS: json.dumps(said)}, kind="tool")
        for n, said in ((3, {"a": 2}), (4, {"a": 1}))
    ]
    cards = transcript(asked, (asked, *spans)).new[-1].parts
    assert [card.span_id for card in cards if isinstance(card, Call)] == [span_id(4), span_id(3)]


def test_a_tool_that_failed_says_so_on_the_card():
    talk = transcript(*by_id(4))
    card = talk.new[-1].parts[0]
    assert isinstance(card, Call)
    assert card.error == "TimeoutError"


def test_a_result_whose_call_is_not_there_is_shown_by_itself():
    assert isinstance(parts(answer("lost", {"a": 1}))[0], Answer)


def test_an_unrelated_call_before_has_no_seam():
    first = llm(2, 1, "other", 0, 100, [SYSTEM, message("user", "Something else")], REPLY)
    second = llm(3, 1, "ask", 200, 100, [SYSTEM, QUESTION], REPLY)
    talk = transcript(second, (first, second))
    assert talk.seam is None
    assert talk.earlier is None


def test_a_later_call_is_never_what_an_earlier_one_repeats():
    first, records = by_id(2)
    assert transcript(first, records).earlier is None


def test_reasoning_pictures_links_and_the_unknown_each_have_their_form():
    found = parts(
        {"type": "reasoning", "content": "hm"},
        {"type": "blob", "mime_type": "image/png", "content": "aGk=", "modality": "image"},
        {"type": "uri", "uri": "https://images.example/a.png", "modality": "image"},
        {"type": "file", "file_id": "f1"},
    )
    assert [type(part) for part in found] == [Reasoning, Picture, Link, Other]
    assert found[1].src == "data:image/png;base64,aGk="
    assert found[2].host == "images.example"


def test_a_picture_that_could_hold_a_script_is_not_drawn():
    for mime, content in (("image/svg+xml", "aGk="), ("text/html", "aGk="), ("image/png", '"><script>')):
        assert isinstance(parts({"type": "blob", "mime_type": mime, "content": content})[0], Other)


def test_a_link_to_a_script_cannot_be_followed():
    link = parts({"type": "uri", "uri": "javascript:alert(1)"})[0]
    assert isinstance(link, Link)
    assert link.href is None


def test_text_that_is_json_is_a_tree_and_words_are_prose():
    found = parts({"type": "text", "content": '{"a": 1}'}, {"type": "text", "content": "hi"})
    assert [part.form for part in found] == ["json", "prose"]


def test_a_text_too_large_is_cut_and_says_how_large_it_is():
    text = parts({"type": "text", "content": "x" * 100_000})[0]
    assert isinstance(text, Text)
    assert (text.cut, text.whole, text.at) == (36_000, 100_000, "input.0.0")


def test_messages_of_any_broken_shape_are_survived():
    broken = (
        {}, {"role": None, "parts": None}, {"role": "user", "parts": ["text", 3]}, {"role": "user", "parts": [{}]},
        message("assistant", None, call("", "x"), {"type": "tool_call"}),
    )  # fmt: skip
    sound = llm(2, 1, "ask", 0, 100, [], REPLY)
    record = replace(sound, reading=replace(sound.reading, input_messages=broken))
    assert transcript(record, (record,)).count == 6


def test_a_text_is_found_by_its_place_and_by_nothing_else():
    record, _ = by_id(7)
    assert text_at(record, "input.1.0") == "I was charged twice for order 47790."
    assert text_at(record, "output.0") == "The refund **re_1** is on its way."
    assert '"order_id": 47790' in str(text_at(record, "input.2"))
    for wrong in (
        "",
        "input",
        "input.99",
        "input.1.9",
        "input.-1",
        "output.0.0.0",
        "reading.0",
        "input.x",
        "input.\u0661",
    ):
        assert text_at(record, wrong) is None
