"""What label events tell: who took how long, what stands, who said what under which wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, or_, select
from sqlmodel import col

from .label_events import STANDING, LabelEvent, event_from
from .sessions import Sessions, ask
from .small_tables import ItemRow, LabelEventRow, QueueRow, RubricVersionRow, SlotRow

_TIMED: Final = (
    select(col(LabelEventRow.ms_on_item))
    .where(
        col(LabelEventRow.queue_id) == bindparam("queue"),
        col(LabelEventRow.action) == "set",
        col(LabelEventRow.ms_on_item).is_not(None),
    )
    .order_by(col(LabelEventRow.id).desc())
    .limit(bindparam("most"))
)
_TIMED_OF: Final = _TIMED.where(col(LabelEventRow.annotator_id) == bindparam("who"))
_ACTIVE: Final = (
    select(col(LabelEventRow.annotator_id))
    .where(col(LabelEventRow.queue_id) == bindparam("queue"), col(LabelEventRow.at_ns) >= bindparam("since"))
    .distinct()
)
_OF_ANNOTATION: Final = (
    select(LabelEventRow)
    .where(col(LabelEventRow.annotation_id) == bindparam("annotation"))
    .order_by(col(LabelEventRow.id))
)
_LABELS: Final = STANDING.where(
    col(LabelEventRow.queue_id) == bindparam("queue"),
    or_(col(LabelEventRow.action) == "set", col(LabelEventRow.action) == "settle"),
).order_by(col(LabelEventRow.id))
_LABELS_OF: Final = _LABELS.where(col(LabelEventRow.item_id).in_(bindparam("items", expanding=True)))
_SEEN: Final = (
    select(col(LabelEventRow.id))
    .where(
        col(LabelEventRow.item_id) == bindparam("item"),
        col(LabelEventRow.annotator_id) == bindparam("who"),
        col(LabelEventRow.action) == "reveal",
    )
    .limit(1)
)
_NUMBERS: Final = select(col(RubricVersionRow.id), col(RubricVersionRow.number)).where(
    col(RubricVersionRow.rubric_id) == bindparam("rubric")
)
#: The label that stands in each slot of the queues of a rubric.
_STANDS: Final = (
    select(
        col(LabelEventRow.rubric_version_id),
        col(SlotRow.queue_id),
        col(SlotRow.item_id),
        col(SlotRow.annotator_id),
        col(ItemRow.position),
    )
    .join(SlotRow, col(SlotRow.event_id) == col(LabelEventRow.id))
    .join(ItemRow, col(ItemRow.id) == col(SlotRow.item_id))
    .join(QueueRow, col(QueueRow.id) == col(SlotRow.queue_id))
    .where(col(QueueRow.rubric_id) == bindparam("rubric"), col(SlotRow.state) == "done")
    .order_by(col(SlotRow.queue_id), col(ItemRow.position))
)


class LabelHistory:
    """The label events of one store, as they are read."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def durations_ms(self, queue_id: int, limit: int = 50, annotator: str | None = None) -> list[int]:
        """Return how long the latest verdicts of a queue took, the latest first, where it was measured."""
        with self._sessions.session() as session:
            if annotator is None:
                found = ask(session, _TIMED, queue=queue_id, most=limit)
            else:
                found = ask(session, _TIMED_OF, queue=queue_id, who=annotator, most=limit)
            return list(found.scalars().all())

    def active(self, queue_id: int, since_ns: int) -> int:
        """Return how many people labelled in a queue lately."""
        with self._sessions.session() as session:
            return len(ask(session, _ACTIVE, queue=queue_id, since=since_ns).all())

    def history(self, annotation_id: str) -> list[LabelEvent]:
        """Return every act on one judgement, oldest first."""
        with self._sessions.session() as session:
            return [event_from(row) for row in ask(session, _OF_ANNOTATION, annotation=annotation_id)]

    def of_queue(
        self, queue_id: int, *, before_id: int | None = None, annotator: str = "", limit: int = 100
    ) -> list[LabelEvent]:
        """Return the acts in a queue, the latest first, those older than one of them where *before_id* says so."""
        asked = select(LabelEventRow).where(col(LabelEventRow.queue_id) == queue_id)
        if before_id is not None:
            asked = asked.where(col(LabelEventRow.id) < before_id)
        if annotator:
            asked = asked.where(col(LabelEventRow.annotator_id) == annotator)
        with self._sessions.session() as session:
            rows = ask(session, asked.order_by(col(LabelEventRow.id).desc()).limit(limit))
            return [event_from(row) for row in rows]

    def labels(self, queue_id: int, item_ids: Sequence[int] | None = None) -> list[LabelEvent]:
        """Return the labels that stand in a queue, oldest first: of each person's on an item, every one."""
        with self._sessions.session() as session:
            if item_ids is None:
                found = ask(session, _LABELS, queue=queue_id)
            else:
                found = ask(session, _LABELS_OF, queue=queue_id, items=list(item_ids))
            return [event_from(row) for row in found]

    def has_seen(self, item_id: int, annotator: str) -> bool:
        """Return whether a person has seen what others said of an item."""
        with self._sessions.session() as session:
            return ask(session, _SEEN, item=item_id, who=annotator).first() is not None

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
            return {row.id: row.number for row in ask(session, _NUMBERS, rubric=rubric_id)}

    def _standing_of(self, rubric_id: int, numbers: dict[int, int]) -> list[tuple[int, int, int, str, int]]:
        """Return the label that stands in each slot of the queues of a rubric."""
        with self._sessions.session() as session:
            return [
                (numbers[row.rubric_version_id], row.queue_id, row.item_id, row.annotator_id or "", row.position)
                for row in ask(session, _STANDS, rubric=rubric_id)
                if row.rubric_version_id in numbers
            ]
