"""Prompts as JSON: publish a version, fetch the one that a label points at, move labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, project_of, server_of
from ..exports.contract import rfc3339
from ..prompts.answers import Answer
from ..prompts.content import Content
from ..prompts.diff import unified
from ..prompts.version import LATEST, Move, Prompt, Version
from ..store.prompts import Prompts
from .traces import answer

router = APIRouter(prefix="/api/v1/prompts", tags=["prompts"])
#: A label may have moved after so long; a numbered version never changes.
MAY_MOVE: str = "private, max-age=10, stale-while-revalidate=60, stale-if-error=86400"
NEVER_CHANGES: str = "private, max-age=31536000, immutable"
Label = Annotated[str, Field(min_length=1, max_length=40)]


class AskedVersion(BaseModel):
    """A version to publish: a text or messages, and what a call is to be made with."""

    model_config = ConfigDict(extra="forbid")
    name: str
    template: str | list[dict[str, Any]]
    format: Literal["plain", "jinja", "fstring"] = "plain"
    model: str | None = Field(None, max_length=200)
    params: dict[str, Any] = Field(default_factory=dict)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    output_schema: dict[str, Any] | None = None
    note: str = Field("", max_length=2_000)
    labels: list[Label] = Field(default_factory=list, max_length=20)

    def content(self) -> Content:
        """Return what it says."""
        return Content.from_json(self.model_dump(exclude={"name", "note", "labels"}))


class AskedLabel(BaseModel):
    """Where a label is to point."""

    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1)


class AskedProtection(BaseModel):
    """Whether a label is protected."""

    model_config = ConfigDict(extra="forbid")
    protected: bool


@router.get("")
def list_prompts(
    server: CurrentServer,
    project: CurrentProject,
    folder: Annotated[str | None, Query(description="Only those in this folder, at any depth")] = None,
) -> Response:
    """Return the prompts of a project by name: ``{"items": [...], "protected_labels": [...]}``."""
    prompts = Prompts(server.store)
    found = [p for p in prompts.all(project) if not folder or f"{p.name}/".startswith(f"{folder.strip('/')}/")]
    protected = sorted(prompts.protected(project))
    return answer({"items": [_prompt(prompt) for prompt in found], "protected_labels": protected})


@router.post("", status_code=201)
def publish(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedVersion) -> Response:
    """Publish a version (201); what the newest one says already is returned as it is (200)."""
    prompts = Prompts(server.store)
    version, new = prompts.publish(
        project, asked.name, asked.content(), note=asked.note, by=who(actor), labels=asked.labels,
        may_promote=actor.may_promote,
    )  # fmt: skip
    server.prompt_answers.forget()
    return answer(version_json(prompts.find(project, asked.name), version), status=201 if new else 200)


@router.put("/protected/{label}")
def protect(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, label: str, asked: AskedProtection
) -> Response:
    """Protect a label of the project, or lift its protection: an API key cannot move a protected label."""
    prompts = Prompts(server.store)
    prompts.protect(project, label, on=asked.protected, may_promote=actor.may_promote)
    return answer({"protected_labels": sorted(prompts.protected(project))})


@router.get("/{name:path}/versions")
def list_versions(server: CurrentServer, project: CurrentProject, name: str) -> Response:
    """Return every version of a prompt, the newest first."""
    prompts = Prompts(server.store)
    prompt = prompts.find(project, name)
    return answer({"items": [version_json(prompt, version) for version in prompts.versions(prompt)]})


@router.get("/{name:path}/history")
def label_history(server: CurrentServer, project: CurrentProject, name: str) -> Response:
    """Return who moved which label when, the newest first."""
    prompts = Prompts(server.store)
    return answer({"items": [_move(move) for move in prompts.history(prompts.find(project, name))]})


@router.get("/{name:path}/diff")
def diff(
    server: CurrentServer,
    project: CurrentProject,
    name: str,
    before: Annotated[str, Query(alias="from", description="Label or number")],
    after: Annotated[str, Query(alias="to", description="Label or number")] = LATEST,
) -> Response:
    """Return what changed between two versions, as lines of a unified diff: ``{"from", "to", "lines": [...]}``."""
    prompts = Prompts(server.store)
    old, new = prompts.version(project, name, before), prompts.version(project, name, after)
    lines = unified(old.content, new.content, f"{name}@{old.number}", f"{name}@{new.number}")
    return answer({"from": old.number, "to": new.number, "lines": lines})


@router.put("/{name:path}/labels/{label}")
def move_label(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, name: str, label: str, asked: AskedLabel
) -> Response:
    """Point a label at a version."""
    prompt = Prompts(server.store).move(
        project, name, label, asked.version, by=who(actor), may_promote=actor.may_promote
    )
    server.prompt_answers.forget()
    return answer(_prompt(prompt))


@router.delete("/{name:path}/labels/{label}", status_code=204)
def drop_label(server: CurrentServer, actor: CurrentActor, project: CurrentProject, name: str, label: str) -> Response:
    """Take a label off a prompt."""
    Prompts(server.store).move(project, name, label, None, by=who(actor), may_promote=actor.may_promote)
    server.prompt_answers.forget()
    return Response(status_code=204)


@router.get("/{name:path}")
async def fetch(
    request: Request,
    name: str,
    *,
    label: Annotated[str | None, Query(description="Such as production; latest where nothing is asked for")] = None,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Return the version that a label or number stands for; 304 where ``If-None-Match`` has it already.

    What was answered lately is answered by the event loop itself: fleets of programs ask again and again.
    """
    server, project = server_of(request), project_of(request)
    at = str(version) if version is not None else label or LATEST

    def made() -> Answer:
        found = Prompts(server.store).version(project, name, at)
        body = {"name": name, "project": project, "label": None if version is not None else at, **_said(found)}
        return Answer(f'"{found.number}-{found.hash[:32]}"', orjson.dumps(body))

    found = server.prompt_answers.get(project, name, at)
    if found is None:
        found = server.prompt_answers.put(project, name, at, await run_in_threadpool(made))
    headers = {
        "ETag": found.etag,
        "Cache-Control": MAY_MOVE if version is None else NEVER_CHANGES,
        "Vary": "Authorization",
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type="application/json", headers=headers)


