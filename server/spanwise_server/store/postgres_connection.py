"""A connection to PostgreSQL that understands the SQL of the large tables.

That SQL is written for SQLite with ``?`` for values. What PostgreSQL says otherwise is put right here, word by word:
hints about indices and about the order of joins are left out, GLOB is LIKE, and hexadecimal digits are ``encode``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.adapt import Loader
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import BigInteger, Float, Integer, LargeBinary

from ..errors import Overloaded
from .address import PLACE_BITS, span_range, trace_row_of
from .conditions import Glob
from .connection import WALKED, Rows, TextIndex
from .day_rows import DAY_NS, FIRST_DAY_NUMBER, TRACE_BITS
from .sessions import Work
from .tables import METADATA
from .word_arrays import WordArrays

#: Advisory locks, each with the same first number so that they meet no other program's.
LOCKS: Final = 0x5350414E
MIGRATION_LOCK: Final = 1
#: Shared by whoever writes spans, alone by whoever takes away what they may rely on.
SPANS_LOCK: Final = 2
#: Of whoever writes small tables, which is one at a time.
SMALL_LOCK: Final = 3
#: Of whoever makes or drops partitions.
PARTITIONS_LOCK: Final = 4
#: Of whoever does what one process does for all.
WORK_LOCKS: Final[Mapping[Work, int]] = {"attributes": 5, "dictionary": 6, "housekeeping": 7, "queues": 8}
#: Of whoever decides which steps are counted.
STEPS_LOCK: Final = 9

_HINTS: Final = re.compile(r" (?:NOT INDEXED|INDEXED BY \w+)")
_LISTED: Final = re.compile(r"group_concat\(([\w.]+)\)")
#: The spans of few traces. PostgreSQL would take them for so many that it walked all spans in order of time instead.
_SPANS_OF_FEW: Final = re.compile(r"CROSS JOIN spans s NOT INDEXED ON (.+?) WHERE ")
_EACH_BY_ITSELF: Final = r", LATERAL (SELECT * FROM spans s WHERE \1 OFFSET 0) AS s WHERE "
#: Where the rows of those traces stand in the question, only the partitions of their days are looked at: to plan for
#: every day takes longer than most answers do.
_SPANS_OF_ROWS: Final = re.compile(
    r"FROM \(SELECT (?:id AS row FROM traces WHERE id IN \((\?(?:, \?)*)\)|"
    r"unnest\(CAST\(\? AS bigint\[\]\)\) AS row)\) d CROSS JOIN traces t ON (.+?) "
    r"CROSS JOIN spans s NOT INDEXED ON (.+?) WHERE "
)
_OF_THEIR_DAYS: Final = (
    r"FROM unnest(CAST(? AS bigint[])) AS d (row) JOIN traces t ON \2, "
    r"LATERAL (SELECT * FROM spans s WHERE \3 AND s.id BETWEEN ? AND ? OFFSET 0) AS s WHERE "
)
#: Of a limit that it does not know PostgreSQL takes a tenth: it walks in order of time, and stops where it has enough.
_NEWEST_SPANS: Final = re.compile(
    rf"FROM spans s INDEXED BY ix_spans_(?:time|priced) {re.escape(WALKED)}CROSS JOIN traces t ON (.+?) "
    r"WHERE s\.project_id = \?( AND s\.id >= \?)? AND \(s\.start_ns >= \? AND s\.start_ns < \?\) "
)
_IN_ORDER: Final = (
    "FROM (SELECT * FROM spans s WHERE project_id = ?\\2 AND start_ns >= ? AND start_ns < ? ORDER BY start_ns DESC "
    f"LIMIT (SELECT {2**63 - 1})) AS s, LATERAL (SELECT * FROM traces t WHERE \\1 OFFSET 0) AS t WHERE TRUE "
)
#: Spans that were chosen before, each with its trace: left to itself PostgreSQL looks through all traces for them.
_TRACES_OF_CHOSEN: Final = re.compile(r"LIMIT (\d+)\) s CROSS JOIN traces t ON (.+?) WHERE ")
_EACH_TRACE: Final = r"LIMIT \1) AS s, LATERAL (SELECT * FROM traces t WHERE \2 OFFSET 0) AS t WHERE "
_NUMBERS_PUT: Final = re.compile(r"INSERT INTO (\w+) \(([\w, ]+)\) VALUES \([?, ]+\) (ON CONFLICT .*)")
_HEX: Final = re.compile(r"lower\(hex\(([\w.]+)\)\)")


#: What PostgreSQL cuts values into that are too long for a page's quarter. Four of these fill a page, while one and a
#: shorter one leave room for neither.
PIECE_BYTES: Final = 1_996
_COPY_BODIES: Final = b"COPY bodies (id, body, rest) FROM STDIN (FORMAT BINARY)"
_CHUNKS: Final = (
    "SELECT w.at, p.id, p.body FROM unnest(CAST(? AS bigint[])) AS w (at), LATERAL (SELECT id, body FROM payloads "
    f"WHERE id BETWEEN (w.at >> {PLACE_BITS}) << {PLACE_BITS} AND w.at AND id BETWEEN ? AND ? "
    "ORDER BY id DESC LIMIT 1) AS p"
)


#: Traces that reach a time and go on after the day that follows the one they are filed under. Of ``min(id)`` PostgreSQL
#: believes that it is found soonest by walking through all traces.
_REACHING: Final = (
    "SELECT min(id + 0) FROM traces WHERE project_id = %s AND start_ns + duration_ns >= %s "
    f"AND start_ns + duration_ns >= ((id >> {TRACE_BITS}) + {FIRST_DAY_NUMBER + 2}) * {DAY_NS}"
)


class _NulDumper(StrDumperUnknown):
    """Writes texts; a NUL character, which PostgreSQL cannot keep, becomes the sign for what cannot be shown."""

    def dump(self, obj: str) -> Any:
        """Return the bytes of *obj*."""
        return super().dump(without_nul(obj))


class _NumberLoader(Loader):
    """Reads a sum of integers, which PostgreSQL gives as numeric, as the integer it is."""

    def load(self, data: Any) -> int | float:
        """Return the number."""
        text = bytes(data)
        return float(text) if b"." in text or b"e" in text.lower() or b"n" in text.lower() else int(text)


def without_nul(text: str) -> str:
    """Return *text* as PostgreSQL can keep it."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def adapted(driver: psycopg.Connection[Any]) -> None:
    """Have a new connection of the driver read and write values as the store does."""
    driver.adapters.register_dumper(str, _NulDumper)
    driver.adapters.register_loader("numeric", _NumberLoader)


