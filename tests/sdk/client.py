"""One way to ask one client library, free of any of them."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Client:
    """One way to ask one client library."""

    provider: str
    """Its name in the registry."""
    make: Callable[[str], Any]
    """Makes the client for a server's address; it is closed by its own ``with``, or by ``close``."""
    whole: Callable[[Any], Any]
    stream: Callable[[Any], Any] | None = None
    make_async: Callable[[str], Any] | None = None
    whole_async: Callable[[Any], Awaitable[Any]] | None = None
    stream_async: Callable[[Any], Awaitable[Any]] | None = None

    @contextlib.contextmanager
    def opened(self, url: str):
        made = self.make(url)
        if hasattr(made, "__exit__"):
            with made:
                yield made
        else:
            yield made
            if hasattr(made, "close"):
                made.close()

    @contextlib.asynccontextmanager
    async def opened_async(self, url: str):
        made = self.make_async(url)
        if hasattr(made, "__aexit__"):
            async with made:
                yield made
        else:
            yield made


def plain(value: Any) -> Any:
    """Return what a client's object says, to be compared."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False)
    if hasattr(value, "read"):
        return value.read()
    return value if isinstance(value, str | bytes | int | float | None) else repr(value)
