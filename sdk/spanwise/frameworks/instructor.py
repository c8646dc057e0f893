"""Instructor: what was wanted and what came of it, around the calls that it took."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from ..instrument.undo import replaced
from ..observe import observe
from .framework import framework

_CLIENTS: Final = ("Instructor", "AsyncInstructor")
_METHODS: Final = ("create", "create_partial", "create_iterable", "create_with_completion")


def _switch_on(module: ModuleType) -> Callable[[], None]:
    undo: list[Callable[[], None]] = []
    for client in filter(None, (getattr(module, name, None) for name in _CLIENTS)):
        undo += [replaced(client, name, _observed(name)) for name in _METHODS if name in vars(client)]

    def switch_off() -> None:
        for each in undo:
            each()

    return switch_off


def _observed(name: str) -> Callable[[Any], Any]:
    return observe(name=f"instructor.{name}")


FRAMEWORK: Final = framework("instructor", "instructor", _switch_on)
