"""When a rule fires and when it resolves: one step of a machine that does not flap, for one series of a rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from .rule import Rule
from .window import SECOND_NS

Phase = Literal["pending", "firing", "resolved"]
Verdict = Literal["beyond", "between", "fine"]
_MINUTE_NS: Final = 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class State:
    """Where one series of a rule stands."""

    phase: Phase
    since_ns: int
    """When it went beyond the threshold."""
    value: float | None
    """What it is now, ``None`` without data."""
    worst: float | None
    calm_ns: int | None = None
    """Since when it is fine again."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that a rule fired, or is about to."""

    id: int
    rule_id: int
    rule_name: str
    project: str
    key: str | None
    state: State
    filter: str
    """What finds the traces that made it; together with the window."""
    from_ns: int
    to_ns: int
    fired_ns: int | None = None
    resolved_ns: int | None = None
    acked_by: str | None = None
    acked_ns: int | None = None
    by: str = ""
    measure: str = ""
    threshold: float = 0.0
    above: bool = True


def verdict(rule: Rule, value: float | None) -> Verdict:
    """Return what a value means: beyond the threshold, fine, or between where it fires and where it is fine again."""
    if value is None:
        return {"fire": "beyond", "ok": "fine", "keep": "between"}[rule.said.no_data]  # type: ignore[return-value]
    above = rule.said.above
    if value > rule.said.threshold if above else value < rule.said.threshold:
        return "beyond"
    return "fine" if (value <= rule.good if above else value >= rule.good) else "between"


def step(rule: Rule, state: State | None, value: float | None, now_ns: int) -> State | None:
    """Return where a series stands after a look at it; ``None`` where nothing is to be kept of it."""
    found = verdict(rule, value)
    if state is None or state.phase == "resolved":
        return _begun(rule, value, now_ns) if found == "beyond" else None
    now = replace(state, value=value, worst=_worse(rule, state.worst, value))
    if state.phase == "pending":
        if found != "beyond":
            return None
        return replace(now, phase="firing") if now_ns - state.since_ns >= _hold_ns(rule) else now
    if found != "fine":
        return replace(now, calm_ns=None)
    calm_ns = now_ns if state.calm_ns is None else state.calm_ns
    if now_ns - calm_ns >= rule.said.calm_minutes * _MINUTE_NS:
        return replace(now, phase="resolved", calm_ns=calm_ns)
    return replace(now, calm_ns=calm_ns)


def _begun(rule: Rule, value: float | None, now_ns: int) -> State:
    return State("pending" if _hold_ns(rule) else "firing", now_ns, value, value)


def _hold_ns(rule: Rule) -> int:
    return rule.said.hold_minutes * _MINUTE_NS


def _worse(rule: Rule, one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if rule.said.above else min(one, other)


def severity(rule: Rule, value: float | None) -> float:
    """Return what series are ordered by, the furthest beyond last."""
    if value is None:
        return float("-inf")
    return value - rule.said.threshold if rule.said.above else rule.said.threshold - value
