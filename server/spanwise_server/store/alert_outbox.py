"""Messages of alerts until they have arrived: kept across restarts, tried again with growing pauses, then given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlmodel import col, delete, func, select

from ..alerts.channel import Channel
from .alert_firings import delivery
from .alert_tables import AlertChannelRow, AlertDeliveryRow
from .alerts import channel_of
from .sessions import Sessions, known
from .small_tables import ProjectRow

_S: Final = 1_000_000_000
#: Pauses after each attempt that failed; after the last one there is none more.
PAUSES_S: Final = (10, 60, 300, 1_800, 7_200, 21_600, 43_200)
#: So long has a process for an attempt before another one takes the message.
CLAIM_S: Final = 120
KEPT_NS: Final = 30 * 86_400 * _S


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel."""

    id: int
    channel: Channel
    message_id: str
    body: Mapping[str, Any]
    state: str
    attempts: int
    """How often it was tried, this time among them."""
    error: str
    created_ns: int
    next_ns: int
    done_ns: int | None


class Outbox:
    """What is to be sent of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def put(self, channel: Channel, message: Mapping[str, Any], now_ns: int, *, mine: bool = False) -> Delivery:
        """Keep one message to be sent at once, by this process if it is *mine*, else by whichever comes first."""
        with self._sessions.transaction() as session:
            row = delivery(channel.id, message, now_ns)
            if mine:
                row.attempts, row.next_ns = 1, now_ns + CLAIM_S * _S
            session.add(row)
            session.flush()
            return _delivery(row, channel)

    def claim(self, now_ns: int, most: int = 20) -> tuple[Delivery, ...]:
        """Return messages that this process is to send now; others leave them alone meanwhile."""
        waiting = select(AlertDeliveryRow).where(
            AlertDeliveryRow.state == "waiting", AlertDeliveryRow.next_ns <= now_ns
        )
        with self._sessions.session() as session:
            if session.exec(waiting.limit(1)).first() is None:
                return ()
        with self._sessions.transaction() as session:
            taken = []
            for row in session.exec(waiting.order_by(col(AlertDeliveryRow.next_ns)).limit(most)).all():
                found = session.exec(
                    select(AlertChannelRow, ProjectRow.name)
                    .join(ProjectRow, col(ProjectRow.id) == AlertChannelRow.project_id)
                    .where(AlertChannelRow.id == row.channel_id)
                ).first()
                row.attempts += 1
                row.next_ns = now_ns + CLAIM_S * _S
                if found is None or found[0].deleted_ns is not None:
                    row.state, row.error, row.done_ns = "failed", "The channel was deleted.", now_ns
                else:
                    taken.append(_delivery(row, channel_of(*found)))
                session.add(row)
            return tuple(taken)

    def sent(self, delivery_id: int, now_ns: int) -> None:
        """Note that a message has arrived."""
        self._settle(delivery_id, "sent", "", now_ns)

    def failed(self, one: Delivery, why: str, now_ns: int, *, for_good: bool = False) -> bool:
        """Note that a message did not arrive; return whether it is tried again."""
        if for_good or one.attempts > len(PAUSES_S):
            self._settle(one.id, "failed", why, now_ns)
            return False
        with self._sessions.transaction() as session:
            row = session.get(AlertDeliveryRow, one.id)
            if row is not None and row.state == "waiting":
                row.error, row.next_ns = why[:500], now_ns + PAUSES_S[one.attempts - 1] * _S
                session.add(row)
        return True

    def find(self, one: Delivery) -> Delivery:
        """Return a message as it stands now."""
        with self._sessions.session() as session:
            row = session.get(AlertDeliveryRow, one.id)
            return one if row is None else _delivery(row, one.channel)

    def latest(self, channels: Sequence[Channel]) -> dict[int, Delivery]:
        """Return the newest message to each channel."""
        found = {}
        with self._sessions.session() as session:
            newest = (
                select(func.max(AlertDeliveryRow.id))
                .where(col(AlertDeliveryRow.channel_id).in_([channel.id for channel in channels]))
                .group_by(col(AlertDeliveryRow.channel_id))
            )
            by_id = {channel.id: channel for channel in channels}
            for row in session.exec(select(AlertDeliveryRow).where(col(AlertDeliveryRow.id).in_(newest))).all():
                found[row.channel_id] = _delivery(row, by_id[row.channel_id])
        return found

    def of_channel(self, channel: Channel, limit: int = 20) -> tuple[Delivery, ...]:
        """Return the newest messages to one channel."""
        with self._sessions.session() as session:
            asked = select(AlertDeliveryRow).where(AlertDeliveryRow.channel_id == channel.id)
            rows = session.exec(asked.order_by(col(AlertDeliveryRow.id).desc()).limit(limit))
            return tuple(_delivery(row, channel) for row in rows)

    def forget(self, now_ns: int) -> None:
        """Delete what was settled a month ago."""
        with self._sessions.transaction() as session:
            session.exec(delete(AlertDeliveryRow).where(col(AlertDeliveryRow.done_ns) < now_ns - KEPT_NS))

    def _settle(self, delivery_id: int, state: str, error: str, now_ns: int) -> None:
        with self._sessions.transaction() as session:
            row = session.get(AlertDeliveryRow, delivery_id)
            if row is not None:
                row.state, row.error, row.done_ns = state, error[:500], now_ns
                session.add(row)


def _delivery(row: AlertDeliveryRow, channel: Channel) -> Delivery:
    return Delivery(
        known(row.id), channel, row.message_id, orjson.loads(row.body), row.state, row.attempts, row.error,
        row.created_ns, row.next_ns, row.done_ns,
    )  # fmt: skip
