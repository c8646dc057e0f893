"""The examples within a prompt, and how each is asked without itself."""

from __future__ import annotations

import pytest

from spanwise_server.datasets.example import Example
from spanwise_server.prompts.checks import leaked
from spanwise_server.prompts.content import Content
from spanwise_server.prompts.own_examples import MOST, asking, own_examples, verdict

CHAT = [
    {"role": "system", "content": "Sort messages of {{shop}}."},
    {"role": "user", "content": "My parcel is late"},
    {"role": "assistant", "content": '{"intent": "delivery"}'},
    {"role": "user", "content": "I want my money back"},
    {"role": "assistant", "content": '{"intent": "refund"}'},
    {"role": "user", "content": "{{message}}"},
]
TAGGED = """Sort messages.
<examples>
<example>
<input>My parcel
is late</input>
<output>delivery</output>
</example>
<example><input>I want my money back</input><output>refund</output></example>
</examples>
Message: {{question}}"""
LINES = """Sort messages into one word.

Input: My parcel
is late
Output: delivery

**Q:** I want my money back
**A:** refund

- User: Hello
- Assistant: other
Input: {{text}}
Output:"""


def pairs(content: Content) -> list[tuple[str, str]]:
    return [(one.question, one.answer) for one in own_examples(content)]


def test_turns_of_user_and_assistant_are_examples() -> None:
    assert pairs(Content(CHAT)) == [
        ("My parcel is late", '{"intent": "delivery"}'),
        ("I want my money back", '{"intent": "refund"}'),
    ]


def test_tags_and_lines_are_examples() -> None:
    assert pairs(Content(TAGGED)) == [("My parcel\nis late", "delivery"), ("I want my money back", "refund")]
    assert pairs(Content(LINES)) == [
        ("My parcel\nis late", "delivery"),
        ("I want my money back", "refund"),
        ("Hello", "other"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "You are brief.",
        "Question: {{question}}\nAnswer:",
        "Question: {{question}}\nAnswer: {{answer}}",
        "Input:\nOutput:\n",
    ],
)
def test_places_for_values_are_no_examples(text) -> None:
    assert own_examples(Content(text)) == []


def test_braces_of_another_format_are_examples() -> None:
    assert pairs(Content("Q: a {{b}}\nA: c", "fstring")) == [("a {{b}}", "c")]
    assert pairs(Content("Q: a {b}\nA: c", "fstring")) == []


def test_a_turn_is_asked_without_itself_and_without_the_place_of_the_question() -> None:
    first = own_examples(Content(CHAT))[0]
    asked = asking(Content(CHAT), first, {"shop": "Alpine"})
    assert [(one["role"], one["content"]) for one in asked.messages] == [
        ("system", "Sort messages of Alpine."),
        ("user", "I want my money back"),
        ("assistant", '{"intent": "refund"}'),
        ("user", "My parcel is late"),
    ]
    assert asked.assumed == ()
    assert asking(Content(CHAT), first, {}).assumed == ("shop",)
    assert asking(Content(CHAT), first, {}).messages[0]["content"] == "Sort messages of [shop]."


def test_a_pair_within_a_text_is_asked_where_the_question_goes() -> None:
    content = Content(LINES)
    asked = asking(content, own_examples(content)[1], {})
    (only,) = asked.messages
    assert only["role"] == "user"
    assert "I want my money back" in only["content"]
    assert "refund" not in only["content"]
    assert only["content"].endswith("Input: I want my money back\nOutput:")
    assert "delivery" in only["content"]


def test_a_text_without_a_place_is_what_the_system_says() -> None:
    content = Content("Sort.\nQ: Hello\nA: other\n\nFor {{shop}} at {{today}}.")
    asked = asking(content, own_examples(content)[0], {"shop": "Alpine", "today": "Monday"})
    assert [(one["role"], one["content"]) for one in asked.messages] == [
        ("system", "Sort.\n\nFor Alpine at Monday."),
        ("user", "Hello"),
    ]


@pytest.mark.parametrize(
    ("expected", "answered", "said"),
    [
        ("refund", "Refund.", "agrees"),
        ("refund", "delivery", "differs"),
        ("refund", "It is a refund", "differs"),
        ('{"a": 1, "b": 2}', '```json\n{"b": 2, "a": 1}\n```', "agrees"),
        ('{"a": 1}', '{"a": 2}', "differs"),
        ('{"a": 1}', "one", "differs"),
        ("word " * 13, "other words", "to read"),
        ("word " * 13, "word " * 13, "agrees"),
    ],
)
def test_an_answer_agrees_in_words_or_as_json(expected, answered, said) -> None:
    assert verdict(expected, answered) == said


def test_the_same_example_twice_is_one() -> None:
    assert len(own_examples(Content("Q: a\nA: b\n\nQ: a\nA: b"))) == 1


def test_a_row_that_a_prompt_shows_is_a_leak_however_short() -> None:
    rows = [Example("ex_1", {"content": "Hello"}, None, None), Example("ex_2", {"content": "parcel"}, None, None)]
    assert leaked(Content(LINES), rows) == ["ex_1"]


@pytest.mark.parametrize(
    "text", ["Q: a\n" * 30_000, "<input>" * 20_000, "<input>a</input>" * 9_000, "Input: " * 20_000]
)
def test_no_text_keeps_the_server_busy(text) -> None:
    assert len(own_examples(Content(text))) <= MOST
