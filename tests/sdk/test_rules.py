"""What the detectors find, and what only looks like it; what a rule does to the values of a span."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.rules import DETECTORS, FAILED, HIDDEN, Redactor, read_rules

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
FOUND = {
    "emails": ["ann@example.com", "ann.lee+news@mail.example.co.uk", "o'neil@x.org", "jürgen@müller.de"],
    "phones": [
        "+49 30 901820",
        "+1 (415) 555-2671",
        "(020) 7946-0018",
        "415-555-2671",
        "+4930901820",
        "0041 44 668 18 00",
    ],
    "cards": ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009", "6011000000000004"],
    "ibans": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NL91ABNA0417164300"],
    "keys": [
        "sk-proj-abcdefghijklmnop1234567890",
        "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUv",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-1234567890-abcdefghij",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
    "tokens": [JWT],
}
ONLY_LOOKS = {
    "emails": ["ann@localhost", "@mention", "a @ b.com", "x@1.2.3.4", "decorator @app.get"],
    "phones": ["2026-11-24 10:20:30", "192.168.10.25", "1234", "1.25 million", "2026-11-24", "version 1.2.3"],
    "cards": ["4111 1111 1111 1112", "0000 0000 0000 0000", "1732406400000000000", "0.4111111111111111"],
    "ibans": ["DE00 3704 0044 0532 0130 00", "AB12 word word word", "commit ab12cd34ef56ab78"],
    "keys": ["sk-short", "task-force-of-the-big-company", "AKIA", "see https://example.com/a@b", "key=value"],
    "tokens": ["eyJub3BlIjoxfQ.abc.def", "bearer of news", "eyJ"],
}  # fmt: skip


def hide(name, text):
    return Redactor([name]).value(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_a_private_thing_is_found_alone_and_in_a_sentence(name, text):
    mark = DETECTORS[name].mark
    assert hide(name, text) == mark
    assert hide(name, f"I said {text}, and left.") == f"I said {mark}, and left."
    assert json.loads(hide(name, json.dumps([{"content": f"line\n{text}"}]))) == [{"content": f"line\n{mark}"}]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ONLY_LOOKS.items() for text in texts])
def test_what_only_looks_like_it_stays(name, text):
    assert hide(name, text) == text
    assert hide(name, f"I said {text}, and left.") == f"I said {text}, and left."


def test_passwords_in_urls_and_settings_go_and_the_rest_of_them_stays():
    assert hide("keys", "postgres://ann:s3cret@db/x") == "postgres://[key]@db/x"
    assert hide("keys", "password=hunter22&x=1") == "password=[key]&x=1"
    assert hide("tokens", "Authorization: Bearer abcdefghijklmnop1234") == "Authorization: Bearer [token]"


def test_all_detectors_work_together_in_one_text():
    text = "ann@x.org, 4111 1111 1111 1111, +49 30 901820, DE89370400440532013000, sk-proj-abcdefghijklmnop1234567890"
    assert Redactor(list(DETECTORS)).value(text) == "[email], [card], [phone], [iban], [key]"


def test_json_stays_json_whatever_stands_before_a_word():
    said = '{"a":"tab\\tann@x.org","b":{"c":"{\\"d\\":\\"n\\\\nann@x.org\\"}"},"ann@x.org":4111111111111111,"n":1.5}'
    found = json.loads(Redactor(["emails", "cards"]).value(said))
    assert found == {"a": "tab\t[email]", "b": {"c": '{"d":"n\\n[email]"}'}, "[email]": "[card]", "n": 1.5}


def test_json_in_which_nothing_is_found_stays_as_it_was():
    said = '{ "a" : [1, 2.50, true, null] }'
    assert Redactor(list(DETECTORS)).value(said) is said


def test_lists_and_numbers_are_looked_through():
    redactor = Redactor(["emails", "cards"])
    assert redactor.value(("a", "ann@x.org")) == ("a", "[email]")
    assert redactor.value(4111111111111111) == "[card]"
    assert redactor.value(1700000000) == 1700000000
    assert redactor.value(True) is True
    assert redactor.value(0.5) == 0.5


def test_patterns_and_functions_of_the_application():
    rules = [re.compile(r"order \d+"), ("(?i)acme", "X"), lambda text: text.replace("a", "b")]
    assert Redactor(rules).value("order 77 of Acme, a") == f"{HIDDEN} of X, b"


@pytest.mark.parametrize("rule", [lambda _text: 1 / 0, lambda _text: None])
def test_where_a_rule_fails_the_value_is_hidden(rule, caplog):
    assert Redactor([rule]).value("secret") == FAILED
    assert "a rule of redact failed" in caplog.text


def test_rules_without_sense_are_refused_at_the_start():
    with pytest.raises(ValueError, match="redact names 'emial'; there are keys, tokens, emails"):
        read_rules("emial")
    with pytest.raises(ValueError, match="not a list of rules"):
        read_rules(7)
    with pytest.raises(ValueError, match="no name, pattern"):
        read_rules([7])
    assert read_rules("all") == tuple(DETECTORS)
    assert read_rules("none") == ()
    assert read_rules("emails, cards") == ("emails", "cards")


@given(st.text())
def test_any_text_is_survived(text):
    assert isinstance(Redactor(list(DETECTORS)).value(text), str)


@pytest.mark.parametrize("piece", ["1", "1 ", "a@", "a.", "eyJ.", "sk-", "AB12 ", "+1", "(1)", "bearer ", "://a:"])
def test_no_text_is_slow(piece):
    """A pattern that tries everything would not come back from these within the life of the suite."""
    assert isinstance(Redactor(list(DETECTORS)).value(piece * 20_000), str)