class PostgresConnection:
    """A connection of the driver's, in a transaction."""

    words = WordArrays()

    def __init__(self, driver: psycopg.Connection[Any], index: TextIndex) -> None:
        self.driver = driver
        self.index = index
        self.gathered: dict[Any, list[int] | None] = {}
        """The traces that have some words, as far as they were asked for in this transaction; ``None`` where many."""
        self.proven: dict[Any, list[int]] = {}
        """What was read of spans in this transaction: the question, and the addresses of those that are meant."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement with a value for each ``?``."""
        of_rows = _rows_in(sql)
        if of_rows is not None:
            sql, values = _of_their_days(sql, of_rows, values)
        return self.driver.execute(_translated(sql).encode(), list(map(_plain, values)))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Run a statement once for each row of values; rows of numbers, each of a key of its own, all at once."""
        listed = list(rows)
        numbers = _NUMBERS_PUT.fullmatch(sql)
        if listed and numbers is not None and all(type(value) is int for value in listed[0]):
            into, columns, conflict = numbers.groups()
            arrays = ", ".join(["%s::bigint[]"] * len(listed[0]))
            self.driver.execute(
                f"INSERT INTO {into} ({columns}) SELECT * FROM unnest({arrays}) {conflict}".encode(),
                list(map(list, zip(*listed, strict=True))),
            )
        elif listed:
            with self.driver.cursor() as cursor:
                cursor.executemany(_translated(sql).encode(), listed)

    def put_numbers(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[int]], unless: str) -> None:
        """Put rows of numbers in, all at once."""
        values = ", ".join("?" * len(columns))
        self.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) {unless}", rows)

    def chunks_of(self, addresses: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return, of each span, the address of the first one that it is packed with, and the body that both are in."""
        if not addresses:
            return []
        asked = list(addresses), span_range(trace_row_of(min(addresses)))[0], max(addresses)
        found: dict[int, tuple[int, bytes]] = {at: (first, body) for at, first, body in self.execute(_CHUNKS, asked)}
        return [found[at] for at in addresses]

    def newest_from(self, project_id: int, to_ns: int) -> int | None:
        """Return the beginning of the last day before *to_ns* that has traces."""
        newest = "SELECT max(start_ns) FROM traces WHERE project_id = %s AND start_ns < %s"
        (found,) = self.driver.execute(newest, (project_id, to_ns)).fetchall()[0]
        return None if found is None else found - DAY_NS

    def first_span(self, project_id: int, from_ns: int) -> int | None:
        """Return the first address of the day before *from_ns*, or of a trace from before that goes on until then."""
        day = from_ns // DAY_NS - FIRST_DAY_NUMBER - 1
        (found,) = self.driver.execute(_REACHING, (project_id, from_ns)).fetchall()[0]
        row = (day if found is None else min(day, found >> TRACE_BITS)) << TRACE_BITS
        return row << PLACE_BITS if row > 0 else None

    def alone(self) -> None:
        """Have nobody else write spans until the transaction ends."""
        self.driver.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, SPANS_LOCK))

    def copy(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Put *rows* into a table in the quickest way there is; a key that is there already is an error."""
        listed = list(rows)
        if not listed:
            return
        columns, types, texts = _columns_of(table)
        sql = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)".encode()
        with self.driver.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            for row in listed:
                if any("\x00" in row[at] for at in texts if row[at] is not None):
                    copy.write_row([without_nul(value) if isinstance(value, str) else value for value in row])
                else:
                    copy.write_row(row)

    def copy_bodies(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Put packed spans in: as many whole pieces as PostgreSQL cuts long values into, and the rest beside them."""
        with self.driver.cursor() as cursor, cursor.copy(_COPY_BODIES) as copy:
            copy.set_types(["int8", "bytea", "bytea"])
            for at, body in bodies:
                whole = len(body) - len(body) % PIECE_BYTES
                copy.write_row((at, body[:whole], body[whole:]))

    def put_missing(self, into: str, rows: Sequence[Sequence[Any]]) -> None:
        """Put those of *rows*, which are in the order of their keys, *into* a table that are not there."""
        if not rows:
            return
        names = into[into.index("(") + 1 : -1]
        columns = list(zip(*rows, strict=True))
        kinds = ["bytea" if isinstance(column[0], bytes) else "bigint" for column in columns]
        marks = ", ".join(f"%b::{kind}[]" for kind in kinds)
        self.driver.execute(
            f"INSERT INTO {into} SELECT * FROM unnest({marks}) AS new ({names}) ON CONFLICT DO NOTHING".encode(),
            list(map(list, columns)),
        )


#: Columns that are packed on SQLite.
_ARRAYS: Final = {("traces", "words"): "int4[]"}
_KINDS: Final = {BigInteger: "int8", Integer: "int4", Float: "float8", LargeBinary: "bytea"}


@lru_cache(maxsize=16)
def _columns_of(name: str) -> tuple[str, list[str], list[int]]:
    """Return the columns of a table, their types, and which of them are text."""
    table = METADATA.tables[name]
    kinds = ["int8" if c.primary_key else _ARRAYS.get((name, c.name)) or _kind(c.type) for c in table.columns]
    return ", ".join(c.name for c in table.columns), kinds, [at for at, kind in enumerate(kinds) if kind == "text"]


def _kind(type_: Any) -> str:
    return next((kind for of, kind in _KINDS.items() if isinstance(type_, of)), "text")


@contextmanager
def reached() -> Iterator[None]:
    """Turn what the driver says of a database that is away into a refusal that asks for the same again."""
    try:
        yield
    except (errors.DeadlockDetected, errors.SerializationFailure):
        raise  # it is there, and will do the same when asked again
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()
        raise Overloaded(
            f"The database cannot be used: {said[0] if said else type(error).__name__}.",
            "Nothing that was answered is lost; send the same again in a moment.",
        ) from error


def _plain(value: Any) -> Any:
    return value.like if type(value) is Glob else value


@lru_cache(maxsize=2_000)
def _rows_in(sql: str) -> re.Match[str] | None:
    return _SPANS_OF_ROWS.search(sql)


def _of_their_days(sql: str, of_rows: re.Match[str], values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a question for the spans of traces with the rows as one value, and between which addresses they lie."""
    before = sql.count("?", 0, of_rows.start())
    marks = 1 if of_rows[1] is None else of_rows[1].count("?")
    rows = [*values[before : before + marks]] if of_rows[1] is not None else values[before]
    bounds = (span_range(min(rows))[0], span_range(max(rows))[1]) if rows else (0, 0)
    return _SPANS_OF_ROWS.sub(_OF_THEIR_DAYS, sql), [*values[:before], rows, *bounds, *values[before + marks :]]


@lru_cache(maxsize=2_000)
def _translated(sql: str) -> str:
    few = _SPANS_OF_FEW.sub(_EACH_BY_ITSELF, _TRACES_OF_CHOSEN.sub(_EACH_TRACE, sql))
    plain = _HINTS.sub("", _NEWEST_SPANS.sub(_IN_ORDER, few)).replace("CROSS JOIN", "JOIN").replace(" GLOB ", " LIKE ")
    plain = _LISTED.sub(r"string_agg(\1::text, ',')", plain)
    return _HEX.sub(r"encode(\1, 'hex')", plain).replace("%", "%%").replace("?", "%s")
