"""Judgements of traces and spans: the ones that stand now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlmodel import Session, col, select

from ..record import Annotation, Annotator
from .code_tables import CodeMarkRow, CodeRow
from .connection import Connection
from .projects import find_project, project_id_of
from .sessions import Sessions, ask
from .small_tables import AnnotationRow
from .words import WordBook, label_word, labels_of, unpack_ids

_ASKED_AT_ONCE = 500
_OF_TRACES = (
    select(AnnotationRow)
    .where(
        col(AnnotationRow.project_id) == bindparam("project"),
        col(AnnotationRow.trace_id).in_(bindparam("traces", expanding=True)),
    )
    .order_by(col(AnnotationRow.created_ns), col(AnnotationRow.id))
)
_ANY = select(AnnotationRow.id).where(col(AnnotationRow.project_id) == bindparam("project")).limit(1)
_WHERE_IT_IS = select(AnnotationRow.project_id, AnnotationRow.trace_id).where(col(AnnotationRow.id) == bindparam("one"))
#: What a row says as an annotation does.
_SAID = (
    "name", "trace_id", "span_id", "label", "score", "explanation", "correction", "source", "created_ns", "updated_ns",
)  # fmt: skip
_PUT = insert(AnnotationRow)
_CHANGE = update(AnnotationRow).where(col(AnnotationRow.id) == bindparam("one"))
_DROP = delete(AnnotationRow).where(col(AnnotationRow.id) == bindparam("one"))
_ANY_CODE = select(CodeRow.id).where(col(CodeRow.project_id) == bindparam("project")).limit(1)
_CODED = (
    select(CodeMarkRow.annotation_id, CodeRow.name)
    .join(CodeRow, col(CodeRow.id) == col(CodeMarkRow.code_id))
    .where(
        col(CodeMarkRow.annotation_id).in_(bindparam("annotations", expanding=True)),
        col(CodeMarkRow.removed_event).is_(None),
    )
    .order_by(col(CodeMarkRow.id))
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
                some = list(trace_ids[at : at + _ASKED_AT_ONCE])
                judged = ask(session, _OF_TRACES, project=project_id, traces=some).all()
                coded = codes_of(session, project_id, [row.id for row in judged])
                for row in judged:
                    found.setdefault(row.trace_id, []).append(_annotation(row, project, coded.get(row.id, ())))
        return {trace_id: tuple(judged) for trace_id, judged in found.items()}

    def _any(self, project: str) -> bool:
        with self._database.session() as session:
            number = find_project(driver_of(session), project)
            return ask(session, _ANY, project=number).first() is not None


def codes_of(session: Session, project_id: int | None, annotation_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the codes that judgements carry, in the order that they were given."""
    found: dict[str, tuple[str, ...]] = {}
    if not annotation_ids or ask(session, _ANY_CODE, project=project_id).first() is None:
        return found
    for at in range(0, len(annotation_ids), _ASKED_AT_ONCE):
        some = list(annotation_ids[at : at + _ASKED_AT_ONCE])
        for row in ask(session, _CODED, annotations=some):
            found[row.annotation_id] = (*found.get(row.annotation_id, ()), row.name)
    return found


def put_annotation(session: Session, annotation: Annotation) -> None:
    """Keep one judgement in the caller's transaction, and let its trace be found by the label."""
    before = ask(session, _WHERE_IT_IS, one=annotation.id).first()
    put_over(session, annotation, None if before is None else before.trace_id)


def put_over(session: Session, annotation: Annotation, was_of: str | None) -> None:
    """Do the same for who knows of which trace it was that it replaces, ``None`` where it replaces none."""
    connection = driver_of(session)
    project_id = project_id_of(connection, annotation.project)
    said = {
        **{name: getattr(annotation, name) for name in _SAID},
        "project_id": project_id,
        "annotator_kind": annotation.annotator.kind,
        "annotator_id": annotation.annotator.id,
        "meta": None if annotation.metadata is None else dict(annotation.metadata),
    }
    if was_of is None:
        ask(session, _PUT, id=annotation.id, **said)
    else:
        ask(session, _CHANGE, one=annotation.id, **said)
    relabel(connection, project_id, {annotation.trace_id, was_of or annotation.trace_id})


def drop_annotation(session: Session, project: str, annotation_id: str) -> bool:
    """Take one judgement away in the caller's transaction; return whether it was there."""
    connection = driver_of(session)
    row = ask(session, _WHERE_IT_IS, one=annotation_id).first()
    if row is None or row.project_id != find_project(connection, project):
        return False
    ask(session, _DROP, one=annotation_id)
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


def _annotation(row: Any, project: str, codes: tuple[str, ...]) -> Annotation:
    kind: Any = row.annotator_kind
    return Annotation(
        id=row.id, project=project, name=row.name, trace_id=row.trace_id, span_id=row.span_id, label=row.label,
        score=row.score, explanation=row.explanation, correction=row.correction,
        annotator=Annotator(kind, row.annotator_id), created_ns=row.created_ns, updated_ns=row.updated_ns,
        source=row.source, metadata=row.meta, codes=codes,
    )  # fmt: skip
