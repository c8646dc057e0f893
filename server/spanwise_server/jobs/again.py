"""Reads or prices again whatever a question finds, from where an interrupted run stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Final, Literal

import orjson

from ..dialects.reader import reader
from ..pricing.price import Prices
from ..query.filters import Query
from ..query.parse import parse
from ..store.engine import Store
from ..store.reread import Part, Revised, Reviser

What = Literal["reread", "reprice"]
_TRACES_AT_ONCE: Final = 50
#: How often a run notes where it is; what is done twice after a kill comes out the same.
_NOTED_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What to read or price again."""

    what: What
    project: str | None = None
    """``None`` for every one."""
    filter: str = ""
    from_ns: int | None = None
    to_ns: int | None = None
    everything: bool = False
    """Whether to read again also what today's reader has read."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, what went before an interruption included."""

    traces: int
    spans: int
    """Read or priced again."""
    changed: int
    """Of which lists show something else now."""
    of: int | None = None
    """How many traces there are to look at; ``None`` where nobody can tell without looking at each."""
    at_ns: int = 0
    """When the last trace began."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a run is: in which project, behind which trace, and what it has done."""

    project: str
    cursor: str | None = None
    traces: int = 0
    spans: int = 0
    changed: int = 0


class Again:
    """One run over a store, which a server may be using."""

    def __init__(self, store: Store, asked: Asked, *, rest: float = 0.0) -> None:
        self._store = store
        self._asked = asked
        self._filter = parse(asked.filter)
        self._rest = rest
        """How long to rest after each transaction, as a multiple of what it took: others want to write too."""
        self._setting = f"again.{asked.what}"
        self._price = Prices().price
        self._noted_s = 0.0

    def resumes(self) -> bool:
        """Return whether the same was asked before, of the same dialects and prices, and did not come to its end."""
        return self._marked() is not None

    def run(self) -> Iterator[Progress]:
        """Do it, a step at a time; at the end the next run begins anew."""
        names = self._store.projects() if self._asked.project is None else (self._asked.project,)
        of = self._count(names)
        mark = self._marked() or _Mark("")
        for name in names:
            if name < mark.project:
                continue
            if name > mark.project:
                mark = replace(mark, project=name, cursor=None)
            for mark, at_ns in self._of_project(mark):  # noqa: B020  # it goes on from where it is
                yield Progress(mark.traces, mark.spans, mark.changed, of, at_ns)
        self._store.keep_setting(self._setting, "")
        if self._asked.what == "reread":
            self._store.forget_readers()

    def _of_project(self, mark: _Mark) -> Iterator[tuple[_Mark, int]]:
        while True:
            page = self._store.find_traces(replace(self._query(mark.project), cursor=mark.cursor))
            done = self._revise(mark.project, [trace.trace_id for trace in page.items])
            mark = replace(
                mark,
                cursor=page.next_cursor,
                traces=mark.traces + len(page.items),
                spans=mark.spans + done.spans,
                changed=mark.changed + done.changed,
            )
            if page.next_cursor is not None:
                self._note(mark)
            if page.items:
                yield mark, page.items[-1].start_ns
            if page.next_cursor is None:
                return

    def _revise(self, project: str, trace_ids: Sequence[str]) -> Revised:
        how: Callable[[Reviser, Sequence[Part]], Revised] = Reviser.reprice
        if self._asked.what == "reread":
            how = partial(Reviser.reread, everything=self._asked.everything)
        done = Revised()
        begun = time.monotonic()
        for revised in self._store.revised(project, trace_ids, self._price, how):
            done += revised
            time.sleep(self._rest * (time.monotonic() - begun))
            begun = time.monotonic()
        return done

    def _query(self, project: str) -> Query:
        return Query(project, self._filter, self._asked.from_ns, self._asked.to_ns, sort="time", limit=_TRACES_AT_ONCE)

    def _count(self, names: Sequence[str]) -> int | None:
        counts = [self._store.totals(self._query(name)).traces for name in names]
        return sum(count.n for count in counts) if all(count.exact for count in counts) else None

    def _note(self, mark: _Mark) -> None:
        if time.monotonic() - self._noted_s >= _NOTED_S:
            kept = {"asked": self._identity(), "mark": asdict(mark)}
            self._store.keep_setting(self._setting, orjson.dumps(kept).decode())
            self._noted_s = time.monotonic()

    def _marked(self) -> _Mark | None:
        kept = self._store.setting(self._setting)
        found = orjson.loads(kept) if kept else {}
        return _Mark(**found["mark"]) if found.get("asked") == self._identity() else None

    def _identity(self) -> dict[str, object]:
        """Return what must be the same for a run to go on where another stopped."""
        by = reader() if self._asked.what == "reread" else version("genai-prices")
        return {**asdict(self._asked), "by": by}
