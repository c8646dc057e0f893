"""A framework: what it is called, which of its modules is waited for, and how its reports are switched on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..instrument.engine import Asked, Provider

SwitchOn = Callable[[Any], Callable[[], None]]


def framework(name: str, module: str, switch_on: SwitchOn) -> Provider:
    """Return the framework *name*: *switch_on* gets *module* once it is imported and returns how to switch it off."""
    return Provider(name, module, (), _nothing, switch_on)


def _nothing(_instance: Any, _args: tuple[Any, ...], _kwargs: Mapping[str, Any]) -> Asked | None:
    """Recognise nothing: no method of a framework is wrapped as a client's is."""
    return None
