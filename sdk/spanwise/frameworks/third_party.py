"""Frameworks whose OpenTelemetry instrumentation others keep well: found by its entry point, and switched on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Final

from ..instrument.engine import Provider
from .framework import framework

logger = logging.getLogger("spanwise")

GROUP: Final = "opentelemetry_instrumentor"
"""Entry-point group of OpenTelemetry in which instrumentations announce themselves."""
#: Whose is taken where several are installed: those whose words the server reads best come first.
_PREFERRED: Final = ("openinference.", "opentelemetry.instrumentation.genai.", "opentelemetry.")


def announced(names: Sequence[str]) -> list[EntryPoint]:
    """Return the instrumentations that installed packages announce under one of *names*, the preferred one first."""
    found = [point for point in entry_points(group=GROUP) if point.name in names]
    return sorted(found, key=_rank)


def _rank(point: EntryPoint) -> int:
    return next((at for at, start in enumerate(_PREFERRED) if point.value.startswith(start)), len(_PREFERRED))


def _switch_on(names: Sequence[str], package: str) -> Callable[[ModuleType], Callable[[], None]]:
    def switch_on(module: ModuleType) -> Callable[[], None]:
        for point in announced(names):
            made: Any = point.load()()
            if getattr(made, "is_instrumented_by_opentelemetry", False):  # the program did it itself
                return _nothing
            made.instrument()
            if getattr(made, "is_instrumented_by_opentelemetry", True):
                return lambda: made.uninstrument() and None
        logger.warning(
            "spanwise records the model calls of %s but not its steps; for those: pip install %s",
            module.__name__,
            package,
        )
        return _nothing

    return switch_on


def _nothing() -> None:
    """Undo nothing."""


def by_others(name: str, module: str, names: Sequence[str], package: str) -> Provider:
    """Return a framework that an instrumentation announced under one of *names* records; *package* brings one."""
    return framework(name, module, _switch_on(names, package))


CREWAI: Final = by_others("crewai", "crewai", ("crewai",), "openinference-instrumentation-crewai")
SMOLAGENTS: Final = by_others("smolagents", "smolagents", ("smolagents",), "openinference-instrumentation-smolagents")
AUTOGEN: Final = by_others(
    "autogen",
    "autogen_agentchat",
    ("autogen-agentchat", "autogen_agentchat"),
    "openinference-instrumentation-autogen-agentchat",
)
