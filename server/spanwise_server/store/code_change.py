"""What one act does to codes and to the critiques that carry them, and how it is taken back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from ..errors import Conflict, NotFound
from ..labelling.codes import Code, code_name, description_of, nothing_chosen, same_name
from .code_tables import CodeEventRow, CodeMarkRow, CodeRow
from .label_events import Act
from .sessions import known, project_id_made
from .small_tables import AnnotationRow

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class CodeEvent:
    """One act on codes as it is kept."""

    id: int
    action: str
    """``create``, ``code``, ``uncode``, ``aside``, ``rename``, ``merge``, ``split``, ``delete`` or ``undo``."""
    code_id: int | None
    other_id: int | None
    """What it was merged into, or split from."""
    names: tuple[str, ...]
    """Of the codes it speaks of, as they were then: for a renamed one the old name, then the new."""
    critiques: int
    annotator_id: str
    at_ns: int
    undoes: int | None = None


class CodeChange:
    """What one act does to codes and marks, within its transaction."""

    def __init__(self, session: Session, act: Act) -> None:
        self._session, self._act = session, act
        self._project = project_id_made(session, act.project)
        self._added: list[CodeMarkRow] = []
        self._removed: list[CodeMarkRow] = []
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}

    @property
    def touched(self) -> set[str]:
        """The critiques that get a code or lose one."""
        return {mark.annotation_id for mark in (*self._added, *self._removed)}

    def found(self, code_id: int) -> CodeRow:
        """Return one code; one that is gone is refused."""
        return found_code(self._session, self._project, code_id)

    def code(self, name: str, description: str = "") -> CodeRow:
        """Return the code of this name, which is made where there is none."""
        wanted = code_name(name)
        row = self.named(wanted)
        if row is not None:
            return row
        row = CodeRow(
            project_id=self._project, name=wanted, description=description_of(description),
            created_by=self._act.annotator.id, created_ns=time.time_ns(),
        )  # fmt: skip
        self._session.add(row)
        self._session.flush()
        self._before[str(row.id)], self._after[str(row.id)] = None, _snapshot(row)
        return row

    def named(self, name: str) -> CodeRow | None:
        """Return the code of this name, whatever its case; ``None`` where there is none."""
        return next((row for row in live_codes(self._session, self._project) if same_name(row.name, name)), None)

    def alter(self, row: CodeRow, **fields: Any) -> None:
        """Change a code, and note what it was."""
        was = _snapshot(row)
        for name, value in fields.items():
            setattr(row, name, value)
        self._session.add(row)
        if _snapshot(row) != was:
            self._before[str(row.id)], self._after[str(row.id)] = was, _snapshot(row)

    def those(self, critiques: Iterable[str]) -> list[str]:
        """Return the critiques, each once; one that this project does not have is refused."""
        wanted = list(dict.fromkeys(critiques))
        if not wanted:
            raise nothing_chosen()
        there: set[str] = set()
        for at in range(0, len(wanted), _AT_ONCE):
            asked = select(AnnotationRow.id).where(
                AnnotationRow.project_id == self._project, col(AnnotationRow.id).in_(wanted[at : at + _AT_ONCE])
            )
            there |= set(self._session.exec(asked))
        if len(there) < len(wanted):
            raise NotFound("A critique is gone.", "It was removed, or its trace was deleted; reload the page.")
        return wanted

    def carried(self, annotation_id: str) -> set[int | None]:
        """Return the codes of a critique, ``None`` among them where it was set aside."""
        asked = select(CodeMarkRow.code_id).where(CodeMarkRow.annotation_id == annotation_id, *standing_marks())
        return set(self._session.exec(asked))

    def carriers(self, code_id: int) -> list[str]:
        """Return the critiques that carry a code."""
        asked = select(CodeMarkRow.annotation_id).where(CodeMarkRow.code_id == code_id, *standing_marks())
        return list(self._session.exec(asked.order_by(col(CodeMarkRow.id))))

    def mark(self, annotation_id: str, code_id: int | None, was: CodeMarkRow | None = None) -> None:
        """Put a code on a critique that does not carry it; with *was* as whoever did so first."""
        if code_id in self.carried(annotation_id):
            return
        mark = CodeMarkRow(
            project_id=self._project, annotation_id=annotation_id, code_id=code_id, added_event=0,
            marked_by=self._act.annotator.id if was is None else was.marked_by,
            marked_ns=time.time_ns() if was is None else was.marked_ns,
        )  # fmt: skip
        self._session.add(mark)
        self._session.flush()
        self._added.append(mark)

    def unmark(self, annotation_id: str, code_id: int | None) -> bool:
        """Take a code off a critique; return whether it carried it."""
        standing = select(CodeMarkRow).where(CodeMarkRow.annotation_id == annotation_id, *standing_marks())
        mark = next((row for row in self._session.exec(standing).all() if row.code_id == code_id), None)
        if mark is None:
            return False
        mark.removed_event = 0
        self._session.add(mark)
        self._session.flush()
        self._removed.append(mark)
        return True

    def keep(
        self, action: str, code: CodeRow | None, other: CodeRow | None = None, undoes: CodeEventRow | None = None
    ) -> CodeEvent | None:
        """Keep the act with all it did; ``None`` where it did nothing."""
        if not self.touched and not self._after:
            return None
        event = CodeEventRow(
            project_id=self._project, key=self._act.key, action=action,
            code_id=None if code is None else code.id, other_id=None if other is None else other.id,
            before=self._before, after=self._after, critiques=len(self.touched),
            annotator_id=self._act.annotator.id, at_ns=time.time_ns(), undoes=None if undoes is None else undoes.id,
        )  # fmt: skip
        self._session.add(event)
        self._session.flush()
        for mark in self._added:
            mark.added_event = known(event.id)
        for mark in self._removed:
            mark.removed_event = known(event.id)
        self._session.add_all([*self._added, *self._removed])
        self._session.flush()
        return event_from(self._session, event)

    def standing(self, event_id: int | None) -> CodeEventRow | None:
        """Return an act that was not taken back: this one, else the person's latest, ``None`` where there is none."""
        acts = standing_acts(self._project)
        if event_id is None:
            acts = acts.where(CodeEventRow.annotator_id == self._act.annotator.id)
        else:
            acts = acts.where(CodeEventRow.id == event_id)
        event: CodeEventRow | None = self._session.exec(acts.order_by(col(CodeEventRow.id).desc()).limit(1)).first()
        if event is None and event_id is not None:
            raise NotFound("There is nothing to undo.", "It may have been undone already; reload the page.")
        return event

    def take_back(self, event: CodeEventRow) -> CodeEvent | None:
        """Put codes and marks back as they were before *event*."""
        added = self._marks(CodeMarkRow.added_event, event)
        removed = self._marks(CodeMarkRow.removed_event, event)
        if any(not self._stands(mark) for mark in added) or any(
            mark.code_id in self.carried(mark.annotation_id) for mark in removed
        ):
            raise _changed_since()
        for code_id, after in (event.after or {}).items():
            row = self._session.get(CodeRow, int(code_id))
            if row is None or _snapshot(row) != list(after):
                raise _changed_since()
            self._put_back(row, (event.before or {}).get(code_id), {mark.annotation_id for mark in added})
        for mark in added:
            self.unmark(mark.annotation_id, mark.code_id)
        for mark in removed:
            if mark.code_id is not None:
                self.found(mark.code_id)
            self.mark(mark.annotation_id, mark.code_id, mark)
        codes = [None if number is None else self._session.get(CodeRow, number) for number in _spoken_of(event)]
        return self.keep("undo", codes[0], codes[1], event)

    def _put_back(self, row: CodeRow, before: Sequence[Any] | None, marked: set[str]) -> None:
        if before is None:
            if set(self.carriers(known(row.id))) - marked:
                raise _changed_since()
            self.alter(row, state="deleted")
            return
        name, description, state, merged_into = before
        taken = self.named(name)
        if taken is not None and taken.id != row.id:
            raise Conflict(f"There is another code {name!r} now.", "Rename that one first.")
        self.alter(row, name=name, description=description, state=state, merged_into=merged_into)

    def _stands(self, mark: CodeMarkRow) -> bool:
        """Return whether a mark is still there, or there again because whatever took it off was undone."""
        found = self._session.exec(
            select(CodeMarkRow.marked_ns).where(
                CodeMarkRow.annotation_id == mark.annotation_id,
                CodeMarkRow.marked_by == mark.marked_by,
                CodeMarkRow.marked_ns == mark.marked_ns,
                col(CodeMarkRow.code_id).is_(None) if mark.code_id is None else CodeMarkRow.code_id == mark.code_id,
                *standing_marks(),
            )
        )
        return found.first() is not None

    def _marks(self, column: Any, event: CodeEventRow) -> list[CodeMarkRow]:
        return list(self._session.exec(select(CodeMarkRow).where(column == event.id).order_by(col(CodeMarkRow.id))))


