"""Bring the main file to the newest schema: in one transaction, so a kill at any point leaves the old or the new."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from ..errors import ConfigError
from ..resources import resource_dir
from .database import BUSY_MS, prepare_file

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(path: Path) -> None:
    """Bring the file at *path* to the newest schema; it is made where there is none.

    The database's own write lock is held from before the version is read until the last change is committed, so two
    processes that start together do it once.
    """
    prepare_file(path)
    if _version_of_file(path) == newest_version():
        return
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            upgrade(connection, str(path.parent))
    finally:
        engine.dispose()


def upgrade(connection: Connection, where: str) -> None:
    """Bring a database to the newest schema, in the caller's transaction, which nobody else may be doing."""
    version = _version(connection)
    if version == newest_version():
        return
    # Reading migrations takes a tenth of a start, and nearly every start finds nothing to do.
    from alembic import command  # noqa: PLC0415  # as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    config = _config()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise ConfigError(
            f"The data in {where} was written by a newer Spanwise (schema {version}).",
            "Install that version or a newer one; an older one could damage it.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache
def newest_version() -> str:
    """Return the version of the newest schema: migrations are one chain, and their files begin with their numbers."""
    return max(file.name.partition("_")[0] for file in (resource_dir("migrations") / "versions").glob("[0-9]*.py"))


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")).replace("%", "%%"))
    return config


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _version_of_file(path: Path) -> str | None:
    """Return the version that is committed in a file, ``None`` where none can be told."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_MS / 1e3)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:  # no table is there yet; whatever else it is, the migration will tell
        return None
    return None if found is None else str(found[0])


def _engine(path: Path) -> Engine:
    """Return an engine whose transactions take the write lock at once, and hold schema changes too."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"isolation_level": None})

    def on_connect(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS * 4}")  # type: ignore[attr-defined]  # the driver's own
        connection.execute("PRAGMA synchronous = FULL")  # type: ignore[attr-defined]  # as above

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
