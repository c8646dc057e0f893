"""The OpenTelemetry context that the program is in, without the functions that OpenTelemetry has around it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context

_CONTEXTS: Final[Any] = getattr(otel_context, "_RUNTIME_CONTEXT", otel_context)
"""Where OpenTelemetry keeps the context in force, in the versions that name it so."""
_HELD: Final[Any] = getattr(_CONTEXTS, "_current_context", None)
_IS_PLAIN: Final = isinstance(_HELD, ContextVar)  # who asked for another way of keeping it has it

current_context: Final[Callable[[], Context]] = _HELD.get if _IS_PLAIN else _CONTEXTS.get_current
"""Returns the context in force."""
enter_context: Final[Callable[[Context], object]] = _HELD.set if _IS_PLAIN else _CONTEXTS.attach
"""Puts a context in force, for good."""
