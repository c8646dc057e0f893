"""Errors as pages: what happened, what to do, and the request id."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from ..errors import Overloaded, SpanwiseError
from .render import render

_TITLES = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    409: "That clashes",
    413: "Too large",
    500: "The server failed",
    503: "Too busy",
}


def error_page(request: Request, error: SpanwiseError) -> HTMLResponse:
    """Return the page for *error*."""
    page = render(
        request,
        "pages/error.html",
        status=error.status,
        heading=_TITLES.get(error.status, "That did not work"),
        error=error,
        request_id=getattr(request.state, "request_id", ""),
        again=request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.method == "GET"
        else "",
    )
    if isinstance(error, Overloaded):
        page.headers["Retry-After"] = str(error.retry_after_s)
    return page
