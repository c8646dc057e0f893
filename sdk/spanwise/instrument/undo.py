"""Put something in the place of a function, in such a way that it can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Put what *make* makes of *owner*'s own *name* in its place; return how to put it back."""
    original = vars(owner)[name]
    made = make(original)
    setattr(owner, name, made)

    def restore() -> None:
        if vars(owner).get(name) is made:  # somebody may have wrapped ours since
            setattr(owner, name, original)

    return restore
