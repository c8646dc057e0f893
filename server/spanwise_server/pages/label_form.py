"""The form of one item: a rubric as fields, and what a browser sends of them as answers. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..labelling.answer import plain
from ..labelling.answers import NO_STEP, Answer, Answers, bounds_words, correction_of, read_answers
from ..labelling.rubric import VERDICTS, Option, Question, Rubric
from ..labelling.sampling import sampling_key
from ..record import Reading

#: Keys of a pairwise question beside its numbers.
PAIR_KEYS: Final[Mapping[str, str]] = {"a": "a", "b": "b", "equal": "="}
#: The first field of each of these kinds has a key that goes there.
FIELD_KEYS: Final[Mapping[str, str]] = {
    "correction": "e", "assertions": "s", "first_bad_step": "b", "highlights": "h", "text": "t", "number": "n",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that can be chosen, with the key that chooses it."""

    value: str
    words: str
    key: str
    chosen: bool
    tone: str
    """``pass``, ``fail`` or nothing: the colour of its meaning."""
    asks_why: bool
    guidance: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepChoice:
    """One step of the trace that can be the first bad one."""

    span_id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class FormField:
    """One question as it stands in the form."""

    index: int
    question: Question
    lead: bool
    key: str
    """Goes to the field."""
    choices: tuple[Choice, ...]
    value: str
    critique: str
    why_key: str
    steps: tuple[StepChoice, ...]

    @property
    def name(self) -> str:
        """The name of the field."""
        return f"a{self.index}"

    @property
    def why(self) -> str:
        """The name of the critique's field."""
        return f"w{self.index}"

    @property
    def hint(self) -> str:
        """Which numbers are asked for."""
        return bounds_words(self.question) if self.question.kind == "number" else ""

    @property
    def has_guidance(self) -> bool:
        """Whether there is anything to read before answering."""
        return bool(self.question.guidance or any(c.guidance or c.examples for c in self.choices))


def fields_of(
    rubric: Rubric, answers: Answers, answer_text: str, steps: Sequence[StepChoice], *, swapped: bool
) -> tuple[FormField, ...]:
    """Return the fields of a rubric, filled with what was answered before."""
    keyed: set[str] = set()
    fields = []
    for index, question in enumerate(rubric.questions):
        lead = question == rubric.lead
        key = FIELD_KEYS.get(question.kind, "")
        if key in keyed:
            key = ""
        keyed.add(key)
        given = answers.get(question.name, Answer(None))
        fields.append(
            FormField(
                index=index,
                question=question,
                lead=lead,
                key=key,
                choices=_choices(question, given, lead=lead, swapped=swapped),
                value=_shown(question, given, answer_text),
                critique=given.critique,
                why_key="c" if lead else "",
                steps=tuple(steps) if question.kind == "first_bad_step" else (),
            )
        )
    return tuple(fields)


def swapped(item_id: int, annotator: str) -> bool:
    """Return whether a pair's second answer is shown as A: by chance, but the same whenever it is asked."""
    return bool(sampling_key(f"side\x00{annotator}", str(item_id))[0] & 1)


def answers_sent(
    rubric: Rubric, sent: Mapping[str, str], reading: Reading, steps: Mapping[str, str], *, pair: Mapping[str, Any]
) -> dict[str, Answer]:
    """Return the answers that a form holds; *steps* are span id -> name, *pair* the other answer and how it stood."""
    given = {}
    for index, question in enumerate(rubric.questions):
        text = sent.get(f"a{index}", "")
        given[question.name] = {
            "value": _value(question, text, reading, steps, pair) if text else None,
            "critique": sent.get(f"w{index}", ""),
        }
    return read_answers(rubric, given)


def _value(question: Question, text: str, reading: Reading, steps: Mapping[str, str], pair: Mapping[str, Any]) -> Any:
    if question.kind == "correction":
        return correction_of(text, reading)
    if question.kind == "first_bad_step" and text != NO_STEP:
        return {"span_id": text, "name": steps.get(text, "")}
    if question.kind == "pairwise":
        sides = {"a": "second", "b": "first"} if pair.get("swapped") else {"a": "first", "b": "second"}
        return {
            "choice": sides.get(text, text),
            "other": pair.get("other", ""),
            "shown": "ba" if pair.get("swapped") else "ab",
        }
    return text


def _choices(question: Question, given: Answer, *, lead: bool, swapped: bool) -> tuple[Choice, ...]:
    chosen = given.value
    if question.kind == "pairwise" and isinstance(chosen, Mapping):
        sides = {"first": "b", "second": "a"} if swapped else {"first": "a", "second": "b"}
        chosen = sides.get(str(chosen["choice"]), "equal")
    return tuple(
        Choice(
            value=option.value,
            words=option.said,
            key=_key(question, option, number) if lead or question.kind == "pairwise" else "",
            chosen=option.value == chosen,
            tone=option.value if question.kind == "binary" else "",
            asks_why=question.kind == "binary" and option.value == "fail" and question.asks_why,
            guidance=option.guidance,
            examples=option.examples,
        )
        for number, option in enumerate(question.options, 1)
    )


def _key(question: Question, option: Option, number: int) -> str:
    if question.kind == "pairwise":
        return PAIR_KEYS[option.value]
    return str(number) if number <= 9 else ""


def _shown(question: Question, given: Answer, answer_text: str) -> str:
    """Return what the field of a text shows."""
    value = given.value
    if question.kind == "correction":
        return answer_text if value is None else plain(value)
    if value is None or question.kind in VERDICTS - {"number"}:
        return ""
    return _TEXTS.get(question.kind, str)(value)


_TEXTS: Final[Mapping[str, Callable[[Any], str]]] = {
    "assertions": "\n".join,
    "highlights": lambda value: json.dumps(value, ensure_ascii=False),
    "first_bad_step": lambda value: NO_STEP if value == NO_STEP else str(value["span_id"]),
    "number": lambda value: f"{value:g}",
}
