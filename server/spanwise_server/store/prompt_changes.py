"""When the prompts of a project changed: labels that were moved, and versions that programs began to call."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select

from ..prompts.version import Change, Move
from .prompts_tables import PromptMoveRow, PromptRow, PromptVersionRow
from .sessions import Sessions, project_id

_FROM_CODE: Final = "code"


def changes_of_prompts(sessions: Sessions, project: str, from_ns: int, to_ns: int, most: int = 200) -> list[Change]:
    """Return what changed in a range, the newest *most* of it, oldest first.

    The first version of a prompt that is written in code is its beginning, and no change.
    """
    earlier = aliased(PromptVersionRow)
    with sessions.session() as session:
        number = project_id(session, project)
        moved = session.exec(
            select(PromptRow.name, PromptMoveRow)
            .join(PromptMoveRow, col(PromptMoveRow.prompt_id) == col(PromptRow.id))
            .where(PromptRow.project_id == number, PromptMoveRow.at_ns >= from_ns, PromptMoveRow.at_ns < to_ns)
            .order_by(col(PromptMoveRow.id).desc())
            .limit(most)
        ).all()
        begun = session.exec(
            select(PromptRow.name, PromptVersionRow.number, PromptVersionRow.created_ns)
            .join(PromptVersionRow, col(PromptVersionRow.prompt_id) == col(PromptRow.id))
            .where(
                PromptRow.project_id == number,
                PromptVersionRow.origin == _FROM_CODE,
                PromptVersionRow.created_ns >= from_ns,
                PromptVersionRow.created_ns < to_ns,
                exists().where(
                    col(earlier.prompt_id) == col(PromptVersionRow.prompt_id),
                    col(earlier.created_ns) < col(PromptVersionRow.created_ns),
                ),
            )
            .order_by(col(PromptVersionRow.created_ns).desc())
            .limit(most)
        ).all()
        moves = [
            Change(name, row.after, row.at_ns, Move(row.label, row.before, row.after, row.moved_by, row.at_ns))
            for name, row in moved
        ]
        versions = [Change(name, version, at_ns) for name, version, at_ns in begun]
    return sorted([*moves, *versions], key=lambda change: change.at_ns)[-most:]
