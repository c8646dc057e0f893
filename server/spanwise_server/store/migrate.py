"""Bring the main file to the newest schema: in one transaction, so a kill at any point leaves the old or the new."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from ..errors import ConfigError
from ..resources import resource_dir
from .database import BUSY_MS, prepare_file


def migrate(path: Path) -> None:
    """Bring the file at *path* to the newest schema; it is made where there is none.

    The database's own write lock is held from before the version is read until the last change is committed, so two
    processes that start together do it once.
    """
    prepare_file(path)
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            upgrade(connection, str(path.parent))
    finally:
        engine.dispose()


def upgrade(connection: Connection, where: str) -> None:
    """Bring a database to the newest schema, in the caller's transaction, which nobody else may be doing."""
    script = _scripts()
    version = _version(connection)
    if version == script.get_current_head():
        return
    if version is not None and version not in {revision.revision for revision in script.walk_revisions()}:
        raise ConfigError(
            f"The data in {where} was written by a newer Spanwise (schema {version}).",
            "Install that version or a newer one; an older one could damage it.",
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache
def _scripts() -> ScriptDirectory:
    """Return the migrations, each of which is a file that has to be read and compiled."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")).replace("%", "%%"))
    return config


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _engine(path: Path) -> Engine:
    """Return an engine whose transactions take the write lock at once, and hold schema changes too."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"isolation_level": None})

    def on_connect(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS * 4}")  # type: ignore[attr-defined]  # the driver's own
        connection.execute("PRAGMA synchronous = FULL")  # type: ignore[attr-defined]  # as above

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
