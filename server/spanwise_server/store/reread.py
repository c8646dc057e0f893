"""Spans that are in the store read again by today's dialects, or priced again at today's prices.

What was sent stays as it is; what lists, totals and rollups say of it is put right, a few traces a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..record import Cost, Reading, Record
from .address import span_range
from .assemble import Assembler
from .connection import Connection
from .rows import SpanRow, buckets_of, hidden, is_hidden, is_unmade, row_of, unmade, usage_of
from .write import SpanWriter

Price = Callable[[Reading, int], Cost | None]
"""Returns what a call cost at a time in nanoseconds since 1970."""
Part = tuple[bytes, Sequence[int]]
"""A trace's id and the addresses of some of its spans."""

#: Spans in one transaction; the writers of a server wait meanwhile.
SPANS_AT_ONCE: Final = 256
#: For each part of a large trace all of it is summed up again, so its parts are larger.
_SPANS_OF_LARGE: Final = 4_000
#: The columns that a price follows from, besides the buckets of tokens.
_PRICED_BY: Final = tuple(map(SpanRow._fields.index, ("kind", "provider", "model")))
#: The columns whose text is searched too.
_TEXTS: Final = tuple(
    map(
        SpanRow._fields.index,
        ("name", "trace_name", "error_type", "error_message", "input_preview", "output_preview"),
    )
)


@dataclass(frozen=True, slots=True)
class Revised:
    """What one transaction did: spans looked at, and those of them whose row is another now."""

    spans: int = 0
    changed: int = 0

    def __add__(self, other: Revised) -> Revised:
        """Return both together."""
        return Revised(self.spans + other.spans, self.changed + other.changed)


def parts(connection: Connection, project_id: int, trace_ids: Sequence[bytes]) -> Iterator[list[Part]]:
    """Yield the spans of traces in parts, each for one transaction."""
    gathered: list[Part] = []
    spans = 0
    for trace_id in trace_ids:
        addresses = _addresses(connection, project_id, trace_id)
        if gathered and spans + len(addresses) > SPANS_AT_ONCE:
            yield gathered
            gathered, spans = [], 0
        for at in range(0, len(addresses), _SPANS_OF_LARGE):
            some = addresses[at : at + _SPANS_OF_LARGE]
            gathered.append((trace_id, some))
            spans += len(some)
            if spans >= _SPANS_OF_LARGE:
                yield gathered
                gathered, spans = [], 0
    if gathered:
        yield gathered


def _addresses(connection: Connection, project_id: int, trace_id: bytes) -> list[int]:
    found = connection.execute(
        "SELECT id FROM traces WHERE project_id = ? AND trace_id = ?", (project_id, trace_id)
    ).fetchone()
    if found is None:
        return []
    return [
        address
        for (address,) in connection.execute("SELECT id FROM spans WHERE id BETWEEN ? AND ?", span_range(found[0]))
    ]


def forget_readers(connection: Connection, today: int) -> tuple[str, ...]:
    """Forget the readers but *today* that no span is of any more; return the names of those left."""
    left = {reader_id for (reader_id,) in connection.execute("SELECT DISTINCT reader_id FROM spans")}
    found = connection.execute("SELECT id, name FROM readers WHERE id <> ? ORDER BY id", (today,)).fetchall()
    connection.executemany("DELETE FROM readers WHERE id = ?", [(number,) for number, _ in found if number not in left])
    return tuple(name for number, name in found if number in left)


