"""The words of attributes in the text index."""

from __future__ import annotations

from spanwise_server.query.filters import Term
from spanwise_server.record import Reading, Record, Span
from spanwise_server.store import attribute_words as module
from spanwise_server.store.attribute_words import MOST_VALUE_CHARS, attribute_words, match_of

LONG = "x" * (MOST_VALUE_CHARS + 1)


def words(attributes, metadata=None):
    span = Span("1" * 32, "1" * 16, None, "root", 0, 1, attributes=attributes)
    return attribute_words(Record("p", span, Reading(metadata=metadata))).split()


def word(field, *values):
    return match_of(Term(field, "=", values)) if values else match_of(Term(field, "like", ("*",)))


def test_each_key_has_a_word_and_each_key_with_its_value():
    assert words({"a": "x"}) == [word("attr.a"), word("attr.a", "x")]
    assert words({"a": ""}) == [word("attr.a"), word("attr.a", "")]
    assert words({"a": LONG}) == [word("attr.a")]
    assert words({}, {"a": "x"}) == [word("meta.a"), word("meta.a", "x")]


def test_text_and_what_it_may_be_taken_for_have_the_same_words():
    assert words({"a": "3"}) == words({"a": 3})
    assert words({"a": "true"}) == words({"a": True})
    assert words({"a": "1"}) != words({"a": True})


def test_words_that_are_remembered_are_those_that_were_made():
    many = {f"key.{n}": f"value {n}" for n in range(400)}
    first = words(many)
    assert words(many) == first
    for n in range(module._MOST_KEPT // 400 + 1):
        words({f"other.{n}.{m}": str(m) for m in range(400)})
    assert words(many) == first
