"""Measures that rollups tell, of which what is settled is kept: only days that changed since are read again.

Every change of the rollups is counted by day (``rollup_days``), in the transaction that makes it, whichever process
that is of. Who reads compares the counts that it sees with those of what it kept: the figures are the same as without.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import Final

from ..query.filters import Filter
from ..query.measures import Measured, Steps
from .connection import Connection
from .gathered import Gathered
from .measures import add_rollups
from .rollups import HOUR_NS, HOURS_A_DAY
from .settled import Settled, measured, settle

#: Questions of which what is settled is kept.
MOST_KEPT: Final = 32
_DAY_NS: Final = HOUR_NS * HOURS_A_DAY
_CHANGES: Final = "SELECT day, changes FROM rollup_days WHERE project_id = ? AND day >= ? AND day <= ?"

Asked = tuple[int, Filter, str, Steps, bool]
"""A project, a filter, what its calls are split by, steps of time, and whether percentiles are asked for."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of one question."""

    changes: Mapping[int, int]
    """How often each day had been changed, of those that ever were."""
    open: frozenset[int]
    """The steps that are not settled."""
    settled: Settled
    told: Measured
    """What was answered last,"""
    told_at: Mapping[int, int]
    """when each day had been changed so often."""


class KeptMeasures:
    """What was asked of a store's rollups."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Asked, _Kept] = OrderedDict()
        self._lock = Lock()

    def measure(
        self, connection: Connection, project_id: int, filter_: Filter, by: str, steps: Steps, *, times: bool
    ) -> Measured:
        """Return what ``measures.py`` does of a question that the rollups tell; without *times* no percentiles."""
        days = (project_id, steps.first_ns // _DAY_NS, (steps.end_ns - 1) // _DAY_NS)

        def add(found: Gathered, among: range) -> None:
            add_rollups(found, connection, project_id, filter_, by, steps, among, times=times)

        changes = dict(connection.execute(_CHANGES, days).fetchall())
        return self.told((project_id, filter_, by, steps, times), changes, add)

    def told(self, asked: Asked, changes: Mapping[int, int], add: Callable[[Gathered, range], None]) -> Measured:
        """Return what was *asked*, given how often each of its days changed and what adds the figures of steps."""
        steps = asked[3]
        with self._lock:
            kept = self._kept.get(asked)
            if kept is not None:
                self._kept.move_to_end(asked)
        if kept is not None and kept.told_at == changes:
            return kept.told
        open_ = _open(kept, changes, steps)
        if kept is None or not open_ <= kept.open:
            every = Gathered()
            for among in _runs(frozenset(range(steps.count)) - open_):
                add(every, among)
            since, settled = changes, settle(every, steps)
        else:
            since, open_, settled = kept.changes, kept.open, kept.settled
        found = Gathered()
        for among in _runs(open_):
            add(found, among)
        told = measured(found, steps, settled)
        self._keep(asked, _Kept(since, open_, settled, told, changes))
        return told

    def _keep(self, asked: Asked, kept: _Kept) -> None:
        with self._lock:
            self._kept[asked] = kept
            self._kept.move_to_end(asked)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


def _open(kept: _Kept | None, changes: Mapping[int, int], steps: Steps) -> frozenset[int]:
    """Return the steps that are not settled: those changed since, or where nothing is kept, those that may soon be."""
    if kept is None:
        return _of_days([max(changes)] if changes else [], steps)
    days = [day for day in changes.keys() | kept.changes.keys() if changes.get(day) != kept.changes.get(day)]
    changed = _of_days(days, steps)
    if changed <= kept.open:
        return changed
    # Days that change by turns are all left open, unless that is most of what was asked.
    both = changed | kept.open
    return both if len(both) <= steps.count // 2 else changed


def _of_days(days: Iterable[int], steps: Steps) -> frozenset[int]:
    """Return the steps in which *days* are, wholly or in part."""
    found: set[int] = set()
    for day in days:
        begin = (day * _DAY_NS - steps.first_ns) // steps.step_ns
        end = -(-((day + 1) * _DAY_NS - steps.first_ns) // steps.step_ns)
        found.update(range(max(0, begin), min(steps.count, end)))
    return frozenset(found)


def _runs(among: Iterable[int]) -> Iterator[range]:
    """Yield steps as ranges of those that follow each other."""
    for _, run in groupby(enumerate(sorted(among)), lambda one: one[1] - one[0]):
        places = [at for _, at in run]
        yield range(places[0], places[-1] + 1)
