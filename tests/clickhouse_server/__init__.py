"""A ClickHouse server for tests: the real engine behind its HTTP interface, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen
from uuid import uuid4

CLUSTER = Path(__file__).with_name("cluster.xml")
_LONGEST_S = 60.0


@contextmanager
def clickhouse(folder: Path, *, cluster: bool = False) -> Iterator[int]:
    """Run a server that keeps its data in *folder*; gives its port. With *cluster* it is the one shard of ``one``."""
    config = CLUSTER
    if not cluster:
        config = folder / "backups.xml"
        allowed = f"<backups><allowed_path>{folder / 'backups'}</allowed_path></backups>"
        config.write_text(f"<clickhouse>{allowed}</clickhouse>", "utf-8")
    command = [sys.executable, str(Path(__file__).with_name("bridge.py")), str(folder / "data"), str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout
            assert said is not None
            port = int(said.readline())
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


_open = ExitStack()


@cache
def shared() -> int:
    """Return the port of the server that the tests of this process share, started when it is first asked for."""
    folder = _open.enter_context(TemporaryDirectory())
    return _open.enter_context(clickhouse(Path(folder)))


def end() -> None:
    """Stop the shared server, if there is one."""
    for known in (shared, _emptied):
        known.cache_clear()
    _open.close()


@contextmanager
def database() -> Iterator[str]:
    """Give the URL of a database of its own, that is not made yet, on the shared server; it is dropped at the end."""
    name = f"t_{uuid4().hex}"
    yield f"clickhouse://127.0.0.1:{shared()}/{name}"
    _answer(f"DROP DATABASE IF EXISTS {name}")


@contextmanager
def emptied(make: Callable[[str], None]) -> Iterator[str]:
    """Give the URL of a database whose tables *make* has made and which holds nothing: new, or one used before.

    Making the tables is most of a small test. One whose tables were changed is not used again.
    """
    names, wanted = _emptied()
    name = names.pop() if names else _made(make, wanted)
    yield f"clickhouse://127.0.0.1:{shared()}/{name}"
    made, filled = _tables(name)
    if made != wanted:
        _answer(f"DROP DATABASE IF EXISTS {name}")
        return
    for table in filled - {"steps"}:
        _answer(f"TRUNCATE TABLE {name}.{table}")
    names.append(name)


@cache
def _emptied() -> tuple[list[str], dict[str, str]]:
    """Return the databases that hold nothing, and how their tables were made."""
    return [], {}


def _made(make: Callable[[str], None], wanted: dict[str, str]) -> str:
    name = f"t_{uuid4().hex}"
    make(f"clickhouse://127.0.0.1:{shared()}/{name}")
    _answer(f"TRUNCATE TABLE {name}.owner")
    wanted |= _tables(name)[0]
    return name


def _tables(name: str) -> tuple[dict[str, str], set[str]]:
    """Return how the tables of a database were made, and which have a part, be it an old one."""
    asked = f"SELECT name, create_table_query, parts FROM system.tables WHERE database = '{name}'"
    rows = [json.loads(line) for line in _answer(f"{asked} FORMAT JSONCompactEachRow").splitlines()]
    made = {table: said.replace(name, "") for table, said, _ in rows}
    return made, {table for table, _, parts in rows if parts not in (None, 0, "0")}


def _answer(statement: str) -> str:
    with urlopen(Request(f"http://127.0.0.1:{shared()}/", data=statement.encode()), timeout=60) as answer:
        return str(answer.read().decode())


def _wait(port: int) -> None:
    end = time.monotonic() + _LONGEST_S
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return
        except OSError:  # noqa: PERF203  # it is waiting that this loop is for
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
