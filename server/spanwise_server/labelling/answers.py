"""What a person answered to the questions of a rubric, and the annotations that it comes to. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from ..record import Annotation, Annotator, Json, Reading
from .answer import answer_text
from .queue import Target
from .rubric import EXPECTED, Question, Rubric, refusal

SCORES: Final[Mapping[str, float]] = {"pass": 1.0, "fail": 0.0}
#: The answer of a first-bad-step question that finds no fault.
NO_STEP: Final = "none"
#: Which answer is better, as it is kept: of the item's own span, of the other one, of neither.
CHOICES: Final = ("first", "second", "equal")
LONGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question; ``None`` where only a critique was written."""

    value: Json
    critique: str = ""


Answers = Mapping[str, Answer]
"""By the name of the question."""


@dataclass(frozen=True, slots=True)
class Given:
    """How a label came about: kept with it, so that whoever uses it can judge it."""

    project: str
    target: Target
    annotator: Annotator
    source: str
    at_ns: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    """``rubric``, ``rubric_version``, ``blind``, ``assisted``, ``sample`` and the like."""
    settled: bool = False
    """Whether a disagreement was settled: such a label stands beside the annotator's own."""


def read_answers(rubric: Rubric, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Answer]:
    """Return what was answered, checked against the rubric: ``{"name": {"value": ..., "critique": ...}}``."""
    if unknown := next((name for name in given if rubric.question(name) is None), None):
        raise refusal(f"The rubric asks nothing named {unknown!r}.", "It may have been changed: load the item again.")
    answers = {}
    for question in rubric.questions:
        body = given.get(question.name) or {}
        critique = plain_lines(str(body.get("critique") or ""))
        value = body.get("value")
        read = None if value is None or value in ("", []) else _READ[question.kind](question, value)
        if read is not None or critique:
            answers[question.name] = Answer(read, critique)
    if not answers:
        raise refusal("This judgement says nothing.", "Answer a question, or write a critique or a correction.")
    return answers


def missing(rubric: Rubric, answers: Answers) -> list[Question]:
    """Return the questions that have to be answered and were not; a critique alone answers a verdict."""
    return [q for q in rubric.questions if q.required and q.name not in answers]


def refuse_incomplete(rubric: Rubric, answers: Answers) -> None:
    """Refuse a label that leaves a question open; a critique or a correction alone answers the leading one."""
    open_ = [question.name for question in missing(rubric, answers) if question != rubric.lead]
    if open_:
        raise refusal(f"These questions have to be answered: {', '.join(open_)}.", "Send an answer to each.")


def answers_json(answers: Answers) -> dict[str, Any]:
    """Return answers as plain JSON, as label events keep them."""
    return {
        name: {"value": given.value, **({"critique": given.critique} if given.critique else {})}
        for name, given in answers.items()
    }


def answers_from(body: Mapping[str, Any] | None) -> dict[str, Answer]:
    """Return the answers that :func:`answers_json` wrote."""
    return {name: Answer(one.get("value"), one.get("critique", "")) for name, one in (body or {}).items()}


def annotations_of(rubric: Rubric, answers: Answers, given: Given) -> list[Annotation]:
    """Return the annotation of each question answered; the expected answer joins that of the leading question."""
    lead = rubric.lead
    said = {name: _said(question, answers[name]) for question in rubric.questions if (name := question.name) in answers}
    joined = {name: parts for name, parts in said.items() if _joins(rubric, name)}
    if joined:
        parts = said.setdefault(lead.name, {})
        for name, more in joined.items():
            said.pop(name)
            parts.update({key: value for key, value in more.items() if key != "metadata"})
            parts["metadata"] = {**parts.get("metadata", {}), **more.get("metadata", {})}
    order = sorted(said, key=lambda name: name != lead.name)
    return [_annotation(name, said[name], given) for name in order]


def annotation_id(project: str, target: Target, name: str, annotator: Annotator, *, settled: bool = False) -> str:
    """Return the id of the one judgement of this name that this annotator has of this target."""
    parts = [project, target.trace_id, target.span_id, name, annotator.kind, annotator.id]
    if settled:
        parts.append("settled")
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()


def correction_of(expected: str, reading: Reading) -> Json:
    """Return what the answer should have been, or ``None`` where *expected* is the answer itself or empty.

    Where the answer was an object or a list, and the correction reads as JSON, the correction is that value.
    """
    wanted, said = plain_lines(expected), plain_lines(answer_text(reading))
    if not wanted or wanted == said:
        return None
    if reading.output_messages is None and isinstance(reading.output, dict | list):
        try:
            return json.loads(wanted)
        except ValueError:
            return wanted
    return wanted


