"""Numbers that OTLP's doubles may be and that JSON has no word for: NaN and the infinities.

A span keeps them as they are. Where it is written as JSON they are texts, spelled as in the JSON of Protocol Buffers:
``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

#: What nearly all values are, told at once.
_NEVER: Final = frozenset({str, int, bool})


def is_odd(value: Any) -> bool:
    """Return whether *value* is such a number, or holds one at any depth."""
    if value is None or type(value) in _NEVER:
        return False
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return any(map(is_odd, value))
    return isinstance(value, Mapping) and any(map(is_odd, value.values()))


def word_of(number: float) -> str | None:
    """Return how such a number is spelled, ``None`` for every other."""
    if math.isfinite(number):
        return None
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def in_words(value: Any) -> Any:
    """Return *value* with each such number in it spelled."""
    if isinstance(value, float):
        return word_of(value) or value
    if isinstance(value, Mapping):
        return {key: in_words(inner) for key, inner in value.items()}
    return [in_words(inner) for inner in value] if isinstance(value, (list, tuple)) else value
