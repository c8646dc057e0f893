"""The words of a text, and phrases proved on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.record import Reading, Record, Span, Tool
from spanwise_server.store.search_words import holds, indexed, match_of, needs_proof, searchable, words_in

SPAN = Span("1" * 32, "1" * 16, None, "root", 0, 1)


@pytest.mark.parametrize("odd", [["a list"], {"an": "object"}, 5, None, "unheard-of"])
def test_a_part_of_an_odd_type_is_searched_like_any_other(odd):
    reading = Reading(input_messages=({"role": "user", "parts": [{"type": odd, "content": "findme"}]},))
    assert holds(searchable(Record("p", SPAN, reading)), "findme")


def test_data_is_not_searched():
    reading = Reading(input_messages=({"role": "user", "parts": [{"type": "blob", "content": "aGVsbG8"}]},))
    assert not holds(searchable(Record("p", SPAN, reading)), "aGVsbG8")


def test_what_a_tool_was_given_and_gave_is_searched_once():
    asked, found = {"query": "whales"}, {"found": "krill"}
    tool = Tool("dive", None, asked, found)
    text = searchable(Record("p", SPAN, Reading(input=asked, output=found, tool=tool)))
    assert [text.count(word) for word in ("dive", "whales", "krill")] == [1, 1, 1]


def test_what_a_tool_was_given_and_gave_is_searched_where_it_is_not_the_input_and_output():
    tool = Tool("dive", None, {"query": "whales"}, {"found": "krill"})
    said = ({"role": "user", "parts": [{"type": "text", "content": "how deep"}]},)
    for reading in (Reading(tool=tool), Reading(input="else", output="other", tool=tool),
                    Reading(input=tool.arguments, output=tool.result, input_messages=said, output_messages=said,
                            tool=tool)):  # fmt: skip
        text = searchable(Record("p", SPAN, reading))
        assert all(word in text for word in ("dive", "whales", "krill"))


def test_no_phrase_reaches_from_one_part_into_the_next():
    text = searchable(Record("p", SPAN, Reading(input="first", output="second")))
    assert holds(text, "first")
    assert not holds(text, "first second")


@pytest.mark.parametrize(("phrase", "match", "proof"), [
    ("Refund", '"refund"', False), ("refund policy", '"refund" "policy"', True), ("ref*", '"ref"*', False),
    ("!!!", None, False),
])  # fmt: skip
def test_a_phrase_asks_the_index_for_its_words(phrase, match, proof):
    assert match_of(phrase) == match
    assert needs_proof(phrase) is proof


@given(st.text(max_size=80))
def test_what_is_indexed_has_the_words_that_are_looked_for(text):
    assert words_in(indexed(text)) == words_in(text)
    assert holds(text, text) or "\x1f" in text


@given(st.text("ab1 \n-\x1f*", max_size=14), st.text("ab1 -*", max_size=6))
def test_a_phrase_stands_in_ascii_where_it_stands_in_any_text(text, phrase):
    assert holds(text, phrase) == holds(f"{text}\x1f\u00e9", phrase)


def stands_in(text, phrase):
    wanted, any_ending = words_in(phrase), phrase.rstrip().endswith("*")
    parts = [words_in(part) for part in text.split("\x1f")] if wanted else []
    runs = [part[at : at + len(wanted)] for part in parts for at in range(len(part) - len(wanted) + 1)]
    ends = str.startswith if any_ending else str.__eq__
    return not wanted or any(run[:-1] == wanted[:-1] and ends(run[-1], wanted[-1]) for run in runs)


@given(st.text("ab1 _-\x1f*\u00e9\u4e2d\u0130", max_size=14), st.text("ab1 -*\u00e9\u4e2d", max_size=6))
def test_a_phrase_stands_where_its_words_follow_each_other(text, phrase):
    assert holds(text, phrase) == stands_in(text, phrase)
