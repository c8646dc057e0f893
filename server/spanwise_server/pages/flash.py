"""What the next page says of the act that led to it: a toast with a way back, or a line and a button."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import orjson
from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from ..auth.current import server_of

COOKIE: Final = "spanwise_flash"
#: As long as an act can be undone; what no page has shown by then is of no use.
LASTS_S: Final = 10


@dataclass(frozen=True, slots=True)
class Flash:
    """One line, and the path that a POST takes the act back by."""

    text: str
    undo: str = ""


def redirected(request: Request, to: str, text: str, undo: str = "") -> RedirectResponse:
    """Return the way to another page, which says *text* and offers to undo."""
    body = base64.urlsafe_b64encode(orjson.dumps([text, undo])).decode()
    response = RedirectResponse(to, status_code=303)
    response.set_cookie(
        COOKIE, f"{body}.{_signed(request, body)}", path="/", max_age=LASTS_S, httponly=True, samesite="strict"
    )
    return response


def undone(request: Request, to: str) -> Response:
    """Answer an undo: scripts have the page loaded again, a form is led to *to*."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return RedirectResponse(to, status_code=303)


def flash_of(request: Request) -> Flash | None:
    """Return what is to be said now, ``None`` where nothing is, or where it was not written by this server."""
    body, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
    if not body or not hmac.compare_digest(signature.encode(), _signed(request, body).encode()):
        return None
    try:
        text, undo = orjson.loads(base64.urlsafe_b64decode(body))
    except (ValueError, binascii.Error):
        return None
    return Flash(str(text), str(undo))


def forget_flash(request: Request, response: Response) -> None:
    """Have what was said now not said again."""
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path="/")


def _signed(request: Request, body: str) -> str:
    # Whatever else runs on this machine can set cookies for it: a line with a button must be one of ours.
    return hmac.new(server_of(request).secret, f"flash:{body}".encode(), hashlib.sha256).hexdigest()
