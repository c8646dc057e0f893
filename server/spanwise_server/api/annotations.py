"""Annotations as JSON: judgements by programs, models and the users of an app."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import annotation as annotation_json
from ..record import Annotation, Annotator
from .traces import answer

router = APIRouter(prefix="/api/v1/annotations", tags=["annotations"])

MOST_AT_ONCE = 1_000
HexTrace = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$", description="32 hex digits")]
HexSpan = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$", description="16 hex digits")]


class Target(BaseModel):
    """What is judged: a trace, or one span of it."""

    model_config = ConfigDict(extra="forbid")
    trace_id: HexTrace
    span_id: HexSpan | None = None


class Judge(BaseModel):
    """Who judged."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["human", "llm", "code"] = "human"
    id: str = Field(default="", max_length=200)


class NewAnnotation(BaseModel):
    """One judgement to keep; with the id of one that is there, it replaces that one."""

    model_config = ConfigDict(extra="forbid")
    id: str | None = Field(None, min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    target: Target
    label: str | None = Field(None, max_length=200)
    score: FiniteFloat | None = None
    explanation: str | None = None
    correction: Any = None
    annotator: Judge = Judge()
    metadata: dict[str, Any] | None = None

    @model_validator(mode="after")
    def says_something(self) -> NewAnnotation:
        """Refuse a judgement without a label, a score, an explanation or a correction."""
        if self.label is None and self.score is None and self.explanation is None and self.correction is None:
            message = "give at least one of label, score, explanation and correction"
            raise ValueError(message)
        return self


@router.post("", status_code=201)
def annotate(
    server: CurrentServer,
    project: CurrentProject,
    given: Annotated[NewAnnotation | Annotated[list[NewAnnotation], Field(max_length=MOST_AT_ONCE)], Body()],
) -> Response:
    """Keep one judgement, or a list of up to 1,000, and return what was kept.

    The span need not have arrived yet: a user's thumb can be faster than the exporter.
    """
    now = time.time_ns()
    many = isinstance(given, list)
    kept = [_annotation(project, one, now) for one in (given if isinstance(given, list) else [given])]
    server.store.annotate(kept)
    items = [annotation_json(one) for one in kept]
    return answer({"items": items} if many else items[0], status=201)


@router.get("")
def list_annotations(
    server: CurrentServer, project: CurrentProject, trace_id: Annotated[HexTrace, Query(description="Trace judged")]
) -> Response:
    """Return what was judged of one trace and its spans, oldest first: ``{"items": [Annotation]}``."""
    judged = server.store.annotations(project, [trace_id.lower()]).get(trace_id.lower(), ())
    return answer({"items": [annotation_json(one) for one in judged]})


@router.delete("/{annotation_id}", status_code=204)
def unannotate(server: CurrentServer, project: CurrentProject, annotation_id: str) -> Response:
    """Take one judgement away."""
    if not server.store.unannotate(project, annotation_id):
        raise NotFound(f"Project {project!r} has no annotation {annotation_id}.", "It may have been removed already.")
    return Response(status_code=204)


def _annotation(project: str, given: NewAnnotation, now: int) -> Annotation:
    return Annotation(
        id=given.id or uuid.uuid4().hex,
        project=project,
        name=given.name,
        trace_id=given.target.trace_id.lower(),
        span_id=given.target.span_id.lower() if given.target.span_id else None,
        label=given.label,
        score=given.score,
        explanation=given.explanation,
        correction=given.correction,
        annotator=Annotator(given.annotator.kind, given.annotator.id),
        created_ns=now,
        updated_ns=now,
        source="api",
        metadata=given.metadata,
    )
