"""HTTP clients; what makes them takes a tenth of a server's start, so it is loaded when the first one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .stop import OnLine

if TYPE_CHECKING:
    import httpx2


def make_http(on_line: OnLine | None = None, *, allow_private: bool) -> httpx2.Client:
    """Return an HTTP client that reaches public addresses alone, unless the operator allows others.

    *on_line* is told of each connection that it opens.
    """
    from .addresses import client  # noqa: PLC0415  # half a second on a slow machine

    return client(on_line, allow_private=allow_private)
