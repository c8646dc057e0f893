"""Addresses of the viewer: a URL holds the whole state of a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from urllib.parse import quote

DEFAULT_PROJECT = "default"


def url(path: str, project: str, params: Mapping[str, object] | None = None) -> str:
    """Return *path* with its query; what is ``None`` or empty, and the default project, is left out."""
    said: dict[str, str] = {}
    if project != DEFAULT_PROJECT:
        said["project"] = project
    for name, value in (params or {}).items():
        if value is not None and value != "":
            said[name] = str(value)
    return f"{path}?{'&'.join([f'{_quoted(name)}={_quoted(value)}' for name, value in said.items()])}" if said else path


@lru_cache(2_000)
def _quoted(text: str) -> str:
    """Return a part of a query; the hundreds of links of a page differ in one."""
    return quote(text, safe=":@*/,")


@lru_cache(2_000)
def stamp(ns: int) -> str:
    """Return a time for a URL, exact to the second where that is enough, else to the millisecond."""
    at = datetime.fromtimestamp(ns // 1_000_000_000, timezone.utc)
    fraction = f".{ns % 1_000_000_000 // 1_000_000:03d}" if ns % 1_000_000_000 else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"
