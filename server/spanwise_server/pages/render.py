"""Pages from templates: one template and one URL serve the whole page and its fragments.

How to make a page
    pages/x.py has ``router = APIRouter(include_in_schema=False)`` and sync handlers that end in
    ``return render(request, "pages/x.html", name=value, ...)``; ``status=404`` answers with another status.
    web/templates/pages/x.html begins ``{% extends "base.html" %}`` and fills the blocks ``title`` (words),
    ``crumbs`` (top bar, left; ``<h1>`` by default), ``tools`` (top bar, right), ``main`` (inside ``<main>``),
    ``scripts`` (``<script defer>`` elements), ``keys`` (sections of the key sheet) and ``body_class``.

Fragments
    An htmx request gets the block named like the id of its target: ``hx-target="#detail"`` gets
    ``{% block detail %}``, and ``hx-target="#page"`` gets top bar and main together. The block must be in the
    page's own template and must hold everything it uses ({% set %} outside it is not seen inside). A target
    with no such block gets what ``#page`` gets. Inside ``<div hx-boost:inherited='target:"#page"'>`` plain
    links and forms become such requests, push their URL, and still work with JavaScript off.

What every template sees
    ``project``, ``projects``, ``places`` (the rail), ``here`` (path), ``clock`` (times of this reader:
    ``clock.tag(ns)``), ``link(path, name=value, ...)`` (a URL in this project), ``asset(name)``, ``csrf_token``,
    ``csrf_field()`` for every POST form (htmx sends the token as a header by itself), ``icon(name)``,
    ``kind(kind)``, ``copy(text, name)``, and the functions of format.py as filters: ``duration``, ``money``,
    ``tokens``, ``count``, ``percent``, ``size``, ``plural``, ``short_id``, ``one_line``, ``utc``, ``usage_split``,
    ``bar``.
    A toast: ``HX-Trigger: {"toast": {"text": ..., "undo": "/path to POST"}}`` or ``toast({text, undo})`` in JS.

Strict: an undefined name is an error, everything is escaped, no ``|safe``: only functions here return Markup.
"""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ..auth.csrf import FIELD, csrf_token, keep_seed
from ..auth.current import actor_of, project_of, server_of
from ..exports import row_files
from ..labelling.queue import UNITS, Queue
from ..query.values import quoted
from ..resources import resource_dir
from ..store.queues import Queues
from . import format as fmt
from .elements import Elements, drawn_as
from .flash import flash_of, forget_flash
from .static import INLINE, assets
from .template_cache import CompiledTemplates
from .templating import Templates
from .urls import DEFAULT_PROJECT, url
from .views import begins_with

VARY = "HX-Request, HX-Request-Type, HX-Target, Accept-Encoding"
_PACK_FROM = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail."""

    name: str
    path: str
    icon: str
    keys: str
    also: tuple[str, ...] = ()
    """Addresses of pages that belong to it and lie elsewhere."""

    def holds(self, path: str) -> bool:
        """Return whether the page at *path* belongs to it."""
        return any(path == one or path.startswith(f"{one}/") for one in (self.path, *self.also))


#: The rail: only places that exist.
PLACES: tuple[Place, ...] = (
    Place("Traces", "/traces", "traces", "g t", ("/compare",)),
    Place("Sessions", "/sessions", "sessions", "g s"),
    Place("Dashboard", "/dashboard", "dashboard", "g d", ("/steps",)),
    Place("Prompts", "/prompts", "prompts", "g p", ("/prompt-edit", "/playground")),
    Place("Label", "/label", "label", "g l", ("/rubrics",)),
    Place("Datasets", "/datasets", "datasets", "g a"),
    Place("Experiments", "/experiments", "experiments", "g x"),
    Place("Settings", "/settings", "settings", "g i"),
)


@cache
def environment() -> Environment:
    """Return the one template environment."""
    env = Templates(
        loader=FileSystemLoader(resource_dir("web") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(),
    )
    sprite, _ = assets().find("icons.svg")
    elements = Elements(sprite.url)
    env.globals.update(
        asset=assets().url,
        begin=assets().script(INLINE),
        icon=elements.icon,
        kind=elements.kind,
        copy=elements.copy,
        drawn_as=drawn_as,
        places=PLACES,
        label_units=UNITS,
        quoted=quoted,
        row_exports=row_files.offered,
    )
    for function in (
        fmt.duration, fmt.money, fmt.cost, fmt.tokens, fmt.count, fmt.percent, fmt.size, fmt.plural, fmt.short_id,
        fmt.one_line, fmt.utc, fmt.iso, fmt.usage_split, fmt.cost_sum, fmt.bar,
    ):  # fmt: skip
        env.filters[function.__name__] = function
    return env


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return the page, or the fragment that htmx asks for."""
    page = environment().get_template(template)
    values = {**_shell(request), **context}
    block = _block(request, page)
    html = page.render(values) if block is None else "".join(page.blocks[block](page.new_context(values)))
    response = _answer(request, html, status)
    keep_seed(request, response)
    if block is None:
        forget_flash(request, response)
    return response


