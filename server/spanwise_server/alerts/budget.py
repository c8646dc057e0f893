"""Budgets: what of a month's amount is used, what is left, and where it will be at the month's end."""

from __future__ import annotations

from dataclasses import dataclass

from .rule import Rule


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget, whole or of one key."""

    rule: Rule
    key: str | None
    used: float
    projected: float
    """At the month's end, if it goes on as it went."""
    out_ns: int | None
    """When it will be used up at that pace; ``None`` where it is not before the month ends, or is already."""

    @property
    def limit(self) -> float:
        """What may be used."""
        return self.rule.said.threshold

    @property
    def left(self) -> float:
        """What is left, below 0 where more was used."""
        return self.limit - self.used

    @property
    def share(self) -> float:
        """The part that is used."""
        return self.used / self.limit if self.limit else 1.0

    @property
    def tone(self) -> str:
        """``error`` where it is used up, ``warn`` where it will be, else ``ok``."""
        return "error" if self.left < 0 else "warn" if self.projected > self.limit else "ok"


def budgets(rule: Rule, most: int = 5) -> tuple[Budget, ...]:
    """Return the budgets of a rule as of its latest look, the furthest used first."""
    if rule.last is None or not rule.is_budget:
        return ()
    start, end = rule.window.period(rule.last.at_ns)
    elapsed, whole = max(rule.last.at_ns - start, 1), end - start
    found = []
    for key, value in rule.last.values[:most]:
        used = value or 0.0
        out = None if not used else start + round(elapsed * rule.said.threshold / used)
        within = out is not None and rule.last.at_ns < out < end
        found.append(Budget(rule, key, used, used / elapsed * whole, out if within else None))
    return tuple(found)
