"""What ``init()`` settled, kept in the one place where every part of the SDK finds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from opentelemetry import trace

from . import vocabulary as v
from ._version import __version__
from .announce import Announcer
from .config import Config
from .export import Exporter
from .sampling import KEEP_ERRORS, Sieve


@dataclass(frozen=True, slots=True)
class Runtime:
    """The settings in force, where spans are made and where they go."""

    config: Config
    tracer: trace.Tracer
    exporter: Exporter | None = None
    """``None`` before ``init()``: spans then go wherever the application's own tracer provider sends them."""
    sieve: Sieve = field(default_factory=lambda: Sieve(1.0, KEEP_ERRORS))
    announcer: Announcer | None = None
    """Tells the server of spans that run on, ``None`` where it is not to know."""


def _idle() -> Runtime:
    return Runtime(Config(), trace.get_tracer(v.SCOPE, __version__, schema_url=v.SCHEMA_URL))


class Holder:
    """Holds the runtime in force; one attribute look-up away on every hot path."""

    __slots__ = ("off", "runtime")

    def __init__(self) -> None:
        self.runtime = _idle()
        self.off = False
        """Whether nothing at all is recorded, so that an observed function need not even ask for a span."""

    def install(self, runtime: Runtime) -> None:
        """Put *runtime* in force."""
        self.runtime = runtime
        self.off = not runtime.config.enabled

    def retire(self) -> None:
        """Go back to how it was before ``init()``, but with the last settings."""
        self.install(replace(_idle(), config=self.runtime.config))


HELD: Final = Holder()
