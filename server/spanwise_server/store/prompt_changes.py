"""When the prompts of a project changed: labels that were moved, and versions that programs began to call."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Integer, bindparam
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select

from ..prompts.version import Change, Move
from .prompts_tables import PromptMoveRow, PromptRow, PromptVersionRow
from .sessions import Sessions, project_id

_FROM_CODE: Final = "code"
#: Changes of a project that are remembered: the newest.
_MOST_REMEMBERED: Final = 1_000
_NEVER_NS: Final = 2**63 - 1

_EARLIER: Final = aliased(PromptVersionRow)
#: Both are made once: every list of traces asks them, and making them takes longer than the answer.
_MOVED: Final = (
    select(PromptRow.name, PromptMoveRow)
    .join(PromptMoveRow, col(PromptMoveRow.prompt_id) == col(PromptRow.id))
    .where(
        col(PromptRow.project_id) == bindparam("project"),
        col(PromptMoveRow.at_ns) >= bindparam("start"),
        col(PromptMoveRow.at_ns) < bindparam("end"),
    )
    .order_by(col(PromptMoveRow.id).desc())
    .limit(bindparam("most", type_=Integer))
)
_BEGUN: Final = (
    select(PromptRow.name, PromptVersionRow.number, PromptVersionRow.created_ns)
    .join(PromptVersionRow, col(PromptVersionRow.prompt_id) == col(PromptRow.id))
    .where(
        col(PromptRow.project_id) == bindparam("project"),
        col(PromptVersionRow.origin) == _FROM_CODE,
        col(PromptVersionRow.created_ns) >= bindparam("start"),
        col(PromptVersionRow.created_ns) < bindparam("end"),
        exists().where(
            col(_EARLIER.prompt_id) == col(PromptVersionRow.prompt_id),
            col(_EARLIER.created_ns) < col(PromptVersionRow.created_ns),
        ),
    )
    .order_by(col(PromptVersionRow.created_ns).desc())
    .limit(bindparam("most", type_=Integer))
)


def changes_of_prompts(sessions: Sessions, project: str, from_ns: int, to_ns: int, most: int = 200) -> list[Change]:
    """Return what changed in a range, the newest *most* of it, oldest first.

    The first version of a prompt that is written in code is its beginning, and no change.
    """
    known = sessions.remembered(
        ("prompt changes", project), lambda: _changes(sessions, project, 0, _NEVER_NS, _MOST_REMEMBERED)
    )
    if len(known) < _MOST_REMEMBERED or known[0].at_ns < from_ns:  # what is not among them is earlier
        return [change for change in known if from_ns <= change.at_ns < to_ns][-most:]
    return list(_changes(sessions, project, from_ns, to_ns, most))


def _changes(sessions: Sessions, project: str, from_ns: int, to_ns: int, most: int) -> tuple[Change, ...]:
    with sessions.session() as session:
        asked = {"project": project_id(session, project), "start": from_ns, "end": to_ns, "most": most}
        moves = [
            Change(name, row.after, row.at_ns, Move(row.label, row.before, row.after, row.moved_by, row.at_ns))
            for name, row in session.exec(_MOVED, params=asked)
        ]
        versions = [Change(name, version, at_ns) for name, version, at_ns in session.exec(_BEGUN, params=asked)]
    return tuple(sorted([*moves, *versions], key=lambda change: change.at_ns)[-most:])
