"""What the filter bar of any list suggests for the word that is being typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer
from ..query.filters import FIELDS, NAMED, ONE_SPAN, OPEN_FIELDS, Field, field_of
from ..query.values import quoted
from ..store.base import FacetValue
from .board import read_board
from .call_list import read_call_list
from .format import Clock
from .listing import joined, read
from .render import clock_of, render
from .sessions import Sessions

router = APIRouter(include_in_schema=False)


class Filtered(Protocol):
    """A page with a filter: it knows its own URL with another one."""

    def link(self, *, filter: str) -> str:  # noqa: A002 - the name it has in the URL
        """Return the URL of the page with another filter."""
        ...


def _sessions(project: str, params: Mapping[str, str], clock: Clock) -> Filtered:
    return Sessions(replace(read(project, params, clock), cursor=None))


#: The word that is being typed: what stands before its field, and the rest.
_LAST_WORD: Final = re.compile(r"((?:-|root:|any:)*)(\S*)$")
_COMPLETED: Final = 8
#: Whose filter is completed, by the word for the page in the URL.
PLACES: Final[Mapping[str, Callable[[str, Mapping[str, str], Clock], Filtered]]] = {
    "traces": read,
    "calls": read_call_list,
    "dashboard": read_board,
    "sessions": _sessions,
}


@router.get("/traces/complete")
def complete(
    request: Request, server: CurrentServer, project: CurrentProject, q: str = "", place: str = "traces"
) -> Response:
    """Suggest fields and values for the word that is being typed, on the page that ``place`` says."""
    params, clock = {**request.query_params, "q": ""}, clock_of(request)
    state, filtered = PLACES.get(place, read)(project, params, clock), read(project, params, clock).filter
    last = _LAST_WORD.search(q)
    assert last is not None  # noqa: S101 - it matches nothing too
    before, prefix_of_term, bare = q[: last.start()], last[1], last[2]
    name, colon, prefix = bare.partition(":")
    values: tuple[FacetValue, ...] = ()
    if colon and field_of(name) is not None:
        values = server.store.values(project, name, prefix.strip('"'), _COMPLETED)
    suggestions = [
        (value, state.link(filter=joined(filtered, before, f"{prefix_of_term}{name}:{quoted(value.value)}")))
        for value in values
    ]
    fields = [] if colon else _fields(server, project, bare)
    return render(
        request, "parts/complete.html", name=name, prefix=prefix, values=suggestions,
        fields=fields, before=before, minus=prefix_of_term, typed=bare, asked=q,
        shows_examples=not bare.startswith(NAMED),
    )  # fmt: skip


def _fields(server: CurrentServer, project: str, begun: str) -> list[Field]:
    """Return the fields that begin so; after ``label.``, ``attr.`` and ``meta.`` those that exist."""
    begin = next((begin for begin in NAMED if begun.startswith(begin)), None)
    if begin is None:
        known = (*FIELDS.values(), *OPEN_FIELDS, *ONE_SPAN) if begun else FIELDS.values()
        return [field for field in known if field.name.startswith(begun.lower())]
    names = server.store.values(project, begin, begun.removeprefix(begin), _COMPLETED)
    return [field for name in names if (field := field_of(begin + name.value)) is not None]
