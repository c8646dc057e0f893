"""Codes and the critiques that carry them: every act is kept for ever, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import or_
from sqlmodel import col, select

from ..errors import Conflict
from ..labelling.codes import Code, Mark, code_name, description_of
from .code_change import (
    CodeChange,
    CodeEvent,
    act_with_key,
    acts_on,
    code_from,
    event_from,
    found_code,
    live_codes,
    standing_acts,
    standing_marks,
)  # fmt: skip
from .code_tables import CodeEventRow, CodeMarkRow
from .label_events import Act
from .sessions import Sessions, known, project_id


class Codes:
    """The codes of one store. Each act is one transaction; one that changes nothing leaves no event."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def all(self, project: str) -> list[Code]:
        """Return the codes of a project that were neither merged nor deleted, the oldest first."""
        with self._sessions.session() as session:
            return [code_from(row) for row in live_codes(session, project_id(session, project))]

    def find(self, project: str, code_id: int) -> Code:
        """Return one code; one that is gone is refused."""
        with self._sessions.session() as session:
            return code_from(found_code(session, project_id(session, project), code_id))

    def marks(self, project: str) -> dict[str, tuple[Mark, ...]]:
        """Return what every critique of a project carries, by annotation, in the order that it was put there."""
        found: dict[str, list[Mark]] = {}
        with self._sessions.session() as session:
            asked = (
                select(CodeMarkRow)
                .where(CodeMarkRow.project_id == project_id(session, project), *standing_marks())
                .order_by(col(CodeMarkRow.id))
            )
            for row in session.exec(asked):
                found.setdefault(row.annotation_id, []).append(Mark(row.code_id, row.marked_by, row.marked_ns))
        return {annotation_id: tuple(marks) for annotation_id, marks in found.items()}

    def create(self, act: Act, name: str, description: str = "") -> CodeEvent | None:
        """Add a code; where there is one of this name nothing changes."""

        def do(change: CodeChange) -> CodeEvent | None:
            row = change.code(name, description)
            return change.keep("create", row)

        return self._once(act, do)

    def put(self, act: Act, critiques: Sequence[str], code: str | int) -> CodeEvent | None:
        """Give critiques a code, by its number, or by its name, under which it is made where there is none."""

        def do(change: CodeChange) -> CodeEvent | None:
            row = change.code(code) if isinstance(code, str) else change.found(code)
            for annotation_id in change.those(critiques):
                change.unmark(annotation_id, None)
                change.mark(annotation_id, known(row.id))
            return change.keep("code", row)

        return self._once(act, do)

    def take(self, act: Act, critiques: Sequence[str], code_id: int) -> CodeEvent | None:
        """Take a code off critiques."""

        def do(change: CodeChange) -> CodeEvent | None:
            row = change.found(code_id)
            for annotation_id in change.those(critiques):
                change.unmark(annotation_id, code_id)
            return change.keep("uncode", row)

        return self._once(act, do)

    def set_aside(self, act: Act, critiques: Sequence[str]) -> CodeEvent | None:
        """Note that critiques name no failure; the codes they carry go."""

        def do(change: CodeChange) -> CodeEvent | None:
            for annotation_id in change.those(critiques):
                for code_id in change.carried(annotation_id) - {None}:
                    change.unmark(annotation_id, code_id)
                change.mark(annotation_id, None)
            return change.keep("aside", None)

        return self._once(act, do)

    def rename(self, act: Act, code_id: int, name: str, description: str) -> CodeEvent | None:
        """Give a code another name and description."""

        def do(change: CodeChange) -> CodeEvent | None:
            row = change.found(code_id)
            wanted = code_name(name)
            taken = change.named(wanted)
            if taken is not None and taken.id != row.id:
                raise Conflict(f"There is a code {taken.name!r} already.", "Merge the two, or choose another name.")
            change.alter(row, name=wanted, description=description_of(description))
            return change.keep("rename", row)

        return self._once(act, do)

    def merge(self, act: Act, code_id: int, into_id: int) -> CodeEvent | None:
        """Let one code become part of another, with all its critiques."""

        def do(change: CodeChange) -> CodeEvent | None:
            row, into = change.found(code_id), change.found(into_id)
            if row.id == into.id:
                raise Conflict("A code cannot be merged into itself.", "Choose another one.")
            for annotation_id in change.carriers(code_id):
                change.unmark(annotation_id, code_id)
                change.mark(annotation_id, into_id)
            change.alter(row, state="merged", merged_into=into_id)
            return change.keep("merge", row, into)

        return self._once(act, do)

    def split(self, act: Act, code_id: int, critiques: Sequence[str], name: str) -> CodeEvent | None:
        """Move some critiques of a code to another one, which is made where there is none of this name."""

        def do(change: CodeChange) -> CodeEvent | None:
            origin, row = change.found(code_id), change.code(name)
            if row.id == origin.id:
                raise Conflict("This is the name of the code itself.", "Give the new code another name.")
            for annotation_id in change.those(critiques):
                if change.unmark(annotation_id, code_id):
                    change.mark(annotation_id, known(row.id))
            if not change.touched:
                raise Conflict("None of these critiques carries the code.", "Reload the page to see what stands.")
            return change.keep("split", row, origin)

        return self._once(act, do)

    def delete(self, act: Act, code_id: int) -> CodeEvent | None:
        """Take a code away; its critiques are uncoded again."""

        def do(change: CodeChange) -> CodeEvent | None:
            row = change.found(code_id)
            for annotation_id in change.carriers(code_id):
                change.unmark(annotation_id, code_id)
            change.alter(row, state="deleted")
            return change.keep("delete", row)

        return self._once(act, do)

    def undo(self, act: Act, event_id: int | None = None) -> CodeEvent | None:
        """Take back one act, else this person's latest that stands; one that a later act builds on is refused."""

        def do(change: CodeChange) -> CodeEvent | None:
            event = change.standing(event_id)
            return None if event is None else change.take_back(event)

        return self._once(act, do)

    def events(
        self,
        project: str,
        *,
        before_id: int | None = None,
        annotator: str = "",
        code_id: int | None = None,
        annotation_id: str = "",
        limit: int = 100,
    ) -> list[CodeEvent]:
        """Return the acts of a project, the latest first: of a person, of a code, on a critique, before another."""
        with self._sessions.session() as session:
            asked = select(CodeEventRow).where(CodeEventRow.project_id == project_id(session, project))
            if before_id is not None:
                asked = asked.where(col(CodeEventRow.id) < before_id)
            if annotator:
                asked = asked.where(CodeEventRow.annotator_id == annotator)
            if code_id is not None:
                asked = asked.where(or_(col(CodeEventRow.code_id) == code_id, col(CodeEventRow.other_id) == code_id))
            if annotation_id:
                asked = asked.where(or_(*(col(CodeEventRow.id).in_(acts) for acts in acts_on(annotation_id))))
            rows = session.exec(asked.order_by(col(CodeEventRow.id).desc()).limit(limit)).all()
            return [event_from(session, row) for row in rows]

    def latest(self, project: str, annotator: str) -> CodeEvent | None:
        """Return this person's latest act that stands: what an undo would take back."""
        with self._sessions.session() as session:
            acts = standing_acts(project_id(session, project)).where(CodeEventRow.annotator_id == annotator)
            row = session.exec(acts.order_by(col(CodeEventRow.id).desc()).limit(1)).first()
            return None if row is None else event_from(session, row)

    def undone(self, project: str) -> frozenset[int]:
        """Return the acts of a project that were taken back."""
        with self._sessions.session() as session:
            asked = select(CodeEventRow.undoes).where(
                CodeEventRow.project_id == project_id(session, project), col(CodeEventRow.undoes).is_not(None)
            )
            return frozenset(number for number in session.exec(asked) if number is not None)

    def _once(self, act: Act, do: Callable[[CodeChange], CodeEvent | None]) -> CodeEvent | None:
        """Do an act in one transaction; one whose key is there already was done."""
        with self._sessions.transaction() as session:
            repeated = act_with_key(session, act)
            return do(CodeChange(session, act)) if repeated is None else repeated
