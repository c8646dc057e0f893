"""Dataclasses that are frozen for whoever checks types: enforced at run time too, it costs a quarter µs a field.

A span becomes objects of some sixty fields on its way into the store, which makes that a tenth of all it costs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass  # by this name mypyc knows what it compiles
else:
    T = TypeVar("T")

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type[T]], type[T]]:
        """Return what ``dataclasses.dataclass`` does, compared and hashed by value, not guarded against assignment."""
        return dataclasses.dataclass(slots=slots, unsafe_hash=frozen)
