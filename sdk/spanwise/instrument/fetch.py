"""Methods that fetch what was made earlier: no calls of a model, but their results may tell of some."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..safety import swallowed
from .undo import replaced

Take = Callable[[Any, tuple[Any, ...], Mapping[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Fetch:
    """How the result of one method is looked at: gets instance, arguments, keyword arguments and result.

    What *take* returns is what the application gets: the very result, or a stand-in that tells of it as it is read.
    """

    take: Take


def looked_at(look: Callable[[Any, Mapping[str, Any], Any], None]) -> Fetch:
    """Return the fetch whose result *look* reads and leaves as it is; it gets instance, arguments by name and result.

    The first argument that has no name is called ``id``.
    """

    def take(instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> Any:
        look(instance, {"id": args[0], **kwargs} if args else kwargs, result)
        return result

    return Fetch(take)


def fetch_method(owner: type | ModuleType, name: str, fetch: Fetch) -> Callable[[], None]:
    """Wrap one method that fetches; return the function that puts the original back."""

    def made(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def fetched(*args: Any, **kwargs: Any) -> Any:
            return _taken(fetch, args, kwargs, original(*args, **kwargs))

        @functools.wraps(original)
        async def fetched_later(*args: Any, **kwargs: Any) -> Any:
            return _taken(fetch, args, kwargs, await original(*args, **kwargs))

        return fetched_later if inspect.iscoroutinefunction(original) else fetched

    return replaced(owner, name, made)


def _taken(fetch: Fetch, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> Any:
    try:
        return fetch.take(args[0], args[1:], kwargs, result)
    except Exception as error:
        if not swallowed(error):
            raise
        return result
