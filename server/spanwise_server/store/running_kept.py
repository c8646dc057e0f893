"""The running summaries of the large traces that were written last, within bounds of memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from .running import RunningSummary

#: From this many spans on, what a trace comes to is kept beside it; fewer are quickly summed again.
FEWEST_SPANS: Final = 512
#: Spans of which something is kept, half a kilobyte each; the trace that was written last is kept whatever its size.
MOST_SPANS: Final = 150_000


class RunningSummaries:
    """What is kept of traces, by their rows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, RunningSummary] = OrderedDict()
        self._spans = 0

    def has(self, trace_row: int) -> bool:
        """Return whether anything is kept of a trace, in whatever state."""
        return trace_row in self._kept

    def of(self, trace_row: int, places: int) -> RunningSummary | None:
        """Return what is kept of a trace in this state, ``None`` where nothing is."""
        found = self._kept.get(trace_row)
        if found is None:
            return None
        if found.places != places or found.lost:
            self.drop(trace_row)
            return None
        self._kept.move_to_end(trace_row)
        return found

    def keep(self, trace_row: int, running: RunningSummary) -> None:
        """Keep what a trace comes to now."""
        self.drop(trace_row)
        self._kept[trace_row] = running
        running.held = len(running)
        self._spans += running.held
        while self._spans > MOST_SPANS and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    def drop(self, trace_row: int) -> None:
        """Forget what is kept of a trace."""
        found = self._kept.pop(trace_row, None)
        if found is not None:
            self._spans -= found.held

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._spans = 0
