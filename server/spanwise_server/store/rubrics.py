"""Rubrics and their versions: a version is added, never changed."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from ..errors import NotFound
from ..labelling.rubric import Rubric, rubric_of
from .sessions import Sessions, ask, known, project_id, project_id_made
from .small_tables import ProjectRow, QueueRow, RubricRow, RubricVersionRow

_VERSIONS: Final = (
    select(RubricVersionRow, RubricRow.name)
    .join(RubricRow, col(RubricRow.id) == col(RubricVersionRow.rubric_id))
    .where(col(RubricVersionRow.rubric_id) == bindparam("rubric"))
    .order_by(col(RubricVersionRow.number).desc())
)
_NEWEST: Final = _VERSIONS.limit(1)
_VERSION: Final = _VERSIONS.where(col(RubricVersionRow.number) == bindparam("version"))
_PROJECT_OF: Final = (
    select(ProjectRow.name)
    .join(RubricRow, col(RubricRow.project_id) == col(ProjectRow.id))
    .where(col(RubricRow.id) == bindparam("rubric"))
)


class Rubrics:
    """The rubrics of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def create(self, project: str, rubric: Rubric) -> Rubric:
        """Keep a rubric as its first version."""
        with self._sessions.transaction() as session:
            return create_rubric(session, project_id_made(session, project), rubric)

    def revise(self, rubric_id: int, rubric: Rubric) -> Rubric:
        """Keep *rubric* as the next version, and its name; questions that did not change make no version."""
        with self._sessions.transaction() as session:
            row = session.get(RubricRow, rubric_id)
            if row is None:
                raise NotFound(f"There is no rubric {rubric_id}.", "It may have been deleted.")
            row.name = rubric.name or row.name
            session.add(row)
            latest = latest_version(session, rubric_id)
            if _read(latest, row.name).questions == rubric.questions:
                return _read(latest, row.name)
            version = _version(rubric_id, latest.number + 1, rubric)
            session.add(version)
            session.flush()
            lead = rubric.lead
            session.exec(
                update(QueueRow)
                .where(col(QueueRow.rubric_id) == rubric_id)
                .values(question=lead.text, annotation_name=lead.name)
            )
            return _read(version, row.name)

    def find(self, rubric_id: int, version: int | None = None) -> Rubric | None:
        """Return a rubric in its newest version, or in the one asked for; ``None`` where there is none."""
        with self._sessions.session() as session:
            if version is None:
                found = ask(session, _NEWEST, rubric=rubric_id).first()
            else:
                found = ask(session, _VERSION, rubric=rubric_id, version=version).first()
            return None if found is None else _read(found, found.name)

    def versions(self, rubric_id: int) -> list[Rubric]:
        """Return every version of a rubric, the newest first."""
        with self._sessions.session() as session:
            return [_read(row, row.name) for row in ask(session, _VERSIONS, rubric=rubric_id)]

    def all(self, project: str) -> list[Rubric]:
        """Return the rubrics of a project in their newest versions, the newest rubric first."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            rows = session.exec(
                select(RubricRow).where(RubricRow.project_id == number).order_by(col(RubricRow.id).desc())
            ).all()
            return [newest(session, row) for row in rows]

    def project_of(self, rubric_id: int) -> str | None:
        """Return the project of a rubric, ``None`` where there is none."""
        with self._sessions.session() as session:
            name: str | None = ask(session, _PROJECT_OF, rubric=rubric_id).scalar()
            return name

    def queues_of(self, rubric_id: int) -> list[tuple[int, str]]:
        """Return number and name of the queues that ask a rubric."""
        with self._sessions.session() as session:
            asked = select(QueueRow.id, QueueRow.name).where(QueueRow.rubric_id == rubric_id)
            return [(known(number), name) for number, name in session.exec(asked.order_by(col(QueueRow.id).desc()))]


def create_rubric(session: Session, project: int, rubric: Rubric) -> Rubric:
    """Keep a rubric as its first version, in the caller's transaction."""
    row = RubricRow(
        project_id=project,
        name=rubric.name or rubric.lead.text,
        created_by=rubric.created_by,
        created_ns=time.time_ns(),
    )
    session.add(row)
    session.flush()
    version = _version(known(row.id), 1, rubric)
    session.add(version)
    session.flush()
    return _read(version, row.name)


def newest(session: Session, row: RubricRow) -> Rubric:
    """Return a rubric in its newest version."""
    return _read(latest_version(session, known(row.id)), row.name)


def latest_version(session: Session, rubric_id: int) -> Any:
    """Return the row of the newest version of a rubric; one that is there has one."""
    return ask(session, _NEWEST, rubric=rubric_id).one()


def _version(rubric_id: int, number: int, rubric: Rubric) -> RubricVersionRow:
    return RubricVersionRow(
        rubric_id=rubric_id,
        number=number,
        questions=rubric.as_json(),
        note=rubric.note,
        created_by=rubric.created_by,
        created_ns=time.time_ns(),
    )


def _read(version: Any, name: str) -> Rubric:
    return rubric_of(
        version.questions,
        name=name,
        id=version.rubric_id,
        version=version.number,
        version_id=version.id,
        note=version.note,
        created_by=version.created_by,
        created_ns=version.created_ns,
    )
