"""Prompts, their numbered versions, and the labels that point at them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from ..errors import Forbidden, NotFound
from ..prompts.content import Content, checked, well_formed
from ..prompts.includes import included
from ..prompts.version import LATEST, Include, Move, Prompt, Version, checked_label, checked_name
from .prompts_tables import PromptLabelRow, PromptMoveRow, PromptRow, PromptVersionRow, ProtectedLabelRow
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import ProjectRow

#: Notes and names of those who publish are cut here.
_LONGEST_NOTE: Final = 2_000
_ASK_A_PERSON: Final = "Only an admin can move it, and no API key: ask one to, in the viewer."


class Prompts:
    """The prompts of one store. A version never changes; labels move, and each move is kept."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def publish(
        self,
        project: str,
        name: str,
        source: Content,
        *,
        note: str = "",
        by: str = "",
        labels: Iterable[str] = (),
        may_promote: bool = True,
    ) -> tuple[Version, bool]:
        """Keep *source* as the next version, point *labels* at it, and return it with whether it is new.

        What the newest version says already is no new version. Protected labels are refused to who may not promote.
        """
        checked_name(name)
        wanted = [checked_label(label) for label in labels]
        well_formed(source)
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            for label in wanted:
                _refuse_protected(session, number, label, may_promote=may_promote)
            content, includes = included(name, source, lambda other, at: _found(session, number, other, at))
            checked(content)
            row = _prompt_row(session, number, name)
            if row is None:
                row = PromptRow(project_id=number, name=name, created_ns=time.time_ns())
                session.add(row)
                session.flush()
            prompt_id = known(row.id)
            newest = _version_row(session, prompt_id, None)
            fresh = newest is None or newest.content_hash != content.hash or newest.source != source.as_json()
            if fresh or newest is None:
                newest = _keep(session, prompt_id, content, source, includes, note=note, by=by)
            for label in wanted:
                _move(session, prompt_id, label, newest.number, by)
            return _version(newest), fresh

    def seen(self, project: str, name: str, said_as: str, content: Content, at_ns: int | None = None) -> bool:
        """Keep a version that a call was made with at *at_ns*, unless it is known; return whether it was new.

        It gets the number that the call says where that is one and free, else the next.
        """
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            row = _prompt_row(session, number, name)
            if row is None:
                row = PromptRow(project_id=number, name=name, created_ns=time.time_ns())
                session.add(row)
                session.flush()
            prompt_id = known(row.id)
            digest = content.template_hash
            there = session.exec(
                select(PromptVersionRow.id).where(
                    PromptVersionRow.prompt_id == prompt_id,
                    PromptVersionRow.template_hash == digest,
                    PromptVersionRow.said_as == said_as,
                )
            ).first()
            if there is not None:
                return False
            wanted = int(said_as) if said_as.isdecimal() and 0 < len(said_as) < 7 else 0
            free = wanted and _version_row(session, prompt_id, wanted) is None
            _keep(
                session, prompt_id, content, content, (), note="", by="", origin="code", said_as=said_as,
                number=wanted if free else None, at_ns=at_ns,
            )  # fmt: skip
            return True

    def all(self, project: str) -> list[Prompt]:
        """Return the prompts of a project by name."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            if number is None:
                return []
            rows = session.exec(
                select(PromptRow).where(PromptRow.project_id == number).order_by(col(PromptRow.name))
            ).all()
            ids = [known(row.id) for row in rows]
            newest = _newest(session, ids)
            labels: dict[int, dict[str, int]] = {}
            for label in session.exec(select(PromptLabelRow).where(col(PromptLabelRow.prompt_id).in_(ids))):
                labels.setdefault(label.prompt_id, {})[label.label] = label.number
            return [_prompt(row, project, newest.get(known(row.id)), labels.get(known(row.id), {})) for row in rows]

    def find(self, project: str, name: str) -> Prompt:
        """Return one prompt; raises NotFound."""
        with self._sessions.session() as session:
            row = _known_prompt(session, project, name)
            prompt_id = known(row.id)
            labels = {
                label.label: label.number
                for label in session.exec(select(PromptLabelRow).where(PromptLabelRow.prompt_id == prompt_id))
            }
            return _prompt(row, project, _newest(session, [prompt_id]).get(prompt_id), labels)

    def version(self, project: str, name: str, at: str = LATEST) -> Version:
        """Return the version that a label, ``latest`` or a number stands for; raises NotFound."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            if number is None:
                raise _no_prompt(project, name)
            return _found(session, number, name, at)

    def versions(self, prompt: Prompt) -> list[Version]:
        """Return every version of a prompt, the newest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(PromptVersionRow)
                .where(PromptVersionRow.prompt_id == prompt.id)
                .order_by(col(PromptVersionRow.number).desc())
            )
            return [_version(row) for row in rows]

    def move(
        self, project: str, name: str, label: str, number: int | None, *, by: str = "", may_promote: bool = True
    ) -> Prompt:
        """Point a label at a version, or at none where *number* is ``None``; return the prompt as it is then.

        A protected label is refused to who may not promote.
        """
        checked_label(label)
        with self._sessions.transaction() as session:
            row = _known_prompt(session, project, name)
            prompt_id = known(row.id)
            _refuse_protected(session, row.project_id, label, may_promote=may_promote)
            if number is not None and _version_row(session, prompt_id, number) is None:
                raise NotFound(f"{name!r} has no version {number}.", "Choose one of its versions.")
            _move(session, prompt_id, label, number, by)
        return self.find(project, name)

    def history(self, prompt: Prompt) -> list[Move]:
        """Return who moved which label when, the newest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(PromptMoveRow).where(PromptMoveRow.prompt_id == prompt.id).order_by(col(PromptMoveRow.id).desc())
            )
            return [Move(row.label, row.before, row.after, row.moved_by, row.at_ns) for row in rows]

    def protected(self, project: str) -> frozenset[str]:
        """Return the labels of a project that only who may promote can move."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            return frozenset(
                session.exec(select(ProtectedLabelRow.label).where(ProtectedLabelRow.project_id == number))
            )

    def protect(self, project: str, label: str, *, on: bool, may_promote: bool = True) -> None:
        """Protect a label of a project, or lift its protection, which is refused to who may not promote."""
        checked_label(label)
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            _refuse_protected(session, number, label, may_promote=may_promote)
            row = session.get(ProtectedLabelRow, (number, label))
            if on and row is None:
                session.add(ProtectedLabelRow(project_id=number, label=label))
            elif not on and row is not None:
                session.delete(row)

    def delete(self, project: str, name: str, *, may_promote: bool = True) -> None:
        """Take a prompt away with all its versions; calls that were made with it stay.

        One that a protected label points at is refused to who may not promote.
        """
        with self._sessions.transaction() as session:
            row = _known_prompt(session, project, name)
            for label in session.exec(select(PromptLabelRow.label).where(PromptLabelRow.prompt_id == row.id)):
                _refuse_protected(session, row.project_id, label, may_promote=may_promote)
            for table in (PromptMoveRow, PromptLabelRow, PromptVersionRow):
                session.exec(delete(table).where(col(table.prompt_id) == row.id))
            session.delete(row)


def _keep(
    session: Session,
    prompt_id: int,
    content: Content,
    source: Content,
    includes: Iterable[Include],
    *,
    note: str,
    by: str,
    origin: str = "registry",
    said_as: str | None = None,
    number: int | None = None,
    at_ns: int | None = None,
) -> PromptVersionRow:
    if number is None:
        highest = session.exec(
            select(func.max(PromptVersionRow.number)).where(PromptVersionRow.prompt_id == prompt_id)
        ).one()
        number = 1 if highest is None else highest + 1
    row = PromptVersionRow(
        prompt_id=prompt_id,
        number=number,
        content_hash=content.hash,
        template_hash=content.template_hash,
        said_as=str(number) if said_as is None else said_as[:200],
        origin=origin,
        source=source.as_json(),
        content=content.as_json(),
        includes=[asdict(include) for include in includes],
        note=note.strip()[:_LONGEST_NOTE],
        created_by=by,
        created_ns=time.time_ns() if at_ns is None else at_ns,
    )
    session.add(row)
    session.flush()
    return row


def _refuse_protected(session: Session, project: int, label: str, *, may_promote: bool) -> None:
    if not may_promote and session.get(ProtectedLabelRow, (project, label)) is not None:
        raise Forbidden(f"The label {label!r} is protected.", _ASK_A_PERSON)


def _move(session: Session, prompt_id: int, label: str, number: int | None, by: str) -> None:
    row = session.get(PromptLabelRow, (prompt_id, label))
    before = None if row is None else row.number
    if before == number:
        return
    if number is None:
        session.delete(row)
    elif row is None:
        session.add(PromptLabelRow(prompt_id=prompt_id, label=label, number=number))
    else:
        row.number = number
        session.add(row)
    session.add(
        PromptMoveRow(prompt_id=prompt_id, label=label, before=before, after=number, moved_by=by, at_ns=time.time_ns())
    )


def _found(session: Session, project: int, name: str, at: str) -> Version:
    """Return the version of a prompt that *at* stands for."""
    row = _prompt_row(session, project, name)
    if row is None:
        raise NotFound(f"There is no prompt {name!r}.", "GET /api/v1/prompts lists those of a project.")
    prompt_id = known(row.id)
    number = int(at) if at.isdecimal() and len(at) < 10 else None
    if number is None and at != LATEST:
        label = session.get(PromptLabelRow, (prompt_id, at))
        if label is None:
            raise NotFound(f"{name!r} has no label {at!r}.", "Move the label to a version first, or ask for latest.")
        number = label.number
    version = _version_row(session, prompt_id, number)
    if version is None:
        raise NotFound(f"{name!r} has no version {at}.", "Leave it out for the newest.")
    return _version(version)


def _prompt_row(session: Session, project: int, name: str) -> PromptRow | None:
    wanted = select(PromptRow).where(PromptRow.project_id == project, PromptRow.name == name)
    found: PromptRow | None = session.exec(wanted).first()
    return found


def _known_prompt(session: Session, project: str, name: str) -> PromptRow:
    row: PromptRow | None = session.exec(
        select(PromptRow)
        .join(ProjectRow, col(ProjectRow.id) == col(PromptRow.project_id))
        .where(ProjectRow.name == project, PromptRow.name == name)
    ).first()
    if row is None:
        raise _no_prompt(project, name)
    return row


def _version_row(session: Session, prompt_id: int, number: int | None) -> PromptVersionRow | None:
    """Return one version, the newest where no number is asked for."""
    wanted = select(PromptVersionRow).where(PromptVersionRow.prompt_id == prompt_id)
    if number is None:
        wanted = wanted.order_by(col(PromptVersionRow.number).desc()).limit(1)
    else:
        wanted = wanted.where(PromptVersionRow.number == number)
    found: PromptVersionRow | None = session.exec(wanted).first()
    return found


def _newest(session: Session, prompt_ids: list[int]) -> Mapping[int, PromptVersionRow]:
    highest = (
        select(PromptVersionRow.prompt_id, func.max(PromptVersionRow.number).label("number"))
        .where(col(PromptVersionRow.prompt_id).in_(prompt_ids))
        .group_by(col(PromptVersionRow.prompt_id))
        .subquery()
    )
    rows = session.exec(
        select(PromptVersionRow).join(
            highest,
            (col(PromptVersionRow.prompt_id) == highest.c.prompt_id)
            & (col(PromptVersionRow.number) == highest.c.number),
        )
    )
    return {row.prompt_id: row for row in rows}


def _no_prompt(project: str, name: str) -> NotFound:
    return NotFound(f"Project {project!r} has no prompt {name!r}.", "GET /api/v1/prompts lists those there are.")


def _prompt(row: PromptRow, project: str, newest: PromptVersionRow | None, labels: Mapping[str, int]) -> Prompt:
    return Prompt(
        id=known(row.id),
        project=project,
        name=row.name,
        created_ns=row.created_ns,
        newest=0 if newest is None else newest.number,
        labels=labels,
        note="" if newest is None else newest.note,
        changed_ns=row.created_ns if newest is None else newest.created_ns,
    )


def _version(row: PromptVersionRow) -> Version:
    said: dict[str, Any] = {"origin": row.origin, "said_as": row.said_as}
    return Version(
        number=row.number,
        content=Content.from_json(row.content),
        source=Content.from_json(row.source),
        includes=tuple(Include(**include) for include in row.includes),
        note=row.note,
        created_by=row.created_by,
        created_ns=row.created_ns,
        hash=row.content_hash,
        template_hash=row.template_hash,
        **said,
    )
