"""An emitter: one instrumentation of one client, and the program that drives it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from . import emitters


@dataclass(frozen=True, slots=True)
class Emitter:
    """One thing that emits spans."""

    name: str
    scenario: str
    """A file in ``scenarios/``."""
    packages: tuple[str, ...]
    """What to install into its environment."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    """Field, or API and field -> how the emitter itself says it wrong, beyond what a reader could put right."""


def all_emitters() -> dict[str, Emitter]:
    """Return every emitter by its name."""
    modules = [import_module(f"{emitters.__name__}.{found.name}") for found in pkgutil.iter_modules(emitters.__path__)]
    return {emitter.name: emitter for module in modules for emitter in module.EMITTERS}
