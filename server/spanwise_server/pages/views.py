"""Saved views: the menu that lists, saves, chooses and deletes them, and the state that a page begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, server_of
from ..errors import SpanwiseError
from ..store.views import SavedView, Views
from .flash import redirected, undone
from .urls import url

router = APIRouter(include_in_schema=False)

#: The places that views are of, as a view names them, and where they are.
PLACES: Final[Mapping[str, str]] = {"traces": "/traces", "sessions": "/sessions", "dashboard": "/dashboard"}
#: What a view holds; of what else a URL may say, such as a page's cursor, nothing is kept.
KEPT: Final = ("filter", "range", "from", "to", "sort", "cols", "by", "a_day", "of", "onto")


@dataclass(frozen=True, slots=True)
class ViewLink:
    """One view as the menu shows it."""

    id: int
    name: str
    href: str
    is_default: bool
    is_open: bool


def views_menu(request: Request, project: str, place: str, params: Mapping[str, object]) -> dict[str, Any]:
    """Return what the menu of views needs on a page whose URL says *params*."""
    now = query_of(params)
    views = [view for view in _views(request, project) if view.place == place]
    return {
        "view_place": place,
        "view_query": now,
        "views": [
            ViewLink(v.id, v.name, link_of(project, place, v.query), v.is_default, v.query == now) for v in views
        ],
    }


def query_of(params: Mapping[str, object]) -> str:
    """Return what a view keeps of a URL's parameters."""
    return urlencode({name: str(params[name]) for name in KEPT if params.get(name) not in (None, "")})


def link_of(project: str, place: str, query: str) -> str:
    """Return the URL of a view."""
    said = dict(parse_qsl(query))
    return url(PLACES[place], project, {name: said[name] for name in KEPT if name in said})


def begins_with(request: Request, project: str) -> dict[str, str]:
    """Return the link of each place that begins with a view of the project's, by path."""
    return {
        PLACES[view.place]: link_of(project, view.place, view.query)
        for view in _views(request, project)
        if view.is_default and view.place in PLACES
    }


def _views(request: Request, project: str) -> tuple[SavedView, ...]:
    """Return the views of a project, which a request asks for once."""
    known: dict[str, tuple[SavedView, ...]] = getattr(request.state, "views", {})
    if project not in known:
        request.state.views = known = {**known, project: Views(server_of(request).store).all(project)}
    return known[project]


@router.post("/views/save", dependencies=[Csrf])
def save_view(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    place: Annotated[str, Form()],
    name: Annotated[str, Form()] = "",
    query: Annotated[str, Form()] = "",
) -> Response:
    """Keep the state of a page under a name, and stay there."""
    if place not in PLACES:
        raise SpanwiseError("There are no views of this page.", "Save views of traces, sessions and the dashboard.")
    kept = query_of(dict(parse_qsl(query)))
    Views(server.store).save(project, place, name, kept, actor.name)
    return RedirectResponse(link_of(project, place, kept), status_code=303)


@router.post("/views/default", dependencies=[Csrf])
def choose_default(
    server: CurrentServer,
    project: CurrentProject,
    view: Annotated[int, Form()],
    on: Annotated[bool, Form()] = True,  # noqa: FBT002 - a field of the form
) -> Response:
    """Have a place begin with a view, or with everything again."""
    chosen = Views(server.store).choose_default(project, view, on=on)
    return RedirectResponse(link_of(project, chosen.place, chosen.query), status_code=303)


@router.post("/views/delete", dependencies=[Csrf])
def delete_view(
    request: Request, server: CurrentServer, project: CurrentProject, view: Annotated[int, Form()]
) -> Response:
    """Take a view away; the page it showed stays, and says how to have the view back."""
    gone = Views(server.store).delete(project, view)
    kept = {"place": gone.place, "name": gone.name, "query": gone.query, "on": "true" if gone.is_default else None}
    undo = url("/views/restore", project, kept)
    return redirected(request, link_of(project, gone.place, gone.query), f"View {gone.name} deleted", undo)


@router.post("/views/restore", dependencies=[Csrf])
def restore_view(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    place: str,
    name: str,
    query: str = "",
    on: bool = False,  # noqa: FBT001, FBT002 - a parameter of the URL
) -> Response:
    """Keep a view again that was deleted a moment ago; one that took its name meanwhile stays."""
    views = Views(server.store)
    if place not in PLACES:
        raise SpanwiseError("There are no views of this page.", "Save views of traces, sessions and the dashboard.")
    if all(view.name != name for view in views.all(project, place)):
        back = views.save(project, place, name, query_of(dict(parse_qsl(query))), actor.name)
        if on and place not in views.defaults(project):
            views.choose_default(project, back.id, on=True)
    return undone(request, link_of(project, place, query))
