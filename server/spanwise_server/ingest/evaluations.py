"""Results of evaluations, which OpenTelemetry sends as events of the span that was evaluated, as annotations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from ..dialects.decode import number, plain_text
from ..record import Annotation, Annotator, Event, SpanLog

RESULT: Final = "gen_ai.evaluation.result"
E: Final = "gen_ai.evaluation."


def evaluations(logs: Iterable[SpanLog]) -> list[Annotation]:
    """Return what the results among *logs* judge; one that names nothing or says nothing judges nothing."""
    judged = (_annotation(log) for log in logs if log.event.name == RESULT)
    return [annotation for annotation in judged if annotation is not None]


def _annotation(log: SpanLog) -> Annotation | None:
    said = _said(log.event)
    name = plain_text(said.get(f"{E}name"))
    score, label = number(said.get(f"{E}score.value")), plain_text(said.get(f"{E}score.label"))
    explanation = plain_text(said.get(f"{E}explanation"))
    if name is None or (score is None and label is None and explanation is None):
        return None
    return Annotation(
        id=_id_of(log, name),
        project=log.project,
        name=name,
        trace_id=log.trace_id,
        span_id=log.span_id,
        label=label,
        score=score,
        explanation=explanation,
        annotator=Annotator("code"),
        created_ns=log.event.time_ns,
        updated_ns=log.event.time_ns,
        source="otlp",
    )


def _said(event: Event) -> dict[str, Any]:
    """Return the attributes of a result, which some put into the body of a log record."""
    body = event.attributes.get("body")
    return {**(body if isinstance(body, dict) else {}), **event.attributes}


def _id_of(log: SpanLog, name: str) -> str:
    """Return an id that the same result has however often it is sent."""
    parts = (log.project, log.trace_id, log.span_id, str(log.event.time_ns), name)
    return hashlib.blake2b("\0".join(parts).encode(errors="replace"), digest_size=16).hexdigest()
