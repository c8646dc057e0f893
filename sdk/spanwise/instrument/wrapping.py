"""Wrap the methods of one module of a client, each once, also where the module is loaded anew."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final
from weakref import WeakSet

from .engine import Provider, Recognise, wrap_method
from .escort import escort_method
from .fetch import Fetch, fetch_method
from .stream import arrive

logger = logging.getLogger("spanwise")

_MADE: Final[WeakSet[Callable[..., Any]]] = WeakSet()
"""What stands in the place of a method."""


def wrap_module(
    module: ModuleType, methods: Mapping[str, Recognise | Fetch | None], provider: Provider
) -> Iterator[Callable[[], None]]:
    """Wrap those of *methods* that *module* has and that are not wrapped, and yield how to put each back.

    One with ``None`` makes generators, which are seen off.
    """
    for method, recognise in methods.items():
        owner_name, _, name = method.rpartition(".")
        owner = getattr(module, owner_name, None) if owner_name else module
        if owner is None or name not in vars(owner):
            logger.debug("spanwise finds no %s in %s: another version of the library", method, module.__name__)
        elif not _is_wrapped(vars(owner)[name]):
            if recognise is None:
                undo = escort_method(owner, name)
            elif isinstance(recognise, Fetch):
                undo = fetch_method(owner, name, recognise)
            else:
                undo = wrap_method(owner, name, recognise, provider.arrive or arrive)
            _MADE.add(vars(owner)[name])
            yield undo


def _is_wrapped(method: Any) -> bool:
    """Return whether *method* is of our making, or another tool's around one that is."""
    while method is not None:
        if method in _MADE:
            return True
        method = getattr(method, "__wrapped__", None)
    return False
