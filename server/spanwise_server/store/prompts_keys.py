"""Keys of providers, a project's own: kept encrypted, given out to nobody but the calls of the playground."""

from __future__ import annotations

import time

from sqlmodel import select

from .prompts_tables import ProviderKeyRow
from .sessions import Sessions, project_id, project_id_made


class ProviderKeys:
    """The stored connections of one store; secrets come and go encrypted."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def keep(self, project: str, provider: str, base_url: str, secret: str, *, by: str = "") -> None:
        """Keep an encrypted secret in place of the one before."""
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            row = session.get(ProviderKeyRow, (number, provider))
            if row is None:
                row = ProviderKeyRow(project_id=number, provider=provider, secret="", created_ns=0)
            row.base_url, row.secret, row.created_by, row.created_ns = base_url, secret, by, time.time_ns()
            session.add(row)

    def find(self, project: str, provider: str) -> tuple[str, str] | None:
        """Return base URL and encrypted secret, or ``None``."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            row = None if number is None else session.get(ProviderKeyRow, (number, provider))
            return None if row is None else (row.base_url, row.secret)

    def stored(self, project: str) -> dict[str, str]:
        """Return the base URL of each provider that a key is stored for."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            rows = session.exec(select(ProviderKeyRow).where(ProviderKeyRow.project_id == number))
            return {row.provider: row.base_url for row in rows}

    def drop(self, project: str, provider: str) -> None:
        """Forget a stored key."""
        with self._sessions.transaction() as session:
            row = session.get(ProviderKeyRow, (project_id_made(session, project), provider))
            if row is not None:
                session.delete(row)
