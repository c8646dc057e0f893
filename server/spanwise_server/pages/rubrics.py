"""Rubrics: the list of them, and the editor of one with its versions and the labels under each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import Forbidden, NotFound, SpanwiseError
from ..labelling.desk import Desk
from ..labelling.rubric import KINDS, Rubric, simple_rubric
from .label import Sent, annotator_of
from .render import render
from .rubric_form import Body, changed, changes, questions_of, questions_sent, rubric_sent
from .urls import url

router = APIRouter(include_in_schema=False)

#: Labels of an older wording that the page lists.
MOST_OLDER: Final = 200


@router.get("/rubrics")
def rubrics_page(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the rubrics of a project, and which queues ask them."""
    desk = Desk(server.store)
    rows = [(rubric, desk.rubrics.queues_of(rubric.id)) for rubric in desk.rubrics.all(project)]
    return render(request, "pages/rubrics.html", rubrics=rows)


@router.get("/rubrics/new")
def new_rubric(request: Request) -> Response:
    """Show the editor with the simplest rubric in it."""
    return _editor(request, None, "", questions_of(simple_rubric()))


@router.post("/rubrics/new", dependencies=[Csrf])
def create_rubric(
    request: Request, server: CurrentServer, actor: CurrentActor, project: CurrentProject, sent: Sent
) -> Response:
    """Keep a new rubric, or do what another button of the editor says."""
    questions, name = questions_sent(sent), sent.get("title", "")
    if sent.get("do") != "save":
        return _editor(request, None, name, changed(questions, sent.get("do", "")))
    try:
        asked = rubric_sent(sent, name=name.strip(), created_by=annotator_of(actor).id)
    except SpanwiseError as wrong:
        return _editor(request, None, name, questions, wrong=wrong)
    rubric = Desk(server.store).rubrics.create(project, asked)
    return RedirectResponse(url(f"/rubrics/{rubric.id}", project), status_code=303)


@router.get("/rubrics/{rubric_id}")
def rubric_page(
    request: Request, server: CurrentServer, actor: CurrentActor, rubric_id: int, version: int | None = None
) -> Response:
    """Show the editor of a rubric, from its newest version or the one asked for."""
    desk = Desk(server.store)
    rubric = rubric_for(desk, actor, rubric_id, version)
    project = desk.rubrics.project_of(rubric_id) or ""
    if request.query_params.get("project", "default") != project:
        return RedirectResponse(url(f"/rubrics/{rubric_id}", project, {"version": version}), status_code=303)
    return _editor(request, desk, rubric.name, questions_of(rubric), rubric=rubric)


@router.post("/rubrics/{rubric_id}", dependencies=[Csrf])
def change_rubric(request: Request, server: CurrentServer, actor: CurrentActor, rubric_id: int, sent: Sent) -> Response:
    """Keep the next version of a rubric, or do what another button of the editor says."""
    desk = Desk(server.store)
    rubric = rubric_for(desk, actor, rubric_id)
    questions, name = questions_sent(sent), sent.get("title", "")
    if sent.get("do") != "save":
        return _editor(request, desk, name, changed(questions, sent.get("do", "")), rubric=rubric)
    try:
        facts = {"name": name.strip(), "note": sent.get("note", "").strip(), "created_by": annotator_of(actor).id}
        asked = rubric_sent(sent, **facts)
    except SpanwiseError as wrong:
        return _editor(request, desk, name, questions, rubric=rubric, wrong=wrong)
    desk.rubrics.revise(rubric_id, asked)
    return RedirectResponse(url(f"/rubrics/{rubric_id}", desk.rubrics.project_of(rubric_id) or ""), status_code=303)


def rubric_for(desk: Desk, actor: Actor, rubric_id: int, version: int | None = None) -> Rubric:
    """Return a rubric that this actor may touch."""
    rubric = desk.rubrics.find(rubric_id, version)
    if rubric is None:
        raise NotFound(f"There is no rubric {rubric_id} in this version.", "/rubrics lists those there are.")
    if actor.project is not None and actor.project != desk.rubrics.project_of(rubric_id):
        raise Forbidden("This rubric is of another project.", "Use a key of that project.")
    return rubric


def _editor(
    request: Request,
    desk: Desk | None,
    name: str,
    questions: list[Body],
    *,
    rubric: Rubric | None = None,
    wrong: SpanwiseError | None = None,
) -> Response:
    kept: dict[str, Any] = {"versions": [], "queues": [], "older": [], "older_count": 0, "known": frozenset()}
    if desk is not None and rubric is not None:
        versions = desk.rubrics.versions(rubric.id)
        counts = desk.history.counts(rubric.id)
        told = {new.version: changes(old, new) for new, old in pairwise(versions)}
        older = desk.history.older(rubric.id)
        kept = {
            "versions": [(v, counts.get(v.version, 0), told.get(v.version, [])) for v in versions],
            "queues": desk.rubrics.queues_of(rubric.id),
            "older": older[:MOST_OLDER],
            "older_count": len(older),
            "known": frozenset(q.name for q in versions[0].questions),
        }
    return render(
        request,
        "pages/rubric.html",
        rubric=rubric,
        title=name,
        questions=questions,
        kinds=KINDS,
        wrong=wrong,
        status=200 if wrong is None else 422,
        **kept,
    )
