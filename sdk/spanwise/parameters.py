"""Names of what a function takes, without a look at what its annotations name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any


def parameters_of(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of *function*; ``TypeError`` or ``ValueError`` where it is written in C and tells none.

    From Python 3.14 on annotations are worked out when they are asked for, and may name what is not there yet, or
    never, as with an import for type checkers alone: they are taken as they are written.
    """
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # noqa: PLC0415  # from 3.14 on

        found = inspect.signature(function, annotation_format=Format.STRING)
    else:
        found = inspect.signature(function)
    return tuple(found.parameters.values())
