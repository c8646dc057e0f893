"""Large traces in ClickHouse: what one comes to is kept from write to write, so that a batch costs what came with it.

A span's number here is its id, by which it is read again. What is kept is of one version of the trace: where another
process wrote the trace since, it is made anew from all spans.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .clickhouse_compile import ids_in
from .clickhouse_rows import Kept, tie_of
from .clickhouse_server import Server
from .conditions import Sql
from .rows import SpanRow, placed
from .running import RunningSummary, running_of
from .running_kept import FEWEST_SPANS, RunningSummaries
from .summary import Summary, summarise
from .words import Word, words_of, words_of_summary

Key = tuple[int, bytes]
"""Project and trace."""
Read = Callable[[Key, Sequence[bytes]], Mapping[bytes, Kept]]
"""Returns those spans of a trace that are there, by their ids."""


@dataclass(frozen=True, slots=True)
class Summed:
    """What a write makes of a trace."""

    was: Mapping[bytes, Kept]
    """The spans that change, those that came again among them, as they were."""
    now: Mapping[bytes, Kept]
    """The spans that came, and those that may count otherwise than they did."""
    started_ns: int | None
    """When the trace began before this write, ``None`` where it is new."""
    summary: Summary
    words: set[Word]


class LargeTrace:
    """One large trace that more spans come to."""

    def __init__(self, key: Key, running: RunningSummary, version: int) -> None:
        self.key = key
        self.running = running
        self.version = version
        """Of the trace, as it was when this was kept."""

    def here(self, span_ids: Iterable[bytes]) -> list[bytes]:
        """Return those spans that are there already."""
        return [span_id for span_id in span_ids if self.running.address_of(span_id) is not None]

    def run_on(self, read: Read, again: Mapping[bytes, Kept], new: Mapping[bytes, Kept]) -> Summed | None:
        """Take *new* spans in, some of which came *again*; ``None`` where only all spans tell what it comes to."""
        running, there = self.running, dict(again)
        started_ns = running.summary().start_ns

        def fetch(numbers: Sequence[int]) -> Mapping[int, SpanRow]:
            found = read(self.key, [_span_id(number) for number in numbers])
            there.update(found)
            return {number: numbered(found[_span_id(number)].row) for number in numbers}

        was = {span_id: numbered(kept.row) for span_id, kept in again.items()}
        rows = {span_id: numbered(placed(kept.row, counted=0)) for span_id, kept in new.items()}
        for span_id, row in rows.items():
            running.place(was.get(span_id), row)
        root = None if running.lost else running.find_root(rows.get, fetch)
        if root is None:
            return None
        for span_id, row in rows.items():
            running.say(was.get(span_id), row)
        turned = running.settle(rows.get, fetch)
        if running.lost:
            return None
        now = {span_id: _counted(kept, running.counted) for span_id, kept in new.items()}
        now |= {row.span_id: _counted(there[row.span_id], running.counted) for row in turned}
        summary = running.summary()
        words = words_of_summary(summary, ()).union(running.words)
        return Summed(there, now, started_ns, summary, words)


class LargeTraces:
    """The large traces that were written last."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kept = RunningSummaries()

    def take(self, keys: Collection[Key]) -> dict[Key, LargeTrace]:
        """Return what is kept of those traces that are as they were, and keep it no longer."""
        known = [key for key in keys if self._kept.has(tie_of(*key))]
        found: dict[Key, LargeTrace] = {}
        if not known:
            return found
        for project_id in {project_id for project_id, _ in known}:
            which = ids_in("trace_id", [trace_id for of, trace_id in known if of == project_id])
            versions = self._server.rows(
                Sql(
                    f"SELECT trace_id, max(version) FROM traces WHERE project_id = ? AND {which.text} "
                    "GROUP BY trace_id SETTINGS final = 0",
                    (project_id, *which.values),
                )
            )
            for trace_id, version in versions:
                key = project_id, trace_id
                running = self._kept.of(tie_of(*key), version)
                if running is not None:
                    found[key] = LargeTrace(key, running, version)
        for key in known:
            self._kept.drop(tie_of(*key))
        return found

    def keep(self, key: Key, rows: Sequence[SpanRow] | RunningSummary, version: int) -> None:
        """Keep what a trace of this version comes to, given all its spans or what it was taken in by."""
        if isinstance(rows, RunningSummary):
            running = rows
        elif len(rows) < FEWEST_SPANS:
            return
        else:
            running = running_of(map(numbered, rows), version)
        if not running.lost:
            running.places = version
            self._kept.keep(tie_of(*key), running)


def summed(was: Mapping[bytes, Kept], new: Mapping[bytes, Kept]) -> Summed:
    """Return what comes of a trace whose spans all are known: those that it had, and *new* ones."""
    every = {**was, **new}
    rows = [kept.row for kept in every.values()]
    summary = summarise(rows)
    now = {span_id: _counted(kept, summary.counted) for span_id, kept in every.items()}
    started_ns = min((kept.row.start_ns for kept in was.values()), default=None)
    return Summed(was, now, started_ns, summary, words_of(rows, summary, ()))


def numbered(row: SpanRow) -> SpanRow:
    """Return *row* with the number that its id is."""
    return row._replace(id=int.from_bytes(row.span_id, "big"))


def _span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _counted(kept: Kept, counted: Collection[bytes]) -> Kept:
    row = placed(kept.row, counted=int(kept.row.span_id in counted))
    return kept if row is kept.row else replace(kept, row=row)
