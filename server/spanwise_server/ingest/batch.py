"""What one request carried: the spans that can be kept, and why others cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..record import Span, Status

STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")
#: Stores keep times as signed 64-bit integers: nanoseconds until the year 2262.
LATEST_NS: Final = (1 << 63) - 1
HEX: Final = frozenset("0123456789abcdef")
#: How many refused spans are named in the answer; the count is always whole.
NAMED: Final = 3


@dataclass(slots=True)
class Batch:
    """Spans in the order they came, and a sentence for each one refused, as far as they are named."""

    spans: list[Span] = field(default_factory=list)
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, name: str, reason: str) -> None:
        """Count one span as refused, and remember why where few have been so far."""
        self.refused += 1
        if len(self.reasons) < NAMED:
            self.reasons.append(f"Span {name[:100]!r}: {reason}")

    @property
    def message(self) -> str:
        """One sentence for each refusal that is named, and how many more there are; empty where there are none."""
        more = self.refused - len(self.reasons)
        return " ".join([*self.reasons, f"And {more} more."] if more else self.reasons)


class BadSpan(ValueError):
    """A span that cannot be kept; its text says why."""


def span_id(text: str, digits: int, word: str) -> str:
    """Return an id that is *digits* hex digits and not all zeros."""
    if len(text) == digits and HEX.issuperset(text) and text.strip("0"):
        return text
    if not text or not text.strip("0"):
        raise BadSpan(f"its {word} is empty or all zeros.")
    raise BadSpan(f"its {word} {text[:64]!r} is not {digits} hex digits.")


def parent_id(text: str) -> str | None:
    """Return a parent's id, or ``None`` where there is no parent."""
    if not text or text == "0000000000000000":
        return None
    return span_id(text, 16, "parent's id")


def times(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return start and end; a clock that went back makes a span of no length."""
    if not 0 < start_ns <= LATEST_NS:
        raise BadSpan(
            "it has no start time." if start_ns == 0 else f"its start time {start_ns} is not in nanoseconds since 1970."
        )
    if not 0 <= end_ns <= LATEST_NS:
        raise BadSpan(f"its end time {end_ns} is not in nanoseconds since 1970.")
    return start_ns, max(start_ns, end_ns)
