"""Critiques: what people wrote when they labelled, with the codes that it carries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from ..labelling.codes import MOST_CRITIQUES, Critique, Mark, Scope
from ..labelling.queue import Target
from ..query.numbers import whole
from .label_events import STANDING
from .sessions import Sessions, project_id
from .small_tables import AnnotationRow, LabelEventRow, QueueRow

#: Begins the source of a label that was given in a queue; its number follows.
_QUEUE: Final = "queue:"


class Critiques:
    """The critiques of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def of(self, scope: Scope, marks: Mapping[str, tuple[Mark, ...]]) -> list[Critique]:
        """Return the critiques of a scope, the oldest first; a fail without words is among them."""
        with self._sessions.session() as session:
            number = project_id(session, scope.project)
            among = _labelled_in(session, number, scope)
            asked = select(AnnotationRow).where(
                AnnotationRow.project_id == number,
                AnnotationRow.annotator_kind == "human",
                or_(
                    col(AnnotationRow.explanation).is_not(None),
                    col(AnnotationRow.label) == "fail",
                    and_(
                        col(AnnotationRow.label).is_(None),
                        col(AnnotationRow.score).is_(None),
                        col(AnnotationRow.meta).is_not(None),
                    ),
                ),
            )
            if scope.from_ns is not None:
                asked = asked.where(col(AnnotationRow.created_ns) >= scope.from_ns)
            if scope.to_ns is not None:
                asked = asked.where(col(AnnotationRow.created_ns) < scope.to_ns)
            order = col(AnnotationRow.created_ns).desc(), col(AnnotationRow.id).desc()
            rows = session.exec(asked.order_by(*order).limit(MOST_CRITIQUES)).all()
        found = [_critique(row, marks.get(row.id, ())) for row in _among(rows, among)]
        return [one for one in reversed(found) if one.text or one.label == "fail"]


def _among(rows: Iterable[AnnotationRow], ids: Collection[str] | None) -> list[AnnotationRow]:
    return [row for row in rows if ids is None or row.id in ids]


def _labelled_in(session: Session, project: int | None, scope: Scope) -> set[str] | None:
    """Return the labels that stand in a queue, or in those of a rubric; ``None`` where no queue is asked for."""
    if scope.queue_id is None and scope.rubric_id is None:
        return None
    queues = select(QueueRow.id).where(QueueRow.project_id == project)
    if scope.queue_id is not None:
        queues = queues.where(QueueRow.id == scope.queue_id)
    if scope.rubric_id is not None:
        queues = queues.where(QueueRow.rubric_id == scope.rubric_id)
    acts = STANDING.where(col(LabelEventRow.queue_id).in_(queues), col(LabelEventRow.action).in_(("set", "settle")))
    found: set[str] = set()
    for event in session.exec(acts):
        kept = (event.after or {}).get("annotations") or {}
        found |= {annotation_id for annotation_id, said in kept.items() if said is not None} or {event.annotation_id}
    return found


def _critique(row: AnnotationRow, marks: tuple[Mark, ...]) -> Critique:
    meta: Mapping[str, Any] = row.meta if isinstance(row.meta, Mapping) else {}
    number = row.source.removeprefix(_QUEUE)
    return Critique(
        id=row.id,
        target=Target(row.trace_id, row.span_id or "", str(meta.get("session_id") or "")),
        name=row.name,
        label=row.label,
        text=_text(row, meta),
        annotator=row.annotator_id,
        created_ns=row.created_ns,
        updated_ns=row.updated_ns,
        queue_id=whole(number) if row.source.startswith(_QUEUE) else None,
        marks=marks,
    )


def _text(row: AnnotationRow, meta: Mapping[str, Any]) -> str:
    """Return what was written: the explanation, then the notes on passages."""
    marked = [one for one in meta.get("highlights") or () if isinstance(one, Mapping) and one.get("note")]
    notes = [f"“{one.get('quote', '')}”: {one['note']}" for one in marked]
    return "\n".join(filter(None, [(row.explanation or "").strip(), *notes]))
