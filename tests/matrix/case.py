"""One library of the matrix: what to install, the program that uses it, and what must be told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Edge = Literal["oldest", "newest"]
EDGES: Final[tuple[Edge, ...]] = ("oldest", "newest")


@dataclass(frozen=True, slots=True)
class Case:
    """One provider or framework."""

    name: str
    """As the SDK's registry calls it."""
    group: str
    """What runs together with ``make matrix-ci GROUP=...``."""
    packages: tuple[str, ...]
    """What its program needs, the library itself first: ``name>=oldest supported``."""
    scenario: str
    """A file in ``emissions/scenarios/``."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    era: str | None = None
    """The day after which nothing is taken with its oldest version, where later packages do not fit it any more."""
    steps: tuple[tuple[str, str], ...] = ()
    """Kind and name of spans that must be there beside the calls of models."""
    paths: tuple[str, ...] = ()
    """Names from a root down to a span, with `` > `` between, that must be there."""
    around: bool = True
    """Whether calls of models are made inside of something that the framework tells."""
    how: str = "its own callbacks"
    """How it is recorded, for the documentation."""
    mistakes: Mapping[str, str] = field(default_factory=dict)
    """Fields that its own instrumentation says wrong, and why; only where no client of ours tells of the call."""
