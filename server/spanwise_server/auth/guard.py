"""The gate in front of everything: who is asking, may this page ask, and the headers every answer carries."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Forbidden, SpanwiseError, Unauthorized
from ..store.base import AccessStore, ApiKey
from ..store.engine import Store
from ..store.users import EVERYWHERE, User, Users
from .current import NAME_COOKIE, Actor, Server, server_of
from .origin import SAFE_METHODS, from_another_site, names_this_machine
from .roles import RIGHTS, WORDS, needed

LOGIN_COOKIE: Final = "spanwise_login"
PASSWORD_SETTING: Final = "password_hash"  # noqa: S105 - the name of a setting, not a password
_POLICY: Final = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/login"})
INGEST_PATHS: Final = ("/v1/", "/api/public/otel/")
PROGRAM_PATHS: Final = (*INGEST_PATHS, "/api/", "/metrics")


class Guard:
    """ASGI middleware: names the request, finds the actor, refuses what may not pass, adds the headers."""

    def __init__(
        self, app: ASGIApp, *, error_answer: Callable[[Request, SpanwiseError], Response], scripts: Sequence[str] = ()
    ) -> None:
        """Guard *app*; *scripts* are the hashes of what may run from within a page, as a policy names them."""
        self._app = app
        policy = _POLICY.format(scripts="".join(f" {each}" for each in scripts))
        self._headers = {"content-security-policy": policy, **HEADERS}
        self._error_answer = error_answer
        self._keys = KeyRing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.request_id = uuid.uuid4().hex[:12]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request.state.request_id
            await send(message)

        try:
            request.state.actor = self._admit(request)
        except SpanwiseError as refusal:
            request.state.actor = Actor("nobody")
            await self._refused(request, refusal)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _admit(self, request: Request) -> Actor:
        path, headers = request.url.path, request.headers
        server = server_of(request)
        ingest = path.startswith(INGEST_PATHS)
        if from_another_site(request.method, headers):
            raise Forbidden("This request was sent by a page of another site.", "Send it from Spanwise itself.")
        if path in OPEN_PATHS or path.startswith("/static/"):
            return Actor("anyone", rights=frozenset())
        program = self._keys.program(server, headers, request.method)
        if program is not None:
            return program
        if not is_closed(server):
            if not ingest and server.settings.on_loopback and not names_this_machine(headers, server.settings.host):
                raise Forbidden(
                    f"This server answers to its own machine, not to the name {headers.get('host', '')!r}.",
                    "Open it as http://127.0.0.1, or set a password: spanwise users password",
                )
            return Actor("local", name_shown(request.cookies))
        person = None if ingest else _person(server, request)
        if person is not None:
            return person
        if path.startswith(PROGRAM_PATHS):
            raise no_key()
        raise Unauthorized("You are not logged in.", "Log in, then try again.")

    def _refused(self, request: Request, refusal: SpanwiseError) -> Response:
        is_page = not request.url.path.startswith(PROGRAM_PATHS)
        if isinstance(refusal, Unauthorized) and is_page and request.method in SAFE_METHODS:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            login = f"/login?next={quote(here, safe='')}"
            if request.headers.get("hx-request"):
                return Response(status_code=401, headers={"HX-Redirect": login})
            return RedirectResponse(login, status_code=303)
        answer = self._error_answer(request, refusal)
        if isinstance(refusal, Unauthorized):
            answer.headers["www-authenticate"] = "Bearer"
        return answer


class KeyRing:
    """API keys lately shown, so that a busy exporter does not look its key up for each request."""

    KEPT_S: Final = 5.0
    MOST: Final = 1_000

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, ApiKey]] = {}

    def program(self, server: Server, headers: Mapping[str, str], method: str) -> Actor | None:
        """Return the program that shows a key in *headers*, ``None`` where none is shown, or none is needed."""
        secret = _secret_shown(headers)
        if secret is None:
            return None
        key = self.find(server.store, secret)
        if key is not None:
            return _with_right(Actor("key", key.name, key.project, key.rights), method)
        if is_closed(server):
            raise Unauthorized("This API key is not known.", "Create one with: spanwise keys create --project NAME")
        return None

    def exporter(self, server: Server, metadata: Mapping[str, str]) -> Actor:
        """Return who exports over a protocol without requests of browsers; *metadata* is what headers are to HTTP."""
        program = self.program(server, metadata, "POST")
        if program is None and is_closed(server):
            raise no_key()
        return program or Actor("local")

    def find(self, store: AccessStore, secret: str) -> ApiKey | None:
        """Return the key, or ``None``; a revoked one is useless within five seconds."""
        now = time.monotonic()
        kept = self._found.get(secret)
        if kept is not None and now - kept[0] < self.KEPT_S:
            return kept[1]
        key = store.find_key(secret)
        if key is None:
            self._found.pop(secret, None)
            return None
        if len(self._found) >= self.MOST:
            self._found.clear()
        self._found[secret] = (now, key)
        return key


def is_closed(server: Server) -> bool:
    """Say whether people have to log in and programs need a key."""
    return bool(server.settings.password) or anybody_can_log_in(server.store)


def anybody_can_log_in(store: Store) -> bool:
    """Return whether a password is kept, of all or of one person."""
    return store.remembered("logins", lambda: store.setting(PASSWORD_SETTING) is not None or Users(store).any())


def _person(server: Server, request: Request) -> Actor | None:
    """Return the person who is logged in with this browser, ``None`` where nobody is."""
    token = request.cookies.get(LOGIN_COOKIE)
    login = server.store.login(token) if token else None
    if login is None:
        return None
    if login.user_id is None:
        name = name_shown(request.cookies)
        return Actor("login", "" if name and Users(server.store).find(name) else name)
    user = Users(server.store).of_login(login.user_id)
    return None if user is None else _with_account(user, request)


def _with_account(user: User, request: Request) -> Actor:
    """Return the person of an account in the project asked for, unless the role there has no right to the request."""
    asked = request.query_params.get("project") or request.headers.get("x-spanwise-project")
    anywhere = EVERYWHERE in user.roles
    only = None if anywhere else tuple(user.roles)
    first = asked or (next(iter(user.roles), None) if only and "default" not in only else "default")
    role = None if first is None else user.role_in(first)
    if role is None:
        raise Forbidden(
            f"You are in no project named {asked!r}." if asked else "You are in no project yet.",
            "Ask whoever runs this server: spanwise users role NAME ROLE --project PROJECT",
        )
    right = needed(request.method, request.url.path)
    if right not in RIGHTS[role]:
        raise Forbidden(f"A {role} may not {WORDS[right]}.", "Ask whoever runs this server for another role.")
    scope = None if anywhere and first not in user.roles else first
    return Actor("login", user.name, scope, RIGHTS[role], account=True, projects=only)


def name_shown(cookies: Mapping[str, str]) -> str:
    """Return the name that a browser labels under; it proves nothing, where there are no accounts."""
    name = unquote(cookies.get(NAME_COOKIE, ""))
    return " ".join("".join(letter for letter in name if letter.isprintable()).split())[:80]


def no_key() -> Unauthorized:
    """Return the refusal of a program that shows no key."""
    return Unauthorized(
        "This server needs an API key.",
        "Send it as 'Authorization: Bearer KEY'; create one with: spanwise keys create --project NAME",
    )


def _with_right(actor: Actor, method: str) -> Actor:
    right = "read" if method in SAFE_METHODS else "write"
    if right not in actor.rights:
        raise Forbidden(
            f"This API key has no right to {right}.", f"Create one with: spanwise keys create --rights {right}"
        )
    return actor


def _secret_shown(headers: Mapping[str, str]) -> str | None:
    """Return the API key of a request: Bearer, x-api-key, or the secret half of Basic (as Langfuse's SDKs send)."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic" and value:
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return headers.get("x-api-key") or None
