"""The spans of a trace in columns: what its tree is laid out by, with each span's record made only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, overload

from .record import Record

_ERROR: Final = "error"


class Outline(Sequence[Record]):
    """Spans in the order they started; a large trace is laid out by the columns, and only what is shown is made."""

    def __init__(
        self,
        columns: tuple[Sequence[str], Sequence[str | None], Sequence[int], Sequence[int], Sequence[str], Sequence[str]],
        failed: Sequence[bool],
        costs: Sequence[int | None],
        counted: Sequence[bool],
        words: Callable[[], Iterable[str]],
        make: Callable[[int], Record],
    ) -> None:
        self.ids, self.parents, self.starts, self.ends, self.kinds, self.names = columns
        self.failed = failed
        self.costs = costs
        """Nano-dollars."""
        self.counted = counted
        """Whether the trace's cost has a span's, so that no call is counted twice."""
        self._said = words
        self._words: list[str] | None = None
        self._make = make

    @classmethod
    def of(cls, records: Sequence[Record]) -> Outline:
        """Return the outline of spans that are known whole, itself where it is one."""
        if isinstance(records, Outline):
            return records
        spans = [record.span for record in records]
        return cls(
            (
                [span.span_id for span in spans],
                [span.parent_span_id for span in spans],
                [span.start_ns for span in spans],
                [span.end_ns for span in spans],
                [record.kind for record in records],
                [record.name for record in records],
            ),
            [span.status == _ERROR for span in spans],
            [None if record.cost is None else record.cost.total_nusd for record in records],
            [True] * len(spans),
            lambda: map(_words_of, records),
            lambda n: records[n],
        )

    def joined(self, more: Sequence[Record]) -> Outline:
        """Return these spans and *more* after them."""
        if not more:
            return self
        other, count = Outline.of(more), len(self)

        def make(n: int) -> Record:
            return self[n] if n < count else more[n - count]

        return Outline(
            (
                (*self.ids, *other.ids),
                (*self.parents, *other.parents),
                (*self.starts, *other.starts),
                (*self.ends, *other.ends),
                (*self.kinds, *other.kinds),
                (*self.names, *other.names),
            ),
            (*self.failed, *other.failed),
            (*self.costs, *other.costs),
            (*self.counted, *other.counted),
            lambda: (*self.words, *other.words),
            make,
        )

    @property
    def words(self) -> Sequence[str]:
        """What each span is found by within its trace, in lower case; made once."""
        if self._words is None:
            self._words = [said.lower() for said in self._said()]
        return self._words

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, at: int | slice) -> Record | tuple[Record, ...]:
        if isinstance(at, slice):
            return tuple(map(self._make, range(*at.indices(len(self)))))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._make(at % len(self))


def _words_of(record: Record) -> str:
    reading, span = record.reading, record.span
    said = (record.name, reading.model, reading.request_model, reading.error_type, span.status_message)
    return " ".join(filter(None, said))
