"""Ids of traces and spans from a source of their own.

OpenTelemetry's come from Python's shared ``random``. A program that seeds it, as evaluations do to repeat themselves,
would give the spans of every run the same ids, of which a server keeps one, and would draw other numbers for being
observed.
"""

from __future__ import annotations

import os
from random import Random
from typing import Final

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_SOURCE: Final = Random()  # noqa: S311  # ids are no secrets
_AHEAD: Final = 64
"""How many ids are drawn at a time: what a program has not called for a while costs much more than the drawing."""
SPAN_IDS: Final[list[int]] = []
TRACE_IDS: Final[list[int]] = []
"""Ids that nobody has; where there are none, draw some."""


class OwnIds(RandomIdGenerator):
    """Random ids that no seed of the program's repeats; that one is 0 is as likely as that two are one."""

    def generate_span_id(self) -> int:
        """Return 64 random bits."""
        try:
            return SPAN_IDS.pop()
        except IndexError:
            return draw(SPAN_IDS, 64)

    def generate_trace_id(self) -> int:
        """Return 128 random bits."""
        try:
            return TRACE_IDS.pop()
        except IndexError:
            return draw(TRACE_IDS, 128)


def draw(ids: list[int], bits: int) -> int:
    """Return an id, and leave as many others among *ids*."""
    ids.extend([_SOURCE.getrandbits(bits) for _ in range(_AHEAD)])
    return _SOURCE.getrandbits(bits)


def _after_fork() -> None:
    SPAN_IDS.clear()
    TRACE_IDS.clear()
    _SOURCE.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
