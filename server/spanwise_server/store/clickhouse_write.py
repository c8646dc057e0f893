"""The write path of ClickHouse: what a batch changes of the traces it touches, as one insert of rows with a sign.

A span that was there is written with what it was (sign -1) and what it is (sign 1), in one insert whose parts the
tables of spans and of rollups take for themselves. So sums are exact whatever comes late, twice or out of order, and a
retry of the insert under its token changes nothing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from .clickhouse_compile import ids_in
from .clickhouse_days import DAY_NS, ProjectDay
from .clickhouse_large import Key, LargeTrace, LargeTraces, summed
from .clickhouse_rows import SPAN_COLUMNS, TRACE_COLUMNS, WRITE_COLUMNS, Kept, kept_of, read_kept, tie_of, word
from .clickhouse_server import Server
from .conditions import Sql
from .ready import Chunk
from .rows import SpanRow
from .running import RunningSummary
from .summary import Summary
from .words import Word

_ASKED_AT_ONCE: Final = 1_000


class Writer:
    """Writes spans and what follows from them; the caller sees to it that nobody else writes the same traces."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._large = LargeTraces(server)
        self._last_version = 0
        self.repeated = 0
        self.days: set[ProjectDay] = set()
        """The days that changed, or may have, since ``noted_until``."""
        self.left = False
        """Whether traces left one of them."""

    def write(self, batch: Iterable[Chunk], projects: Mapping[str, int], reader_id: int) -> None:
        """Put *batch* in; of two spans with the same ids the later one stands."""
        new: dict[Key, dict[bytes, Kept]] = defaultdict(dict)
        for chunk in batch:
            key = projects[chunk.project], chunk.trace_id
            for ready in chunk.spans:
                self.repeated += ready.row.span_id in new[key]
                new[key][ready.row.span_id] = kept_of(ready, key[0], chunk.trace_id, reader_id)
        large = self._large.take(new)
        old = self.spans_of(key for key in new if key not in large)
        again = {key: self.spans_with(key, one.here(new[key])) for key, one in large.items()}
        for key, spans in new.items():
            self.repeated += len((again.get(key) or old.get(key, {})).keys() & spans.keys())
        self._put(old, new, large, again)

    def put(self, old: Mapping[Key, Mapping[bytes, Kept]], new: Mapping[Key, Mapping[bytes, Kept]]) -> None:
        """Put *new* spans beside or in the place of the *old* ones of their traces, and sum their traces up."""
        self._put(old, new, {}, {})

    def _put(
        self,
        old: Mapping[Key, Mapping[bytes, Kept]],
        new: Mapping[Key, Mapping[bytes, Kept]],
        large: Mapping[Key, LargeTrace],
        again: Mapping[Key, Mapping[bytes, Kept]],
    ) -> None:
        version = self._next_version(old, [one.version for one in large.values()])
        spans: list[tuple[Any, ...]] = []
        traces: list[tuple[Any, ...]] = []
        keep: list[tuple[Key, Sequence[SpanRow] | RunningSummary]] = []
        for key, of_trace in new.items():
            one = large.get(key)
            done = None if one is None else one.run_on(self.spans_with, again[key], of_trace)
            if one is not None and done is not None:
                keep.append((key, one.running))
            else:
                done = summed(old[key] if key in old else self.spans_of([key])[key], of_trace)
                keep.append((key, [kept.row for kept in done.now.values()]))
            for span_id, kept in done.now.items():
                spans += _changed(done.was.get(span_id), kept, version)
            self._touch(key, (done.started_ns, done.summary.start_ns))
            self._touch(key, (kept.row.start_ns for each in (done.was, done.now) for kept in each.values()))
            traces += self._trace_rows(key, done.started_ns, done.words, done.summary, version)
        self._server.insert("span_writes", WRITE_COLUMNS, spans)
        self._server.insert("traces", TRACE_COLUMNS, traces)
        for key, kept_of_it in keep:
            self._large.keep(key, kept_of_it, version + 1)

    def put_again(self, spans: Mapping[Key, Mapping[bytes, Kept]]) -> None:
        """Put *spans* in as they are where the sums have nothing of them."""
        version = self._next_version(spans)
        rows, traces = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
        for key, of_trace in spans.items():
            done = summed({}, of_trace)
            self._touch(key, (kept.row.start_ns for kept in done.now.values()))
            rows += [kept.values(version=version + 1, gone=0, sign=1) for kept in done.now.values()]
            traces += self._trace_rows(key, None, done.words, done.summary, version)
        self._server.insert("span_writes", WRITE_COLUMNS, rows)
        self._server.insert("traces", TRACE_COLUMNS, traces)

    def _trace_rows(
        self, key: Key, started_ns: int | None, words: Iterable[Word], summary: Summary, version: int
    ) -> list[tuple[Any, ...]]:
        """Return the row of a trace that began at *started_ns* before, and what takes the one of another day away."""
        rows = []
        row = (*key, tie_of(*key), sorted(map(word, words)), *summary.columns)
        if started_ns is not None and started_ns // DAY_NS != summary.start_ns // DAY_NS:
            at = TRACE_COLUMNS.index("start_ns")
            rows.append((*row[:at], started_ns, *row[at + 1 :], version, 1))
            self.left = True
        rows.append((*row, version + 1, 0))
        return rows

    def delete(self, keys: Sequence[Key]) -> int:
        """Take traces away, out of every sum; return how many there were."""
        old = {key: spans for key, spans in self.spans_of(keys).items() if spans}
        self.left = True
        version = self._next_version(old)
        for key, spans in old.items():
            self._touch(key, (kept.row.start_ns for kept in spans.values()))
        rows = [kept.values(version=version, gone=1, sign=-1) for spans in old.values() for kept in spans.values()]
        self._server.insert("span_writes", WRITE_COLUMNS, rows)
        self._take_off(keys)
        return len(old)

    def _take_off(self, keys: Sequence[Key]) -> None:
        """Have traces leave the disk, not only the answers: their spans last, which tell that it is to be done."""
        for project_id in {project_id for project_id, _ in keys}:
            listed = ", ".join(f"unhex('{trace_id.hex()}')" for of, trace_id in keys if of == project_id)
            for table in ("traces", "spans"):
                self._server.command_of(
                    f"ALTER TABLE {table}{{local}} DELETE WHERE project_id = {project_id} AND trace_id IN ({listed})"
                )

    @property
    def version(self) -> int:
        """The newest version of all that was written here."""
        return self._last_version + 1

    def noted_until(self, version: int) -> None:
        """Begin with no days that changed, and with versions above one that was noted, by whichever process."""
        self.days, self.left = set(), False
        self._last_version = max(self._last_version, version)

    def next_version(self) -> int:
        """Return a version above all there were, where nothing is written."""
        return self._next_version({}) + 1

    def _touch(self, key: Key, starts: Iterable[int | None]) -> None:
        self.days |= {(key[0], start_ns // DAY_NS) for start_ns in starts if start_ns is not None}

    def mend(self) -> int:
        """Bring to its end what a process was cut off in; return of how many traces.

        Spans go in before the summaries of their traces, both with a version above all there were: spans newer than
        every summary are those of a write, or of a deletion, that did not come to its summaries.
        """
        rows = self._server.rows(
            Sql(
                "SELECT DISTINCT project_id, trace_id FROM spans WHERE version > "
                "(SELECT max(version) FROM traces) SETTINGS final = 0"
            )
        )
        keys = [(project_id, trace_id) for project_id, trace_id in rows]
        for at in range(0, len(keys), _ASKED_AT_ONCE):
            found = self.spans_of(keys[at : at + _ASKED_AT_ONCE])
            there = {key: spans for key, spans in found.items() if spans}
            self.put(there, there)
            self._take_off([key for key, spans in found.items() if not spans])
        return len(keys)

    def delete_empty(self) -> None:
        """Take away the rows of traces that have no span."""
        self._server.command_of(
            "ALTER TABLE traces{local} DELETE WHERE (project_id, trace_id) NOT IN "
            "(SELECT project_id, trace_id FROM spans FINAL)"
        )

    def spans_of(self, keys: Iterable[Key]) -> dict[Key, dict[bytes, Kept]]:
        """Return the spans that there are of traces, by their ids."""
        found: dict[Key, dict[bytes, Kept]] = {key: {} for key in keys}
        by_project: dict[int, list[bytes]] = defaultdict(list)
        for project_id, trace_id in found:
            by_project[project_id].append(trace_id)
        for project_id, trace_ids in by_project.items():
            for at in range(0, len(trace_ids), _ASKED_AT_ONCE):
                which = ids_in("trace_id", trace_ids[at : at + _ASKED_AT_ONCE])
                sql = Sql(
                    f"SELECT {', '.join(SPAN_COLUMNS)} FROM spans PREWHERE project_id = ? AND {which.text}",
                    (project_id, *which.values),
                )
                for kept in read_kept(*self._server.table(sql)):
                    found[project_id, kept.trace_id][kept.row.span_id] = kept
        return found

    def spans_with(self, key: Key, span_ids: Sequence[bytes]) -> dict[bytes, Kept]:
        """Return those spans of a trace that are there, by their ids."""
        found: dict[bytes, Kept] = {}
        for at in range(0, len(span_ids), _ASKED_AT_ONCE):
            which = ids_in("span_id", span_ids[at : at + _ASKED_AT_ONCE])
            sql = Sql(
                f"SELECT {', '.join(SPAN_COLUMNS)} FROM spans PREWHERE project_id = ? AND trace_id = ? "
                f"AND {which.text}",
                (*key, *which.values),
            )
            found |= {kept.row.span_id: kept for kept in read_kept(*self._server.table(sql))}
        return found

    def _next_version(self, old: Mapping[Key, Mapping[bytes, Kept]], known: Iterable[int] = ()) -> int:
        """Return a version above all there were; with a number free behind it."""
        newest = max((kept.version for spans in old.values() for kept in spans.values()), default=0)
        newest = max((newest, *known))
        self._last_version = max(time.time_ns() // 1_000, self._last_version + 2, newest + 2)
        return self._last_version


def _changed(was: Kept | None, now: Kept, version: int) -> list[tuple[Any, ...]]:
    if was is None:
        return [now.values(version=version + 1, gone=0, sign=1)]
    if was.same(now) and was.said == now.said and was.body == now.body:
        return []
    moved = was.row.start_ns // DAY_NS != now.row.start_ns // DAY_NS
    return [was.values(version=version, gone=int(moved), sign=-1), now.values(version=version + 1, gone=0, sign=1)]
