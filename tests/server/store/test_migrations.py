"""The migrated schema is the schema that the code declares, and no kill on the way to it does harm."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from forked_process import Forked
from spanwise_server.errors import ConfigError
from spanwise_server.resources import resource_dir
from spanwise_server.store.migrate import migrate, newest_version
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.tables import METADATA

MIGRATE = """
import sys, pathlib
from spanwise_server.resources import resource_dir
from spanwise_server.store.migrate import migrate
print("on", flush=True)
migrate(pathlib.Path(sys.argv[1]))
"""


def schema(path):
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'")
        return sorted((kind, name, table, " ".join((sql or "").split()).lower()) for kind, name, table, sql in rows)


def columns(path, *, table):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"PRAGMA table_info({table})").fetchall(), db.execute(
            f"PRAGMA index_list({table})"
        ).fetchall()


def declared(path):
    engine = create_engine(f"sqlite:///{path}")
    METADATA.create_all(engine)
    engine.dispose()


def test_the_migrated_schema_is_the_declared_one(tmp_path):
    migrate(tmp_path / "migrated.db")
    declared(tmp_path / "declared.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index '?ix_")
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)
    engine.dispose()
    assert found == []
    of = {
        which: {name: sql for _, name, _, sql in schema(tmp_path / f"{which}.db")} for which in ("migrated", "declared")
    }
    assert of["migrated"]["ix_spans_part"] == "create index ix_spans_part on spans (id >> 36, span_id)"
    for name in ("part", "input", "output", "models", "prompts", "tags"):  # which SQLAlchemy cannot read back
        index = f"ix_{'spans' if name == 'part' else 'traces'}_{name}"
        assert of["migrated"][index] == of["declared"][index]
    for table in METADATA.tables:
        migrated = columns(tmp_path / "migrated.db", table=table)
        assert migrated[0] == columns(tmp_path / "declared.db", table=table)[0], table
    for table in METADATA.tables:
        kinds = [
            next(sql for kind, name, _, sql in schema(tmp_path / f"{which}.db") if (kind, name) == ("table", table))
            for which in ("migrated", "declared")
        ]
        for trait in ("without rowid", "autoincrement"):
            assert (trait in kinds[0]) == (trait in kinds[1]), f"{table}: {trait}"


def test_migrating_twice_is_migrating_once(tmp_path):
    migrate(tmp_path / "main.db")
    before = schema(tmp_path / "main.db")
    migrate(tmp_path / "main.db")
    assert schema(tmp_path / "main.db") == before


def test_two_that_start_together_migrate_once(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(subprocess.run, [sys.executable, "-c", MIGRATE, str(tmp_path / "main.db")], check=True)
            for _ in range(2)
        ]
    assert [done.result().returncode for done in running] == [0, 0]
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    store.close()


def test_a_kill_at_any_moment_leaves_a_store_that_opens(tmp_path):
    moments = [n * 0.02 for n in range(10)]
    for number, moment in enumerate(moments):
        path = tmp_path / f"{number}" / "main.db"
        with Forked(MIGRATE, path, environment=os.environ) as process:
            process.stdout.readline()
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        store = SqliteStore(path)
        store.open()
        with closing(store):
            assert store.refusal() is None


def test_the_data_of_a_newer_version_is_left_alone(tmp_path):
    migrate(tmp_path / "main.db")
    with closing(sqlite3.connect(tmp_path / "main.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    with pytest.raises(ConfigError, match="newer"):
        migrate(tmp_path / "main.db")


def test_the_newest_version_is_told_by_the_names_of_the_files():
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_version()]


def test_a_start_on_the_newest_schema_reads_no_migration(tmp_path):
    migrate(tmp_path / "main.db")
    asked = f"{MIGRATE}\nassert 'alembic' not in sys.modules, 'migrations were loaded'"
    subprocess.run([sys.executable, "-c", asked, str(tmp_path / "main.db")], check=True, capture_output=True)


def brought_to(path, revision):
    """Make a store of an older schema."""
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_spans_from_before_readers_were_kept_say_that_theirs_is_unknown(tmp_path):
    path = tmp_path / "main.db"
    brought_to(path, "0002")
    with closing(sqlite3.connect(path)) as db:
        needed = [row[1] for row in db.execute("PRAGMA table_info(spans)") if row[3]]
        db.execute(
            f"INSERT INTO spans ({', '.join(needed)}) VALUES ({', '.join('?' * len(needed))})", [1] * len(needed)
        )
        db.commit()
    migrate(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT reader_id FROM spans").fetchall() == [(0,)]
        assert db.execute("SELECT * FROM readers").fetchall() == [(0, "unknown")]


def test_spans_from_before_answers_were_marked_are_kept_and_say_nothing_of_theirs(tmp_path):
    path = tmp_path / "main.db"
    brought_to(path, "0003")
    with closing(sqlite3.connect(path)) as db:
        needed = [row[1] for row in db.execute("PRAGMA table_info(spans)") if row[3]]
        db.execute(
            f"INSERT INTO spans ({', '.join(needed)}) VALUES ({', '.join('?' * len(needed))})", [7] * len(needed)
        )
        db.commit()
    migrate(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT start_ns, answer FROM spans").fetchall() == [(7, None)]


def test_a_new_store_has_no_unknown_reader(tmp_path):
    migrate(tmp_path / "main.db")
    with closing(sqlite3.connect(tmp_path / "main.db")) as db:
        assert db.execute("SELECT * FROM readers").fetchall() == []
