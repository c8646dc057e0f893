"""A PostgreSQL of the tests' own: a cluster made by initdb, run by pg_ctl, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")
_NUMBERS = count(1)


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    folder: Path
    port: int
    made: set[str] = field(default_factory=set)

    def url(self, database: str) -> str:
        """Return the URL of a database in it."""
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]  # a text that is put together

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds in the database at *url*."""
        with psycopg.connect(url) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[call-overload]  # as above

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Give the URL of a new database, which is dropped at the end."""
        name = f"spanwise_{os.getpid()}_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}{_way(self.url('postgres'))}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def made_once(self, name: str, fill: Callable[[str], None]) -> str:
        """Return the name of a database that *fill* was given the first time, for others to begin as copies of."""
        if name not in self.made:
            self.run(f"CREATE DATABASE {name}")
            fill(self.url(name))
            self.made.add(name)
        return name

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        settings = "-c fsync=off -c shared_buffers=64MB -c max_connections=200 -c max_locks_per_transaction=256"
        log = self.folder / "log"
        _run("pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", log, "-o", f"{options} {settings}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``fast`` in order, ``immediate`` as a power cut would."""
        _run("pg_ctl", "stop", "-w", "-D", self.folder / "data", "-m", mode)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Give a running cluster; there is no skipping where PostgreSQL is missing."""
    folder = Path(mkdtemp(prefix="spanwise-postgres-"))
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    texts = ("-E", "UTF8", "--locale", "C.UTF-8")
    _run("initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "--no-sync", *texts)
    made = Cluster(folder, _free_port())
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


_open = ExitStack()
_shared: list[Cluster] = []


def running() -> Cluster:
    """Return the cluster that the tests of this process share, started when it is first asked for."""
    if not _shared:
        _shared.append(_open.enter_context(cluster()))
    return _shared[0]


def end() -> None:
    """Stop the shared cluster, if there is one."""
    _shared.clear()
    _open.close()


@cache
def _way(url: str) -> str:
    """Return how to copy a database in half of the time, where the server at *url* (of 15 or later) has two ways."""
    with psycopg.connect(url) as connection:
        return " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""


def _run(name: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL's, which does not work for root, so as somebody else where we are."""
    command = [str(program(name)), *map(str, arguments)]
    as_user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **as_user)


def program(name: str) -> Path:
    """Return a program of PostgreSQL's: in ``POSTGRES_BIN``, else the newest that Debian has, else on the path."""
    if chosen := os.environ.get("POSTGRES_BIN"):
        return Path(chosen) / name
    newest = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = newest[-1] if newest else shutil.which(name)
    assert found is not None, f"{name} is missing: install postgresql (apt-get install postgresql)"
    return Path(found)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
