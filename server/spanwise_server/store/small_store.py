"""What every store does with the small tables, whichever database they lie in.

A feature with tables of its own needs nothing of an engine:

- its rows are SQLModel classes in ``small_tables.py`` or a file beside it that ``tables.py`` imports, made by a
  migration from SQLAlchemy's own types (``sa.BigInteger`` for nanoseconds, ``sa.JSON``, ``sa.LargeBinary``), which
  SQLite and PostgreSQL both have;
- it reads in ``with store.session() as session`` and writes in ``with store.transaction() as session``, by
  ``select``, ``session.add``, ``session.get`` and ``session.merge``. Transactions come one after another, whatever
  the engine and however many server processes there are, so what one reads in it does not change before it commits;
- what every page asks goes through ``store.remembered``, which asks anew only after one of those transactions;
- what is asked at every act of somebody's is a statement made once, with ``bindparam``, that ``sessions.ask`` runs:
  making it takes several times as long as its answer, and an object of a session as long again;
- it writes no SQL text; where an upsert is needed, ``get`` and then ``add`` will do, since nobody comes between;
- a text may hold no NUL character (PostgreSQL has none), an integer beyond 32 bits wants ``BigInteger``;
- rows that were flushed have their ``id``; none may be chosen by hand for a table that numbers its rows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager

from sqlmodel import Session

from ..record import Annotation
from .access import Access
from .annotations import Annotations
from .base import ApiKey, Login
from .sessions import Sessions, T, Work


class SmallStore:
    """The half of a store that is the same in every engine: keys, logins, settings, judgements, and sessions."""

    def _keep_small_in(self, database: Sessions) -> None:
        """Keep the small tables in *database* from now on."""
        self._small = database
        self._access = Access(database)
        self._annotations = Annotations(database)

    def session(self) -> AbstractContextManager[Session]:
        """Give a session that reads small tables."""
        return self._small.session()

    def transaction(self) -> AbstractContextManager[Session]:
        """Give a session that writes small tables, alone, committed at the end."""
        return self._small.transaction()

    def remembered(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* reads in small tables, which nobody may change: remembered while none is written."""
        return self._small.remembered(asked, ask)

    def alone_in(self, work: Work) -> AbstractContextManager[bool]:
        """Have no other server process do *work* meanwhile; gives whether none does already."""
        return self._small.alone_in(work)

    # --- judgements --------------------------------------------------------------------------------------------------

    def annotations(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, tuple[Annotation, ...]]:
        """Return what was judged of these traces and their spans, by trace id, oldest first."""
        return self._annotations.of(project, trace_ids)

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Keep judgements; one whose id is there already replaces it."""
        self._annotations.keep(annotations)

    def unannotate(self, project: str, annotation_id: str) -> bool:
        """Take one judgement away; return whether it was there."""
        return self._annotations.drop(project, annotation_id)

    # --- who may come in ---------------------------------------------------------------------------------------------

    def create_key(self, project: str, name: str, rights: frozenset[str]) -> tuple[ApiKey, str]:
        """Keep a new key and return it with its secret, which nothing can show again."""
        return self._access.create_key(project, name, rights)

    def find_key(self, secret: str) -> ApiKey | None:
        """Return the key with this secret unless it was revoked; note that it was used, at most once a minute."""
        return self._access.find_key(secret)

    def keys(self, project: str | None = None) -> tuple[ApiKey, ...]:
        """Return the keys of one project, or of all."""
        return self._access.keys(project)

    def revoke_key(self, key_id: int) -> bool:
        """Make a key useless; return whether it was there and in use."""
        return self._access.revoke_key(key_id)

    def setting(self, name: str) -> str | None:
        """Return a kept setting, or ``None``."""
        return self._access.setting(name)

    def keep_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._access.keep_setting(name, value)

    def settled(self, name: str, value: str) -> str:
        """Return a kept setting; where there is none, *value*, which is kept: the same for all who ask at once."""
        return self._access.settled(name, value)

    def log_in(self, token: str, expires_ns: int, user_id: int | None = None) -> None:
        """Remember the hash of a browser's *token*, and whose it is, until it expires."""
        self._access.log_in(token, expires_ns, user_id)

    def login(self, token: str) -> Login | None:
        """Return the login of the browser with *token*, ``None`` where it is not logged in."""
        return self._access.login(token)

    def log_out(self, token: str) -> None:
        """Forget one browser."""
        self._access.log_out(token)
