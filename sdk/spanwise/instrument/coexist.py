"""One call, one count: a framework's span of a model call gives way to the provider's span of the same call.

The provider's span knows what went over the wire, the framework's only what it made of it.  Where a client inside is
recorded, the framework's span becomes a step around it, without tokens; where none is, it speaks for the call.
"""

from __future__ import annotations

from typing import Final

from opentelemetry import context as otel_context

_COVER: Final = otel_context.create_key("spanwise-cover")
_CALLS: Final = frozenset({"llm", "embedding", "reranker"})


class Cover:
    """A framework's model call under way, and whether a provider's span tells of it."""

    __slots__ = ("kind", "told")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.told = False

    def over(self, context: otel_context.Context) -> otel_context.Context:
        """Return *context* with this cover in it, for what is called inside."""
        return otel_context.set_value(_COVER, self, context)


def tell(kind: str, around: otel_context.Context) -> None:
    """Say that a provider's span of *kind* was made: whatever framework's call is *around* it is told by it."""
    if kind in _CALLS:
        cover = around.get(_COVER)
        if isinstance(cover, Cover) and cover.kind == kind:
            cover.told = True
