"""Wrap a client library when the application first imports it, or at once where it already has."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Final, TypeAlias

from ..registry import (
    AMBIENT,
    AMBIENT_HOSTS,
    CLIENTS,
    FRAMEWORK_GROUP,
    FRAMEWORKS,
    HOSTS,
    PROVIDER_GROUP,
    PROVIDERS,
    load_all,
    load_object,
)
from ..safety import guard
from .arrivals import ARRIVALS
from .engine import Provider, Recognise
from .fetch import Fetch

logger = logging.getLogger("spanwise")

Undo = Callable[[], None]
_Methods: TypeAlias = dict[str, Recognise | Fetch | None]

#: What ships with the SDK, and the module whose import each waits for: a framework is a provider with its own way in.
_LISTED: Final = {**PROVIDERS, **FRAMEWORKS, **AMBIENT}
_AWAITED: Final = {**CLIENTS, **HOSTS, **AMBIENT_HOSTS}


class Patches:
    """Which providers are wanted, and how to undo what was wrapped for them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted: set[str] = set()
        self._awaited: set[str] = set()
        self._watched: set[str] = set()
        self._undo: dict[str, list[Undo]] = {}
        self._patched: dict[str, dict[str, ModuleType]] = {}

    def want(self, names: Iterable[str] | None) -> None:
        """Wrap the providers of these *names* (``None`` for all) now or when they are imported."""
        plugged: dict[str, Provider] = dict(load_all({}, PROVIDER_GROUP, FRAMEWORK_GROUP))
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
                self._patched.pop(name, None)
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
            ARRIVALS.when_imported(client, partial(self._come, name))
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
        for name, methods in _by_module(provider).items():
            # The hook runs at once where the module is already there; a hook cannot be taken back, so it asks.
            if first:
                ARRIVALS.when_imported(name, partial(self._patch, provider, methods))
            elif name in sys.modules:
                self._patch(provider, methods, sys.modules[name])

    def _patch(self, provider: Provider, methods: _Methods, module: ModuleType) -> None:
        with guard(), self._lock:
            if provider.name not in self._wanted:
                return
            undo = self._undo.setdefault(provider.name, [])
            if methods:
                # Loaded with the first client: what stands for streams takes as long to load as all else of the SDK.
                from .wrapping import wrap_module  # noqa: PLC0415

                undo += wrap_module(module, methods, provider)
            patched = self._patched.setdefault(provider.name, {})
            if patched.get(module.__name__) is not module:
                patched[module.__name__] = module
                if provider.on_patch is not None and module.__name__ == provider.module:
                    undo.append(provider.on_patch(module))


def _by_module(provider: Provider) -> dict[str, _Methods]:
    """Return the methods of each module that has some; those that make generators with ``None``."""
    found: dict[str, _Methods] = {provider.module: {}}
    every = {**provider.methods, **dict.fromkeys(provider.generators), **provider.fetches}
    for method, recognise in every.items():
        module, colon, name = method.rpartition(":")
        found.setdefault(module if colon else provider.module, {})[name] = recognise
    return found


PATCHES: Final = Patches()
