"""What the clients that Stainless generates have in common: one ``request`` method that every call goes through.

Wrapping it catches ``create``, ``parse``, ``stream``, raw and streaming responses alike, each exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard
from urllib.parse import urlsplit

from ..instrument.engine import Asked, Recognise, Route

#: What these clients put where nothing was given; some leave it in the body until it is sent.
_UNSAID: Final = frozenset({"Omit", "NotGiven"})
#: What is surely said; the name of a class takes longer to look at.
_SAID: Final = frozenset({str, bool, int, float, list, dict, type(None)})
_RAW_HEADER: Final = "X-Stainless-Raw-Response"
_MOST_PLACES: Final = 64
#: Clients whose address is a variable of their module.
_CHANGING: Final = frozenset({"_ModuleClient"})

Named = Callable[[Any, str | None], str]


class _Url(NamedTuple):
    """Where a request goes, in the words of httpx."""

    host: str | None
    port: int | None
    path: str


def _split(url: str) -> _Url:
    """Return the parts of *url*, which is a path, or all of it where a client does not go by its own address."""
    parts = urlsplit(url)
    return _Url(parts.hostname, parts.port, parts.path)


class _Place(NamedTuple):
    """Where a client sends its requests, and whether as they were asked."""

    address: Any
    kind: type
    host: str | None
    port: int | None
    provider: str
    as_asked: bool


class _Places:
    """Host, port and provider of each client lately used.

    To read an address takes long, and none is ever changed: a client that is pointed elsewhere gets another one.
    """

    def __init__(self, name: Named) -> None:
        self._name = name
        self.known: dict[int, _Place] = {}
        """By the id of the address; another client or address may have it since."""

    def find(self, client: Any) -> _Place:
        """Return where *client* sends its requests, and know it from here on."""
        held, url = getattr(client, "_base_url", None), getattr(client, "base_url", None)
        host, kind = getattr(url, "host", None), type(client)
        provider = self._name(client, host)
        found = _Place(held, kind, host, getattr(url, "port", None), provider, _sends_as_asked(kind))
        if url is held and kind.__name__ not in _CHANGING:
            if len(self.known) >= _MOST_PLACES:
                self.known.clear()
            self.known[id(held)] = found
        return found


def _sends_as_asked(kind: type) -> bool:
    """Return whether clients of a class send what they are asked: those for clouds put it in other words first."""
    for name in ("_prepare_options", "_build_request"):
        owner = next((base for base in kind.__mro__ if name in vars(base)), kind)
        if owner.__module__.partition(".")[2] not in {"_client", "_base_client"}:
            return False
    return True


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return type(value) is dict or (value is not None and isinstance(value, Mapping))


def _said(body: Mapping[str, Any], extra: Any) -> Mapping[str, Any]:
    """Return what is asked in *body*, and in *extra*, which was given as ``extra_body``."""
    for value in body.values():
        if type(value) not in _SAID and type(value).__name__ in _UNSAID:
            body = {field: value for field, value in body.items() if type(value).__name__ not in _UNSAID}
            break
    return {**body, **extra} if _is_mapping(extra) else body


def _sent(request: Mapping[str, Any], answer: Any) -> bytes | Mapping[str, Any]:
    """Return the JSON that went out for *answer*, a stream, a raw response or an error, else *request*.

    What the application changes meanwhile was never in it, and it need not be written a second time.
    """
    try:
        response = getattr(answer, "response", None) or getattr(answer, "http_response", answer)
        body = response.request.content
        if isinstance(body, bytes) and body[:1] == b"{":
            return body
    except Exception:  # noqa: BLE001, S110  # there was none, or it was not kept, each client's own refusal
        pass
    return _said(request, None)


def is_raw(headers: Any) -> bool:
    """Return whether the application is to get the raw response, by the headers that a call was given."""
    return type(headers).__name__ not in _UNSAID and isinstance(headers, Mapping) and _RAW_HEADER in headers


def methods(
    routes: Mapping[str, Route],
    name: Named,
    adjust: Callable[[Any, Asked], None] | None = None,
) -> dict[str, Recognise]:
    """Return what is wrapped, and how to recognise calls of the given *routes*, by path.

    A path ``*/last`` stands for all that end so and have no route of their own.
    *name* tells the provider from client and host; *adjust* may change the client's options before they go out.
    """
    places = _Places(name)
    known = places.known

    def recognise(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        options = kwargs.get("options") or args[1]
        given = options.__dict__  # a model of pydantic's looks for a field longer than its dictionary does
        url, method, body = given["url"], given["method"], given["json_data"]
        route, elsewhere = routes.get(url), None
        if route is None:
            asked_for = _split(url)
            path, elsewhere = asked_for.path, asked_for if asked_for.host else None
            route = routes.get(path) or routes.get("*" + path[path.rfind("/") :])
        if route is None or not _is_mapping(body) or (method != "post" and method.lower() != "post"):
            return None
        if elsewhere is None:
            held = getattr(instance, "_base_url", None)
            place = known.get(id(held))
            if place is None or place.address is not held or place.kind is not type(instance):
                place = places.find(instance)
            _, _, host, port, provider, as_asked = place
        else:
            host, port, provider = elsewhere.host, elsewhere.port, name(instance, elsewhere.host)
            as_asked = False
        extra = given.get("extra_json")
        if as_asked and extra is None and route.prompt_in and body.get("stream") is True:
            asked = Asked(route, body, provider, host, port, sent=_sent)
        else:
            asked = Asked(route, _said(body, extra), provider, host, port)
        if adjust is not None:
            adjust(options, asked)
        return asked

    return dict.fromkeys(("SyncAPIClient.request", "AsyncAPIClient.request"), recognise)
