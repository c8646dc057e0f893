"""A verdict as a person gives it, and the annotation that it comes to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

from ..errors import SpanwiseError
from ..record import Annotation, Annotator, Json, Reading
from .answer import answer_text
from .queue import Target

Label = Literal["pass", "fail"]
LABELS: Final[tuple[Label, ...]] = ("pass", "fail")
SCORES: Final = {"pass": 1.0, "fail": 0.0}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided about one span, as the form sends it."""

    label: Label | None = None
    critique: str = ""
    expected: str = ""
    """What the answer should have been; the answer itself, or nothing, where it is not corrected."""


def read_label(text: str) -> Label | None:
    """Return the verdict that *text* names, ``None`` for none; anything else is refused."""
    if text == "":
        return None
    for label in LABELS:
        if text == label:
            return label
    raise SpanwiseError(f"{text!r} is not a verdict.", "Send pass or fail.")


def annotation_id(project: str, target: Target, name: str, annotator: Annotator) -> str:
    """Return the id of the one judgement of this name that this annotator has of this span."""
    parts = (project, target.trace_id, target.span_id, name, annotator.kind, annotator.id)
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()


def correction_of(expected: str, reading: Reading) -> Json:
    """Return what the answer should have been, or ``None`` where *expected* is the answer itself or empty.

    Where the answer was an object or a list, and the correction reads as JSON, the correction is that value.
    """
    wanted, given = _lines(expected), _lines(answer_text(reading))
    if not wanted or wanted == given:
        return None
    if reading.output_messages is None and isinstance(reading.output, dict | list):
        try:
            return json.loads(wanted)
        except ValueError:
            return wanted
    return wanted


def annotation_of(
    verdict: Verdict,
    *,
    project: str,
    target: Target,
    reading: Reading,
    name: str,
    annotator: Annotator,
    source: str,
    at_ns: int,
) -> Annotation:
    """Return the annotation that *verdict* comes to; one that says nothing is refused."""
    critique = _lines(verdict.critique) or None
    correction = correction_of(verdict.expected, reading)
    if verdict.label is None and critique is None and correction is None:
        raise SpanwiseError("This judgement says nothing.", "Choose pass or fail, or write a critique or a correction.")
    return Annotation(
        id=annotation_id(project, target, name, annotator),
        project=project,
        name=name,
        trace_id=target.trace_id,
        span_id=target.span_id,
        label=verdict.label,
        score=SCORES[verdict.label] if verdict.label else None,
        explanation=critique,
        correction=correction,
        annotator=annotator,
        created_ns=at_ns,
        updated_ns=at_ns,
        source=source,
    )


def _lines(text: str) -> str:
    """Return *text* as a browser's form showed it: its line ends made plain, outer blank space gone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
