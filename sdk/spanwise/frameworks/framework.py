"""A framework: what it is called, which of its modules is waited for, and how its reports are switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..instrument.engine import Provider

SwitchOn = Callable[[Any], Callable[[], None]]


def framework(name: str, module: str, switch_on: SwitchOn) -> Provider:
    """Return the framework *name*: *switch_on* gets *module* once it is imported and returns how to switch it off."""
    return Provider(name, module, {}, on_patch=switch_on)
