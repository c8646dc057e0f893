"""The two lines that a list shows of a span."""

from __future__ import annotations

import pytest

from spanwise_server.dialects.preview import LENGTH, preview
from spanwise_server.record import Reading, Tool


def said(role, *parts):
    return {"role": role, "parts": list(parts)}


def text(content):
    return {"type": "text", "content": content}


def test_the_last_question_and_the_answer():
    reading = Reading(
        input_messages=(
            said("system", text("Be brief.")), said("user", text("first")), said("assistant", text("one")),
            said("user", text("second\n  and   more")),
            said("tool", {"type": "tool_call_response", "response": "rain"}),
        ),
        output_messages=(said("assistant", {"type": "reasoning", "content": "Hm."}, text("It rains.")),),
    )  # fmt: skip
    assert preview(reading) == ("second and more", "It rains.")


@pytest.mark.parametrize("blank", ["  ", "\n", "\t", "\x1f", "\u00a0", "\u2003", "\u3000"])
def test_whatever_is_blank_becomes_one_blank(blank):
    assert preview(Reading(input=f" one{blank}two ", output="three "))[0:2] == ("one two", "three")


def test_an_answer_of_tool_calls_names_them():
    call = {"type": "tool_call", "name": "get_weather", "arguments": {"city": "Oslo"}}
    assert preview(Reading(output_messages=(said("assistant", call),)))[1] == 'get_weather({"city":"Oslo"})'


def test_an_image_alone_is_named():
    image = {"type": "blob", "modality": "image", "content": "AAAA"}
    assert preview(Reading(input_messages=(said("user", image),)))[0] == "[image]"


@pytest.mark.parametrize(
    ("value", "line"), [("hi", "hi"), ({"a": 0}, '{"a":0}'), (0, "0"), (False, "false"), ("", None)]
)
def test_any_input_is_shown_as_text_or_compact_json(value, line):
    assert preview(Reading(input=value))[0] == line


def test_the_only_text_a_function_was_called_with_stands_alone():
    assert preview(Reading(input={"question": "Where is my order?"}))[0] == "Where is my order?"
    assert preview(Reading(input={"question": "Where?", "top_k": 3}))[0] == '{"question":"Where?","top_k":3}'


def test_a_tool_shows_what_it_was_given_and_gave_back():
    assert preview(Reading(tool=Tool("f", None, {"a": 1}, "done"))) == ('{"a":1}', "done")


def test_a_line_is_never_longer_than_the_column():
    asked, answered = preview(Reading(input="x " * 10_000, output="y" * LENGTH))
    assert (len(asked), asked[-1]) == (LENGTH, "…")
    assert answered == "y" * LENGTH


def test_nothing_said_shows_nothing():
    assert preview(Reading()) == (None, None)
