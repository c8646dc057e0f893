"""Labelling queues and their items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, Literal, cast

from sqlalchemy import bindparam, case, delete, func
from sqlmodel import Session, col, select

from ..errors import NotFound
from ..labelling.queue import Chosen, Item, NewQueue, People, Progress, Queue, Target, Unit
from ..labelling.rubric import Rubric, simple_rubric
from ..labelling.slot import wanted
from .rubrics import create_rubric, newest
from .sessions import Sessions, ask, known, project_id, project_id_made
from .slots import drop_slots, item_from
from .small_tables import ItemRow, ProjectRow, QueueRow, RubricRow, SlotRow

_FIND: Final = (
    select(QueueRow, col(ProjectRow.name).label("project"))
    .join(ProjectRow, col(ProjectRow.id) == col(QueueRow.project_id))
    .where(col(QueueRow.id) == bindparam("queue"))
)
_PROGRESS: Final = (
    select(ItemRow.state, func.count().label("number"))
    .where(col(ItemRow.queue_id) == bindparam("queue"))
    .group_by(col(ItemRow.state))
)
_ITEMS: Final = select(ItemRow).where(col(ItemRow.queue_id) == bindparam("queue")).order_by(col(ItemRow.position))
_ITEM: Final = select(ItemRow).where(col(ItemRow.queue_id) == bindparam("queue"), col(ItemRow.id) == bindparam("item"))
_AFTER: Final = _ITEMS.where(col(ItemRow.position) > bindparam("position")).limit(bindparam("most"))
_BEFORE: Final = (
    select(ItemRow)
    .where(col(ItemRow.queue_id) == bindparam("queue"), col(ItemRow.position) < bindparam("position"))
    .order_by(col(ItemRow.position).desc())
    .limit(bindparam("most"))
)
_DEFERRED: Final = _AFTER.where(col(ItemRow.state) == "deferred")


class Queues:
    """The queues of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def create(self, project: str, new: NewQueue, chosen: Iterable[Chosen | Target]) -> Queue:
        """Keep a queue with an item for each target, once, in the order given; without a rubric one is made for it."""
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            rubric = _rubric(session, number, new)
            row = QueueRow(
                project_id=number,
                name=new.name,
                question=rubric.lead.text,
                annotation_name=rubric.lead.name,
                rubric_id=rubric.id,
                unit=new.unit,
                people=asdict(new.people),
                assisted=new.assisted,
                recipe=None if new.recipe is None else dict(new.recipe),
                rule=None if new.rule is None else dict(new.rule),
                filter=new.filter,
                reason=new.reason,
                blind=new.blind,
                created_by=new.created_by,
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            _append(session, row, chosen)
            return _queue(row, project)

    def add(self, queue_id: int, chosen: Iterable[Chosen | Target]) -> int:
        """Append targets that the queue does not hold yet; return how many were new."""
        with self._sessions.transaction() as session:
            row = session.get(QueueRow, queue_id)
            return 0 if row is None else _append(session, row, chosen)

    def reweigh(self, queue_id: int, chosen: Iterable[Chosen]) -> None:
        """Let items say how probable they were to be chosen, now that more were."""
        weights = {(one.target.trace_id, one.target.span_id): one.p_incl for one in chosen}
        with self._sessions.transaction() as session:
            for row in session.exec(select(ItemRow).where(ItemRow.queue_id == queue_id)):
                if (row.trace_id, row.span_id) in weights:
                    row.p_incl = weights[row.trace_id, row.span_id]
                    session.add(row)

    def keep_sampling(self, queue_id: int, recipe: Mapping[str, Any] | None, rule: Mapping[str, Any] | None) -> None:
        """Keep how a queue was sampled, and which new traces it takes."""
        with self._sessions.transaction() as session:
            row = session.get(QueueRow, queue_id)
            if row is not None:
                row.recipe = None if recipe is None else dict(recipe)
                row.rule = None if rule is None else dict(rule)
                session.add(row)

    def with_rules(self) -> list[Queue]:
        """Return the queues of all projects that take new traces by themselves."""
        with self._sessions.session() as session:
            found = session.exec(
                select(QueueRow, ProjectRow.name)
                .join(ProjectRow, col(ProjectRow.id) == col(QueueRow.project_id))
                .order_by(col(QueueRow.id))
            )
            return [_queue(row, project) for row, project in found if row.rule is not None]

    def find(self, queue_id: int) -> Queue | None:
        """Return one queue, or ``None``."""
        with self._sessions.session() as session:
            found = ask(session, _FIND, queue=queue_id).first()
            return None if found is None else _queue(found, found.project)

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

    def there(self, project: str) -> list[Queue]:
        """Return the queues of a project, the newest first, without counting how far each is."""
        return list(self._sessions.remembered(("queues", project), lambda: self._there(project)))

    def _there(self, project: str) -> tuple[Queue, ...]:
        with self._sessions.session() as session:
            number = project_id(session, project)
            rows = session.exec(select(QueueRow).where(QueueRow.project_id == number).order_by(col(QueueRow.id).desc()))
            return tuple(_queue(row, project) for row in rows)

    def waiting(self, project: str) -> int:
        """Return how many items of a project want a verdict."""
        return sum(done.left for _, done in self.all(project))

    def progress(self, queue_id: int) -> Progress:
        """Return how far a queue is."""
        with self._sessions.session() as session:
            counts = {row.state: row.number for row in ask(session, _PROGRESS, queue=queue_id)}
            return Progress(sum(counts.values()), counts.get("done", 0), counts.get("deferred", 0))

    def items(self, queue_id: int) -> list[Item]:
        """Return the items of a queue in order."""
        with self._sessions.session() as session:
            return [item_from(row) for row in ask(session, _ITEMS, queue=queue_id)]

    def item(self, queue_id: int, item_id: int) -> Item | None:
        """Return one item, ``None`` where the queue has no such item."""
        with self._sessions.session() as session:
            found = ask(session, _ITEM, queue=queue_id, item=item_id).first()
            return None if found is None else item_from(found)

    def neighbour(self, queue_id: int, position: int, step: Literal[-1, 1]) -> Item | None:
        """Return the item before or after *position*, whatever its state, or ``None`` at the end."""
        with self._sessions.session() as session:
            beyond = _AFTER if step == 1 else _BEFORE
            found = ask(session, beyond, queue=queue_id, position=position, most=1).first()
            return None if found is None else item_from(found)

    def deferred(self, queue_id: int, after: int = 0, limit: int = 1) -> list[Item]:
        """Return items that were put off, forward from a position only, so that going through them ends."""
        with self._sessions.session() as session:
            found = ask(session, _DEFERRED, queue=queue_id, position=after, most=limit)
            return [item_from(row) for row in found]

    def rename(self, queue_id: int, name: str) -> bool:
        """Give a queue another name; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(QueueRow, queue_id)
            if row is None:
                return False
            row.name = name
            session.add(row)
            return True

    def drop_items(self, queue_id: int, item_ids: Iterable[int]) -> None:
        """Take items out of a queue whose spans are no longer there."""
        with self._sessions.transaction() as session:
            gone = list(item_ids)
            drop_slots(session, gone)
            session.exec(delete(ItemRow).where(col(ItemRow.queue_id) == queue_id, col(ItemRow.id).in_(gone)))

    def delete(self, queue_id: int) -> bool:
        """Take a queue and its items away; the labels given in it stay. Return whether it was there."""
        with self._sessions.transaction() as session:
            session.exec(delete(SlotRow).where(col(SlotRow.queue_id) == queue_id))
            session.exec(delete(ItemRow).where(col(ItemRow.queue_id) == queue_id))
            row = session.get(QueueRow, queue_id)
            if row is None:
                return False
            session.delete(row)
            return True


def _rubric(session: Session, project: int, new: NewQueue) -> Rubric:
    """Return the rubric that a new queue asks: the one it names, else one like it, else a new one."""
    if new.rubric_id:
        row = session.get(RubricRow, new.rubric_id)
        if row is None or row.project_id != project:
            raise NotFound(f"There is no rubric {new.rubric_id}.", "Choose another; /rubrics lists them.")
        return newest(session, row)
    asked = simple_rubric(new.question, new.annotation_name)
    for row in session.exec(select(RubricRow).where(RubricRow.project_id == project)):
        rubric = newest(session, row)
        if rubric.questions == asked.questions:
            return rubric
    return create_rubric(session, project, replace(asked, created_by=new.created_by))


def _append(session: Session, queue: QueueRow, chosen: Iterable[Chosen | Target]) -> int:
    queue_id = known(queue.id)
    wished = [one if isinstance(one, Chosen) else Chosen(one) for one in chosen]
    rows = session.exec(
        select(ItemRow.trace_id, ItemRow.span_id, ItemRow.session_id).where(ItemRow.queue_id == queue_id)
    )
    held = {_identity(Target(*row)) for row in rows}
    last = session.exec(select(func.max(ItemRow.position)).where(ItemRow.queue_id == queue_id)).one() or 0
    people = _people(queue.people)
    new: list[tuple[ItemRow, list[str]]] = []
    for one in wished:
        if _identity(one.target) not in held:
            held.add(_identity(one.target))
            new.append((_item_row(queue_id, last + len(new) + 1, one), wanted(people, one.target, str(queue_id))))
    session.add_all([row for row, _ in new])
    session.flush()
    session.add_all(
        SlotRow(queue_id=queue_id, item_id=known(row.id), number=number, assigned_to=who)
        for row, whom in new
        for number, who in enumerate(whom)
    )
    return len(new)


def _identity(target: Target) -> tuple[str, ...]:
    """Return what an item is in its queue once: a session is, whichever trace of it is the last."""
    return (target.session_id,) if target.session_id else (target.trace_id, target.span_id)


def _item_row(queue_id: int, position: int, one: Chosen) -> ItemRow:
    other = one.other or Target("")
    return ItemRow(
        queue_id=queue_id, position=position, trace_id=one.target.trace_id, span_id=one.target.span_id,
        session_id=one.target.session_id, other_trace_id=other.trace_id, other_span_id=other.span_id,
        reason=one.reason, p_incl=one.p_incl,
    )  # fmt: skip


def _people(said: Any) -> People:
    if not said:
        return People()
    return People(**{**said, "names": tuple(said.get("names") or ())})


def _queue(row: Any, project: str) -> Queue:
    return Queue(
        id=row.id,
        project=project,
        name=row.name,
        question=row.question,
        annotation_name=row.annotation_name,
        filter=row.filter,
        reason=row.reason,
        blind=row.blind,
        created_by=row.created_by,
        created_ns=row.created_ns,
        rubric_id=row.rubric_id or 0,
        unit=cast("Unit", row.unit),
        people=_people(row.people),
        assisted=row.assisted,
        recipe=row.recipe,
        rule=row.rule,
    )
