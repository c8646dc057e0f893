"""Labelling queues and their items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import case, delete, func
from sqlmodel import Session, col, select

from ..labelling.queue import Item, NewQueue, Progress, Queue, State, Target
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import ItemRow, ProjectRow, QueueRow


class Queues:
    """The queues of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def create(self, project: str, new: NewQueue, targets: Iterable[Target]) -> Queue:
        """Keep a queue with an item for each span, once, in the order given."""
        with self._sessions.transaction() as session:
            row = QueueRow(
                project_id=project_id_made(session, project),
                name=new.name,
                question=new.question,
                annotation_name=new.annotation_name,
                filter=new.filter,
                reason=new.reason,
                blind=new.blind,
                created_by=new.created_by,
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            _append(session, known(row.id), targets)
            return _queue(row, project)

    def add(self, queue_id: int, targets: Iterable[Target]) -> int:
        """Append spans that the queue does not hold yet; return how many were new."""
        with self._sessions.transaction() as session:
            return _append(session, queue_id, targets)

    def find(self, queue_id: int) -> Queue | None:
        """Return one queue, or ``None``."""
        with self._sessions.session() as session:
            found = session.exec(
                select(QueueRow, ProjectRow.name)
                .join(ProjectRow, col(ProjectRow.id) == col(QueueRow.project_id))
                .where(QueueRow.id == queue_id)
            ).first()
            return None if found is None else _queue(*found)

    def all(self, project: str) -> list[tuple[Queue, Progress]]:
        """Return the queues of a project and how far each is, the newest first."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            if number is None:
                return []
            rows = session.exec(
                select(
                    QueueRow,
                    func.count(col(ItemRow.id)),
                    func.sum(case((col(ItemRow.state) == "done", 1), else_=0)),
                    func.sum(case((col(ItemRow.state) == "deferred", 1), else_=0)),
                )
                .join(ItemRow, col(ItemRow.queue_id) == col(QueueRow.id), isouter=True)
                .where(QueueRow.project_id == number)
                .group_by(col(QueueRow.id))
                .order_by(col(QueueRow.id).desc())
            ).all()
            return [(_queue(row, project), Progress(total, done, later)) for row, total, done, later in rows]

    def waiting(self, project: str) -> int:
        """Return how many items of a project want a verdict."""
        return sum(done.left for _, done in self.all(project))

    def items(self, queue_id: int) -> list[Item]:
        """Return the items of a queue in order."""
        with self._sessions.session() as session:
            rows = session.exec(select(ItemRow).where(ItemRow.queue_id == queue_id).order_by(col(ItemRow.position)))
            return [item_of(row) for row in rows]

    def rename(self, queue_id: int, name: str, question: str) -> bool:
        """Give a queue another name and question; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(QueueRow, queue_id)
            if row is None:
                return False
            row.name, row.question = name, question
            session.add(row)
            return True

    def drop_items(self, queue_id: int, item_ids: Iterable[int]) -> None:
        """Take items out of a queue whose spans are no longer there."""
        with self._sessions.transaction() as session:
            wanted = col(ItemRow.queue_id) == queue_id, col(ItemRow.id).in_(list(item_ids))
            session.exec(delete(ItemRow).where(*wanted))

    def delete(self, queue_id: int) -> bool:
        """Take a queue and its items away; the labels given in it stay. Return whether it was there."""
        with self._sessions.transaction() as session:
            session.exec(delete(ItemRow).where(col(ItemRow.queue_id) == queue_id))
            row = session.get(QueueRow, queue_id)
            if row is None:
                return False
            session.delete(row)
            return True


def item_of(row: ItemRow) -> Item:
    """Return the item that *row* keeps."""
    return Item(
        id=known(row.id),
        queue_id=row.queue_id,
        position=row.position,
        target=Target(row.trace_id, row.span_id),
        state=cast("State", row.state),
        annotation_id=row.annotation_id,
        done_ns=row.done_ns,
    )


def _append(session: Session, queue_id: int, targets: Iterable[Target]) -> int:
    there = session.exec(select(ItemRow.trace_id, ItemRow.span_id).where(ItemRow.queue_id == queue_id)).all()
    held = {Target(*pair) for pair in there}
    new = [target for target in dict.fromkeys(targets) if target not in held]
    last = session.exec(select(func.max(ItemRow.position)).where(ItemRow.queue_id == queue_id)).one() or 0
    session.add_all(_rows(queue_id, last, new))
    return len(new)


def _rows(queue_id: int, last: int, targets: Sequence[Target]) -> list[Any]:
    return [
        ItemRow(queue_id=queue_id, position=last + n, trace_id=target.trace_id, span_id=target.span_id)
        for n, target in enumerate(targets, 1)
    ]


def _queue(row: QueueRow, project: str) -> Queue:
    return Queue(
        id=known(row.id),
        project=project,
        name=row.name,
        question=row.question,
        annotation_name=row.annotation_name,
        filter=row.filter,
        reason=row.reason,
        blind=row.blind,
        created_by=row.created_by,
        created_ns=row.created_ns,
    )
