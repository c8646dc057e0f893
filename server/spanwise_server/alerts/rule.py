"""A rule: which measure of which spans, beyond what, for how long, and who is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from ..errors import SpanwiseError
from ..query.figures import MEASURES, Measure, measure_named
from ..query.filters import Or, Query
from ..query.measures import KEYS
from ..query.parse import parse
from ..query.values import quoted
from .window import Window, window_named

NoData = Literal["ok", "keep", "fire"]
NO_DATA: Final[Mapping[NoData, str]] = {
    "ok": "is fine: what fired resolves",
    "keep": "changes nothing",
    "fire": "fires",
}
#: What a rule can fire for one by one: hours and days are windows, a status is what a filter asks.
ALERT_KEYS: Final = {key: words for key, words in KEYS.items() if key not in ("hour", "day", "status")}
LONGEST_NAME: Final = 120
LONGEST_HOLD_MINUTES: Final = 24 * 60
MOST_CHANNELS: Final = 20
#: By default a value has to come back by a tenth of the threshold before it counts as fine again.
MARGIN: Final = 0.1


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule as it is asked for; :func:`checked` says whether it can be kept."""

    name: str
    measure: str
    threshold: float
    window: str
    filter: str = ""
    by: str = ""
    above: bool = True
    """Whether beyond the threshold is above it; else below."""
    resolve_at: float | None = None
    """What the value has to come back to; ``None`` is a tenth short of the threshold."""
    hold_minutes: int = 0
    """So long has it to be beyond before it fires."""
    calm_minutes: int = 5
    """So long has it to be fine before it resolves."""
    min_spans: int = 0
    """With fewer spans there are no data."""
    no_data: NoData = "ok"
    channels: tuple[int, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Last:
    """What the latest look at a rule found."""

    at_ns: int
    values: tuple[tuple[str | None, float | None], ...] = ()
    """The series that are furthest beyond, each with its key."""
    series: int = 0
    error: str = ""
    """Why there was nothing to find, such as a filter that is understood no longer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is kept."""

    id: int
    project: str
    said: NewRule
    created_by: str
    created_ns: int
    last: Last | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.said.name

    @property
    def window(self) -> Window:
        """The time it looks at."""
        return window_named(self.said.window)

    @property
    def measure(self) -> Measure:
        """What it measures."""
        return measure_of(self.said.measure)

    @property
    def good(self) -> float:
        """The value that is fine again."""
        said = self.said
        if said.resolve_at is not None:
            return said.resolve_at
        return said.threshold - math.copysign(abs(said.threshold) * MARGIN, 1 if said.above else -1)

    @property
    def is_budget(self) -> bool:
        """Whether it bounds what is used up over the month."""
        return self.said.above and self.said.window == "month" and self.measure.unit in ("usd", "tokens", "count")

    def query(self, now_ns: int) -> Query:
        """Return the question to the store, as of *now_ns*."""
        start, end = self.window.bounds(now_ns)
        return Query(self.project, parse(self.said.filter), start, end)

    def filter_of(self, key: str | None) -> str:
        """Return the filter that finds what one series is made of."""
        if not self.said.by:
            return self.said.filter
        term = f"-{self.said.by}:*" if key is None else f"{self.said.by}:{quoted(key)}"
        filter_ = self.said.filter
        return f"({filter_}) {term}" if isinstance(parse(filter_), Or) else f"{filter_} {term}".strip()


def measure_of(name: str) -> Measure:
    """Return the measure of this name; one that nobody knows is refused."""
    found = measure_named(name)
    if found is None:
        raise SpanwiseError(f"There is no measure {name[:60]!r}.", f"There are {', '.join(MEASURES)}.")
    return found


def checked(rule: NewRule) -> NewRule:
    """Return *rule* as it is kept; one that cannot work is refused with the reason."""
    measure_of(rule.measure)
    window = window_named(rule.window)
    parse(rule.filter)  # says itself what is wrong
    for wrong, message, hint in _wrongs(rule):
        if wrong:
            raise SpanwiseError(message, hint)
    return replace(rule, name=" ".join(rule.name.split()), filter=rule.filter.strip(), window=window.text)


def _wrongs(rule: NewRule) -> tuple[tuple[bool, str, str], ...]:
    numbers = [rule.threshold, *([] if rule.resolve_at is None else [rule.resolve_at])]
    beyond = rule.resolve_at is not None and (rule.resolve_at > rule.threshold) == rule.above
    side = "below" if rule.above else "above"
    minutes = (rule.hold_minutes, rule.calm_minutes)
    return (
        (
            not 0 < len(" ".join(rule.name.split())) <= LONGEST_NAME or not rule.name.isprintable(),
            f"A rule's name has 1 to {LONGEST_NAME} characters.",
            "Choose another name.",
        ),
        (not all(map(math.isfinite, numbers)), "The threshold is no number.", "Write one such as 5 or 0.02."),
        (
            beyond and rule.resolve_at != rule.threshold,
            f"It would be fine again at {rule.resolve_at}, which is beyond {rule.threshold}.",
            f"Choose a value {side} the threshold, or leave it empty.",
        ),
        (
            bool(rule.by) and rule.by not in ALERT_KEYS,
            f"A rule cannot fire by {rule.by[:40]!r}.",
            f"There are {', '.join(ALERT_KEYS)}.",
        ),
        (
            not all(0 <= each <= LONGEST_HOLD_MINUTES for each in minutes),
            "Minutes go from 0 to 1440.",
            "Choose fewer.",
        ),
        (rule.min_spans < 0, "Spans cannot be fewer than 0.", "Leave it at 0 for any number."),
        (rule.no_data not in get_args(NoData), "No data can be ok, keep or fire.", "Choose one of them."),
        (
            rule.no_data == "fire" and bool(rule.by),
            f"A rule by {rule.by} cannot fire where there are no data: nobody knows which there should be.",
            "Leave 'by' empty, or choose what else no data do.",
        ),
        (
            len(rule.channels) > MOST_CHANNELS,
            f"A rule tells {MOST_CHANNELS} channels at most.",
            "Leave some out.",
        ),
    )


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return what of a rule goes out with its alerts."""
    said = rule.said
    return {
        "id": rule.id,
        "name": rule.name,
        "measure": said.measure,
        "filter": said.filter,
        "by": said.by or None,
        "is": "above" if said.above else "below",
        "threshold": said.threshold,
        "window": said.window,
    }
