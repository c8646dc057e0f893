"""Rules and channels of alerts, kept and read back; each look at a rule is one process's alone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from sqlmodel import Session, col, select

from ..alerts.channel import Channel, checked_name, checked_target
from ..alerts.rule import Last, NewRule, Rule, checked
from ..errors import NotFound, SpanwiseError
from .alert_tables import AlertChannelRow, AlertFiringRow, AlertRuleRow
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import ProjectRow

MOST_RULES: Final = 200
MOST_CHANNELS: Final = 100
#: Changed, these leave what fired open; anything else ends it, since it was fired by another rule.
_COSMETIC: Final = ("name", "channels", "calm_minutes")


class Alerts:
    """The rules and channels of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    # --- rules -------------------------------------------------------------------------------------------------------

    def rules(self, project: str) -> tuple[Rule, ...]:
        """Return the rules of a project, in the order they were made."""
        return self._sessions.remembered(("rules", project), lambda: self._rules(project))

    def _rules(self, project: str) -> tuple[Rule, ...]:
        with self._sessions.session() as session:
            number = project_id(session, project)
            asked = select(AlertRuleRow).where(
                AlertRuleRow.project_id == number, col(AlertRuleRow.deleted_ns).is_(None)
            )
            return tuple(rule_of(row, project) for row in session.exec(asked.order_by(col(AlertRuleRow.id))))

    def rule(self, project: str, rule_id: int) -> Rule:
        """Return one rule; NotFound where the project has none of this number."""
        with self._sessions.session() as session:
            return rule_of(_rule_row(session, project, rule_id), project)

    def create(self, project: str, new: NewRule, by: str = "") -> Rule:
        """Keep a rule that is looked at from now on."""
        new = checked(new)
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            _known_channels(session, number, new)
            rows = select(AlertRuleRow.id).where(
                AlertRuleRow.project_id == number, col(AlertRuleRow.deleted_ns).is_(None)
            )
            if len(session.exec(rows).all()) >= MOST_RULES:
                raise SpanwiseError(f"The project has {MOST_RULES} rules.", "Delete one first.")
            row = AlertRuleRow(
                project_id=number,
                said=asdict(new),
                enabled=new.enabled,
                next_ns=0,
                created_by=by,
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            return rule_of(row, project)

    def change(self, project: str, rule_id: int, new: NewRule) -> Rule:
        """Have a rule say something else; what fired by what it said before is resolved unless that was the same."""
        new = checked(new)
        with self._sessions.transaction() as session:
            row = _rule_row(session, project, rule_id)
            _known_channels(session, row.project_id, new)
            before = _said(row.said)
            same = {name: getattr(before, name) for name in _COSMETIC}
            row.said, row.enabled = asdict(new), new.enabled
            if replace(new, **same) != before:
                row.last, row.next_ns = None, 0
                _end_firings(session, rule_id)
            session.add(row)
            session.flush()
            return rule_of(row, project)

    def delete(self, project: str, rule_id: int) -> Rule:
        """Take a rule away, and end what it fired; it can be restored."""
        with self._sessions.transaction() as session:
            row = _rule_row(session, project, rule_id)
            row.deleted_ns = time.time_ns()
            session.add(row)
            _end_firings(session, rule_id)
            return rule_of(row, project)

    def restore(self, project: str, rule_id: int) -> Rule:
        """Have a deleted rule back."""
        with self._sessions.transaction() as session:
            row = _rule_row(session, project, rule_id, deleted=True)
            row.deleted_ns, row.next_ns = None, 0
            session.add(row)
            return rule_of(row, project)

    # --- looking -----------------------------------------------------------------------------------------------------

    def due(self, now_ns: int) -> tuple[Rule, ...]:
        """Return the rules to look at now; no other process is given them until they are due again.

        Transactions come one after another, however many processes share the database.
        """
        waiting = select(AlertRuleRow, ProjectRow.name).join(ProjectRow, col(ProjectRow.id) == AlertRuleRow.project_id)
        waiting = waiting.where(
            AlertRuleRow.next_ns <= now_ns, col(AlertRuleRow.deleted_ns).is_(None), col(AlertRuleRow.enabled)
        )
        with self._sessions.session() as session:
            if session.exec(waiting.limit(1)).first() is None:
                return ()  # most of the time: nothing is written
        with self._sessions.transaction() as session:
            taken = []
            for row, project in session.exec(waiting.order_by(col(AlertRuleRow.next_ns))).all():
                rule = rule_of(row, project)
                row.next_ns = now_ns + rule.window.every_ns
                session.add(row)
                taken.append(rule)
            return tuple(taken)

    def keep_last(self, rule: Rule, last: Last) -> bool:
        """Keep what a look at *rule* found; return whether it was of any use, as :func:`keep_last` says."""
        with self._sessions.transaction() as session:
            return keep_last(session, rule, last)

    # --- channels ----------------------------------------------------------------------------------------------------

    def channels(self, project: str) -> tuple[Channel, ...]:
        """Return the channels of a project by name."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            asked = select(AlertChannelRow).where(
                AlertChannelRow.project_id == number, col(AlertChannelRow.deleted_ns).is_(None)
            )
            rows = session.exec(asked.order_by(col(AlertChannelRow.name), col(AlertChannelRow.id)))
            return tuple(channel_of(row, project) for row in rows)

    def channel(self, project: str, channel_id: int) -> Channel:
        """Return one channel; NotFound where the project has none of this number."""
        with self._sessions.session() as session:
            return channel_of(_channel_row(session, project, channel_id), project)

    def create_channel(self, project: str, kind: str, name: str, target: str) -> Channel:
        """Keep a channel, with a secret of its own."""
        name, target = checked_name(name), checked_target(kind, target)
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            rows = session.exec(
                select(AlertChannelRow).where(
                    AlertChannelRow.project_id == number, col(AlertChannelRow.deleted_ns).is_(None)
                )
            ).all()
            if len(rows) >= MOST_CHANNELS:
                raise SpanwiseError(f"The project has {MOST_CHANNELS} channels.", "Delete one first.")
            row = AlertChannelRow(
                project_id=number,
                kind=kind,
                name=name,
                target=target,
                salt=secrets.token_hex(16),
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            return channel_of(row, project)

    def delete_channel(self, project: str, channel_id: int) -> Channel:
        """Take a channel away; rules that name it tell the others."""
        with self._sessions.transaction() as session:
            row = _channel_row(session, project, channel_id)
            row.deleted_ns = time.time_ns()
            session.add(row)
            return channel_of(row, project)

    def restore_channel(self, project: str, channel_id: int) -> Channel:
        """Have a deleted channel back, in every rule that named it."""
        with self._sessions.transaction() as session:
            row = _channel_row(session, project, channel_id, deleted=True)
            row.deleted_ns = None
            session.add(row)
            return channel_of(row, project)

    def new_secret(self, project: str, channel_id: int) -> Channel:
        """Give a channel another secret; the one before is good for nothing from now on."""
        with self._sessions.transaction() as session:
            row = _channel_row(session, project, channel_id)
            row.salt = secrets.token_hex(16)
            session.add(row)
            return channel_of(row, project)


def keep_last(session: Session, rule: Rule, last: Last) -> bool:
    """Keep what a look at *rule* found, unless it was changed or looked at again meanwhile; return whether it was."""
    row = session.get(AlertRuleRow, rule.id)
    if row is None or row.deleted_ns is not None or row.looked_ns > last.at_ns:
        return False
    if rule_of(row, rule.project).said != rule.said:
        return False
    row.last, row.looked_ns = asdict(last), last.at_ns
    session.add(row)
    return True


def rule_of(row: AlertRuleRow, project: str) -> Rule:
    """Return the rule of a row."""
    last = None
    if row.last is not None:
        values = tuple((key, value) for key, value in row.last["values"])
        last = Last(row.last["at_ns"], values, row.last["series"], row.last["error"])
    said = replace(_said(row.said), enabled=row.enabled)
    return Rule(known(row.id), project, said, row.created_by, row.created_ns, last)


def channel_of(row: AlertChannelRow, project: str) -> Channel:
    """Return the channel of a row."""
    kind = "email" if row.kind == "email" else "webhook"
    return Channel(known(row.id), project, kind, row.name, row.target, row.salt, row.created_ns)  # type: ignore[arg-type]


def _said(said: Mapping[str, Any]) -> NewRule:
    names = {field.name for field in fields(NewRule)}
    known_ = {name: value for name, value in said.items() if name in names}
    return NewRule(**known_ | {"channels": tuple(said.get("channels", ()))})


def _rule_row(session: Session, project: str, rule_id: int, *, deleted: bool = False) -> AlertRuleRow:
    row = session.get(AlertRuleRow, rule_id)
    if row is None or row.project_id != project_id(session, project) or (row.deleted_ns is not None) != deleted:
        raise NotFound(f"Project {project} has no rule {rule_id}.", "Reload the page: somebody may have deleted it.")
    return row


def _channel_row(session: Session, project: str, channel_id: int, *, deleted: bool = False) -> AlertChannelRow:
    row = session.get(AlertChannelRow, channel_id)
    if row is None or row.project_id != project_id(session, project) or (row.deleted_ns is not None) != deleted:
        raise NotFound(
            f"Project {project} has no channel {channel_id}.", "Reload the page: somebody may have deleted it."
        )
    return row


def _known_channels(session: Session, number: int, new: NewRule) -> None:
    for channel_id in new.channels:
        row = session.get(AlertChannelRow, channel_id)
        if row is None or row.project_id != number:
            raise SpanwiseError(f"There is no channel {channel_id}.", "GET /api/v1/alerts/channels lists them.")


def _end_firings(session: Session, rule_id: int) -> None:
    now = time.time_ns()
    active = select(AlertFiringRow).where(AlertFiringRow.rule_id == rule_id, AlertFiringRow.phase != "resolved")
    for row in session.exec(active).all():
        if row.phase == "pending":
            session.delete(row)
        else:
            row.phase, row.resolved_ns = "resolved", now
            session.add(row)
