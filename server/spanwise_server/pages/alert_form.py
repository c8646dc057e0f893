"""The form of a rule: what is typed in it, read as people write it, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..alerts.rule import NewRule, Rule, measure_of
from ..errors import SpanwiseError
from ..query.figures import NAMED_FAIL_RATE, Unit

#: Written after a number it means so many of the measure's own unit.
_SUFFIXES: Final[Mapping[Unit, Mapping[str, float]]] = {
    "share": {"": 1, "%": 0.01},
    "usd": {"": 1},
    "ms": {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000},
    "tokens": {"": 1, "k": 1_000, "m": 1_000_000},
    "count": {"": 1, "k": 1_000, "m": 1_000_000},
}
EXAMPLES: Final[Mapping[Unit, str]] = {
    "share": "5% or 0.05",
    "usd": "$5",
    "ms": "2s or 800ms",
    "tokens": "200k",
    "count": "100",
}
#: What the window's field offers.
WINDOWS: Final = ("5m", "15m", "1h", "6h", "24h", "7d", "30d", "day", "month")


class AskedRule(BaseModel):
    """The form as it is sent; every field is text, so that what cannot be read comes back as it was typed."""

    model_config = ConfigDict(extra="ignore")
    name: str = ""
    measure: str = "cost_usd"
    label: str = ""
    filter: str = ""
    by: str = ""
    side: str = "above"
    threshold: str = ""
    window: str = "24h"
    resolve_at: str = ""
    hold_minutes: str = "0"
    calm_minutes: str = "5"
    min_spans: str = "0"
    no_data: str = "ok"
    channel: list[int] = Field(default_factory=list)
    enabled: str = "true"

    @property
    def measure_name(self) -> str:
        """The measure asked for, of one label where one is named."""
        label = self.label.strip()
        return f"{NAMED_FAIL_RATE}{label}" if self.measure == "label_fail_rate" and label else self.measure

    def rule(self) -> NewRule:
        """Return the rule that was typed; what cannot be read is refused."""
        unit = measure_of(self.measure_name).unit
        return NewRule(
            name=self.name,
            measure=self.measure_name,
            threshold=amount(self.threshold, unit, "threshold"),
            window=self.window,
            filter=self.filter,
            by=self.by,
            above=self.side != "below",
            resolve_at=amount(self.resolve_at, unit, "value that is fine again") if self.resolve_at.strip() else None,
            hold_minutes=_whole(self.hold_minutes, "minutes before it fires"),
            calm_minutes=_whole(self.calm_minutes, "minutes before it resolves"),
            min_spans=_whole(self.min_spans, "number of spans"),
            no_data=self.no_data,  # type: ignore[arg-type] # what it is not is refused where rules are checked
            channels=tuple(dict.fromkeys(self.channel)),
            enabled=self.enabled == "true",
        )


def typed(rule: Rule) -> AskedRule:
    """Return the form with a rule in it."""
    said = rule.said
    label = said.measure.removeprefix(NAMED_FAIL_RATE)
    named = label != said.measure
    unit = rule.measure.unit
    return AskedRule(
        name=said.name,
        measure="label_fail_rate" if named else said.measure,
        label=label if named else "",
        filter=said.filter,
        by=said.by,
        side="above" if said.above else "below",
        threshold=shown(said.threshold, unit),
        window=said.window,
        resolve_at="" if said.resolve_at is None else shown(said.resolve_at, unit),
        hold_minutes=str(said.hold_minutes),
        calm_minutes=str(said.calm_minutes),
        min_spans=str(said.min_spans),
        no_data=said.no_data,
        channel=list(said.channels),
        enabled="true" if said.enabled else "false",
    )


def prefilled(params: Mapping[str, str]) -> AskedRule:
    """Return the form that a link asks for, such as one with the dashboard's filter in it."""
    names = set(AskedRule.model_fields) - {"channel"}
    said: dict[str, Any] = {name: value for name, value in params.items() if name in names}
    return AskedRule(**said)


def amount(text: str, unit: Unit, what: str) -> float:
    """Return a value as people write it: ``$5``, ``5%``, ``2s``, ``200k``."""
    match = re.fullmatch(r"(-?[0-9][0-9,_ ]*(?:\.[0-9]+)?|-?\.[0-9]+) ?([a-z%]*)", text.strip().lstrip("$").lower())
    factor = _SUFFIXES[unit].get(match[2]) if match else None
    if match is None or factor is None:
        raise SpanwiseError(f"{text.strip()[:40]!r} is no {what}.", f"Write it as {EXAMPLES[unit]}.")
    return float(re.sub(r"[,_ ]", "", match[1])) * factor


def shown(value: float, unit: Unit) -> str:
    """Return a value as :func:`amount` reads it."""
    if unit == "share":
        return f"{value * 100:.10g}%"
    if unit == "ms":
        return f"{value / 1_000:.10g}s" if value >= 1_000 else f"{value:.10g}ms"
    return f"${value:.10g}" if unit == "usd" else f"{value:.15g}"


def _whole(text: str, what: str) -> int:
    said = text.strip() or "0"
    if not (said.isascii() and said.isdecimal() and len(said) < 8):
        raise SpanwiseError(f"{text[:40]!r} is no number.", f"The {what} is a whole number from 0.")
    return int(said)
