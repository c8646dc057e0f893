"""Servers that end by their own signal, past all that is to run at exit: what was recorded is sent before."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def flush_after_shutdown(flush: Callable[[], object], module: Any) -> None:
    """Have Uvicorn, whose ``server`` is *module*, call *flush* once it has answered everybody."""
    import asyncio  # noqa: PLC0415  # there already, and slow to load for programs without

    original = module.Server.shutdown

    @functools.wraps(original)
    async def shutdown(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            await asyncio.to_thread(flush)

    module.Server.shutdown = shutdown
