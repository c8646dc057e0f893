"""Saved views: states of pages under names, for everybody who works in a project."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, select

from ..errors import NotFound, SpanwiseError
from .sessions import Sessions, known, project_id, project_id_made
from .views_tables import SavedViewRow

LONGEST_NAME: Final = 80
LONGEST_QUERY: Final = 4_000
MOST_VIEWS: Final = 200


@dataclass(frozen=True, slots=True)
class SavedView:
    """One view: where it is, and what its URL says after the question mark."""

    id: int
    place: str
    name: str
    query: str
    is_default: bool
    created_by: str
    created_ns: int


class Views:
    """The saved views of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def all(self, project: str, place: str | None = None) -> tuple[SavedView, ...]:
        """Return the views of a project by name, of one place or of all."""
        views = self._sessions.remembered(("views", project), lambda: self._all(project))
        return views if place is None else tuple(view for view in views if view.place == place)

    def _all(self, project: str) -> tuple[SavedView, ...]:
        with self._sessions.session() as session:
            rows = session.exec(
                select(SavedViewRow)
                .where(SavedViewRow.project_id == project_id(session, project))
                .order_by(col(SavedViewRow.name))
            )
            return tuple(map(_view, rows))

    def defaults(self, project: str) -> dict[str, str]:
        """Return what the URL of each place says by default, where a project has chosen a view for it."""
        return {view.place: view.query for view in self.all(project) if view.is_default}

    def save(self, project: str, place: str, name: str, query: str, by: str = "") -> SavedView:
        """Keep a view; one of the same name takes the new state."""
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise SpanwiseError(f"A view's name has 1 to {LONGEST_NAME} characters.", "Choose another name.")
        if len(query) > LONGEST_QUERY:
            raise SpanwiseError("This view is too long to be saved.", "Its filter can be shortened.")
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            rows = session.exec(select(SavedViewRow).where(SavedViewRow.project_id == number)).all()
            row = next((one for one in rows if one.place == place and one.name == name), None)
            if row is None:
                if len(rows) >= MOST_VIEWS:
                    raise SpanwiseError(f"The project has {MOST_VIEWS} views.", "Delete one first.")
                row = SavedViewRow(
                    project_id=number, place=place, name=name, query=query, created_by=by, created_ns=time.time_ns()
                )
            row.query = query
            session.add(row)
            session.flush()
            return _view(row)

    def choose_default(self, project: str, view_id: int, *, on: bool) -> SavedView:
        """Make a view the one that its place begins with, or no longer so."""
        with self._sessions.transaction() as session:
            row = _found(session, project, view_id)
            others = select(SavedViewRow).where(
                SavedViewRow.project_id == row.project_id, SavedViewRow.place == row.place
            )
            for other in session.exec(others):
                other.is_default = on and other.id == row.id
                session.add(other)
            session.flush()
            return _view(row)

    def delete(self, project: str, view_id: int) -> SavedView:
        """Take a view away and return what it was."""
        with self._sessions.transaction() as session:
            row = _found(session, project, view_id)
            view = _view(row)
            session.delete(row)
            return view


def _found(session: Session, project: str, view_id: int) -> SavedViewRow:
    row = session.get(SavedViewRow, view_id)
    if row is None or row.project_id != project_id(session, project):
        raise NotFound(f"Project {project} has no such view.", "Reload the page: somebody may have deleted it.")
    return row


def _view(row: SavedViewRow) -> SavedView:
    return SavedView(known(row.id), row.place, row.name, row.query, row.is_default, row.created_by, row.created_ns)
