"""How much one request and one span may hold; every refusal names the setting that would let it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import TooLarge
from ..record import Attributes, Event, Link, Span
from .batch import BadSpan

MB: Final = 1_000_000
#: A message of protobuf within 31 others within a span is the deepest that its decoder reads.
DEEPEST: Final = 30
_SCALAR_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """The most that is taken; whatever is over it is refused, never cut."""

    spans: int = 100_000
    """Spans, or log records, in one request."""
    attributes: int = 10_000
    """Attributes of one span, those of its events and links included."""
    attribute_bytes: int = 16 * MB
    depth: int = DEEPEST
    """Lists and maps within one another in an attribute."""

    def check_count(self, spans: int, word: str = "spans") -> None:
        """Refuse a request of too many spans, before any of them is looked at."""
        if spans > self.spans:
            raise TooLarge(
                f"The request has {spans:,} {word}, more than {self.spans:,}.",
                f"Send fewer {word} at a time, or raise SPANWISE_MAX_REQUEST_SPANS on the server.",
            )

    def check(self, span: Span, *, sizes: bool) -> None:
        """Refuse a span of too many attributes, or where *sizes* says that one could be, with one too large."""
        inner: tuple[Event | Link, ...] = (*span.events, *span.links) if span.events or span.links else ()
        self.check_attributes(span.attributes, inner, sizes=sizes)

    def check_attributes(self, own: Attributes, inner: tuple[Event | Link, ...] = (), *, sizes: bool) -> None:
        """Refuse too many attributes, and, where *sizes* is set, one that is too large."""
        count = len(own)
        if inner:
            count += sum([1 + len(one.attributes) for one in inner])
        if count > self.attributes:
            raise BadSpan(
                "too_many_attributes",
                f"it has {count:,} attributes, more than {self.attributes:,} (SPANWISE_MAX_SPAN_ATTRIBUTES).",
            )
        if sizes:
            for attributes in (own, *[one.attributes for one in inner]):
                self._check_sizes(attributes)

    def _check_sizes(self, attributes: Attributes) -> None:
        for key, value in attributes.items():
            size = len(key) + size_of(value)
            if size > self.attribute_bytes:
                raise BadSpan(
                    "attribute_too_large",
                    f"its attribute {key[:60]!r} has {size / MB:,.1f} MB, more than {self.attribute_bytes // MB} "
                    "(SPANWISE_MAX_ATTRIBUTE_MB).",
                )


def too_deep() -> BadSpan:
    """Return the refusal of an attribute that is nested too deeply."""
    return BadSpan("too_deep", "an attribute is nested too deeply (SPANWISE_MAX_DEPTH).")


def size_of(value: Any) -> int:
    """Return about how many bytes a decoded value takes."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Mapping):
        return sum([len(key) + size_of(inner) for key, inner in value.items()])
    if isinstance(value, (list, tuple)):
        return sum(map(size_of, value))
    return _SCALAR_BYTES