@router.delete("/{name:path}", status_code=204)
def delete_prompt(server: CurrentServer, actor: CurrentActor, project: CurrentProject, name: str) -> Response:
    """Delete a prompt with its versions; one that a protected label points at is refused to API keys."""
    Prompts(server.store).delete(project, name, may_promote=actor.may_promote)
    server.prompt_answers.forget()
    return Response(status_code=204)


def who(actor: Actor) -> str:
    """Return how the history calls who acts."""
    return actor.name or actor.kind


def version_json(prompt: Prompt, version: Version) -> dict[str, Any]:
    """Return one version of a prompt as JSON."""
    return {
        "name": prompt.name,
        "project": prompt.project,
        "labels": prompt.labels_of(version.number),
        **_said(version),
    }


def _said(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "hash": version.hash,
        "template_hash": version.template_hash,
        "variables": version.content.variables,
        **_content(version.content),
        "source": version.source.as_json()["template"] if version.includes else None,
        "includes": [{"name": i.name, "label": i.label, "version": i.number, "hash": i.hash} for i in version.includes],
        "origin": version.origin,
        "said_as": version.said_as,
        "note": version.note,
        "created_by": version.created_by,
        "created_at": rfc3339(version.created_ns),
    }


def _content(content: Content) -> Mapping[str, Any]:
    said: dict[str, Any] = content.as_json()
    return {"type": "chat" if content.is_chat else "text", **said}


def _prompt(prompt: Prompt) -> dict[str, Any]:
    labels: Mapping[str, int] = {**prompt.labels, LATEST: prompt.newest}
    return {
        "name": prompt.name,
        "project": prompt.project,
        "folder": prompt.folder,
        "newest": prompt.newest,
        "labels": labels,
        "note": prompt.note,
        "created_at": rfc3339(prompt.created_ns),
        "changed_at": rfc3339(prompt.changed_ns),
    }


def _move(move: Move) -> dict[str, Any]:
    said: Sequence[tuple[str, Any]] = (("label", move.label), ("from", move.before), ("to", move.after))
    return {**dict(said), "by": move.by, "at": rfc3339(move.at_ns)}
