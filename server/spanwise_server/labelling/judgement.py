"""A verdict as a person gives it to one span, and the annotation that it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..errors import SpanwiseError
from ..record import Annotation, Annotator, Reading
from .answers import Answer, Given, annotation_id, annotations_of, correction_of, plain_lines
from .queue import Target
from .rubric import Rubric, simple_rubric

__all__ = ["LABELS", "Label", "Verdict", "annotation_id", "annotation_of", "correction_of", "read_label"]

Label = Literal["pass", "fail"]
LABELS: Final[tuple[Label, ...]] = ("pass", "fail")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided about one span, as the form sends it."""

    label: Label | None = None
    critique: str = ""
    expected: str = ""
    """What the answer should have been; the answer itself, or nothing, where it is not corrected."""

    def answers(self, rubric: Rubric, reading: Reading) -> dict[str, Answer]:
        """Return the verdict as answers to *rubric*; one that says nothing is refused."""
        critique = plain_lines(self.critique)
        correction = correction_of(self.expected, reading)
        found = {}
        if self.label is not None or critique:
            found[rubric.lead.name] = Answer(self.label, critique)
        asked = next((q for q in rubric.questions if q.kind == "correction"), None)
        if correction is not None and asked is not None:
            found[asked.name] = Answer(correction)
        if not found:
            raise SpanwiseError(
                "This judgement says nothing.", "Choose pass or fail, or write a critique or a correction."
            )
        return found


def read_label(text: str) -> Label | None:
    """Return the verdict that *text* names, ``None`` for none; anything else is refused."""
    if text == "":
        return None
    for label in LABELS:
        if text == label:
            return label
    raise SpanwiseError(f"{text!r} is not a verdict.", "Send pass or fail.")


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
    rubric = simple_rubric(name=name)
    given = Given(project, target, annotator, source, at_ns)
    return annotations_of(rubric, verdict.answers(rubric, reading), given)[0]
