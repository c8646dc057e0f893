"""The measures by name: what each says, its unit, and how it is read from what spans come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..record import NANO, Usage
from .measures import Tallied

Unit = Literal["count", "share", "usd", "tokens", "ms"]
Value = int | float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: API, alerts and documentation loop over the table of them."""

    name: str
    words: str
    unit: Unit
    value: Callable[[Tallied], Value]
    label: str | None = None
    """The label whose verdicts it needs, empty for any; ``None`` where it needs none."""


#: Begins the share of traces that failed under one name: ``label_fail_rate.correct``.
NAMED_FAIL_RATE: Final = "label_fail_rate."
_TOKENS: Final[Mapping[str, tuple[str, Callable[[Usage], int | None]]]] = {
    "input_tokens": ("input tokens", lambda usage: usage.input_tokens),
    "output_tokens": ("output tokens", lambda usage: usage.output_tokens),
    "total_tokens": ("tokens", lambda usage: usage.total_tokens),
    "cache_read_tokens": ("tokens read from cache", lambda usage: usage.cache_read),
    "cache_write_tokens": ("tokens written to cache", lambda usage: usage.cache_write),
    "reasoning_tokens": ("reasoning tokens", lambda usage: usage.reasoning),
}
_TIMES: Final = {"latency": "latency", "ttft": "time to first token"}


def _percentile(of: str, share: str) -> Callable[[Tallied], float | None]:
    def value(one: Tallied) -> float | None:
        found: float | None = getattr(getattr(one, of), f"{share}_ms")
        return None if found is None else round(found, 3)

    return value


def _tokens(read: Callable[[Usage], int | None]) -> Callable[[Tallied], int | None]:
    return lambda one: read(one.sums.usage)


def _fail_rate(label: str) -> Callable[[Tallied], float | None]:
    def value(one: Tallied) -> float | None:
        judged = one.judged.get(label)
        return None if judged is None or not judged.traces else judged.failed / judged.traces

    return value


def _cost(one: Tallied) -> float | None:
    return None if one.sums.known_cost_nusd is None else one.sums.known_cost_nusd / NANO


MEASURES: Final[Mapping[str, Measure]] = {
    measure.name: measure
    for measure in (
        Measure("spans", "spans", "count", lambda one: one.sums.calls),
        Measure("traces", "traces", "count", lambda one: one.traces),
        Measure("errors", "errors", "count", lambda one: one.sums.errors),
        Measure(
            "error_rate",
            "error rate",
            "share",
            lambda one: one.sums.errors / one.sums.calls if one.sums.calls else None,
        ),
        *(Measure(name, words, "tokens", _tokens(read)) for name, (words, read) in _TOKENS.items()),
        Measure("cost_usd", "cost", "usd", _cost),
        Measure("priced", "priced calls", "count", lambda one: one.sums.priced),
        Measure("unpriced", "unpriced calls", "count", lambda one: one.sums.unpriced),
        *(
            Measure(f"{name}_{share}_ms", f"{share} {words}", "ms", _percentile(name, share))
            for name, words in _TIMES.items()
            for share in ("p50", "p95", "p99")
        ),
        Measure("labelled", "traces labelled pass or fail", "count", lambda one: one.judged[""].traces, label=""),
        Measure("label_fail_rate", "label fail rate", "share", _fail_rate(""), label=""),
    )
}


def measure_named(name: str) -> Measure | None:
    """Return the measure of this name, ``label_fail_rate.NAME`` of any one label among them, or ``None``."""
    label = name.removeprefix(NAMED_FAIL_RATE)
    if label != name and label and label.isprintable() and len(label) <= 200:
        return Measure(name, f"fail rate of {label}", "share", _fail_rate(label), label=label)
    return MEASURES.get(name)


def needs_traces(measures: Sequence[Measure]) -> bool:
    """Return whether traces must be counted for any of these."""
    return any(measure.name == "traces" for measure in measures)


def needs_times(measures: Sequence[Measure]) -> bool:
    """Return whether durations must be read for any of these."""
    return any(measure.unit == "ms" for measure in measures)
