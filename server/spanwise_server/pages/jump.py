"""Where a few typed letters may lead: ids, sessions, users, prompts, datasets, queues, rules, views and pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ..errors import FilterError
from ..labelling.desk import Desk
from ..query.filters import Query, Term
from ..query.parse import parse
from ..query.values import quoted
from ..store.alerts import Alerts
from ..store.datasets import Datasets
from ..store.engine import Store
from ..store.prompts import Prompts
from ..store.views import Views
from . import format as fmt
from .help import PAGES as HELP
from .prompts import prompt_path
from .render import PLACES
from .urls import url
from .views import PLACES as VIEWED
from .views import link_of

MOST: Final = 5
LONGEST: Final = 500
#: Pages that the rail does not name.
_BESIDE: Final = (
    ("Steps", "/steps", "branch"),
    ("Alerts", "/dashboard/alerts", "alert"),
    ("Channels of alerts", "/dashboard/alerts/channels", "alert"),
    ("Rubrics", "/rubrics", "label"),
    ("Playground", "/playground", "play"),
    ("Ingest", "/settings/ingest", "settings"),
)
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SHORTEST_ID: Final = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """One place to go to."""

    name: str
    href: str
    icon: str
    note: str = ""
    exact: bool = False
    """Whether it is the very thing that was typed, so that Enter leads there."""


@dataclass(frozen=True, slots=True)
class Group:
    """Places of one sort."""

    name: str
    hits: tuple[Hit, ...]


def found(store: Store, project: str, text: str) -> tuple[Group, ...]:
    """Return where *text* may lead within a project, the likeliest first; nothing typed leads to the pages."""
    text = " ".join(text.split())[:LONGEST]
    if not text:
        return (Group("Pages", tuple(_pages(project, ""))),)
    looked = (
        ("Traces", lambda: _ids(store, project, text)),
        ("Sessions", lambda: _values(store, project, "session", text)),
        ("Users", lambda: _values(store, project, "user", text)),
        ("Prompts", lambda: _prompts(store, project, text)),
        ("Datasets", lambda: _datasets(store, project, text)),
        ("Queues", lambda: _queues(store, project, text)),
        ("Views", lambda: _views(store, project, text)),
        ("Rules of alerts", lambda: _rules(store, project, text)),
        ("Pages", lambda: _pages(project, text)),
        ("Search", lambda: [_words(project, text)]),
    )
    groups = [Group(name, _first(look)) for name, look in looked]
    return tuple(group for group in groups if group.hits)


def exact(groups: Iterable[Group]) -> Hit | None:
    """Return the one place that was meant for sure, ``None`` where there are several or none."""
    hits = [hit for group in groups for hit in group.hits if hit.exact]
    return hits[0] if len(hits) == 1 else None


def _first(look: Callable[[], Iterable[Hit]]) -> tuple[Hit, ...]:
    hits = sorted(look(), key=lambda hit: not hit.exact)
    return tuple(hits[:MOST])


def _ids(store: Store, project: str, text: str) -> list[Hit]:
    """Return the trace or span of an id, whole or begun, of a ``traceparent`` or of a UUID."""
    said = text.lower()
    parent = _TRACEPARENT.fullmatch(said)
    if parent is not None:
        said = parent[2] if store.span(project, parent[2], parent[1]) is not None else parent[1]
    said = said.replace("-", "")
    if not _SHORTEST_ID <= len(said) <= 32 or not set(said) <= set("0123456789abcdef"):
        return []
    hits = []
    if len(said) == 16 and (span := store.span(project, said, None if parent is None else parent[1])) is not None:
        href = url(f"/traces/{span.span.trace_id}", project, {"span": said})
        hits.append(Hit(span.name, href, "traces", f"span {said}", exact=True))
    whole = len(said) == 32
    term = Term("trace", "=", (said,)) if whole else Term("trace", "like", (f"{said}*",))
    traces = store.find_traces(Query(project, term, limit=MOST)).items
    return hits + [
        Hit(
            fmt.one_line(trace.name, 80),
            url(f"/traces/{trace.trace_id}", project),
            "traces",
            fmt.short_id(trace.trace_id),
            exact=whole,
        )
        for trace in traces
    ]


def _values(store: Store, project: str, field: str, text: str) -> Iterable[Hit]:
    for one in store.values(project, field, text, MOST):
        if field == "session":
            href = url("/sessions/one", project, {"id": one.value})
        else:
            href = url("/traces", project, {"filter": f"{field}:{quoted(one.value)}", "range": "all"})
        icon = "sessions" if field == "session" else "user"
        yield Hit(one.value, href, icon, fmt.plural(one.count, "trace"), exact=one.value == text)


def _prompts(store: Store, project: str, text: str) -> Iterable[Hit]:
    for prompt in Prompts(store).all(project):
        if _has(prompt.name, text):
            yield Hit(prompt.name, url(prompt_path(prompt.name), project), "prompts", exact=prompt.name == text)


def _datasets(store: Store, project: str, text: str) -> Iterable[Hit]:
    for one in Datasets(store).all(project):
        if _has(one.name, text):
            yield Hit(one.name, url(f"/datasets/{one.id}", project), "datasets", exact=one.name == text)


def _queues(store: Store, project: str, text: str) -> Iterable[Hit]:
    for queue, progress in Desk(store).queues.all(project):
        if _has(queue.name, text):
            note = f"{progress.done} of {progress.total} done"
            yield Hit(queue.name, url(f"/label/{queue.id}", project), "label", note, exact=queue.name == text)


def _views(store: Store, project: str, text: str) -> Iterable[Hit]:
    for view in Views(store).all(project):
        if _has(view.name, text) and view.place in VIEWED:
            yield Hit(view.name, link_of(project, view.place, view.query), "bookmark", view.place)


def _rules(store: Store, project: str, text: str) -> Iterable[Hit]:
    for rule in Alerts(store).rules(project):
        if _has(rule.name, text):
            yield Hit(rule.name, url(f"/dashboard/alerts/rules/{rule.id}", project), "alert")


def _pages(project: str, text: str) -> Iterable[Hit]:
    for place in PLACES:
        if _has(place.name, text):
            yield Hit(place.name, url(place.path, project), place.icon, place.keys)
    for name, path, icon in _BESIDE:
        if _has(name, text):
            yield Hit(name, url(path, project), icon)
    for key, title in HELP.items():
        if text and _has(title, text):
            yield Hit(title, f"/help/{key}", "help", "documentation")


def _words(project: str, text: str) -> Hit:
    """Return the search in texts: what is typed is a filter where it is one, else words."""
    try:
        parse(text)
        asked = text
    except FilterError:
        asked = '"' + text.replace("\\", " ").replace('"', " ") + '"'
    href = url("/traces", project, {"filter": asked, "range": "all"})
    return Hit(f"Traces with {text}", href, "search")


def _has(name: str, text: str) -> bool:
    return text.casefold() in name.casefold()
