"""What one request carried: the spans that can be kept, and why others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..record import Span, Status

STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")
#: Stores keep times as signed 64-bit integers: nanoseconds until the year 2262.
LATEST_NS: Final = (1 << 63) - 1
HEX: Final = frozenset("0123456789abcdef")
#: How many refused spans are named in the answer; the count is always whole.
NAMED: Final = 3
#: How many refusals of one request are remembered whole, for the page about ingest.
REMEMBERED: Final = 20
LONGEST_NAME: Final = 100
#: Why a span or log record is refused: the word that figures are split by -> a sentence.
REASONS: Final[Mapping[str, str]] = {
    "bad_id": "its trace id is not 32 hex digits or its span id not 16, or one of them is all zeros",
    "bad_time": "it has no start time, or a time that is not in nanoseconds since 1970",
    "bad_project": "its project's name is longer than 200 characters or not printable",
    "too_many_attributes": "it has more attributes than `SPANWISE_MAX_SPAN_ATTRIBUTES`, events and links included",
    "attribute_too_large": "an attribute is larger than `SPANWISE_MAX_ATTRIBUTE_MB`",
    "too_deep": "an attribute is nested deeper than `SPANWISE_MAX_DEPTH`",
    "unreadable": "in protobuf, text of it is not UTF-8 or its bytes are damaged; in JSON, it is not an object",
    "no_span": "a log record without a trace id and a span id",
    "too_many_logs": "a log record of a span that has `SPANWISE_MAX_SPAN_LOGS` already",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One span or log record that was not kept."""

    reason: str
    """One of ``REASONS``."""
    sentence: str
    name: str = ""
    scope: str = ""


@dataclass(slots=True)
class Refusals:
    """What was refused of one request: counted whole, and the first ones remembered."""

    word: str = "Span"
    counts: dict[str, int] = field(default_factory=dict)
    """Reason -> how many."""
    first: list[Refusal] = field(default_factory=list)

    def refuse(self, name: str, why: BadSpan, scope: str = "") -> None:
        """Count one as refused, and remember it where few have been so far."""
        self.counts[why.reason] = self.counts.get(why.reason, 0) + 1
        if len(self.first) < REMEMBERED:
            self.first.append(Refusal(why.reason, str(why), name[:LONGEST_NAME], scope[:LONGEST_NAME]))

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(self.counts.values())

    @property
    def message(self) -> str:
        """One sentence for each refusal that is named, and how many more there are; empty where there are none."""
        said = [f"{self.word} {one.name!r}: {one.sentence}" for one in self.first[:NAMED]]
        more = self.refused - len(said)
        return " ".join([*said, f"And {more} more."] if more else said)


@dataclass(slots=True)
class Batch(Refusals):
    """Spans in the order they came, and what was refused."""

    spans: list[Span] = field(default_factory=list)


class BadSpan(ValueError):
    """A span or log record that cannot be kept; its text says why."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def span_id(text: str, digits: int, word: str) -> str:
    """Return an id that is *digits* hex digits and not all zeros."""
    if len(text) == digits and HEX.issuperset(text) and text.strip("0"):
        return text
    if not text or not text.strip("0"):
        raise BadSpan("bad_id", f"its {word} is empty or all zeros.")
    raise BadSpan("bad_id", f"its {word} {text[:64]!r} is not {digits} hex digits.")


def parent_id(text: str) -> str | None:
    """Return a parent's id, or ``None`` where there is no parent."""
    if not text or text == "0000000000000000":
        return None
    return span_id(text, 16, "parent's id")


def times(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return start and end; a clock that went back makes a span of no length."""
    if not 0 < start_ns <= LATEST_NS:
        raise BadSpan(
            "bad_time",
            "it has no start time."
            if start_ns == 0
            else f"its start time {start_ns} is not in nanoseconds since 1970.",
        )
    if not 0 <= end_ns <= LATEST_NS:
        raise BadSpan("bad_time", f"its end time {end_ns} is not in nanoseconds since 1970.")
    return start_ns, max(start_ns, end_ns)
