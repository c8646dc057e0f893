"""Judgements of traces and spans: the ones that stand now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from ..record import Annotation, Annotator
from .code_tables import CodeMarkRow, CodeRow
from .connection import Connection
from .projects import find_project, project_id_of
from .sessions import Sessions
from .small_tables import AnnotationRow
from .words import WordBook, label_word, labels_of, unpack_ids

_ASKED_AT_ONCE = 500
#: Made once, as every page asks it: making it takes as long as the answer.
_OF_TRACES = (
    select(AnnotationRow)
    .where(
        col(AnnotationRow.project_id) == bindparam("project"),
        col(AnnotationRow.trace_id).in_(bindparam("traces", expanding=True)),
    )
    .order_by(col(AnnotationRow.created_ns), col(AnnotationRow.id))
)
_LABELS_AMONG = "SELECT id FROM words WHERE field = 'label' AND id IN ({})"
#: In a session's info: what makes a connection of ours of its driver's, where that is none.
WRAP = "spanwise.wrap"


class Annotations:
    """What a store does with judgements."""

    def __init__(self, database: Sessions) -> None:
        self._database = database

    def keep(self, annotations: Sequence[Annotation]) -> None:
        """Keep judgements; one whose id is there already replaces it."""
        with self._database.transaction() as session:
            for annotation in annotations:
                put_annotation(session, annotation)

    def drop(self, project: str, annotation_id: str) -> bool:
        """Take one judgement away; return whether it was there."""
        with self._database.transaction() as session:
            return drop_annotation(session, project, annotation_id)

    def of(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, tuple[Annotation, ...]]:
        """Return what was judged of these traces and their spans, by trace id, oldest first."""
        if not self._database.remembered(("judged", project), lambda: self._any(project)):
            return {}
        found: dict[str, list[Annotation]] = {}
        with self._database.session() as session:
            project_id = find_project(driver_of(session), project)
            for at in range(0, len(trace_ids), _ASKED_AT_ONCE):
                asked = {"project": project_id, "traces": trace_ids[at : at + _ASKED_AT_ONCE]}
                rows = session.exec(_OF_TRACES, params=asked)
                judged = list(rows)
                coded = codes_of(session, project_id, [row.id for row in judged])
                for row in judged:
                    found.setdefault(row.trace_id, []).append(_annotation(row, project, coded.get(row.id, ())))
        return {trace_id: tuple(judged) for trace_id, judged in found.items()}

    def _any(self, project: str) -> bool:
        with self._database.session() as session:
            number = find_project(driver_of(session), project)
            asked = select(AnnotationRow.id).where(AnnotationRow.project_id == number).limit(1)
            return session.exec(asked).first() is not None


def codes_of(session: Session, project_id: int | None, annotation_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the codes that judgements carry, in the order that they were given."""
    found: dict[str, tuple[str, ...]] = {}
    if not annotation_ids or session.exec(select(CodeRow.id).where(CodeRow.project_id == project_id)).first() is None:
        return found
    for at in range(0, len(annotation_ids), _ASKED_AT_ONCE):
        named = (
            select(CodeMarkRow.annotation_id, CodeRow.name)
            .join(CodeRow, col(CodeRow.id) == col(CodeMarkRow.code_id))
            .where(
                col(CodeMarkRow.annotation_id).in_(annotation_ids[at : at + _ASKED_AT_ONCE]),
                col(CodeMarkRow.removed_event).is_(None),
            )
            .order_by(col(CodeMarkRow.id))
        )
        for annotation_id, name in session.exec(named):
            found[annotation_id] = (*found.get(annotation_id, ()), name)
    return found


def put_annotation(session: Session, annotation: Annotation) -> None:
    """Keep one judgement in the caller's transaction, and let its trace be found by the label."""
    connection = driver_of(session)
    project_id = project_id_of(connection, annotation.project)
    before = session.get(AnnotationRow, annotation.id)
    was = None if before is None else before.trace_id
    row = AnnotationRow(
        id=annotation.id, project_id=project_id, name=annotation.name, trace_id=annotation.trace_id,
        span_id=annotation.span_id, label=annotation.label, score=annotation.score,
        explanation=annotation.explanation, correction=annotation.correction,
        annotator_kind=annotation.annotator.kind, annotator_id=annotation.annotator.id, source=annotation.source,
        meta=None if annotation.metadata is None else dict(annotation.metadata),
        created_ns=annotation.created_ns, updated_ns=annotation.updated_ns,
    )  # fmt: skip
    session.merge(row)
    session.flush()
    relabel(connection, project_id, {annotation.trace_id} | ({was} if was is not None else set()))


def drop_annotation(session: Session, project: str, annotation_id: str) -> bool:
    """Take one judgement away in the caller's transaction; return whether it was there."""
    connection = driver_of(session)
    row = session.get(AnnotationRow, annotation_id)
    if row is None or row.project_id != find_project(connection, project):
        return False
    session.delete(row)
    session.flush()
    relabel(connection, row.project_id, {row.trace_id})
    return True


def driver_of(session: Session) -> Connection:
    """Return the driver's own connection that *session* is using."""
    driver: Any = session.connection().connection.driver_connection
    wrap: Any = session.info.get(WRAP)
    connection: Connection = driver if wrap is None else wrap(driver)
    return connection


def relabel(connection: Connection, project_id: int, trace_ids: Iterable[str]) -> None:
    """Let traces be found by the labels that they have now; one that has not come yet will be when it does."""
    connection.alone()
    book = WordBook()
    for trace_id in map(bytes.fromhex, trace_ids):
        found = connection.execute(
            "SELECT id, words, start_ns FROM traces WHERE project_id = ? AND trace_id = ?", (project_id, trace_id)
        ).fetchone()
        if found is None:
            continue
        row, packed, start_ns = found
        labels = labels_of(connection, project_id, [trace_id]).get(trace_id, set())
        wanted = set(book.ids(connection, project_id, map(label_word, labels)))
        had = set(unpack_ids(packed))
        of_labels = connection.execute(_LABELS_AMONG.format(", ".join("?" * len(had))), [*had]) if had else ()
        gone = {word for (word,) in of_labels} - wanted
        connection.words.change(connection, row, start_ns, put=wanted - had, dropped=gone)
        now = connection.words.kept((had - gone) | wanted)
        connection.execute("UPDATE traces SET words = ? WHERE id = ?", (now, row))


def _annotation(row: AnnotationRow, project: str, codes: tuple[str, ...]) -> Annotation:
    kind: Any = row.annotator_kind
    return Annotation(
        id=row.id, project=project, name=row.name, trace_id=row.trace_id, span_id=row.span_id, label=row.label,
        score=row.score, explanation=row.explanation, correction=row.correction,
        annotator=Annotator(kind, row.annotator_id), created_ns=row.created_ns, updated_ns=row.updated_ns,
        source=row.source, metadata=row.meta, codes=codes,
    )  # fmt: skip
