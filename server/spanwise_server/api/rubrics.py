"""Rubrics as JSON: make one, reword it as a new version, list the labels of older wordings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import NotFound
from ..exports.contract import rfc3339
from ..labelling.desk import Desk
from ..labelling.rubric import MOST_QUESTIONS, Rubric, rubric_of
from .traces import answer

router = APIRouter(prefix="/api/v1/rubrics", tags=["rubrics"])


class AskedRubric(BaseModel):
    """Questions that are asked together."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=200)] = ""
    questions: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_QUESTIONS,
        description='{"name", "kind", "text", "guidance", "required", "critique", "options", "low", "high", "whole"}',
    )
    note: str = Field("", max_length=500, description="Why it is changed")


@router.get("")
def list_rubrics(server: CurrentServer, project: CurrentProject) -> Response:
    """Return the rubrics of a project in their newest versions, the newest rubric first."""
    return answer({"items": [rubric_json(rubric) for rubric in Desk(server.store).rubrics.all(project)]})


@router.post("", status_code=201)
def create_rubric(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedRubric) -> Response:
    """Make a rubric: its first version."""
    return answer(rubric_json(Desk(server.store).rubrics.create(project, _rubric(asked, actor))), status=201)


@router.get("/{rubric_id}")
def one_rubric(server: CurrentServer, actor: CurrentActor, rubric_id: int, version: int | None = None) -> Response:
    """Return a rubric in its newest version, or in the one asked for, and how many labels stand under each."""
    desk = Desk(server.store)
    rubric = _found(desk, actor, rubric_id, version)
    counts = desk.history.counts(rubric_id)
    versions = [
        {
            "version": v.version,
            "note": v.note,
            "created_by": v.created_by,
            "created_at": rfc3339(v.created_ns),
            "labels": counts.get(v.version, 0),
        }
        for v in desk.rubrics.versions(rubric_id)
    ]
    return answer({**rubric_json(rubric), "versions": versions})


@router.post("/{rubric_id}/versions", status_code=201)
def revise_rubric(server: CurrentServer, actor: CurrentActor, rubric_id: int, asked: AskedRubric) -> Response:
    """Keep another wording as the next version; queues ask it from then on, and labels keep the one they were given."""
    desk = Desk(server.store)
    _found(desk, actor, rubric_id)
    return answer(rubric_json(desk.rubrics.revise(rubric_id, _rubric(asked, actor))), status=201)


@router.get("/{rubric_id}/older-labels")
def older_labels(server: CurrentServer, actor: CurrentActor, rubric_id: int) -> Response:
    """Return the labels that stand and were given under an older wording."""
    desk = Desk(server.store)
    _found(desk, actor, rubric_id)
    items = [
        {"version": version, "queue_id": queue, "item_id": item, "annotator": who, "position": position}
        for version, queue, item, who, position in desk.history.older(rubric_id)
    ]
    return answer({"items": items})


def rubric_json(rubric: Rubric) -> dict[str, Any]:
    """Return a rubric as JSON."""
    return {
        "id": rubric.id,
        "name": rubric.name,
        "version": rubric.version,
        "note": rubric.note,
        "questions": rubric.as_json(),
        "created_by": rubric.created_by,
        "created_at": rfc3339(rubric.created_ns),
    }


def _rubric(asked: AskedRubric, actor: Actor) -> Rubric:
    facts = {"name": asked.name.strip(), "note": asked.note, "created_by": actor.name or actor.kind}
    return rubric_of(asked.questions, **facts)


def _found(desk: Desk, actor: Actor, rubric_id: int, version: int | None = None) -> Rubric:
    rubric = desk.rubrics.find(rubric_id, version)
    if rubric is None or actor.project not in {None, desk.rubrics.project_of(rubric_id)}:
        raise NotFound(f"There is no rubric {rubric_id} in this version.", "GET /api/v1/rubrics lists them.")
    return rubric
