"""Who may come in: API keys, logins of browsers, and kept settings such as the password's hash."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col, select

from .annotations import driver_of
from .base import ApiKey, Login
from .projects import project_id_of
from .sessions import Sessions
from .small_tables import ApiKeyRow, LoginRow, ProjectRow, SettingRow

#: What a secret begins with, so that people and secret scanners know one when they see it.
KEY_PREFIX: Final = "sw_"
SHOWN_CHARS: Final = 10
_USE_NOTED_EVERY_NS: Final = 60_000_000_000


class Access:
    """What a store keeps of keys, logins and settings; of a secret only its hash."""

    def __init__(self, database: Sessions) -> None:
        self._database = database

    def create_key(self, project: str, name: str, rights: frozenset[str]) -> tuple[ApiKey, str]:
        """Keep a new key and return it with its secret, which nothing can show again."""
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        with self._database.transaction() as session:
            row = ApiKeyRow(
                project_id=project_id_of(driver_of(session), project),
                name=name,
                prefix=secret[:SHOWN_CHARS],
                hash=_hash(secret),
                rights=",".join(sorted(rights)),
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            return _api_key(row, project), secret

    def find_key(self, secret: str) -> ApiKey | None:
        """Return the key with this secret unless it was revoked; note that it was used, at most once a minute."""
        with self._database.session() as session:
            found = session.exec(
                select(ApiKeyRow, ProjectRow.name)
                .join(ProjectRow, col(ProjectRow.id) == ApiKeyRow.project_id)
                .where(ApiKeyRow.hash == _hash(secret), col(ApiKeyRow.revoked_ns).is_(None))
            ).first()
        if found is None:
            return None
        row, project = found
        now = time.time_ns()
        if row.last_used_ns is None or now - row.last_used_ns > _USE_NOTED_EVERY_NS:
            with self._database.transaction() as session:
                used = session.get(ApiKeyRow, row.id)
                if used is not None:
                    used.last_used_ns = now
        return _api_key(row, project)

    def keys(self, project: str | None = None) -> tuple[ApiKey, ...]:
        """Return the keys of one project, or of all, in the order they were made."""
        asked = select(ApiKeyRow, ProjectRow.name).join(ProjectRow, col(ProjectRow.id) == ApiKeyRow.project_id)
        if project is not None:
            asked = asked.where(ProjectRow.name == project)
        with self._database.session() as session:
            return tuple(_api_key(row, name) for row, name in session.exec(asked.order_by(col(ApiKeyRow.id))))

    def revoke_key(self, key_id: int) -> bool:
        """Make a key useless; return whether it was there and in use."""
        with self._database.transaction() as session:
            row = session.get(ApiKeyRow, key_id)
            if row is None or row.revoked_ns is not None:
                return False
            row.revoked_ns = time.time_ns()
            return True

    def setting(self, name: str) -> str | None:
        """Return a kept setting, or ``None``."""
        with self._database.session() as session:
            row = session.get(SettingRow, name)
            return None if row is None else row.value

    def keep_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        with self._database.transaction() as session:
            session.merge(SettingRow(name=name, value=value))

    def settled(self, name: str, value: str) -> str:
        """Return a kept setting; where there is none, *value*, which is kept: the same for all who ask at once."""
        with self._database.transaction() as session:
            row = session.get(SettingRow, name)
            if row is None:
                session.add(SettingRow(name=name, value=value))
                return value
            return row.value

    def log_in(self, token: str, expires_ns: int, user_id: int | None = None) -> None:
        """Remember the hash of a browser's *token* and whose it is until it expires, and forget those that have."""
        now = time.time_ns()
        with self._database.transaction() as session:
            session.exec(delete(LoginRow).where(col(LoginRow.expires_ns) <= now))
            session.merge(LoginRow(hash=_hash(token), created_ns=now, expires_ns=expires_ns, user_id=user_id))

    def login(self, token: str) -> Login | None:
        """Return the login of the browser with *token*, ``None`` where it is not logged in."""
        with self._database.session() as session:
            row = session.get(LoginRow, _hash(token))
            return Login(row.user_id) if row is not None and row.expires_ns > time.time_ns() else None

    def log_out(self, token: str) -> None:
        """Forget one browser."""
        with self._database.transaction() as session:
            _forget(session, _hash(token))


def _forget(session: Session, hash_: str) -> None:
    session.exec(delete(LoginRow).where(col(LoginRow.hash) == hash_))


def _hash(secret: str) -> str:
    """Return the hash of a secret that is long and random, which needs no salt and no slow hash."""
    return sha256(secret.encode()).hexdigest()


def _api_key(row: ApiKeyRow, project: str) -> ApiKey:
    assert row.id is not None  # noqa: S101 - a row that was stored has one
    return ApiKey(
        id=row.id, project=project, name=row.name, prefix=row.prefix,
        rights=frozenset(filter(None, row.rights.split(","))),
        created_ns=row.created_ns, last_used_ns=row.last_used_ns, revoked_ns=row.revoked_ns,
    )  # fmt: skip
