"""Which requests come from a page of ours: other sites may neither post here nor rename themselves to us."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def from_another_site(method: str, headers: Headers) -> bool:
    """Return whether a browser sent this unsafe request for a page of another site."""
    if method in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def names_this_machine(headers: Headers, host: str) -> bool:
    """Return whether the Host header names loopback or *host*.

    A page that has its own name resolve to 127.0.0.1 sends its own name, and so learns nothing.
    """
    name = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    return name in LOOPBACK_NAMES or name == host.strip("[]") or name.endswith(".localhost")
