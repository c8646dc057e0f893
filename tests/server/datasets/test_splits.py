from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_examples import agent_example
from spanwise_server.datasets.example import Example
from spanwise_server.datasets.splits import DEFAULT_SHARES, assigned, read_shares, shares_text, straddling
from spanwise_server.errors import SpanwiseError

SHARES = {"train": 70, "test": 30}


def example(session: str | None, question: str, split: str | None = None) -> Example:
    source = None if session is None else {"project": "default", "session_id": session}
    return replace(agent_example(), id=f"{session} {question}", source=source, input={"content": question}, split=split)


def splits(examples, held=(), shares=SHARES) -> list[str | None]:
    return [one.split for one in assigned(examples, held, shares)]


def test_the_shares_are_about_what_was_asked() -> None:
    counted = Counter(splits([example(f"s{n}", f"q{n}") for n in range(4_000)], shares=DEFAULT_SHARES))
    assert counted["train"] / 4_000 == pytest.approx(0.70, abs=0.03)
    assert counted["dev"] / 4_000 == pytest.approx(0.15, abs=0.03)
    assert counted["test"] / 4_000 == pytest.approx(0.15, abs=0.03)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12), st.integers(0, 12))
def test_what_is_there_never_moves_and_no_session_is_split(rows, at) -> None:
    examples = [
        replace(example(f"s{session}{n}", f"{question} {n}"), id=str(n)) for n, (session, question) in enumerate(rows)
    ]
    alone = list(assigned(examples[:at], (), SHARES))
    later = list(assigned(examples[at:], alone, SHARES))
    assert [*alone, *later] == list(assigned(examples, (), SHARES))
    together = [replace(one, source={"project": "p", "session_id": "same"}) for one in examples]
    assert len(set(splits(together))) <= 1


def test_the_same_question_in_other_words_of_case_is_of_the_same_split() -> None:
    first = [example(f"s{n}", f"Where is {n}?") for n in range(40)]
    held = list(assigned(first, (), SHARES))
    again = [example(f"other{n}", f"  where   IS {n}? ") for n in range(40)]
    assert splits(again, held) == [one.split for one in held]


def test_a_split_given_by_hand_stays_and_one_that_leaks_is_counted() -> None:
    by_hand = [example("s", "a", "train"), example("s", "b", "test")]
    assert splits(by_hand) == ["train", "test"]
    assert straddling(by_hand) == 1
    assert straddling(assigned([example("s", "a"), example("s", "b")], (), SHARES)) == 0


def test_shares_read_back() -> None:
    assert read_shares(shares_text(DEFAULT_SHARES)) == DEFAULT_SHARES
    assert read_shares("train 80%, test 20 %") == {"train": 80, "test": 20}


@pytest.mark.parametrize("text", ["", "train", "train 70", "train 70, train 30", "Train 100", "train 50, test 60"])
def test_shares_without_sense_are_refused(text: str) -> None:
    with pytest.raises(SpanwiseError):
        read_shares(text)
