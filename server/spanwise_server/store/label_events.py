"""Label events: every act of labelling, kept for ever; the annotation that stands follows from them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from ..errors import Conflict, NotFound
from ..labelling.queue import Item, State
from ..record import Annotation, Annotator
from .annotations import drop_annotation, put_annotation
from .sessions import Sessions, known, project_id_made
from .small_tables import AnnotationRow, ItemRow, LabelEventRow

Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One act of labelling as it is kept."""

    id: int
    action: str
    """``set``, ``defer``, ``remove`` or ``undo``."""
    annotation_id: str
    queue_id: int | None
    item_id: int | None
    annotator_id: str
    at_ns: int
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What every act of labelling says: whose, in which project, and the key that makes its repeat the same act."""

    project: str
    key: str
    annotator: Annotator
    ms_on_item: int | None = None


class LabelEvents:
    """The label events of one store. Each act is one transaction: event, annotation and item together."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def judge(self, act: Act, annotation: Annotation, item: Item | None = None) -> LabelEvent:
        """Let *annotation* stand, and its item be done; one that stood before is superseded, never lost."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = None if item is None else _item(session, item.id)
            before = _snapshot(session, annotation.id, row)
            _put(session, annotation)
            if row is not None:
                row.state, row.annotation_id, row.done_ns = "done", annotation.id, time.time_ns()
                session.add(row)
            return _keep(session, act, "set", annotation.id, before, row)

    def defer(self, act: Act, item: Item) -> LabelEvent:
        """Put an item off until the others are done."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = _item(session, item.id)
            before = _snapshot(session, row.annotation_id or "", row)
            row.state, row.done_ns = "deferred", None
            session.add(row)
            return _keep(session, act, "defer", row.annotation_id or "", before, row)

    def remove(self, act: Act, annotation_id: str) -> LabelEvent:
        """Take a judgement away; the event can be undone."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            stands = session.get(AnnotationRow, annotation_id)
            if stands is None or stands.project_id != project_id_made(session, act.project):
                raise NotFound("There is no such label.", "It may have been removed already; reload the page.")
            row = session.exec(select(ItemRow).where(ItemRow.annotation_id == annotation_id)).first()
            before = _snapshot(session, annotation_id, row)
            drop_annotation(session, act.project, annotation_id)
            if row is not None:
                row.state, row.annotation_id, row.done_ns = "todo", None, None
                session.add(row)
            return _keep(session, act, "remove", annotation_id, before, row)

    def undo_in_queue(self, act: Act, queue_id: int) -> LabelEvent | None:
        """Take back this annotator's latest act in a queue that still stands; ``None`` where there is none."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            acts = (
                _standing()
                .where(LabelEventRow.queue_id == queue_id, LabelEventRow.annotator_id == act.annotator.id)
                .order_by(col(LabelEventRow.id).desc())
            )
            latest = session.exec(acts).first()
            return None if latest is None else _take_back(session, act, latest)

    def undo(self, act: Act, event_id: int) -> LabelEvent:
        """Take back one act; one that a later act builds on is refused."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            event = session.get(LabelEventRow, event_id)
            if event is None or event.project_id != project_id_made(session, act.project) or event.action == "undo":
                raise NotFound("There is nothing to undo.", "Reload the page to see what stands.")
            later = _standing().where(
                LabelEventRow.annotation_id == event.annotation_id, col(LabelEventRow.id) >= event_id
            )
            standing = {row.id for row in session.exec(later)}
            if standing != {event_id}:
                raise Conflict(
                    "This was changed again since, or undone already.", "Reload the page to see what stands."
                )
            return _take_back(session, act, event)

    def durations_ms(self, queue_id: int, limit: int = 50) -> list[int]:
        """Return how long the latest verdicts of a queue took, the latest first, where it was measured."""
        with self._sessions.session() as session:
            found = session.exec(
                select(LabelEventRow.ms_on_item)
                .where(
                    LabelEventRow.queue_id == queue_id,
                    LabelEventRow.action == "set",
                    col(LabelEventRow.ms_on_item).is_not(None),
                )
                .order_by(col(LabelEventRow.id).desc())
                .limit(limit)
            )
            return [ms for ms in found if ms is not None]

    def history(self, annotation_id: str) -> list[LabelEvent]:
        """Return every act on one judgement, oldest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(LabelEventRow)
                .where(LabelEventRow.annotation_id == annotation_id)
                .order_by(col(LabelEventRow.id))
            )
            return [_event(row) for row in rows]


