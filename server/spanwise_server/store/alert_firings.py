"""Each time a rule fired: begun, gone on with and resolved by looks at it, acknowledged by people, kept as history."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlmodel import Session, col, delete, func, select

from ..alerts.firing import Firing, State, severity, step
from ..alerts.message import Event
from ..alerts.rule import Last, Rule, rule_json
from ..errors import NotFound
from .alert_tables import AlertChannelRow, AlertDeliveryRow, AlertFiringRow
from .alerts import keep_last
from .sessions import Sessions, known, project_id

#: More series of one rule than this are not open at once: the furthest beyond come first.
MOST_OPEN: Final = 500
_NAMED_VALUES: Final = 20
#: How long what is over is kept.
KEPT_NS: Final = 365 * 86_400 * 1_000_000_000

#: Makes the JSON of one message of an event from the firings that it is about.
Wording = Callable[[Event, Sequence[Firing]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one series of a rule is now; without data the value is ``None``."""

    key: str | None
    value: float | None


class Firings:
    """What fired in one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def take(self, rule: Rule, readings: Sequence[Reading], now_ns: int, wording: Wording) -> tuple[Firing, ...]:
        """Take in what a look at a rule found, and return what fired or resolved by it.

        What changed, and the messages that tell it to each of the rule's channels, are kept in one transaction.
        """
        last = self.found(rule, readings, now_ns)
        with self._sessions.transaction() as session:
            if not keep_last(session, rule, last):
                return ()
            changed = _advance(session, rule, readings, now_ns)
            for event, phase in (("alert.firing", "firing"), ("alert.resolved", "resolved")):
                told = sorted(
                    (one for one in changed if one.state.phase == phase),
                    key=lambda one: -severity(rule, one.state.value),
                )
                if told:
                    _tell(session, rule.said.channels, wording(event, told), now_ns)  # type: ignore[arg-type]
            return tuple(changed)

    @staticmethod
    def found(rule: Rule, readings: Sequence[Reading], now_ns: int) -> Last:
        """Return what is kept of a look: the series that are furthest beyond, and how many there are."""
        ordered = sorted(readings, key=lambda one: -severity(rule, one.value))
        return Last(now_ns, tuple((one.key, one.value) for one in ordered[:_NAMED_VALUES]), len(readings))

    def open(self, project: str) -> tuple[Firing, ...]:
        """Return what fires now, the newest first."""
        return self._found(project, ("firing",), None, 10_000)

    def history(self, project: str, before: int | None = None, limit: int = 50) -> tuple[Firing, ...]:
        """Return what is resolved, the newest first; *before* is the number of the last one of the page before."""
        return self._found(project, ("resolved",), before, limit)

    def of_rule(self, project: str, rule_id: int, limit: int = 50) -> tuple[Firing, ...]:
        """Return what one rule fired, the newest first."""
        return self._found(project, ("firing", "resolved"), None, limit, rule_id)

    def count_open(self, project: str) -> int:
        """Return how many fire now that nobody has acknowledged."""
        return self._sessions.remembered(("open", project), lambda: self._count_open(project))

    def _count_open(self, project: str) -> int:
        with self._sessions.session() as session:
            asked = select(func.count()).where(
                AlertFiringRow.project_id == project_id(session, project),
                AlertFiringRow.phase == "firing",
                col(AlertFiringRow.acked_ns).is_(None),
            )
            return int(session.exec(asked).one())

    def acknowledge(self, project: str, firing_id: int, by: str, *, on: bool = True) -> Firing:
        """Note that somebody looks after it, or no longer."""
        with self._sessions.transaction() as session:
            row = session.get(AlertFiringRow, firing_id)
            if row is None or row.project_id != project_id(session, project):
                raise NotFound(
                    f"Project {project} has no alert {firing_id}.", "GET /api/v1/alerts lists those there are."
                )
            row.acked_by, row.acked_ns = (by or "somebody", time.time_ns()) if on else (None, None)
            session.add(row)
            return _firing(row, project)

    def forget(self, now_ns: int) -> None:
        """Delete what was over a year ago."""
        with self._sessions.transaction() as session:
            session.exec(
                delete(AlertFiringRow).where(
                    col(AlertFiringRow.phase) == "resolved", col(AlertFiringRow.resolved_ns) < now_ns - KEPT_NS
                )
            )

    def _found(
        self, project: str, phases: Sequence[str], before: int | None, limit: int, rule_id: int | None = None
    ) -> tuple[Firing, ...]:
        with self._sessions.session() as session:
            asked = select(AlertFiringRow).where(
                AlertFiringRow.project_id == project_id(session, project), col(AlertFiringRow.phase).in_(phases)
            )
            if before is not None:
                asked = asked.where(col(AlertFiringRow.id) < before)
            if rule_id is not None:
                asked = asked.where(AlertFiringRow.rule_id == rule_id)
            rows = session.exec(asked.order_by(col(AlertFiringRow.id).desc()).limit(limit))
            return tuple(_firing(row, project) for row in rows)


def _advance(session: Session, rule: Rule, readings: Sequence[Reading], now_ns: int) -> list[Firing]:
    """Move every series of a rule one step on, and return what fired or resolved."""
    active = select(AlertFiringRow).where(AlertFiringRow.rule_id == rule.id, AlertFiringRow.phase != "resolved")
    rows = {row.key: row for row in session.exec(active).all()}
    found = {one.key: one.value for one in readings}
    for key in rows.keys() - found.keys():
        found[key] = None  # of what fired there are no data any more
    number = next((row.project_id for row in rows.values()), None) or project_id(session, rule.project)
    changed, still_open = [], len(rows)
    for key, value in sorted(found.items(), key=lambda one: -severity(rule, one[1])):
        row = rows.get(key)
        before = None if row is None else _state(row)
        after = step(rule, before, value, now_ns)
        if row is None and after is not None:
            if still_open >= MOST_OPEN:
                continue
            still_open += 1
            row = _new_row(rule, key, number or 0, after)
        if row is None:
            continue
        if after is None:
            session.delete(row)
            continue
        _note(row, rule, before, after, now_ns)
        session.add(row)
        session.flush()
        if before is None or before.phase != after.phase:
            changed.append(_firing(row, rule.project))
    return [one for one in changed if one.state.phase != "pending"]


def _new_row(rule: Rule, key: str | None, number: int, state: State) -> AlertFiringRow:
    start, end = rule.window.bounds(state.since_ns)
    return AlertFiringRow(
        project_id=number, rule_id=rule.id, key=key, phase=state.phase, since_ns=state.since_ns, rule={},
        filter="", from_ns=start, to_ns=end,
    )  # fmt: skip


def _note(row: AlertFiringRow, rule: Rule, before: State | None, after: State, now_ns: int) -> None:
    if after.phase == "firing" and (before is None or before.phase == "pending"):
        row.fired_ns = now_ns
        row.from_ns, row.to_ns = rule.window.bounds(now_ns)
    if after.phase == "resolved":
        row.resolved_ns = now_ns
    row.rule, row.filter = rule_json(rule), rule.filter_of(row.key)
    row.phase, row.value, row.worst, row.calm_ns = after.phase, after.value, after.worst, after.calm_ns


def _state(row: AlertFiringRow) -> State:
    return State(row.phase, row.since_ns, row.value, row.worst, row.calm_ns)  # type: ignore[arg-type] # one of three


def _firing(row: AlertFiringRow, project: str) -> Firing:
    rule = row.rule
    return Firing(
        id=known(row.id), rule_id=row.rule_id, rule_name=rule.get("name", ""), project=project, key=row.key,
        state=_state(row), filter=row.filter, from_ns=row.from_ns, to_ns=row.to_ns, fired_ns=row.fired_ns,
        resolved_ns=row.resolved_ns, acked_by=row.acked_by, acked_ns=row.acked_ns, by=rule.get("by") or "",
        measure=rule.get("measure", ""), threshold=rule.get("threshold", 0.0), above=rule.get("is") != "below",
    )  # fmt: skip


def _tell(session: Session, channels: Sequence[int], message: Mapping[str, Any], now_ns: int) -> None:
    """Keep one message for each channel, to be sent by whichever process comes first."""
    for channel_id in channels:
        channel = session.get(AlertChannelRow, channel_id)
        if channel is not None and channel.deleted_ns is None:
            session.add(delivery(channel_id, message, now_ns))


def delivery(channel_id: int, message: Mapping[str, Any], now_ns: int) -> AlertDeliveryRow:
    """Return the row of a message that waits to be sent."""
    return AlertDeliveryRow(
        channel_id=channel_id,
        message_id=f"msg_{secrets.token_hex(12)}",
        body=orjson.dumps(message).decode(),
        state="waiting",
        next_ns=now_ns,
        created_ns=now_ns,
    )