def clock_of(request: Request) -> fmt.Clock:
    """Return this reader's clock; the browser tells its time zone in a cookie."""
    return fmt.Clock(time.time_ns(), fmt.zone(unquote(request.cookies.get("tz", ""))))


def _block(request: Request, page: Template) -> str | None:
    """Return the block to send alone, or ``None`` for the page."""
    target = fragment_name(request)
    return target if target in page.blocks and target not in {"page", "main"} else None


def fragment_name(request: Request) -> str | None:
    """Return the id of the element that htmx will put the answer into, ``None`` where a whole page is asked for."""
    return request.headers.get("hx-target", "").rpartition("#")[2] if is_fragment(request) else None


def is_fragment(request: Request) -> bool:
    """Return whether htmx asks for a part, not for a page to put in place of the whole body."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-request-type") != "full"


def _shell(request: Request) -> dict[str, Any]:
    """Return what the frame around every page needs; little where nobody has been let in."""
    known = getattr(request.state, "actor", None) is not None and actor_of(request).kind in {"local", "login", "key"}
    project = project_of(request) if known else DEFAULT_PROJECT
    ready = hasattr(request.app.state, "server")
    token = csrf_token(request) if ready else ""
    return {
        "fragment": is_fragment(request),
        "inside": known and ready,
        "project": project,
        "projects": _projects(request) if known and ready else (),
        "here": request.url.path,
        "begins": begins_with(request, project) if known and ready and not is_fragment(request) else {},
        "clock": clock_of(request),
        "flash": flash_of(request) if known and ready else None,
        "csrf_token": token,
        "csrf_field": partial(_csrf_field, token),
        "link": partial(_link, project),
        "person": actor_of(request) if known and actor_of(request).kind == "login" else None,
        "queues_there": cache(partial(_queues, request, project)),
        "may_write": known and "write" in actor_of(request).rights,
    }


def _queues(request: Request, project: str, unit: str = "") -> list[Queue]:
    """Return the queues that something can be added to, those of one unit or all; asked for by menus alone."""
    queues = Queues(server_of(request).store).there(project)
    return [queue for queue in queues if not unit or queue.unit == unit]


def _projects(request: Request) -> tuple[str, ...]:
    """Return the projects there are that this person may ask for."""
    there, allowed = server_of(request).store.projects(), actor_of(request).projects
    return tuple(there) if allowed is None else tuple(name for name in there if name in allowed)


def _csrf_field(token: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


def _link(project: str, path: str, /, **params: object) -> str:
    return url(path, project, params)


def _answer(request: Request, html: str, status: int) -> HTMLResponse:
    headers = {"Cache-Control": "private, no-cache", "Vary": VARY}
    body = html.encode()
    if len(body) >= _PACK_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 6, mtime=0)
    return HTMLResponse(body, status_code=status, headers=headers)
