"""Looks for what is wrong with a ClickHouse store and its small tables, and changes nothing; servers may run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.exceptions import Error

from ..errors import ConfigError
from .backup import MEDIA_FOLDER, damage
from .clickhouse_rows import SPAN_COLUMNS, read_kept, record_of
from .clickhouse_server import Server, place_of
from .clickhouse_small import SMALL_FILE
from .conditions import Sql
from .database import SqliteConnection
from .examine import media, room, schema
from .finding import Finding

_SAMPLE: Final = 500
_READ_AT_ONCE: Final = 2_000
_LEAST_FREE: Final = 0.05
_RECOUNT: Final = "Run: spanwise recount"


def examine_clickhouse(url: str, data: Path, *, full: bool = False) -> Iterator[Finding]:
    """Yield what each look at the store at *url* comes to; *full* reads every span and every file."""
    place = place_of(url)
    server = Server(place)
    with closing(server):
        try:
            found = _tables(server)
        except (ConfigError, Error) as error:
            said = str(error).strip().splitlines()[0].rstrip(".")
            yield Finding("server", "broken", f"{said}.", "Start ClickHouse, or correct --store.")
            return
        yield found
        if found.state != "ok":
            return
        yield _disks(server)
        owners = [owner for (owner,) in server.rows(Sql("SELECT id FROM owner"))]
        if place.small is None:
            yield from _small_file(data, owners, full=full)
        else:
            from .examine_postgres import examine_small  # noqa: PLC0415  # PostgreSQL's driver is optional

            yield from examine_small(place.small, lambda small_id: _owner(owners, small_id), full=full)
        yield sums(server)
        yield _spans(server, full=full)


def _tables(server: Server) -> Finding:
    version = server.server_version()
    if not server.exists():
        said = f"ClickHouse {version} answers; there is no database {server.place.database}."
        return Finding("server", "warning", said, "Its tables are made when a server starts.")
    return Finding("server", "ok", f"ClickHouse {version} answers.")


def _disks(server: Server) -> Finding:
    disks = server.rows(Sql("SELECT name, free_space, total_space FROM system.disks WHERE is_remote = 0"))
    full = [name for name, free, total in disks if free < total * _LEAST_FREE]
    free = sum(free for _, free, _ in disks)
    said = f"{free / 1e9:,.1f} GB are free on the disks of ClickHouse."
    if full:
        return Finding("disk", "warning", f"{said} Nearly full: {', '.join(full)}.", "Make room, or keep less.")
    return Finding("disk", "ok", said)


def _small_file(data: Path, owners: Sequence[str], *, full: bool) -> Iterator[Finding]:
    yield room(data)
    file = data / SMALL_FILE
    if not file.is_file():
        said = f"The small tables are not in {data}."
        yield Finding("small", "broken", said, "Say where they are with --data, or restore them.")
        return
    wrong = damage(file, full=full)
    if wrong is not None:
        yield Finding("small", "broken", f"{file} is damaged: {wrong}.", "Restore a backup: spanwise restore FOLDER")
        return
    yield Finding("small", "ok", f"{file} is whole{'' if full else ' by a quick check'}.")
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, factory=SqliteConnection)) as small:
        yield schema(small.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        yield _owner(owners, small.execute("SELECT value FROM settings WHERE name = 'store_id'").fetchone())
        yield media(small, data / MEDIA_FOLDER, full=full)


def _owner(owners: Sequence[str], small_id: tuple[Any, ...] | None) -> Finding:
    if small_id is None or owners != [small_id[0]]:
        said = "The tables in ClickHouse belong to other small tables."
        return Finding("owner", "broken", said, "Give the --data or the database that they were made with.")
    return Finding("owner", "ok", "The tables in ClickHouse belong to these small tables.")


def sums(server: Server) -> Finding:
    """Compare the spans with every sum that is kept of them."""
    kept, costs, of_traces = (
        server.rows(Sql(statement))[0]
        for statement in (
            "SELECT count(), uniqExact(project_id, trace_id), sumIf(cost_nusd, counted = 1) FROM spans",
            "SELECT sum(x.spans), sum(x.cost_nusd) FROM r_hour AS x",
            "SELECT count(), sum(span_count), sum(cost_nusd) FROM traces",
        )
    )
    spans, traces, cost = (int(one or 0) for one in kept)
    if (spans, cost) == tuple(int(one or 0) for one in costs) and (traces, spans, cost) == tuple(
        int(one or 0) for one in of_traces
    ):
        return Finding("totals", "ok", f"{spans:,} spans in {traces:,} traces; all sums are exact.")
    said = f"{spans:,} spans, but the traces count {of_traces[1] or 0:,} and the charts {costs[0] or 0:,}"
    return Finding("totals", "broken", f"{said}, or their costs differ.", _RECOUNT)


def _spans(server: Server, *, full: bool) -> Finding:
    """Open packed spans, the newest or all."""
    looked = unreadable = 0
    days = server.rows(Sql("SELECT DISTINCT intDiv(start_ns, 86400000000000) AS day FROM spans ORDER BY day DESC"))
    for (day,) in days:
        if not full and looked >= _SAMPLE:
            break
        after: tuple[int, bytes, bytes] = (0, b"\0" * 16, b"\0" * 8)
        while True:
            rows = _page(server, day, after, _READ_AT_ONCE if full else _SAMPLE - looked)
            if not rows[1]:
                break
            for kept in read_kept(*rows):
                looked += 1
                after = (kept.row.project_id, kept.trace_id, kept.row.span_id)
                try:
                    record_of("", kept, {})
                except Exception:  # noqa: BLE001  # whatever it is, it cannot be read
                    unreadable += 1
            if not full:
                break
    which = "all" if full else f"{looked:,} of the newest"
    if unreadable:
        said = f"{unreadable:,} of {looked:,} packed spans cannot be read."
        return Finding("spans", "broken", said, "Restore a backup: spanwise restore FOLDER")
    return Finding("spans", "ok", f"Of {which} packed spans each can be read.")


def _page(
    server: Server, day: int, after: tuple[int, bytes, bytes], limit: int
) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    return server.table(
        Sql(
            f"SELECT {', '.join(SPAN_COLUMNS)} FROM spans WHERE intDiv(start_ns, 86400000000000) = ? "
            "AND start_ns >= ? AND start_ns < ? AND (project_id, trace_id, span_id) > (?, ?, ?) "
            "ORDER BY project_id, trace_id, span_id LIMIT ?",
            (day, day * 86_400 * 10**9, (day + 1) * 86_400 * 10**9, *after, limit),
        )
    )
