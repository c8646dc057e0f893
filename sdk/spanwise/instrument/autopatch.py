"""Wrap a client library when the application first imports it, or at once where it already has."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Final

import wrapt

from ..registry import CLIENTS, FRAMEWORK_GROUP, FRAMEWORKS, HOSTS, PROVIDER_GROUP, PROVIDERS, load_all, load_object
from ..safety import guard
from .engine import Provider, wrap_method
from .stream import arrive

logger = logging.getLogger("spanwise")

Undo = Callable[[], None]

#: What ships with the SDK, and the module whose import each waits for: a framework is a provider with its own way in.
_LISTED: Final = {**PROVIDERS, **FRAMEWORKS}
_AWAITED: Final = {**CLIENTS, **HOSTS}


class Patches:
    """Which providers are wanted, and how to undo what was wrapped for them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted: set[str] = set()
        self._awaited: set[str] = set()
        self._watched: set[str] = set()
        self._undo: dict[str, list[Undo]] = {}

    def want(self, names: Iterable[str] | None) -> None:
        """Wrap the providers of these *names* (``None`` for all) now or when they are imported."""
        plugged: dict[str, Provider] = dict((*load_all({}, PROVIDER_GROUP), *load_all({}, FRAMEWORK_GROUP)))
        known: dict[str, Provider | None] = {**dict.fromkeys(_LISTED), **plugged}
        chosen = list(known) if names is None else list(names)
        for name in chosen:
            if name not in known:
                raise ValueError(f"There is no provider {name!r}; there are {', '.join(sorted(known))}.")
        for name in chosen:
            found = known[name]
            if found is None:
                self._await(name)
            else:
                self._want(found)

    def unwant(self, names: Iterable[str] | None = None) -> None:
        """Take the wrapping off the providers of these *names*, or all of them."""
        with self._lock:
            for name in list(self._wanted) if names is None else list(names):
                self._wanted.discard(name)
                for undo in reversed(self._undo.pop(name, [])):
                    undo()

    def _await(self, name: str) -> None:
        """Load what is listed under *name* only where its client is there: most programs have one or two of them."""
        with self._lock:
            self._wanted.add(name)
            first = name not in self._awaited
            self._awaited.add(name)
        client = _AWAITED[name]
        if first:
            wrapt.register_post_import_hook(partial(self._come, name), client)
        elif client in sys.modules:
            self._come(name, sys.modules[client])

    def _come(self, name: str, _client: ModuleType) -> None:
        with guard():
            if name in self._wanted:
                self._want(load_object(_LISTED[name]))

    def _want(self, provider: Provider) -> None:
        with self._lock:
            self._wanted.add(provider.name)
            first = provider.name not in self._watched
            self._watched.add(provider.name)
        # The hook runs at once where the module is already there; a hook cannot be taken back, so it asks.
        if first:
            wrapt.register_post_import_hook(partial(self._patch, provider), provider.module)
        elif provider.module in sys.modules:
            self._patch(provider, sys.modules[provider.module])

    def _patch(self, provider: Provider, module: ModuleType) -> None:
        with guard(), self._lock:
            if provider.name not in self._wanted or provider.name in self._undo:
                return
            undo: list[Undo] = []
            self._undo[provider.name] = undo
            for method in provider.methods:
                owner_name, _, name = method.partition(".")
                owner = getattr(module, owner_name, None)
                if owner is None or name not in vars(owner):
                    logger.debug("spanwise finds no %s in %s: another version of the library", method, provider.module)
                    continue
                undo.append(wrap_method(owner, name, provider.recognise, arrive))
            if provider.on_patch is not None:
                undo.append(provider.on_patch(module))


PATCHES: Final = Patches()
