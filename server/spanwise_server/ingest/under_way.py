"""Spans that have begun and not ended, as our SDK announces them: shown while they run, and counted nowhere.

They are kept in memory alone. The span itself takes the place of its announcement when it comes; what never ends is
forgotten after a day, when there are too many, or when the server ends.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from spanwise.vocabulary import PENDING

from ..record import Record

MOST_SPANS: Final = 20_000
LONGEST_S: Final = 86_400.0

_Key = tuple[str, str, str]


class UnderWay:
    """What is known of spans under way; any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._spans: OrderedDict[_Key, tuple[float, Record]] = OrderedDict()

    def put(self, begun: Iterable[Record]) -> None:
        """Keep announcements; of too many the oldest go."""
        now = self._clock()
        with self._lock:
            for record in begun:
                self._spans[_key(record)] = now, record
            while len(self._spans) > MOST_SPANS:
                self._spans.popitem(last=False)
            while self._spans and next(iter(self._spans.values()))[0] < now - LONGEST_S:
                self._spans.popitem(last=False)

    def drop(self, ended: Iterable[Record]) -> None:
        """Forget the announcements of spans that have come themselves."""
        if not self._spans:
            return
        with self._lock:
            for record in ended:
                self._spans.pop(_key(record), None)

    def of(self, project: str, trace_id: str | None = None) -> tuple[Record, ...]:
        """Return the spans under way of a project, or of one trace, in the order they were announced."""
        with self._lock:
            return tuple(
                record
                for (of_project, of_trace, _), (_, record) in self._spans.items()
                if of_project == project and trace_id in (None, of_trace)
            )


def is_begun(record: Record) -> bool:
    """Return whether a record only announces its span."""
    return record.span.attributes.get(PENDING) is True


def told_apart(records: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
    """Return announcements, those of spans that came in the same request left out, and the spans themselves."""
    if not any(map(is_begun, records)):
        return (), records
    ended = [record for record in records if not is_begun(record)]
    known = {_key(record) for record in ended}
    return [record for record in records if is_begun(record) and _key(record) not in known], ended


def _key(record: Record) -> _Key:
    return record.project, record.span.trace_id, record.span.span_id