class Reviser:
    """Revises spans of one project, in the caller's transaction."""

    def __init__(self, connection: Connection, writer: SpanWriter, project: str, project_id: int, price: Price) -> None:
        self._connection = connection
        self._writer = writer
        self._project = project
        self._project_id = project_id
        self._price = price

    def reread(self, asked: Sequence[Part], *, everything: bool) -> Revised:
        """Read spans again: those that another reader read, or all of them."""
        reader_id = self._writer.reader_id(self._connection)

        def again(was: SpanRow, record: Record) -> SpanRow:
            return read_again(was, record, self._price)._replace(reader_id=reader_id)

        def wanted(was: SpanRow) -> bool:
            return everything or was.reader_id != reader_id

        return self._revised(asked, wanted, again)

    def reprice(self, asked: Sequence[Part]) -> Revised:
        """Price spans again, by the model and the tokens that lists show of them."""
        return self._revised(asked, lambda _: True, lambda was, record: priced_again(was, record, self._price))

    def _revised(
        self,
        asked: Sequence[Part],
        wanted: Callable[[SpanRow], bool],
        revise: Callable[[SpanRow, Record], SpanRow],
    ) -> Revised:
        done = Revised()
        assembler = Assembler(self._connection)
        read: list[tuple[int, Record]] = []
        for trace_id, addresses in asked:
            rows = [row for row in self._rows(addresses) if wanted(row)]
            records = assembler.records(self._project, [(row, trace_id) for row in rows])
            revised = {was.span_id: revise(was, record) for was, record in zip(rows, records, strict=True)}
            changed = {was.span_id: now for was in rows if (now := revised[was.span_id]) != was}
            if changed:
                self._writer.revise(self._connection, self._project_id, trace_id, changed)
            read += [
                (was.id, record)
                for was, record in zip(rows, records, strict=True)
                if _reads_differently(was, revised[was.span_id])
            ]
            done += Revised(len(rows), sum(shows_differently(was, revised[was.span_id]) for was in rows))
        if read:
            self._writer.note(self._connection, read)
        return done

    def _rows(self, addresses: Sequence[int]) -> list[SpanRow]:
        if not addresses:
            return []
        found = self._connection.execute(
            "SELECT * FROM spans WHERE id BETWEEN ? AND ? ORDER BY id", (addresses[0], addresses[-1])
        )
        return [SpanRow._make(row) for row in found]


def read_again(was: SpanRow, record: Record, price: Price) -> SpanRow:
    """Return the row as it is read today; a cost is kept unless what it was computed from is read otherwise."""
    now = row_of(record, was.span_id, was.parent_id)
    cost = price(record.reading, record.span.start_ns)
    reported = "reported" in (was.cost_source, None if cost is None else cost.source)
    same = buckets_of(now) == buckets_of(was) and all(now[at] == was[at] for at in _PRICED_BY)
    if reported or not same:
        now = row_of(replace(record, cost=cost), was.span_id, was.parent_id)
    if is_hidden(was):  # what of it stands for its previews can be compared
        asked, answered = unmade(record.reading)
        now = now._replace(
            input_preview=asked if is_unmade(was.input_preview) else hidden(now.input_preview),
            output_preview=answered if is_unmade(was.output_preview) else hidden(now.output_preview),
        )
    return now._replace(
        id=was.id,
        project_id=was.project_id,
        counted=was.counted,
        origin_id=was.origin_id,
        # The index only ever takes words in: where shown words are gone, those that it has must be proved.
        rewritten=was.rewritten or int(any(now[at] != was[at] for at in _TEXTS)),
    )


def priced_again(was: SpanRow, record: Record, price: Price) -> SpanRow:
    """Return the row at today's price."""
    said = replace(
        record.reading, kind=was.kind, provider=was.provider, model=was.model, usage=usage_of(buckets_of(was))
    )
    cost = price(said, record.span.start_ns)
    if cost is None:
        return was._replace(
            cost_nusd=None, cost_input_nusd=None, cost_output_nusd=None, cost_source=None, price_id=None
        )
    return was._replace(
        cost_nusd=cost.total_nusd,
        cost_input_nusd=cost.input_nusd,
        cost_output_nusd=cost.output_nusd,
        cost_source=cost.source,
        price_id=cost.price_id,
    )


def _reads_differently(was: SpanRow, now: SpanRow) -> bool:
    """Whether the text index may lack words of the span."""
    return was.reader_id != now.reader_id or any(now[at] != was[at] for at in _TEXTS)


def shows_differently(was: SpanRow, now: SpanRow) -> bool:
    """Whether anything is another but what nobody sees: the reader's number, the mark of the answer."""
    return was._replace(reader_id=0, rewritten=0, answer=None) != now._replace(reader_id=0, rewritten=0, answer=None)
