"""People with accounts: their names, the hashes of their passwords, and what they are in which project."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col, select

from ..errors import Conflict, NotFound, SpanwiseError
from .sessions import Sessions, known, project_id_made
from .small_tables import LoginRow, ProjectRow
from .users_tables import MembershipRow, UserRow

#: What a person can be, each more than the one before.
ROLES: Final = ("viewer", "labeller", "editor", "admin")
#: Stands for every project where a role is given.
EVERYWHERE: Final = ""
LONGEST_NAME: Final = 80
#: Names that labels carry which nobody with an account gave.
_TAKEN: Final = frozenset({"local", "login", "key"})


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: int
    name: str
    roles: Mapping[str, str]
    """Project -> role; the empty project is every one that is not named."""
    created_ns: int = 0

    def role_in(self, project: str) -> str | None:
        """Return what this person is in a project, ``None`` for a stranger."""
        return self.roles.get(project, self.roles.get(EVERYWHERE))


class Users:
    """The accounts of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def any(self) -> bool:
        """Return whether anybody has an account."""
        with self._sessions.session() as session:
            return session.exec(select(UserRow.id).limit(1)).first() is not None

    def all(self) -> tuple[User, ...]:
        """Return everybody, by name."""
        with self._sessions.session() as session:
            rows = session.exec(select(UserRow).order_by(col(UserRow.name))).all()
            return tuple(_user(session, row) for row in rows)

    def members(self, project: str) -> tuple[User, ...]:
        """Return who may label in a project, by name."""
        return tuple(user for user in self.all() if (user.role_in(project) or ROLES[0]) != ROLES[0])

    def find(self, name: str) -> tuple[User, str] | None:
        """Return the person of this name with the hash of the password, or ``None``."""
        with self._sessions.session() as session:
            row = _row(session, name)
            return None if row is None else (_user(session, row), row.password_hash)

    def of_login(self, user_id: int) -> User | None:
        """Return the person whom a login is of; ``None`` where the account is gone."""
        with self._sessions.session() as session:
            row = session.get(UserRow, user_id)
            return None if row is None else _user(session, row)

    def add(self, name: str, password_hash: str, role: str, project: str = EVERYWHERE) -> User:
        """Make an account; a name that somebody has is refused."""
        name = checked_name(name)
        with self._sessions.transaction() as session:
            if _row(session, name) is not None:
                raise Conflict(f"There is a {name} already.", "Choose another name, or change that account.")
            row = UserRow(name=name, password_hash=password_hash, created_ns=time.time_ns())
            session.add(row)
            session.flush()
            _give(session, known(row.id), role, project)
            return _user(session, row)

    def give(self, name: str, role: str | None, project: str = EVERYWHERE) -> User:
        """Let a person be *role* in a project, or in every one; ``None`` takes what they were away."""
        with self._sessions.transaction() as session:
            row = _there(session, name)
            _give(session, known(row.id), role, project)
            return _user(session, row)

    def set_password(self, name: str, password_hash: str) -> None:
        """Give a person another password, and log them out everywhere."""
        with self._sessions.transaction() as session:
            row = _there(session, name)
            row.password_hash = password_hash
            _log_out(session, known(row.id))

    def remove(self, name: str) -> None:
        """Take an account away; the labels that were given under it keep the name."""
        with self._sessions.transaction() as session:
            row = _there(session, name)
            _log_out(session, known(row.id))
            session.exec(delete(MembershipRow).where(col(MembershipRow.user_id) == row.id))
            session.delete(row)


def checked_name(name: str) -> str:
    """Return a name that an account can have; another one is refused."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or "," in name or name in _TAKEN:
        raise SpanwiseError(f"{name!r} can be nobody's name.", f"Use 1 to {LONGEST_NAME} characters without commas.")
    return name


def _there(session: Session, name: str) -> UserRow:
    row = _row(session, name)
    if row is None:
        raise NotFound(f"There is nobody named {name!r}.", "See `spanwise users list`.")
    return row


def _row(session: Session, name: str) -> UserRow | None:
    row: UserRow | None = session.exec(select(UserRow).where(UserRow.name == " ".join(name.split()))).first()
    return row


def _give(session: Session, user_id: int, role: str | None, project: str) -> None:
    if role is not None and role not in ROLES:
        raise SpanwiseError(f"{role!r} is no role.", f"There are: {', '.join(ROLES)}.")
    number = None if project == EVERYWHERE else project_id_made(session, project)
    of = col(MembershipRow.project_id)
    where = of.is_(None) if number is None else of == number
    session.exec(delete(MembershipRow).where(col(MembershipRow.user_id) == user_id, where))
    if role is not None:
        session.add(MembershipRow(user_id=user_id, project_id=number, role=role))
    session.flush()


def _log_out(session: Session, user_id: int) -> None:
    session.exec(delete(LoginRow).where(col(LoginRow.user_id) == user_id))


def _user(session: Session, row: UserRow) -> User:
    found = session.exec(
        select(MembershipRow.role, ProjectRow.name)
        .join(ProjectRow, col(ProjectRow.id) == MembershipRow.project_id, isouter=True)
        .where(MembershipRow.user_id == row.id)
    )
    roles = {EVERYWHERE if project is None else project: role for role, project in found}
    return User(known(row.id), row.name, dict(sorted(roles.items())), row.created_ns)
