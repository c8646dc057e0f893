"""Rules, firings and budgets as pages show them: pure, from what the store kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..alerts.budget import Budget, budgets
from ..alerts.firing import Firing, verdict
from ..alerts.message import condition, traces_path, written
from ..alerts.rule import Rule, measure_of, rule_json
from ..query.measures import KEYS
from .call_list import SPANS, CallList
from .listing import Listing, joined

#: Which calls a measure of money is of.
_CALLS: Final = {"cost_usd": "priced", "priced": "priced", "unpriced": "unpriced", "spans": SPANS, "errors": SPANS}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule in the list of them."""

    rule: Rule
    words: str
    state: str
    tone: str
    """``error``, ``warn``, ``ok`` or nothing."""
    value: str
    """What it is now; of several series that which is furthest beyond."""


@dataclass(frozen=True, slots=True)
class FiringLine:
    """One firing: of whom, how bad, and where its traces are."""

    firing: Firing
    who: str
    value: str
    worst: str
    limit: str
    href: str


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One budget: used and left of the month, and where it is going."""

    budget: Budget
    who: str
    used: str
    limit: str
    left: str
    projected: str
    percent: float
    """Of the bar, 100 at most."""
    mark: float
    """Where the month's end is on the bar, at this pace."""
    href: str
    """The spans or traces that used it, empty before the first look."""


def rule_lines(rules: Sequence[Rule], firing: Iterable[Firing]) -> tuple[RuleLine, ...]:
    """Return the rules with how each stands."""
    firing_now = Counter(one.rule_id for one in firing)
    return tuple(_rule_line(rule, firing_now[rule.id]) for rule in rules)


def _rule_line(rule: Rule, firing: int) -> RuleLine:
    state, tone = state_of(rule, firing)
    return RuleLine(rule, condition(rule_json(rule)), state, tone, value_of(rule))


def state_of(rule: Rule, firing: int) -> tuple[str, str]:
    """Return how a rule stands, and the tone in which that is said."""
    if not rule.said.enabled:
        return "paused", ""
    if firing:
        return "firing" if firing == 1 and not rule.said.by else f"firing for {firing}", "error"
    if rule.last is None:
        return "not looked at yet", ""
    if rule.last.error:
        return "cannot be answered", "warn"
    known = [value for _, value in rule.last.values if value is not None]
    if not known:
        return "no data", ""
    return ("beyond", "warn") if any(verdict(rule, value) == "beyond" for value in known) else ("ok", "ok")


def value_of(rule: Rule) -> str:
    """Return what a rule found last, of several series that which is furthest beyond."""
    if rule.last is None or not rule.last.values:
        return "—"
    key, value = rule.last.values[0]
    said = written(rule.measure.unit, value)
    return f"{said} {who_of(rule.said.by, key)}" if rule.said.by else said


def values_of(rule: Rule) -> tuple[tuple[str, str], ...]:
    """Return the series that a look found furthest beyond, each with its value."""
    found = () if rule.last is None else rule.last.values
    return tuple((who_of(rule.said.by, key), written(rule.measure.unit, value)) for key, value in found)


def firing_lines(found: Iterable[Firing]) -> tuple[FiringLine, ...]:
    """Return firings as the lists show them."""
    return tuple(_firing_line(one) for one in found)


def _firing_line(one: Firing) -> FiringLine:
    unit = measure_of(one.measure).unit
    return FiringLine(
        one,
        who_of(one.by, one.key),
        written(unit, one.state.value),
        written(unit, one.state.worst),
        f"{'above' if one.above else 'below'} {written(unit, one.threshold)}",
        traces_path(one),
    )


def who_of(by: str, key: str | None) -> str:
    """Return whom a series is of, empty where it is of everything."""
    if not by:
        return ""
    return f"no {KEYS[by].split(' that')[0]}" if key is None else key


def budget_lines(rules: Iterable[Rule]) -> tuple[BudgetLine, ...]:
    """Return the budgets of the month."""
    return tuple(_budget_line(one) for rule in rules if rule.said.enabled for one in budgets(rule))


def _budget_line(one: Budget) -> BudgetLine:
    unit = one.rule.measure.unit
    widest = max(one.limit, one.used, 1e-12)
    return BudgetLine(
        one,
        who_of(one.rule.said.by, one.key),
        written(unit, one.used),
        written(unit, one.limit),
        written(unit, abs(one.left)),
        written(unit, one.projected),
        round(min(one.used / widest, 1.0) * 100, 1),
        round(min(one.projected / widest, 1.0) * 100, 1),
        _href_of(one),
    )


def _href_of(one: Budget) -> str:
    """Return what has been used: the spans of it, or the traces with such spans; nothing before it was looked at."""
    rule, name = one.rule, one.rule.said.measure
    if rule.last is None:
        return ""
    start, _ = rule.window.period(rule.last.at_ns)
    listing = Listing(rule.project, filter=rule.filter_of(one.key), from_ns=start, to_ns=rule.last.at_ns)
    only = "tokens" if rule.measure.unit == "tokens" else _CALLS.get(name)
    bracketed = f"({listing.filter})" if listing.filter else ""
    if only is not None:
        failed = joined(bracketed, "status:error")
        return CallList(replace(listing, filter=failed if name == "errors" else listing.filter), only).link()
    terms = joined(bracketed, "label:pass,fail") if name == "labelled" else listing.filter
    return replace(listing, filter=f"any:({terms})" if terms else "").link()