def _standing() -> Any:
    """Return a query for the acts that were not taken back."""
    undone = select(LabelEventRow.undoes).where(col(LabelEventRow.undoes).is_not(None))
    return select(LabelEventRow).where(LabelEventRow.action != "undo", col(LabelEventRow.id).not_in(undone))


def _take_back(session: Session, act: Act, event: LabelEventRow) -> LabelEvent:
    """Put annotation and item back as they were before *event*."""
    row = None if event.item_id is None else session.get(ItemRow, event.item_id)
    now = _snapshot(session, event.annotation_id, row)
    was: Snapshot = event.before or {}
    if was.get("annotation") is not None:
        put_annotation(session, _from_snapshot(act.project, was["annotation"]))
    elif event.annotation_id:
        drop_annotation(session, act.project, event.annotation_id)
    if row is not None and was.get("item") is not None:
        row.state, row.annotation_id, row.done_ns = was["item"]
        session.add(row)
    return _keep(session, act, "undo", event.annotation_id, now, row, undoes=event)


def _put(session: Session, new: Annotation) -> None:
    """Keep a judgement; one that replaces another is as old as that one."""
    stands = session.get(AnnotationRow, new.id)
    put_annotation(session, new if stands is None else replace(new, created_ns=stands.created_ns))


def _as_snapshot(row: AnnotationRow) -> Snapshot:
    said = row.model_dump(exclude={"project_id", "meta"})
    return {**said, "metadata": row.meta}


def _from_snapshot(project: str, was: Snapshot) -> Annotation:
    said = dict(was)
    annotator = Annotator(said.pop("annotator_kind"), said.pop("annotator_id"))
    return Annotation(**said, project=project, annotator=annotator)


def _with_key(session: Session, act: Act) -> LabelEvent | None:
    found = session.exec(select(LabelEventRow).where(LabelEventRow.key == act.key)).first()
    return None if found is None else _event(found)


def _item(session: Session, item_id: int) -> ItemRow:
    row = session.get(ItemRow, item_id)
    if row is None:
        raise NotFound("This item is gone: its queue was deleted.", "Choose another queue.")
    return row


def _snapshot(session: Session, annotation_id: str, item: ItemRow | None) -> Snapshot:
    stands = session.get(AnnotationRow, annotation_id) if annotation_id else None
    state: tuple[State | str, str | None, int | None] | None = None
    if item is not None:
        state = (item.state, item.annotation_id, item.done_ns)
    return {
        "annotation": None if stands is None else _as_snapshot(stands),
        "item": None if state is None else list(state),
    }


def _keep(
    session: Session,
    act: Act,
    action: str,
    annotation_id: str,
    before: Snapshot,
    item: ItemRow | None,
    *,
    undoes: LabelEventRow | None = None,
) -> LabelEvent:
    session.flush()
    row = LabelEventRow(
        project_id=project_id_made(session, act.project),
        key=act.key,
        action=action,
        annotation_id=annotation_id,
        queue_id=None if item is None else item.queue_id,
        item_id=None if item is None else known(item.id),
        before=before,
        after=_snapshot(session, annotation_id, item),
        annotator_id=act.annotator.id,
        ms_on_item=act.ms_on_item,
        at_ns=time.time_ns(),
        undoes=None if undoes is None else undoes.id,
    )
    session.add(row)
    session.flush()
    return _event(row)


def _event(row: LabelEventRow) -> LabelEvent:
    return LabelEvent(
        id=known(row.id),
        action=row.action,
        annotation_id=row.annotation_id,
        queue_id=row.queue_id,
        item_id=row.item_id,
        annotator_id=row.annotator_id,
        at_ns=row.at_ns,
        undoes=row.undoes,
    )
