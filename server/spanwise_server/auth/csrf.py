"""Forms that another site cannot post: a token bound to a cookie that only this server can sign."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from ..errors import Forbidden
from .current import actor_of, server_of

COOKIE = "spanwise_csrf"
FIELD = "csrf_token"
HEADER = "x-csrf-token"


def csrf_token(request: Request) -> str:
    """Return the token for this browser's forms, choosing the browser a cookie if it has none yet."""
    seed = request.cookies.get(COOKIE) or getattr(request.state, "csrf_seed", None)
    if not seed:
        seed = secrets.token_urlsafe(24)
        request.state.csrf_seed = seed
    return _sign(request, seed)


def keep_seed(request: Request, response: Response) -> None:
    """Put the cookie on *response* where :func:`csrf_token` chose one."""
    seed = getattr(request.state, "csrf_seed", None)
    if seed:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, seed, path="/", httponly=True, samesite="strict", secure=secure)


async def check_csrf(request: Request) -> None:
    """Refuse a form whose token is missing or not this browser's; programs with an API key need none."""
    if request.method in {"GET", "HEAD", "OPTIONS"} or actor_of(request).kind == "key":
        return
    given = request.headers.get(HEADER)
    if given is None:
        value = (await request.form()).get(FIELD)
        given = value if isinstance(value, str) else ""
    seed = request.cookies.get(COOKIE, "")
    if not seed or not hmac.compare_digest(given, _sign(request, seed)):
        raise Forbidden("This form is from another browser session.", "Reload the page and send it again.")


def _sign(request: Request, seed: str) -> str:
    secret = server_of(request).secret
    return hmac.new(secret, f"csrf:{seed}".encode(), hashlib.sha256).hexdigest()


Csrf = Depends(check_csrf)


async def _token(request: Request) -> str:
    return csrf_token(request)


CsrfToken = Annotated[str, Depends(_token)]
