"""What is said when a rule fires or resolves: one JSON object for webhooks, and its words for e-mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from ..exports.contract import rfc3339
from ..query.figures import Unit
from ..urls import stamp, url
from .firing import Firing
from .rule import Rule, measure_of, rule_json
from .window import window_named

Event = Literal["alert.firing", "alert.resolved", "alert.test"]
#: More series than this are counted, not named.
MOST_NAMED: Final = 20


def body(event: Event, rule: Rule, firings: Sequence[Firing], now_ns: int, base: str) -> dict[str, Any]:
    """Return the JSON of one message; *base* is the address that people open the viewer by."""
    return {
        "type": event,
        "timestamp": rfc3339(now_ns),
        "data": {
            "project": rule.project,
            "rule": rule_json(rule),
            "firings": [_firing(firing, base) for firing in firings[:MOST_NAMED]],
            "more": max(len(firings) - MOST_NAMED, 0),
            "url": base + url("/dashboard/alerts", rule.project),
        },
    }


def trial_body(project: str, channel: str, now_ns: int, base: str) -> dict[str, Any]:
    """Return the JSON of a message that only shows that a channel works."""
    return {
        "type": "alert.test",
        "timestamp": rfc3339(now_ns),
        "data": {"project": project, "channel": channel, "url": base + url("/dashboard/alerts", project)},
    }


def traces_path(firing: Firing) -> str:
    """Return the list of the traces that made a firing: its filter, in its window."""
    sort = {"usd": "-cost", "ms": "-latency", "tokens": "-tokens"}.get(measure_of(firing.measure).unit)
    said = {
        "filter": firing.filter,
        "from": stamp(firing.from_ns),
        "to": stamp(firing.to_ns),
        "sort": sort,
    }
    return url("/traces", firing.project, said)


def subject(message: Mapping[str, Any]) -> str:
    """Return the subject of the e-mail."""
    data = message["data"]
    if message["type"] == "alert.test":
        return f"[Spanwise] A test of {data['channel']}"
    firings = data["firings"]
    word = "Firing" if message["type"] == "alert.firing" else "Resolved"
    who = f" for {firings[0]['key']}" if len(firings) == 1 and firings[0]["key"] else ""
    many = f" ({len(firings) + data['more']})" if len(firings) + data["more"] > 1 else ""
    return f"[Spanwise] {word}: {data['rule']['name']}{who}{many}"


def text(message: Mapping[str, Any]) -> str:
    """Return the e-mail in words."""
    data = message["data"]
    if message["type"] == "alert.test":
        return (
            f"This is a test: alerts of project {data['project']} that go to {data['channel']} arrive here.\n\n"
            f"{data['url']}\n"
        )
    rule = data["rule"]
    lines = [f"{rule['name']} in project {data['project']}: {condition(rule)}.", ""]
    for firing in data["firings"]:
        name = f"{rule['by']} {firing['key'] or '(none)'}: " if rule["by"] else ""
        lines += [f"{name}{_was(rule, firing)}", f"  {firing['traces_url']}", ""]
    if data["more"]:
        lines += [f"and {data['more']} more", ""]
    return "\n".join([*lines, f"All alerts: {data['url']}", ""])


def condition(rule: Mapping[str, Any]) -> str:
    """Return what a rule asks, in words: ``cost above $5 in 24 hours by user``."""
    measure = measure_of(rule["measure"])
    of = f" of {rule['filter']}" if rule["filter"] else ""
    by = f" by {rule['by']}" if rule["by"] else ""
    limit = written(measure.unit, rule["threshold"])
    return f"{measure.words}{of} {rule['is']} {limit} {window_named(rule['window']).words}{by}"


def written(unit: Unit, value: float | None) -> str:
    """Return a value as people write it in its unit."""
    if value is None:
        return "no data"
    if unit == "usd":
        return f"${value:,.4f}" if abs(value) < 1 else f"${value:,.2f}"
    if unit == "share":
        return f"{value * 100:.4g} %"
    if unit == "ms":
        return f"{value:,.0f} ms" if abs(value) < 1_000 else f"{value / 1_000:,.4g} s"
    return f"{value:,.0f}"


def _was(rule: Mapping[str, Any], firing: Mapping[str, Any]) -> str:
    unit = measure_of(rule["measure"]).unit
    now, worst = written(unit, firing["value"]), written(unit, firing["worst"])
    return f"{now} now, {worst} at worst, since {_minute(firing['since'])}"


def _minute(said: str) -> str:
    """Return an exact time as people read it."""
    return f"{datetime.fromisoformat(said[:19]):%-d %b %Y %H:%M} UTC"


def _firing(firing: Firing, base: str) -> dict[str, Any]:
    return {
        "id": firing.id,
        "key": firing.key,
        "value": firing.state.value,
        "worst": firing.state.worst,
        "since": rfc3339(firing.state.since_ns),
        "from": rfc3339(firing.from_ns),
        "to": rfc3339(firing.to_ns),
        "traces_url": base + traces_path(firing),
    }
