"""The write path: records are made ready outside the lock, and go into the store in one transaction."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mypy_extensions import mypyc_attr

from ..dialects.reader import reader
from ..record import Record
from .address import address, span_range, trace_row_of
from .connection import Connection
from .dictionaries import knowing
from .media import PUT_MEDIA_USE
from .payload import PLAIN, pack, pack_text, replaced, texts_named
from .projects import project_id_of
from .ready import Chunk, Ready, chunks_of
from .rollups import RollupChange, Series
from .rows import SpanRow, is_hidden, placed, shown
from .sparse import insert, put_sparse
from .summary import Summary, summarise
from .tables import SpanTable, TraceTable
from .words import WordBook, labels_of, unpack_ids, words_of

SPAN_COLUMNS: Final = tuple(SpanTable.__table__.columns.keys())  # type: ignore[attr-defined]  # SQLModel adds it
TRACE_COLUMNS: Final = tuple(TraceTable.__table__.columns.keys())  # type: ignore[attr-defined]  # as above
_MOST_TEXTS_REMEMBERED: Final = 200_000
_ASKED_AT_ONCE: Final = 400


_CHANGE_SPAN: Final = insert("spans", SPAN_COLUMNS, "OR REPLACE")
_PUT_PAYLOAD: Final = (
    "INSERT INTO payloads (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
)
_FIND_PAYLOAD: Final = "SELECT id, body FROM payloads WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
_PUT_TEXT: Final = "INSERT INTO texts (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING"
_PUT_USE: Final = "INSERT INTO text_uses (trace_row, hash) VALUES (?, ?) ON CONFLICT DO NOTHING"
_PUT_WORD: Final = "INSERT INTO trace_words (word_id, start_ns, trace_row) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DROP_WORD: Final = "DELETE FROM trace_words WHERE word_id = ? AND start_ns = ? AND trace_row = ?"
_CHANGE_TRACE: Final = f"UPDATE traces SET {', '.join(f'{c} = ?' for c in TRACE_COLUMNS[3:])} WHERE id = ?"


#: Tables whose rows are found by the address of a span. These three are names of the module, since a compiled class has
#: no attributes to derive others from.
BY_ADDRESS: Final = ("spans", "payloads")
DERIVED: Final = ("r_hour", "h_hour", "h_day", "trace_words", "words", "series")
NOTHING_NEW: Final[Mapping[bytes, Ready]] = {}
FIND_TRACES: Final = (
    "SELECT id, trace_id, places, words, start_ns FROM traces WHERE project_id = ? AND trace_id IN ({})"
)


@dataclass(slots=True)
class TraceAtWrite:
    """A trace as it stands in the store, and what has come of it."""

    row: int
    project_id: int
    trace_id: bytes
    old: dict[bytes, SpanRow]
    chunks: list[Chunk]
    places: int = 0
    words: tuple[int, ...] = ()
    start_ns: int | None = None
    """``None`` where the trace is new."""
    labels: Iterable[str] = ()


@dataclass(slots=True)
class Change:
    """The rows that one transaction writes."""

    spans: list[SpanRow]
    spans_changed: list[SpanRow]
    payloads: list[tuple[int, bytes]]
    texts: dict[bytes, bytes]
    uses: set[tuple[int, bytes]]
    media: set[tuple[int, bytes, bytes]]
    traces_made: list[tuple[Any, ...]]
    traces_changed: list[tuple[Any, ...]]
    words_put: list[tuple[int, int, int]]
    words_dropped: list[tuple[int, int, int]]
    rollups: RollupChange

    @classmethod
    def none(cls) -> Change:
        """Return one that changes nothing."""
        return cls([], [], [], {}, set(), set(), [], [], [], [], RollupChange())


WithPreviews = Callable[[Connection, bytes, Mapping[bytes, SpanRow]], Mapping[bytes, SpanRow]]
"""Gives the rows of the trace with this id with the previews that are not kept."""


@mypyc_attr(allow_interpreted_subclasses=True)
class SpanWriter:
    """The one writer, and what it remembers between transactions: ids it would else look up again and again."""

    find_traces = FIND_TRACES
    change_span = _CHANGE_SPAN
    by_address: Sequence[str] = BY_ADDRESS
    """The tables that have rows by the address of a span."""
    derived: Sequence[str] = DERIVED
    """The tables that are made anew of spans."""

    def __init__(self, with_previews: WithPreviews) -> None:
        self._with_previews = with_previews
        self.packing = PLAIN
        """How spans are packed."""
        self._words = WordBook()
        self._projects: dict[str, int] = {}
        self._series: dict[Series, int] = {}
        self._origins: dict[bytes, int] = {}
        self._texts: set[bytes] = set()
        self._prefix = b""
        self.changes = 0
        """Goes up whenever spans that were there may say something else than before."""
        self.repeated = 0
        """How many spans came whose ids were there already, or came twice in one batch."""
        self._reader: int | None = None
        self._last_row = 0

    def forget(self) -> None:
        """Forget everything: after a transaction was taken back, or rows were deleted, some of it may not exist."""
        self.changes += 1
        self._words.forget()
        self._texts.clear()
        self._reader = None
        for remembered in (self._projects, self._series, self._origins):
            remembered.clear()

    def write(self, connection: Connection, batch: Iterable[Chunk]) -> tuple[int, list[tuple[int, Record]]]:
        """Put *batch* in; return the number of its journal entry and where each span lies.

        Of two spans with the same ids the later one stands, within the batch as between batches.
        """
        change = Change.none()
        written: list[tuple[int, Record]] = []
        for trace in self._gather(connection, batch):
            self._place_spans(connection, trace, change, written)
        self._apply(connection, change)
        return self.note(connection, written), written

    def revise(
        self, connection: Connection, project_id: int, trace_id: bytes, revised: Mapping[bytes, SpanRow]
    ) -> None:
        """Put *revised* rows, by span id, in the place of those that a trace has; what was sent stays as it is."""
        self.changes += 1
        row, _, places, words, start_ns = connection.execute(
            self.find_traces.format("?"), (project_id, trace_id)
        ).fetchone()
        old = {span.span_id: span for span in span_rows(connection, row)}
        trace = TraceAtWrite(row, project_id, trace_id, old, [], places + 1, unpack_ids(words), start_ns)
        trace.labels = labels_of(connection, project_id, [trace_id]).get(trace_id, ())
        rows, summary = self._summed(connection, trace, old | dict(revised))
        change = Change.none()
        for span_id, was in old.items():
            _count(was, placed(rows[span_id], counted=int(span_id in summary.counted)), change)
        self._summarise(connection, trace, rows.values(), summary, change)
        self._apply(connection, change)

    def recount(self, connection: Connection) -> int:
        """Compute every summary, word and rollup anew from the spans; return how many traces there are."""
        self.forget()
        for table in self.derived:
            connection.execute(f"DELETE FROM {table}")
        found = connection.execute("SELECT id, project_id, trace_id, places FROM traces ORDER BY id").fetchall()
        for row, project_id, trace_id, places in found:
            change = Change.none()
            trace = TraceAtWrite(row, project_id, trace_id, {}, [], places + 1)
            trace.labels = labels_of(connection, project_id, [trace_id]).get(trace_id, ())
            rows, summary = self._summed(connection, trace, {span.span_id: span for span in span_rows(connection, row)})
            for span in rows.values():
                counted = placed(span, counted=int(span.span_id in summary.counted))
                change.rollups.add(counted)
                if counted != span:
                    change.spans_changed.append(counted)
            self._summarise(connection, trace, rows.values(), summary, change)
            change.traces_changed.append((*change.traces_made.pop()[3:], row))
            self._apply(connection, change)
        return len(found)

    def delete(self, connection: Connection, project_id: int, trace_id: bytes) -> bool:
        """Take a trace with everything that only it needs out of the store; return whether it was there."""
        found = connection.execute(self.find_traces.format("?"), (project_id, trace_id)).fetchone()
        if found is None:
            return False
        row, _, _, words, start_ns = found
        rollups = RollupChange()
        for span in span_rows(connection, row):
            rollups.take(span)
        rollups.apply(connection, self._series)
        for table in self.by_address:
            connection.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", span_range(row))
        connection.words.change(connection, row, start_ns, put=(), dropped=unpack_ids(words))
        self._drop_texts(connection, row)
        connection.execute("DELETE FROM traces WHERE id = ?", (row,))
        for table in ("span_logs", "media_uses"):  # the files of the media are removed by the next sweep
            connection.execute(f"DELETE FROM {table} WHERE project_id = ? AND trace_id = ?", (project_id, trace_id))
        connection.execute(
            "DELETE FROM annotations WHERE project_id = ? AND trace_id = ?", (project_id, trace_id.hex())
        )
        return True

    def _drop_texts(self, connection: Connection, row: int) -> None:
        """Take away the texts that only the trace with this row needs."""
        used = connection.execute("SELECT hash FROM text_uses WHERE trace_row = ?", (row,)).fetchall()
        connection.execute("DELETE FROM text_uses WHERE trace_row = ?", (row,))
        connection.executemany(
            "DELETE FROM texts WHERE hash = ? AND NOT EXISTS (SELECT 1 FROM text_uses u WHERE u.hash = texts.hash)",
            used,
        )
        self._texts.difference_update(name for (name,) in used)

    def _gather(self, connection: Connection, batch: Iterable[Chunk]) -> list[TraceAtWrite]:
        """Return the traces that *batch* touches, with the rows of those that are there already."""
        groups: dict[tuple[int, bytes], list[Chunk]] = defaultdict(list)
        for chunk in batch:
            groups[self._project(connection, chunk.project), chunk.trace_id].append(chunk)
        self._begin(connection)
        known: dict[tuple[int, bytes], tuple[Any, ...]] = {}
        by_project: dict[int, list[bytes]] = defaultdict(list)
        for project_id, trace_id in groups:
            by_project[project_id].append(trace_id)
        for project_id, trace_ids in sorted(by_project.items()):
            trace_ids.sort()  # whoever locks them does so in one order
            for at in range(0, len(trace_ids), _ASKED_AT_ONCE):
                asked = trace_ids[at : at + _ASKED_AT_ONCE]
                rows = connection.execute(self.find_traces.format(", ".join("?" * len(asked))), (project_id, *asked))
                known.update(((project_id, row[1]), row) for row in rows)
        traces = []
        for (project_id, trace_id), chunks in groups.items():
            found = known.get((project_id, trace_id))
            if found is None:
                traces.append(TraceAtWrite(self._new_row(connection, chunks), project_id, trace_id, {}, chunks))
            else:
                row, _, places, words, start_ns = found
                old = {span.span_id: span for span in span_rows(connection, row)}
                traces.append(TraceAtWrite(row, project_id, trace_id, old, chunks, places, unpack_ids(words), start_ns))
        for project_id, trace_ids in by_project.items():
            labels = labels_of(connection, project_id, trace_ids)
            for trace in traces:
                if trace.project_id == project_id:
                    trace.labels = labels.get(trace.trace_id, ())
        return traces

    def _begin(self, connection: Connection) -> None:
        """Look up what a transaction begins with."""
        last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
        self._last_row = 0 if last is None else last[0]

    def _new_row(self, connection: Connection, chunks: Sequence[Chunk]) -> int:  # noqa: ARG002  # others need them
        """Return the row of a new trace."""
        self._last_row += 1
        return self._last_row

    def _place_spans(
        self, connection: Connection, trace: TraceAtWrite, change: Change, written: list[tuple[int, Record]]
    ) -> None:
        new = {ready.row.span_id: ready for chunk in trace.chunks for ready in chunk.spans}
        places = self._lay(connection, trace, new, change)
        rows, summary = self._summed(
            connection, trace, trace.old | {span_id: ready.row for span_id, ready in new.items()}, new
        )
        hides = summary.root_shows_all
        for span_id, ready in new.items():
            was, (at, rewritten) = trace.old.get(span_id), places[span_id]
            now = placed(
                rows[span_id], counted=int(span_id in summary.counted), at=at, project_id=trace.project_id,
                origin_id=self._origin(connection, ready.origin), rewritten=rewritten,
                reader_id=self.reader_id(connection), hide=hides and span_id != summary.root.span_id,
            )  # fmt: skip
            written.append((at, ready.record))
            for digest in ready.record.media:
                change.media.add((trace.project_id, trace.trace_id, bytes.fromhex(digest)))
            _count(was, now, change)
        for span_id, was in trace.old.items():
            if span_id not in new:
                _count(was, placed(rows[span_id], counted=int(span_id in summary.counted)), change)
        self._summarise(connection, trace, rows.values(), summary, change)

    def _lay(
        self, connection: Connection, trace: TraceAtWrite, new: Mapping[bytes, Ready], change: Change
    ) -> dict[bytes, tuple[int, int]]:
        """Return each new span's address, and whether the text index may hold words that it no longer has."""
        places: dict[bytes, tuple[int, int]] = {}
        chunks = trace.chunks
        if len(new) < sum(map(len, chunks)) or not trace.old.keys().isdisjoint(new):
            sent, chunks = sum(map(len, chunks)), []
            fresh: list[Ready] = []
            for span_id, ready in new.items():
                was = trace.old.get(span_id)
                if was is None:
                    fresh.append(ready)
                else:
                    places[span_id] = was.id, self._put_over(connection, trace, was, ready, change)
            self.repeated += sent - len(fresh)
            self.changes += 1
            trace.places += 1  # one that nobody gets: the trace is in another state even where nothing is new
            if fresh:
                chunks = chunks_of(fresh[0].record.project, trace.trace_id, fresh, {}, self.packing)
        for chunk in chunks:
            first = address(trace.row, trace.places)
            trace.places += len(chunk)
            address(trace.row, trace.places - 1)  # there must be room for the last one
            places.update((ready.row.span_id, (first + n, 0)) for n, ready in enumerate(chunk.spans))
            change.payloads.append((first, chunk.packed.body))
            self._keep_texts(trace, chunk.packed.names, chunk.texts, change)
        return places

    def _put_over(self, connection: Connection, trace: TraceAtWrite, was: SpanRow, ready: Ready, change: Change) -> int:
        """Put a span in the place of what it was; return whether it ever was something else."""
        first, body = payload_of(connection, was.id)
        texts: dict[bytes, bytes] = {}
        packed = pack([ready.record.span], ready.record.project, texts, self.packing)
        changed = knowing(connection, lambda: replaced(body, was.id - first, packed.body, self.packing.dictionary))
        if changed is None:
            return was.rewritten
        connection.execute(_PUT_PAYLOAD, (first, changed))  # at once: another span of the chunk may come over it
        named = set(texts_named(changed))
        self._keep_texts(trace, (name for name in packed.names if name in named), texts, change)
        return 1

    def _keep_texts(
        self, trace: TraceAtWrite, names: Iterable[bytes], texts: Mapping[bytes, bytes], change: Change
    ) -> None:
        for name in names:
            change.uses.add((trace.row, name))
            if name not in self._texts and name not in change.texts:
                change.texts[name] = pack_text(texts[name], self.packing.dictionary)

    def _summed(
        self,
        connection: Connection,
        trace: TraceAtWrite,
        rows: Mapping[bytes, SpanRow],
        new: Mapping[bytes, Ready] = NOTHING_NEW,
    ) -> tuple[Mapping[bytes, SpanRow], Summary]:
        """Return the rows of a trace and what they come to, with the previews that it takes."""
        summary = summarise(rows.values())
        if not summary.root_shows_all and any(map(is_hidden, rows.values())):
            rows = {**rows, **{span_id: shown(ready.row, ready.record.reading) for span_id, ready in new.items()}}
            rows = self._with_previews(connection, trace.trace_id, rows)
            summary = summarise(rows.values())
        return rows, summary

    def _summarise(
        self, connection: Connection, trace: TraceAtWrite, rows: Iterable[SpanRow], summary: Summary, change: Change
    ) -> None:
        words = self._words.ids(connection, trace.project_id, words_of(rows, summary, trace.labels))
        had, has = set(trace.words), set(words)
        moved = trace.start_ns is not None and trace.start_ns != summary.start_ns
        change.words_dropped += [(word, trace.start_ns or 0, trace.row) for word in (had if moved else had - has)]
        change.words_put += [(word, summary.start_ns, trace.row) for word in (has if moved else has - had)]
        columns = (trace.places, connection.words.kept(has), *summary.columns)
        if trace.start_ns is None:
            change.traces_made.append((trace.row, trace.project_id, trace.trace_id, *columns))
        else:
            change.traces_changed.append((*columns, trace.row))

    def _apply(self, connection: Connection, change: Change) -> None:
        connection.executemany(self.change_span, change.spans_changed)
        connection.executemany(_CHANGE_TRACE, change.traces_changed)
        self._put(connection, change)
        change.rollups.apply(connection, self._series)
        if len(self._texts) > _MOST_TEXTS_REMEMBERED or self._prefix != self.packing.prefix:
            self._texts.clear()  # no text that comes has a name of another time any more
            self._prefix = self.packing.prefix
        self._texts.update(change.texts)

    def _put(self, connection: Connection, change: Change) -> None:
        """Put in the rows that are new, in the place of words that are not so any more."""
        connection.executemany(_DROP_WORD, change.words_dropped)
        put_sparse(connection, "spans", SPAN_COLUMNS, change.spans)
        connection.executemany(_PUT_PAYLOAD, change.payloads)
        connection.executemany(_PUT_TEXT, change.texts.items())
        connection.executemany(_PUT_USE, sorted(change.uses))
        connection.executemany(PUT_MEDIA_USE, change.media)
        put_sparse(connection, "traces", TRACE_COLUMNS, change.traces_made)
        connection.executemany(_PUT_WORD, sorted(change.words_put))

    def note(self, connection: Connection, written: Sequence[tuple[int, Record]]) -> int:
        """Have the text index take in the spans *written*; return the number of the journal entry."""
        packed = struct.pack(f"<{len(written)}q", *(at for at, _ in written))
        entry = connection.execute("INSERT INTO journal (addresses) VALUES (?) RETURNING n", (packed,)).fetchone()
        return int(entry[0])

    def reader_id(self, connection: Connection) -> int:
        """Return the number of today's reader."""
        if self._reader is None:
            connection.execute("INSERT INTO readers (name) VALUES (?) ON CONFLICT DO NOTHING", (reader(),))
            found = connection.execute("SELECT id FROM readers WHERE name = ?", (reader(),)).fetchone()
            self._reader = int(found[0])
        return self._reader

    def _project(self, connection: Connection, name: str) -> int:
        known = self._projects.get(name)
        if known is None:
            known = self._projects[name] = project_id_of(connection, name)
        return known

    def _origin(self, connection: Connection, origin: tuple[bytes, bytes]) -> int:
        name, body = origin
        known = self._origins.get(name)
        if known is None:
            connection.execute("INSERT INTO origins (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, body))
            found = connection.execute("SELECT id FROM origins WHERE hash = ?", (name,)).fetchone()
            known = self._origins[name] = int(found[0])
        return known


def payload_of(connection: Connection, at: int) -> tuple[int, bytes]:
    """Return the packed body that the span at *at* is in, and the address of the first span in it."""
    found = connection.execute(_FIND_PAYLOAD, (span_range(trace_row_of(at))[0], at)).fetchone()
    return found[0], found[1]


def _count(was: SpanRow | None, now: SpanRow, change: Change) -> None:
    if now == was:
        return
    change.rollups.add(now)
    if was is None:
        change.spans.append(now)
    else:
        change.rollups.take(was)
        change.spans_changed.append(now)


def addresses_of(connection: Connection, project_id: int, trace_id: bytes) -> list[int]:
    """Return the addresses of a trace's spans, none where there is no such trace."""
    found = connection.execute(FIND_TRACES.format("?"), (project_id, trace_id)).fetchone()
    if found is None:
        return []
    rows = connection.execute("SELECT id FROM spans WHERE id BETWEEN ? AND ? ORDER BY id", span_range(found[0]))
    return [at for (at,) in rows]


def span_rows(connection: Connection, trace_row: int) -> list[SpanRow]:
    """Return the rows of a trace's spans, in the order they came."""
    found = connection.execute("SELECT * FROM spans WHERE id BETWEEN ? AND ? ORDER BY id", span_range(trace_row))
    return [SpanRow._make(row) for row in found]
