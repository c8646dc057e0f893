"""Search in the top bar: a jump to whatever has the typed name or id, or a search for words in traces."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.current import CurrentProject, CurrentServer
from .jump import exact, found
from .render import fragment_name, is_fragment, render

router = APIRouter(include_in_schema=False)


@router.get("/search")
def search(request: Request, server: CurrentServer, project: CurrentProject, q: str = "") -> Response:
    """Show where *q* may lead; a form that was sent with the very name or id of one thing leads there."""
    groups = found(server.store, project, q)
    meant = exact(groups)
    if meant is not None and not is_fragment(request):
        return RedirectResponse(meant.href, status_code=303)
    return render(request, "pages/search.html", groups=groups, q=q, as_options=fragment_name(request) == "found")
