"""A ClickHouse server or cluster as the store speaks to it: its client, its schema, inserts that may be tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error, OperationalError

from ..errors import ConfigError, Overloaded
from ..resources import resource_dir
from .clickhouse_rows import AS_BYTES
from .conditions import Sql

_TRIES: Final = 4
_PAUSE_S: Final = 0.2
_LONGEST_COPY_S: Final = 86_400
#: Newer rows win within their day, and what moved to another day is gone from its old one; whatever narrows a table is
#: asked after that is settled.
_EVERY_QUERY: Final = {
    "final": 1, "do_not_merge_across_partitions_select_final": 1, "optimize_move_to_prewhere_if_final": 0,
    "use_skip_indexes_if_final": 1, "use_skip_indexes_if_final_exact_mode": 1, "join_use_nulls": 1,
    "distributed_product_mode": "global", "prefer_localhost_replica": 1, "max_query_size": 100_000_000,
    "max_ast_elements": 10_000_000, "max_expanded_ast_elements": 10_000_000,
}  # fmt: skip
_EVERY_INSERT: Final = {
    "insert_deduplicate": 1, "deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0,
    "max_partitions_per_insert_block": 0, "distributed_foreground_insert": 1, "max_insert_block_size": 10_000_000,
    "min_insert_block_size_rows": 10_000_000, "min_insert_block_size_bytes": 0, "parallel_view_processing": 0,
}  # fmt: skip
_TYPES: Final = ((bool, "UInt8"), (int, "Int64"), (float, "Float64"), (str, "String"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, as a URL names it: ``clickhouse://user:password@host:8123/database?cluster=main``."""

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool
    cluster: str | None
    retention_days: int | None
    small: str | None
    """URL of the PostgreSQL database with the small tables, ``None`` where they are in the data folder."""


def place_of(url: str) -> Place:
    """Return the place that *url* names; raises ConfigError where it is none."""
    parts = urlsplit(url)
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = said.keys() - {"cluster", "retention_days", "small"}
    if unknown or not parts.hostname:
        what = f"?{min(unknown)}=" if unknown else "without a host"
        raise ConfigError(
            f"The store's URL {what} is not understood.",
            "Write clickhouse://user:password@host:8123/spanwise?cluster=main",
        )
    small = said.get("small")
    if small is not None and urlsplit(small).password is not None:
        raise ConfigError(
            "The URL of the small tables has a password, which would be shown with the store's.",
            "Give it by PGPASSWORD or in ~/.pgpass.",
        )
    days, secure = said.get("retention_days"), parts.scheme == "clickhouses"
    if days is not None and not days.isdecimal():
        raise ConfigError("retention_days is a number of days.", "Write ?retention_days=90")
    return Place(
        parts.hostname, parts.port or (8443 if secure else 8123), unquote(parts.username or "default"),
        unquote(parts.password or ""), parts.path.strip("/") or "spanwise", secure, said.get("cluster"),
        None if days is None else int(days), small,
    )  # fmt: skip