def standing_marks() -> tuple[Any, ...]:
    """Return that a mark was not taken off."""
    return (col(CodeMarkRow.removed_event).is_(None),)


def standing_acts(project: int | None) -> Any:
    """Return a query for the acts of a project that were not taken back."""
    undone = select(CodeEventRow.undoes).where(col(CodeEventRow.undoes).is_not(None))
    return select(CodeEventRow).where(
        CodeEventRow.project_id == project, CodeEventRow.action != "undo", col(CodeEventRow.id).not_in(undone)
    )


def acts_on(annotation_id: str) -> tuple[Any, Any]:
    """Return queries for the acts that gave a critique a code, and for those that took one off."""
    columns: tuple[Any, Any] = (CodeMarkRow.added_event, CodeMarkRow.removed_event)
    added, removed = (
        select(column).where(CodeMarkRow.annotation_id == annotation_id, col(column).is_not(None)) for column in columns
    )
    return added, removed


def live_codes(session: Session, project: int | None) -> list[CodeRow]:
    """Return the codes of a project that were neither merged nor deleted, the oldest first."""
    asked = select(CodeRow).where(CodeRow.project_id == project, CodeRow.state == "live").order_by(col(CodeRow.id))
    return list(session.exec(asked))


def found_code(session: Session, project: int | None, code_id: int) -> CodeRow:
    """Return one code; one that is gone is refused with what became of it."""
    row = session.get(CodeRow, code_id)
    if row is None or row.project_id != project:
        raise NotFound(f"There is no code {code_id}.", "GET /api/v1/codes lists those of a project.")
    if row.state == "merged":
        into = session.get(CodeRow, row.merged_into)
        raise NotFound(f"The code {row.name!r} was merged.", f"It is part of {into.name!r}." if into else "")
    if row.state != "live":
        raise NotFound(f"The code {row.name!r} was deleted.", "Undo that, or make another.")
    return row


