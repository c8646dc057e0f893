"""What was written lately, so that open pages can be told; nothing that must not be lost."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

#: Traces whose last change is remembered; of the others it is known only that their project changed.
MOST_TRACES: Final = 20_000


class Changes:
    """Numbers that grow whenever spans of a project, or of one trace, are written; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._projects: dict[str, int] = {}
        self._traces: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.closed = False
        """Whether the server ends, so that whoever waits for a change should stop."""

    def note(self, touched: Iterable[tuple[str, str]]) -> None:
        """Remember that traces, each by project and id, have changed."""
        with self._lock:
            self._last += 1
            for project, trace_id in touched:
                self._projects[project] = self._last
                self._traces[project, trace_id] = self._last
                self._traces.move_to_end((project, trace_id))
            while len(self._traces) > MOST_TRACES:
                self._traces.popitem(last=False)

    def of(self, project: str, trace_id: str | None = None) -> int:
        """Return the number of a project's last change, or of one trace's; 0 where none is known."""
        if trace_id is None:
            return self._projects.get(project, 0)
        return self._traces.get((project, trace_id), 0)

    def close(self) -> None:
        """Have whoever waits stop."""
        self.closed = True
