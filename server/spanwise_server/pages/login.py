"""The login page: a name and its password, or the one that all share."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentServer, Server
from ..auth.guard import LOGIN_COOKIE, PASSWORD_SETTING
from ..auth.passwords import Tries, matches, nobodys
from ..store.users import User, Users
from .render import render

router = APIRouter(include_in_schema=False)
LASTS_S: Final = 14 * 24 * 3600
_TRIES = Tries()


@router.get("/login")
def login_page(request: Request, server: CurrentServer, next_url: str = "") -> Response:
    """Show the form; *next* is where to go afterwards."""
    return _form(request, server, request.query_params.get("next") or next_url)


@router.post("/login", dependencies=[Csrf])
def log_in(
    request: Request,
    server: CurrentServer,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next_url: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Let the browser in for 14 days where the password is right: of the person named, else the one that all share."""
    address = request.client.host if request.client else ""
    _TRIES.check(address)
    user = account(server, name, password) if name.strip() else None
    if user is None and (name.strip() or not _right(server, password)):
        _TRIES.failed(address)
        return _form(request, server, next_url, wrong=True, name=name)
    token = secrets.token_urlsafe(32)
    server.store.log_in(token, time.time_ns() + LASTS_S * 1_000_000_000, None if user is None else user.id)
    response = RedirectResponse(_ours(next_url), status_code=303)
    secure = request.url.scheme == "https"
    response.set_cookie(LOGIN_COOKIE, token, max_age=LASTS_S, path="/", httponly=True, samesite="lax", secure=secure)
    return response


@router.post("/logout", dependencies=[Csrf])
def log_out(request: Request, server: CurrentServer) -> Response:
    """Forget this browser."""
    token = request.cookies.get(LOGIN_COOKIE)
    if token:
        server.store.log_out(token)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(LOGIN_COOKIE, path="/")
    return response


def account(server: Server, name: str, password: str) -> User | None:
    """Return the person of this name where the password is theirs; a wrong name takes as long as a wrong password."""
    found = Users(server.store).find(name)
    right = matches(password, found[1] if found else nobodys())
    return found[0] if found and right else None


def _form(request: Request, server: Server, next_url: str, *, wrong: bool = False, name: str = "") -> Response:
    return render(
        request,
        "pages/login.html",
        status=401 if wrong else 200,
        next_url=_ours(next_url),
        wrong=wrong,
        name=name,
        accounts=Users(server.store).any(),
        shared=bool(server.settings.password) or server.store.setting(PASSWORD_SETTING) is not None,
    )


def _right(server: Server, password: str) -> bool:
    if server.settings.password:
        return secrets.compare_digest(password.encode(), server.settings.password.encode())
    kept = server.store.setting(PASSWORD_SETTING)
    return kept is not None and matches(password, kept)


def _ours(url: str) -> str:
    """Return *url* where it is a path of this server, else the first page: never a way to another site."""
    parts = urlsplit(url)
    safe = url.startswith("/") and not url.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return url if safe and "\\" not in url else "/traces"
