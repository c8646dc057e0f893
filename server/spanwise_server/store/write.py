"""The write path: records are made ready outside the lock, and go into the store in one transaction."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from mypy_extensions import mypyc_attr

from ..record import Record
from .address import address, span_range
from .change import DERIVED, SPAN_COLUMNS, TRACE_COLUMNS, Change, TraceAtWrite
from .connection import Connection
from .dictionaries import knowing
from .media import PUT_MEDIA_USE
from .payload import pack, replaced, texts_named
from .ready import Chunk, Ready, chunks_of
from .rollup_change import taken_out
from .rows import SpanRow, is_hidden, placed, shown
from .running import RunningSummary, running_of
from .running_kept import FEWEST_SPANS
from .sparse import insert, put, put_sparse
from .stored_rows import FIND_TRACES, payload_of, rows_at, span_rows
from .summary import Summary, summarise
from .text_owners import put_texts
from .words import Word, labels_of, unpack_ids, words_of, words_of_summary
from .writer_memory import WriterMemory

_ASKED_AT_ONCE: Final = 400

_CHANGE_SPAN: Final = insert("spans", SPAN_COLUMNS, "OR REPLACE")
_IN_ITS_PLACE: Final = "ON CONFLICT (id) DO UPDATE SET body = excluded.body"
_PUT_PAYLOAD: Final = insert("payloads", ("id", "body"), unless=_IN_ITS_PLACE)
_UNLESS_THERE: Final = "ON CONFLICT DO NOTHING"
_DROP_WORD: Final = "DELETE FROM trace_words WHERE word_id = ? AND start_ns = ? AND trace_row = ?"
_CHANGE_TRACE: Final = f"UPDATE traces SET {', '.join(f'{c} = ?' for c in TRACE_COLUMNS[3:])} WHERE id = ?"


#: Tables whose rows are found by the address of a span. These are names of the module, since a compiled class has
#: no attributes to derive others from.
BY_ADDRESS: Final = ("spans", "payloads")
NOTHING_NEW: Final[Mapping[bytes, Ready]] = {}


WithPreviews = Callable[[Connection, bytes, Mapping[bytes, SpanRow]], Mapping[bytes, SpanRow]]
"""Gives the rows of the trace with this id with the previews that are not kept."""


@mypyc_attr(allow_interpreted_subclasses=True)
class SpanWriter(WriterMemory):
    """The one writer."""

    find_traces = FIND_TRACES
    change_span = _CHANGE_SPAN
    put_payload = _PUT_PAYLOAD
    by_address: Sequence[str] = BY_ADDRESS
    """The tables that have rows by the address of a span."""
    derived: Sequence[str] = DERIVED
    """The tables that are made anew of spans."""

    def __init__(self, with_previews: WithPreviews) -> None:
        super().__init__()
        self._with_previews = with_previews

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
        self._running.drop(row)
        old = {span.span_id: span for span in span_rows(connection, row)}
        trace = TraceAtWrite(row, project_id, trace_id, old, [], places + 1, unpack_ids(words), start_ns)
        trace.labels = labels_of(connection, project_id, [trace_id]).get(trace_id, ())
        rows, summary = self._summed(connection, trace, old | dict(revised))
        change = Change.none()
        for span_id, was in old.items():
            change.count(was, placed(rows[span_id], counted=int(span_id in summary.counted)))
        change.turn(trace, rows)
        self._summarise(connection, trace, words_of(rows.values(), summary, trace.labels), summary, change)
        self._apply(connection, change)

    def recount(self, connection: Connection) -> int:
        """Compute every summary, word and rollup anew from the spans; return how many traces there are."""
        self.forget()
        for table in self.derived:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("UPDATE rollup_days SET changes = changes + 1")
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
            change.turn(trace, rows)
            self._summarise(connection, trace, words_of(rows.values(), summary, trace.labels), summary, change)
            change.traces_changed.append((*change.traces_made.pop()[3:], row))
            self._apply(connection, change)
        return len(found)

    def delete(self, connection: Connection, project_id: int, trace_id: bytes) -> bool:
        """Take a trace with everything that only it needs out of the store; return whether it was there."""
        found = connection.execute(self.find_traces.format("?"), (project_id, trace_id)).fetchone()
        if found is None:
            return False
        row, _, _, words, start_ns = found
        self._running.drop(row)
        self.count(connection, taken_out(span_rows(connection, row)))
        self._drop_texts(connection, row)  # which the packed spans name
        for table in self.by_address:
            connection.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", span_range(row))
        connection.words.change(connection, row, start_ns, put=(), dropped=unpack_ids(words))
        connection.execute("DELETE FROM traces WHERE id = ?", (row,))
        for table in ("span_logs", "media_uses"):  # the files of the media are removed by the next sweep
            connection.execute(f"DELETE FROM {table} WHERE project_id = ? AND trace_id = ?", (project_id, trace_id))
        connection.execute(
            "DELETE FROM annotations WHERE project_id = ? AND trace_id = ?", (project_id, trace_id.hex())
        )
        return True

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
                trace = TraceAtWrite(row, project_id, trace_id, {}, chunks, places, unpack_ids(words), start_ns)
                self._look_up(connection, trace)
                traces.append(trace)
        for project_id, trace_ids in by_project.items():
            labels = labels_of(connection, project_id, trace_ids)
            for trace in traces:
                if trace.project_id == project_id:
                    trace.labels = labels.get(trace.trace_id, ())
        return traces

    def _look_up(self, connection: Connection, trace: TraceAtWrite) -> None:
        """Give a trace that is there the rows of its spans, or what is kept running of a large one."""
        running = self._running.of(trace.row, trace.places)
        if running is None:
            rows = span_rows(connection, trace.row)
            if len(rows) >= FEWEST_SPANS:
                running = running_of(rows, trace.places)
            if running is None or running.lost:
                trace.old = {span.span_id: span for span in rows}
                return
        trace.running = running
        again = [
            at
            for chunk in trace.chunks
            for ready in chunk.spans
            if (at := running.address_of(ready.row.span_id)) is not None
        ]
        trace.old = {row.span_id: row for row in rows_at(connection, again).values()}

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
        if trace.running is not None:
            if self._run_on(connection, trace, trace.running, new, places, change, written):
                return
            trace.running = None
            self._running.drop(trace.row)
            trace.old = {span.span_id: span for span in span_rows(connection, trace.row)}
        rows, summary = self._summed(
            connection, trace, trace.old | {span_id: ready.row for span_id, ready in new.items()}, new
        )
        hides = summary.root_shows_all
        for span_id, ready in new.items():
            hide = hides and span_id != summary.root.span_id
            counted = int(span_id in summary.counted)
            now = self._place(connection, trace, ready, rows[span_id], places[span_id], counted=counted, hide=hide)
            self._take_in(trace, ready, now, change, written)
        change.turn(trace, rows)
        for span_id, was in trace.old.items():
            if span_id not in new:
                change.count(was, placed(rows[span_id], counted=int(span_id in summary.counted)))
        self._summarise(connection, trace, words_of(rows.values(), summary, trace.labels), summary, change)

    def _run_on(
        self,
        connection: Connection,
        trace: TraceAtWrite,
        running: RunningSummary,
        new: Mapping[bytes, Ready],
        places: Mapping[bytes, tuple[int, int]],
        change: Change,
        written: list[tuple[int, Record]],
    ) -> bool:
        """Place the *new* spans of a trace with a running summary; return whether that was enough to tell its sums."""

        def fetch(addresses: Sequence[int]) -> Mapping[int, SpanRow]:
            return rows_at(connection, addresses)

        rows = {span_id: ready.row for span_id, ready in new.items()}
        for span_id, row in rows.items():
            running.place(trace.old.get(span_id), row)
        root = None if running.lost else running.find_root(rows.get, fetch)
        if root is None or (running.hidden and not running.root_shows_all):
            return False
        hides = running.root_shows_all
        for span_id, ready in new.items():
            row = rows[span_id] if hides or not is_hidden(rows[span_id]) else shown(ready.row, ready.record.reading)
            hide = hides and span_id != root.span_id
            rows[span_id] = self._place(connection, trace, ready, row, places[span_id], counted=0, hide=hide)
            running.say(trace.old.get(span_id), rows[span_id])
        turned = running.settle(rows.get, fetch)
        if running.lost:
            return False
        for span_id, ready in new.items():
            now = placed(rows[span_id], counted=int(span_id in running.counted))
            self._take_in(trace, ready, now, change, written)
        for was in turned:
            change.count(was, placed(was, counted=1 - was.counted))
        summary = running.summary()
        words = words_of_summary(summary, trace.labels).union(running.words)
        self._summarise(connection, trace, words, summary, change)
        change.rollups.of_steps.turn(trace.project_id, running.steps.turned())
        running.places = trace.places
        self._running.keep(trace.row, running)
        return True

    def _place(
        self,
        connection: Connection,
        trace: TraceAtWrite,
        ready: Ready,
        row: SpanRow,
        at: tuple[int, int],
        *,
        counted: int,
        hide: bool,
    ) -> SpanRow:
        """Return the row of a new span as it is kept."""
        return placed(
            row, counted=counted, at=at[0], project_id=trace.project_id,
            origin_id=self._origin(connection, ready.origin), rewritten=at[1], reader_id=self.reader_id(connection),
            hide=hide,
        )  # fmt: skip

    @staticmethod
    def _take_in(
        trace: TraceAtWrite, ready: Ready, now: SpanRow, change: Change, written: list[tuple[int, Record]]
    ) -> None:
        written.append((now.id, ready.record))
        for digest in ready.record.media:
            change.media.add((trace.project_id, trace.trace_id, bytes.fromhex(digest)))
        change.count(trace.old.get(now.span_id), now)

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
        connection.execute(self.put_payload, (first, changed))  # at once: another span of the chunk may come over it
        named = set(texts_named(changed))
        self._keep_texts(trace, (name for name in packed.names if name in named), texts, change)
        return 1

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
        self, connection: Connection, trace: TraceAtWrite, words: set[Word], summary: Summary, change: Change
    ) -> None:
        had, has = set(trace.words), self._ids(connection, trace, words)
        moved = trace.start_ns is not None and trace.start_ns != summary.start_ns
        change.words_dropped += [(word, trace.start_ns or 0, trace.row) for word in (had if moved else had - has)]
        change.words_put += [(word, summary.start_ns, trace.row) for word in (has if moved else has - had)]
        columns = (trace.places, connection.words.kept(has), *summary.columns)
        if trace.start_ns is None:
            change.traces_made.append((trace.row, trace.project_id, trace.trace_id, *columns))
        else:
            change.traces_changed.append((*columns, trace.row))

    def _ids(self, connection: Connection, trace: TraceAtWrite, words: set[Word]) -> set[int]:
        if trace.running is None:
            return set(self._words.ids(connection, trace.project_id, words))
        known = trace.running.word_ids
        unknown = [word for word in words if word not in known]
        known.update(zip(unknown, self._words.ids(connection, trace.project_id, unknown), strict=True))
        return {known[word] for word in words}

    def _apply(self, connection: Connection, change: Change) -> None:
        connection.executemany(self.change_span, change.spans_changed)
        connection.executemany(_CHANGE_TRACE, change.traces_changed)
        self._put(connection, change)
        self.count(connection, change.rollups)
        self._remember_texts(change)

    def _put(self, connection: Connection, change: Change) -> None:
        """Put in the rows that are new, in the place of words that are not so any more."""
        connection.executemany(_DROP_WORD, change.words_dropped)
        put_sparse(connection, "spans", SPAN_COLUMNS, change.spans)
        put(connection, "payloads", ("id", "body"), change.payloads, _IN_ITS_PLACE)
        put_texts(connection, change)
        connection.executemany(PUT_MEDIA_USE, change.media)
        put_sparse(connection, "traces", TRACE_COLUMNS, change.traces_made)
        words = sorted(change.words_put)
        put(connection, "trace_words", ("word_id", "start_ns", "trace_row"), words, _UNLESS_THERE)

    def note(self, connection: Connection, written: Sequence[tuple[int, Record]]) -> int:
        """Have the text index take in the spans *written*; return the number of the journal entry."""
        packed = struct.pack(f"<{len(written)}q", *(at for at, _ in written))
        entry = connection.execute("INSERT INTO journal (addresses) VALUES (?) RETURNING n", (packed,)).fetchone()
        return int(entry[0])