def plain_lines(text: str) -> str:
    """Return *text* as a browser's form showed it: its line ends made plain, outer blank space gone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _joins(rubric: Rubric, name: str) -> bool:
    question = rubric.question(name)
    return question is not None and question.kind in EXPECTED and name != rubric.lead.name


def _annotation(name: str, said: Mapping[str, Any], given: Given) -> Annotation:
    target = given.target
    facts = {**given.facts, **said.get("metadata", {})}
    return Annotation(
        id=annotation_id(given.project, target, name, given.annotator, settled=given.settled),
        project=given.project,
        name=name,
        trace_id=target.trace_id,
        span_id=target.span_id or None,
        label=said.get("label"),
        score=said.get("score"),
        explanation=said.get("explanation"),
        correction=said.get("correction"),
        annotator=given.annotator,
        created_ns=given.at_ns,
        updated_ns=given.at_ns,
        source=given.source,
        metadata=facts or None,
    )


def _said(question: Question, answer: Answer) -> dict[str, Any]:
    """Return the fields of an annotation that an answer fills."""
    said: dict[str, Any] = {"explanation": answer.critique} if answer.critique else {}
    if answer.value is not None:
        said.update(_SAID[question.kind](answer.value))
    return said


def _of_steps(value: Json) -> dict[str, Any]:
    if value == NO_STEP:
        return {"label": NO_STEP}
    return {"label": value["name"], "metadata": {"step": dict(value)}}


def _of_pair(value: Json) -> dict[str, Any]:
    label = {"first": "better", "second": "worse", "equal": "equal"}[value["choice"]]
    return {"label": label, "score": {"better": 1.0, "worse": 0.0}.get(label, 0.5), "metadata": {"pair": dict(value)}}


_SAID: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "binary": lambda value: {"label": value, "score": SCORES[value]},
    "category": lambda value: {"label": value},
    "number": lambda value: {"score": value},
    "text": lambda value: {"explanation": value},
    "correction": lambda value: {"correction": value},
    "assertions": lambda value: {"metadata": {"assertions": list(value)}},
    "first_bad_step": _of_steps,
    "highlights": lambda value: {"metadata": {"highlights": [dict(one) for one in value]}},
    "pairwise": _of_pair,
}


def _read_option(question: Question, value: Any) -> str:
    values = [option.value for option in question.options]
    if value not in values:
        raise refusal(f"{value!r} is no answer to {question.name!r}.", f"Send one of: {', '.join(values)}.")
    return str(value)


def _read_number(question: Question, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise refusal(f"{value!r} is not a number.", f"{question.name!r} asks for one.")
    low, high = question.low, question.high
    if (low is not None and number < low) or (high is not None and number > high):
        raise refusal(f"{number:g} is out of bounds for {question.name!r}.", f"Give {bounds_words(question)}.")
    if question.whole and not number.is_integer():
        raise refusal(f"{number:g} is not a whole number.", f"{question.name!r} asks for one.")
    return number


def bounds_words(question: Question) -> str:
    """Return the bounds of a number in words."""
    low, high = question.low, question.high
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return f"{high:g} or less" if high is not None else "any number"


def _read_text(question: Question, value: Any) -> str | None:
    text = plain_lines(str(value))
    if len(text) > LONGEST:
        raise refusal(f"The answer to {question.name!r} is too long.", f"At most {LONGEST:,} characters.")
    return text or None


def _read_correction(question: Question, value: Any) -> Json:
    return _read_text(question, value) if isinstance(value, str) else value


def _read_assertions(_question: Question, value: Any) -> list[str] | None:
    lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, Sequence) else [value]
    return [text for line in lines if (text := plain_lines(str(line)))] or None


def _read_step(question: Question, value: Any) -> Json:
    if value == NO_STEP:
        return NO_STEP
    if isinstance(value, Mapping) and value.get("span_id") and value.get("name"):
        return {"span_id": str(value["span_id"]).lower(), "name": str(value["name"])}
    raise refusal(f"{value!r} is no step.", f'{question.name!r} takes {{"span_id", "name"}}, or "{NO_STEP}".')


def _read_highlights(question: Question, value: Any) -> list[dict[str, Any]] | None:
    try:
        marks = json.loads(value) if isinstance(value, str) else value
        found: list[dict[str, Any]] = [
            {"quote": str(m["quote"]), "start": int(m["start"]), "end": int(m["end"]), "note": str(m.get("note") or "")}
            for m in marks
        ]
    except (TypeError, ValueError, KeyError):
        raise refusal(f"{question.name!r} takes a list of quote, start, end and note.", "Send it as JSON.") from None
    if any(not 0 <= mark["start"] < mark["end"] for mark in found):
        raise refusal(f"A passage of {question.name!r} ends before it starts.", "Send 0 <= start < end.")
    return found or None


def _read_pair(question: Question, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and value.get("choice") in CHOICES:
        return {key: value[key] for key in ("choice", "other", "shown") if key in value}
    raise refusal(f"{value!r} is no answer to {question.name!r}.", f"Send a choice of: {', '.join(CHOICES)}.")


_READ: Final[Mapping[str, Callable[[Question, Any], Any]]] = {
    "binary": _read_option,
    "category": _read_option,
    "number": _read_number,
    "text": _read_text,
    "correction": _read_correction,
    "assertions": _read_assertions,
    "first_bad_step": _read_step,
    "highlights": _read_highlights,
    "pairwise": _read_pair,
}
