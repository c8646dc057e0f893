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
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SOURCE.seed)


class OwnIds(RandomIdGenerator):
    """Random ids that no seed of the program's repeats; that one is 0 is as likely as that two are one."""

    def generate_span_id(self) -> int:
        """Return 64 random bits."""
        return _SOURCE.getrandbits(64)

    def generate_trace_id(self) -> int:
        """Return 128 random bits."""
        return _SOURCE.getrandbits(128)