def act_with_key(session: Session, act: Act) -> CodeEvent | None:
    """Return the act that was kept under the key of *act*, ``None`` where there is none."""
    row = session.exec(select(CodeEventRow).where(CodeEventRow.key == act.key)).first()
    return None if row is None else event_from(session, row)


def _changed_since() -> Conflict:
    return Conflict("This was changed again since.", "Undo the later acts first; the history lists them.")


def _snapshot(row: CodeRow) -> list[Any]:
    return [row.name, row.description, row.state, row.merged_into]


def _spoken_of(event: CodeEventRow) -> tuple[int | None, int | None]:
    return event.code_id, event.other_id


def code_from(row: CodeRow) -> Code:
    """Return the code that *row* keeps."""
    return Code(known(row.id), row.name, row.description, row.created_by, row.created_ns)


def event_from(session: Session, row: CodeEventRow) -> CodeEvent:
    """Return the act that *row* keeps."""
    names: list[str] = []
    for code_id in _spoken_of(row):
        if code_id is None:
            continue
        was, now = ((side or {}).get(str(code_id)) for side in (row.before, row.after))
        code = session.get(CodeRow, code_id)
        then = [side[0] for side in (was, now) if side] or ([code.name] if code is not None else [])
        names += dict.fromkeys(then)
    return CodeEvent(
        id=known(row.id), action=row.action, code_id=row.code_id, other_id=row.other_id, names=tuple(names),
        critiques=row.critiques, annotator_id=row.annotator_id, at_ns=row.at_ns, undoes=row.undoes,
    )  # fmt: skip
