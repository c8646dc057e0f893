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


class _Places:
    """Host, port and provider of each client lately used.

    To read an address takes long, and none is ever changed: a client that is pointed elsewhere gets another one.
    """

    def __init__(self, name: Named) -> None:
        self._name = name
        self._by_address: dict[int, tuple[Any, type, str | None, int | None, str]] = {}

    def of(self, client: Any) -> tuple[Any, type, str | None, int | None, str]:
        """Return the client's address and class, host, port and provider."""
        held = getattr(client, "_base_url", None)
        known = self._by_address.get(id(held))
        if known is None or known[0] is not held or known[1] is not type(client):
            url = getattr(client, "base_url", None)
            host = getattr(url, "host", None)
            known = held, type(client), host, getattr(url, "port", None), self._name(client, host)
            if url is held and type(client).__name__ not in _CHANGING:
                if len(self._by_address) >= _MOST_PLACES:
                    self._by_address.clear()
                self._by_address[id(held)] = known
        return known


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return type(value) is dict or (value is not None and isinstance(value, Mapping))


def _said(body: Mapping[str, Any], extra: Any) -> Mapping[str, Any]:
    """Return what is asked in *body*, and in *extra*, which was given as ``extra_body``."""
    for value in body.values():
        if type(value) not in _SAID and type(value).__name__ in _UNSAID:
            body = {field: value for field, value in body.items() if type(value).__name__ not in _UNSAID}
            break
    return {**body, **extra} if _is_mapping(extra) else body


def is_raw(options: Any) -> bool:
    """Return whether the application is to get the raw response."""
    headers = options.headers
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

    def recognise(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        options = kwargs.get("options") or args[1]
        route, elsewhere = routes.get(options.url), None
        if route is None:
            asked_for = _split(options.url)
            path, elsewhere = asked_for.path, asked_for if asked_for.host else None
            route = routes.get(path) or routes.get("*" + path[path.rfind("/") :])
        body = options.json_data
        if route is None or not _is_mapping(body) or (options.method != "post" and options.method.lower() != "post"):
            return None
        if elsewhere is None:
            _, _, host, port, provider = places.of(instance)
        else:
            host, port, provider = elsewhere.host, elsewhere.port, name(instance, elsewhere.host)
        asked = Asked(route, _said(body, getattr(options, "extra_json", None)), provider, host, port)
        if adjust is not None:
            adjust(options, asked)
        return asked

    return dict.fromkeys(("SyncAPIClient.request", "AsyncAPIClient.request"), recognise)
