"""What the clients that Stainless generates have in common: one ``request`` method that every call goes through.

Wrapping it catches ``create``, ``parse``, ``stream``, raw and streaming responses alike, each exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from ..instrument.engine import Asked, Recognise, Route

#: What these clients put where nothing was given; some leave it in the body until it is sent.
_UNSAID: Final = frozenset({"Omit", "NotGiven"})
_RAW_HEADER: Final = "X-Stainless-Raw-Response"

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


def methods(
    routes: Mapping[str, Route],
    name: Named,
    adjust: Callable[[Any, Asked, bool], None] | None = None,
) -> dict[str, Recognise]:
    """Return what is wrapped, and how to recognise calls of the given *routes*, by path.

    *name* tells the provider from client and host; *adjust* may change the client's options before they go out.
    """

    def recognise(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        options = kwargs.get("options") or args[1]
        url: Any = getattr(instance, "base_url", None)
        route = routes.get(options.url)
        if route is None:
            asked_for = _split(options.url)
            route, url = routes.get(asked_for.path), asked_for if asked_for.host else url
        if route is None or options.method.lower() != "post" or not isinstance(options.json_data, Mapping):
            return None
        host = getattr(url, "host", None)
        body = {field: value for field, value in options.json_data.items() if type(value).__name__ not in _UNSAID}
        if isinstance(extra := getattr(options, "extra_json", None), Mapping):  # given as ``extra_body``
            body.update(extra)
        asked = Asked(route, body, name(instance, host), host, getattr(url, "port", None))
        if adjust is not None:
            headers = options.headers
            adjust(options, asked, isinstance(headers, Mapping) and _RAW_HEADER in headers)
        return asked

    return dict.fromkeys(("SyncAPIClient.request", "AsyncAPIClient.request"), recognise)
