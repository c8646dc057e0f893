"""What label events tell: who took how long, what stands, who said what under which wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from .label_events import LabelEvent, event_from, standing
from .sessions import Sessions
from .small_tables import ItemRow, LabelEventRow, QueueRow, RubricVersionRow, SlotRow


class LabelHistory:
    """The label events of one store, as they are read."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def durations_ms(self, queue_id: int, limit: int = 50, annotator: str | None = None) -> list[int]:
        """Return how long the latest verdicts of a queue took, the latest first, where it was measured."""
        asked = select(LabelEventRow.ms_on_item).where(
            LabelEventRow.queue_id == queue_id,
            LabelEventRow.action == "set",
            col(LabelEventRow.ms_on_item).is_not(None),
        )
        if annotator is not None:
            asked = asked.where(LabelEventRow.annotator_id == annotator)
        with self._sessions.session() as session:
            found = session.exec(asked.order_by(col(LabelEventRow.id).desc()).limit(limit))
            return [ms for ms in found if ms is not None]

    def active(self, queue_id: int, since_ns: int) -> int:
        """Return how many people labelled in a queue lately."""
        with self._sessions.session() as session:
            found = session.exec(
                select(LabelEventRow.annotator_id)
                .where(LabelEventRow.queue_id == queue_id, LabelEventRow.at_ns >= since_ns)
                .distinct()
            )
            return len(found.all())

    def history(self, annotation_id: str) -> list[LabelEvent]:
        """Return every act on one judgement, oldest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(LabelEventRow)
                .where(LabelEventRow.annotation_id == annotation_id)
                .order_by(col(LabelEventRow.id))
            )
            return [event_from(row) for row in rows]

    def of_queue(
        self, queue_id: int, *, before_id: int | None = None, annotator: str = "", limit: int = 100
    ) -> list[LabelEvent]:
        """Return the acts in a queue, the latest first, those older than one of them where *before_id* says so."""
        asked = select(LabelEventRow).where(LabelEventRow.queue_id == queue_id)
        if before_id is not None:
            asked = asked.where(col(LabelEventRow.id) < before_id)
        if annotator:
            asked = asked.where(LabelEventRow.annotator_id == annotator)
        with self._sessions.session() as session:
            rows = session.exec(asked.order_by(col(LabelEventRow.id).desc()).limit(limit))
            return [event_from(row) for row in rows]

    def labels(self, queue_id: int, item_ids: Sequence[int] | None = None) -> list[LabelEvent]:
        """Return the labels that stand in a queue, oldest first: of each person's on an item, every one."""
        asked = standing().where(LabelEventRow.queue_id == queue_id, col(LabelEventRow.action).in_(("set", "settle")))
        if item_ids is not None:
            asked = asked.where(col(LabelEventRow.item_id).in_(list(item_ids)))
        with self._sessions.session() as session:
            return [event_from(row) for row in session.exec(asked.order_by(col(LabelEventRow.id)))]

    def has_seen(self, item_id: int, annotator: str) -> bool:
        """Return whether a person has seen what others said of an item."""
        with self._sessions.session() as session:
            found = session.exec(
                select(LabelEventRow.id)
                .where(
                    LabelEventRow.item_id == item_id,
                    LabelEventRow.annotator_id == annotator,
                    LabelEventRow.action == "reveal",
                )
                .limit(1)
            ).first()
            return found is not None

    def counts(self, rubric_id: int) -> dict[int, int]:
        """Return how many labels stand under each version of a rubric, by number."""
        numbers = self._numbers(rubric_id)
        counts = dict.fromkeys(numbers.values(), 0)
        for number, *_ in self._standing_of(rubric_id, numbers):
            counts[number] += 1
        return counts

    def older(self, rubric_id: int, queue_id: int | None = None) -> list[tuple[int, int, int, str, int]]:
        """Return the labels made under an older wording: version, queue, item, annotator and position."""
        numbers = self._numbers(rubric_id)
        newest = max(numbers.values(), default=0)
        return [
            found
            for found in self._standing_of(rubric_id, numbers)
            if found[0] < newest and queue_id in {None, found[1]}
        ]

    def _numbers(self, rubric_id: int) -> dict[int, int]:
        with self._sessions.session() as session:
            rows = session.exec(
                select(RubricVersionRow.id, RubricVersionRow.number).where(RubricVersionRow.rubric_id == rubric_id)
            )
            return {row_id: number for row_id, number in rows if row_id is not None}

    def _standing_of(self, rubric_id: int, numbers: dict[int, int]) -> list[tuple[int, int, int, str, int]]:
        """Return the label that stands in each slot of the queues of a rubric."""
        asked: Any = (
            select(LabelEventRow.rubric_version_id, SlotRow, ItemRow.position)
            .join(SlotRow, col(SlotRow.event_id) == col(LabelEventRow.id))
            .join(ItemRow, col(ItemRow.id) == col(SlotRow.item_id))
            .join(QueueRow, col(QueueRow.id) == col(SlotRow.queue_id))
            .where(QueueRow.rubric_id == rubric_id, SlotRow.state == "done")
            .order_by(col(SlotRow.queue_id), col(ItemRow.position))
        )
        with self._sessions.session() as session:
            return [
                (numbers[version], slot.queue_id, slot.item_id, slot.annotator_id or "", position)
                for version, slot, position in session.exec(asked)
                if version in numbers
            ]
