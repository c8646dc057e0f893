"""The examples that a prompt shows the model, taken out one by one so that the model can be asked them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final, Literal

from spanwise.template import render_text, variables_of

from .content import Content
from .schema import parsed

Message = Mapping[str, Any]
Verdict = Literal["agrees", "differs", "to read"]

MOST: Final = 20
#: Answers longer than so many words are never the same word for word, and are read by a person.
_MOST_WORDS: Final = 12
_LONGEST: Final = 200_000
_ASKED: Final = r"input|question|query|user|message|text"
_TAGS: Final = re.compile(
    rf"(?:<example[^<>]{{0,99}}>\s*)?<({_ASKED})>(.{{1,4000}}?)</\1>\s*"
    r"<(output|answer|response|assistant|label|ideal_output|completion)>(.{1,4000}?)</\3>(?:\s*</example>)?",
    re.DOTALL | re.IGNORECASE,
)
_LEAD: Final = r"[ \t]*(?:[-*]+[ \t]+)?(?:\*\*)?"
_QUESTION: Final = re.compile(
    rf"{_LEAD}(?:example(?: input)?|{_ASKED}|q|human|customer)(?: \d+)?(?:\*\*)?:(?:\*\*)?[ \t]*(.*)", re.IGNORECASE
)
_ANSWER: Final = re.compile(
    rf"{_LEAD}(?:output|answer|a|assistant|ai|response|label|intent|sentiment|category|class|result)(?: \d+)?"
    r"(?:\*\*)?:(?:\*\*)?[ \t]*(.*)",
    re.IGNORECASE,
)
#: Variables that a question is put in for, in the order they are looked for.
_SLOTS: Final = ("question", "input", "query", "message", "text", "user", "user_message", "content")


@dataclass(frozen=True, slots=True)
class OwnExample:
    """One example within a prompt: what is asked, and how the prompt says it is to be answered."""

    question: str
    answer: str
    message: int
    """The message it stands in, or the user's of two that are one."""
    start: int = 0
    end: int = 0
    """Where it stands in the text of that message; 0 where it is two whole messages."""

    @property
    def id(self) -> str:
        """What it is known again by."""
        return sha256(f"{self.question}\0{self.answer}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Asking:
    """One example as it is asked, with itself taken out of the prompt."""

    messages: Sequence[Message]
    variables: Mapping[str, Any]
    assumed: tuple[str, ...]
    """Variables that stand for themselves, since no value of theirs is known."""


def own_examples(content: Content) -> list[OwnExample]:
    """Return the examples of a prompt: messages of user and assistant in turn, and pairs within texts."""
    found: list[OwnExample] = []
    messages = content.messages
    for at, (asked, answered) in enumerate(pairwise(messages)):
        turn = (asked.get("role"), answered.get("role")) == ("user", "assistant")
        if turn and isinstance(asked.get("content"), str) and isinstance(answered.get("content"), str):
            found.append(OwnExample(asked["content"].strip(), answered["content"].strip(), at))
    for at, message in enumerate(messages):
        text = message.get("content")
        if isinstance(text, str) and len(text) <= _LONGEST:
            found += _in_text(text, at)
    whole = [one for one in found if one.question and one.answer and not _has_places(one, content)]
    return list({one.id: one for one in whole}.values())[:MOST]


def asking(content: Content, example: OwnExample, values: Mapping[str, Any]) -> Asking:
    """Return the prompt without *example*, asked its question; *values* fill the other variables."""
    messages = [dict(message) for message in content.messages]
    if example.end:
        message = messages[example.message]
        before, after = message["content"][: example.start], message["content"][example.end :]
        message["content"] = (before + after).strip()
        names = variables_of(messages, content.format)
        later = variables_of([{"content": after}, *messages[example.message + 1 :]], content.format)
        slot = next((name for name in _SLOTS if name in names), later[0] if len(later) == 1 else None)
    else:
        del messages[example.message : example.message + 2]
        if messages and messages[-1].get("role") == "user":
            del messages[-1]
        names, slot = variables_of(messages, content.format), None
    assumed = tuple(name for name in names if name != slot and name not in values)
    filled = {name: values.get(name, f"[{name}]") for name in names}
    if slot is not None:
        filled[slot] = example.question
    rendered = [
        {**one, "content": render_text(one["content"], filled, content.format)}
        if isinstance(one.get("content"), str)
        else one
        for one in messages
    ]
    if slot is None:
        rendered.append({"role": "user", "content": example.question})
    elif not any(one.get("role") == "user" for one in rendered):
        rendered[-1] = {**rendered[-1], "role": "user"}
    return Asking([one for one in rendered if one.get("content") != ""], filled, assumed)


def verdict(expected: str, answered: str) -> Verdict:
    """Return whether an answer is the one expected: the same words, or the same JSON."""
    if _plain(expected) == _plain(answered):
        return "agrees"
    try:
        wanted = parsed(expected)
    except ValueError:
        return "to read" if len(expected.split()) > _MOST_WORDS else "differs"
    try:
        return "agrees" if parsed(answered) == wanted else "differs"
    except ValueError:
        return "differs"


def _in_text(text: str, at: int) -> Iterator[OwnExample]:
    tagged = [OwnExample(m[2].strip(), m[4].strip(), at, m.start(), m.end()) for m in _TAGS.finditer(text)]
    yield from tagged or _in_lines(text, at)


def _in_lines(text: str, at: int) -> Iterator[OwnExample]:
    """Yield the pairs whose lines begin with words such as ``Input:`` and ``Output:``; a blank line ends an answer."""
    asked: list[str] = []
    answered: list[str] | None = None
    start = offset = end = 0
    for line in [*text.splitlines(keepends=True), "\n"]:
        question, answer = _QUESTION.fullmatch(line.rstrip("\n")), _ANSWER.fullmatch(line.rstrip("\n"))
        if answered is not None and (question or not line.strip()):
            yield OwnExample("\n".join(asked).strip(), "\n".join(answered).strip(), at, start, end)
            asked, answered = [], None
        if question:
            asked, answered, start = [question[1]], None, offset
        elif answer and asked and answered is None:
            answered = [answer[1]]
        elif answered is not None:
            answered.append(line.rstrip("\n"))
        elif asked:
            asked.append(line.rstrip("\n"))
        offset += len(line)
        end = min(offset, len(text))


def _has_places(example: OwnExample, content: Content) -> bool:
    return bool(variables_of(example.question + "\n" + example.answer, content.format))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!\"'`")
