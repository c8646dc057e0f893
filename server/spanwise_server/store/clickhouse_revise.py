"""Spans in ClickHouse read again by today's dialects, or priced again at today's prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..record import Event, Record
from .clickhouse_large import Key
from .clickhouse_rows import Kept, kept_again, record_of
from .clickhouse_write import Writer
from .reread import Part, Price, Revised, Reviser, priced_again, read_again, shows_differently
from .rows import SpanRow

LogsOf = Callable[[int, bytes], Mapping[bytes, Sequence[Event]]]


def revise(
    writer: Writer,
    project: str,
    keys: Sequence[Key],
    price: Price,
    how: Callable[[Reviser, Sequence[Part]], Revised],
    reader_id: int,
    logs_of: LogsOf,
) -> Revised:
    """Have *how* revise the spans of these traces, all of each trace together."""
    reviser = ClickHouseReviser(writer, project, keys, price, reader_id, logs_of)
    return how(reviser, [(trace_id, ()) for _, trace_id in keys])


class ClickHouseReviser(Reviser):
    """Revises spans of one project."""

    def __init__(
        self, writer: Writer, project: str, keys: Sequence[Key], price: Price, reader_id: int, logs_of: LogsOf
    ) -> None:
        self._of = writer
        self._keys = keys
        self._project = project
        self._price = price
        self._reader_id = reader_id
        self._logs_of = logs_of

    def reread(self, asked: Sequence[Part], *, everything: bool) -> Revised:  # noqa: ARG002  # its traces are the keys
        """Read spans again: those that another reader read, or all of them."""

        def again(kept: Kept, record: Record) -> Kept:
            row = read_again(kept.row, record, self._price)._replace(reader_id=self._reader_id)
            return replace(kept_again(kept, record), row=row)

        return self._put(again, lambda row: everything or row.reader_id != self._reader_id)

    def reprice(self, asked: Sequence[Part]) -> Revised:  # noqa: ARG002  # as above
        """Price spans again, by the model and the tokens that lists show of them."""
        return self._put(
            lambda kept, record: replace(kept, row=priced_again(kept.row, record, self._price)), lambda _: True
        )

    def _put(self, again: Callable[[Kept, Record], Kept], wanted: Callable[[SpanRow], bool]) -> Revised:
        old = self._of.spans_of(self._keys)
        new: dict[Key, dict[bytes, Kept]] = {}
        done = Revised()
        for key, spans in old.items():
            logs = self._logs_of(*key)
            revised = {
                span_id: again(kept, record_of(self._project, kept, logs))
                for span_id, kept in spans.items()
                if wanted(kept.row)
            }
            done += Revised(
                len(revised), sum(shows_differently(spans[one].row, kept.row) for one, kept in revised.items())
            )
            changed = {one: kept for one, kept in revised.items() if not kept.same(spans[one])}
            if changed:
                new[key] = changed
        self._of.put(old, new)
        return done