class Server:
    """One database of a server, or of every server of a cluster."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._client: Client | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the database and its tables where they are missing."""
        place = self.place
        on = self._on_cluster
        self.close()
        first = self._connect(None)
        first.command(f"CREATE DATABASE IF NOT EXISTS `{place.database}`{on}")
        first.database = place.database
        self._client = first
        file = resource_dir("migrations") / "clickhouse" / ("cluster.sql" if place.cluster else "node.sql")
        for statement in statements(file.read_text("utf-8")):
            self.command(self._rendered(statement))
        self._take_steps()
        if place.retention_days is not None:
            self._keep_for(place.retention_days, on)

    def _take_steps(self) -> None:
        """Bring tables of an older release along; a step that was cut short is taken again, which changes nothing."""
        taken = {name for (name,) in self.rows(Sql("SELECT name FROM steps"))}
        for file in sorted((resource_dir("migrations") / "clickhouse" / "steps").glob("*.sql")):
            if file.stem not in taken:
                for statement in statements(file.read_text("utf-8")):
                    self.command(statement.replace("{local}", self._local))
                self.insert("steps", ("name",), [(file.stem,)])

    @property
    def _local(self) -> str:
        """What follows the name of a table that holds rows."""
        return f"_local{self._on_cluster}" if self.place.cluster else ""

    @property
    def _on_cluster(self) -> str:
        return f" ON CLUSTER `{self.place.cluster}`" if self.place.cluster else ""

    def _rendered(self, statement: str) -> str:
        """Return a statement of the cluster's file with its name."""
        return statement.replace(" ON CLUSTER {cluster}", self._on_cluster).replace(
            "{cluster}", f"`{self.place.cluster}`"
        )

    def _keep_for(self, days: int, on: str) -> None:
        suffix = "_local" if self.place.cluster else ""
        for table in ("spans", "traces"):
            old = f"toDateTime(intDiv(start_ns, 1000000000)) + INTERVAL {days} DAY DELETE"
            self.command(f"ALTER TABLE {table}{suffix}{on} MODIFY TTL {old}")

    def server_version(self) -> str:
        """Return the version of the server; raises ConfigError where none answers."""
        with closing(self._connect(None)) as first:
            return str(first.command("SELECT version()"))

    def command_at_server(self, statement: str) -> None:
        """Run a statement about the database itself, which need not be there, however long it takes."""
        with closing(self._connect(None, longest_s=_LONGEST_COPY_S)) as first:
            first.command(statement)

    def exists(self) -> bool:
        """Whether the database is there with its tables."""
        with closing(self._connect(None)) as first:
            found = first.query(
                "SELECT count() FROM system.tables WHERE database = {name:String} AND name = 'owner'",
                parameters={"name": self.place.database},
            )
            return bool(found.result_rows[0][0])

    def claim(self, small_id: str) -> None:
        """Have the tables belong to the small tables of this id; raises ConfigError where they are another's."""
        owners = [owner for (owner,) in self.rows(Sql("SELECT id FROM owner"))]
        if not owners:
            self.insert("owner", ("id",), [(small_id,)])
        elif owners != [small_id]:
            raise ConfigError(
                f"The ClickHouse database {self.place.database} belongs to the small tables of another data folder.",
                "Give its --data, or another database.",
            )

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    @property
    def client(self) -> Client:
        """The client of all threads: it has no session, and asks the server for all its settings when it is made."""
        with self._lock:
            if self._client is None:
                self._client = self._connect(self.place.database)
            return self._client

    def _connect(self, database: str | None, longest_s: int = 300) -> Client:
        place = self.place
        try:
            return clickhouse_connect.get_client(
                host=place.host, port=place.port, username=place.user, password=place.password,
                database=database or "default", secure=place.secure, autogenerate_session_id=False,
                form_encode_query_params=True, client_name="spanwise", send_receive_timeout=longest_s,
            )  # fmt: skip
        except Error as error:
            raise ConfigError(
                f"ClickHouse at {place.host}:{place.port} cannot be used: {error}.",
                "See that it runs and its user may log in.",
            ) from error

    def command(self, statement: str) -> Any:
        """Run one statement that gives one value or none."""
        return self.client.command(statement)

    def command_of(self, statement: str) -> None:
        """Run a statement about the tables that hold rows: ``{local}`` is what their names end in."""
        self.client.command(statement.replace("{local}", self._local), settings={"mutations_sync": 1})

    def rows(self, sql: Sql) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.table(sql)[1]

    def table(self, sql: Sql) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Return the names of the columns of a query and its rows."""
        text, parameters = bound(sql)
        found = self.client.query(text, parameters=parameters, column_formats=dict(AS_BYTES), settings=_EVERY_QUERY)
        return found.column_names, list(map(tuple, found.result_rows))

    def columns(self, sql: Sql) -> Sequence[Sequence[Any]]:
        """Return the columns of what a query finds, none where it finds nothing."""
        text, parameters = bound(sql)
        found = self.client.query(
            text, parameters=parameters, column_formats=dict(AS_BYTES), settings=_EVERY_QUERY, column_oriented=True
        )
        columns: Sequence[Sequence[Any]] = found.result_columns
        return columns

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert *rows* in one block, tried again under the same token where it is not known whether it came."""
        if not rows:
            return
        settings = {**_EVERY_INSERT, "insert_deduplication_token": uuid4().hex}
        for left in reversed(range(_TRIES)):
            try:
                self._insert_at_once(table, columns, rows, settings)
            except OperationalError as error:  # noqa: PERF203  # a try is what this loop is of
                if not left:
                    raise Overloaded(
                        f"ClickHouse does not take spans: {error}.", "Send the same again when it runs."
                    ) from error
                time.sleep(_PAUSE_S * (_TRIES - left))
            else:
                return

    def _insert_at_once(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], settings: dict[str, Any]
    ) -> None:
        """Insert *rows* as one block: of several under one token, all but the first would be taken for repetitions."""
        context = self.client.create_insert_context(table, list(columns), settings=settings)
        context.req_block_size = len(rows)
        context.data = rows
        self.client.insert(context=context)


def bound(sql: Sql) -> tuple[str, dict[str, Any]]:
    """Return the text of *sql* with parameters of ClickHouse for its question marks, and their values."""
    parts = sql.text.split("?")
    assert len(parts) == len(sql.values) + 1, "each question mark has a value"  # noqa: S101 - holds by construction
    text, parameters = [parts[0]], {}
    for n, (value, after) in enumerate(zip(sql.values, parts[1:], strict=True)):
        if isinstance(value, bytes):
            text.append(f"unhex('{value.hex()}'){after}")
            continue
        type_ = next(name for kind, name in _TYPES if isinstance(value, kind))
        parameters[f"p{n}"] = value
        text.append(f"{{p{n}:{type_}}}{after}")
    return "".join(text), parameters


def statements(text: str) -> list[str]:
    """Return the statements of a file: each ends in a semicolon at the end of a line, a comment begins with ``--``."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [each.strip() for each in plain.split(";\n") if each.strip()]
