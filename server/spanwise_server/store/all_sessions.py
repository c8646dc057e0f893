"""What all sessions of a project come to, counted on as their traces come, change and go: what they are sorted by.

Of each session only numbers are kept, a hundred bytes, so that all there are can be put in order for a page.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from operator import add
from typing import Final

from .kept_session import Counted
from .row_numbers import UNSAID
from .session_order import TEXTS, SessionTexts

#: With more sessions than this they are not counted on: they take too much memory, and to sort them takes too long.
MOST_SESSIONS: Final = 100_000

_UNTOLD: Final = (None, None, None)


class AllSessions:
    """The sums of every session of one project, by the number of its word."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self.names: list[str] = []
        self._unnamed: list[int] = []
        """The sessions whose names have to be looked up."""
        self.turns, self.errors, self.first, self.last, self.end = (array("q") for _ in range(5))
        self.costs, self.cost, self.tokens_of, self.tokens = (array("q") for _ in range(4))
        """Of how many traces it is known what they cost, and what; and the same of tokens."""
        self._unsettled: dict[int, set[str]] = {}
        """Sessions of which it has to be looked up when they began or ended, by the columns."""
        self._texts: list[SessionTexts] | None = None
        """What sessions say at their ends, by their places, once that was asked for."""
        self._untold: set[int] = set()
        """The sessions of which that has to be looked up."""
        self._gone = 0
        """How many places are of sessions all of whose traces went."""

    @classmethod
    def of(cls, sessions: Sequence[int], traces: Sequence[Sequence[int]], failed: Sequence[int]) -> AllSessions:
        """Return the sums of traces in the order of time, given by the session of each and four columns.

        These are when it began, how long it took, what it cost and its tokens. *failed* are the sessions of those that
        failed.
        """
        made = cls()
        starts, durations, costs, tokens = traces
        turns, errors = Counter(sessions), Counter(failed)
        last = dict(zip(sessions, starts, strict=True))
        first = dict(zip(reversed(sessions), reversed(starts), strict=True))
        end = dict(last)
        for session, ended in zip(sessions, map(add, starts, durations), strict=True):
            if ended > end[session]:  # noqa: PLR1730  # of very many, and max() takes twice as long
                end[session] = ended
        said = [_sums(sessions, column) for column in (costs, tokens)]
        turns.pop(UNSAID, None)
        for at, session in enumerate(turns):
            made.places[session] = at
        made.names, made._unnamed = [""] * len(made.places), list(made.places)
        found: Sequence[Mapping[int, int]] = (turns, errors, first, last, end, *said[0], *said[1])
        for column, values in zip(made._columns, found, strict=True):
            column.extend([values.get(session, 0) for session in made.places])
        return made

    @property
    def _columns(self) -> tuple[array[int], ...]:
        return (
            self.turns, self.errors, self.first, self.last, self.end,
            self.costs, self.cost, self.tokens_of, self.tokens,
        )  # fmt: skip

    def __len__(self) -> int:
        """Return how many sessions there are."""
        return len(self.places) - self._gone

    @property
    def is_sparse(self) -> bool:
        """Whether most places are of sessions that are gone, so that they are better counted anew."""
        return self._gone * 2 > len(self.places)

    def add(self, session: int, trace: Counted) -> None:
        """Count a trace in."""
        at = self.places.get(session)
        if at is None:
            at = self.places[session] = len(self.names)
            self.names.append("")
            self._unnamed.append(session)
            for column in self._columns:
                column.append(0)
            if self._texts is not None:
                self._texts.append(_UNTOLD)
            self._gone += 1
        start, end = trace.start_ns, trace.start_ns + trace.duration_ns
        if self.turns[at] == 0:
            self._gone -= 1
            self._unsettled.pop(session, None)
            self.first[at], self.last[at], self.end[at] = start, start, end
        else:
            self._reach(session, at, start, end)
        self._count(session, at, trace, 1)

    def take(self, session: int, trace: Counted) -> None:
        """Count a trace out again."""
        at = self.places[session]
        start, end = trace.start_ns, trace.start_ns + trace.duration_ns
        reached = (("first", self.first, start), ("last", self.last, start), ("end", self.end, end))
        lost = {name for name, column, value in reached if column[at] == value}
        if lost:
            self._unsettled.setdefault(session, set()).update(lost)
        self._count(session, at, trace, -1)
        if self.turns[at] == 0:
            self._gone += 1

    def _reach(self, session: int, at: int, start: int, end: int) -> None:
        """Have a session go as far as a trace of it: what reaches as far as what was lost makes up for it."""
        lost = self._unsettled.get(session)
        for name, column, value, beyond in (
            ("first", self.first, start, start <= self.first[at]),
            ("last", self.last, start, start >= self.last[at]),
            ("end", self.end, end, end >= self.end[at]),
        ):
            if beyond:
                column[at] = value
                if lost is not None:
                    lost.discard(name)
        if lost is not None and not lost:
            del self._unsettled[session]

    def _count(self, session: int, at: int, trace: Counted, sign: int) -> None:
        if self._texts is not None:
            self._untold.add(session)
        self.turns[at] += sign
        self.errors[at] += sign * trace.failed
        if trace.cost_nusd != UNSAID:
            self.costs[at] += sign
            self.cost[at] += sign * trace.cost_nusd
        if trace.total_tokens != UNSAID:
            self.tokens_of[at] += sign
            self.tokens[at] += sign * trace.total_tokens

    @property
    def unsettled(self) -> list[int]:
        """The sessions of which it has to be looked up when they began or ended."""
        return [session for session in self._unsettled if self.turns[self.places[session]]]

    def settle(self, session: int, starts: Sequence[int], durations: Sequence[int]) -> None:
        """Take in when the traces of a session began and how long they took."""
        at = self.places[session]
        self.first[at], self.last[at] = min(starts), max(starts)
        self.end[at] = max(start + took for start, took in zip(starts, durations, strict=True))
        del self._unsettled[session]

    def learn(self, names_of: Callable[[Sequence[int]], Mapping[int, str]]) -> None:
        """Look up the names that are not known."""
        if not self._unnamed:
            return
        found = names_of(self._unnamed)
        for session, name in found.items():
            self.names[self.places[session]] = name
        self._unnamed = [session for session in self._unnamed if session not in found]

    def edges(self) -> dict[str, tuple[int, int]]:
        """Return when the first and the last trace began of the sessions whose texts are to be looked up."""
        if self._texts is None:
            self._texts = [_UNTOLD] * len(self.names)
            self._untold.update(self.places)
        there = map(self.places.__getitem__, self._untold)
        return {self.names[at]: (self.first[at], self.last[at]) for at in there if self.turns[at] and self.names[at]}

    def tell(self, found: Mapping[str, SessionTexts]) -> None:
        """Take in the texts of those sessions."""
        assert self._texts is not None  # noqa: S101  # they were asked for
        for session in list(self._untold):
            at = self.places[session]
            if self.names[at] in found:
                self._texts[at] = found[self.names[at]]
                self._untold.discard(session)

    def values(
        self, of: str, among: AbstractSet[int] | None, said: Mapping[int, str] | None = None
    ) -> Iterator[tuple[int | str | None, str]]:
        """Return what each session says in an order of ``session_order.py``, with its name: all, or *among* some.

        What is *said* by the numbers of sessions takes the place of what is kept here.
        """
        there: Sequence[object] = self.turns
        if self._unnamed:
            among = (self.places.keys() if among is None else among) - set(self._unnamed)
        if among is not None:
            there = [n and session in among for session, n in zip(self.places, self.turns, strict=True)]
        values = self._values(of) if said is None else list(map(said.get, self.places))
        return zip(compress(values, there), compress(self.names, there), strict=True)

    def _values(self, of: str) -> Sequence[int | str | None]:
        if of == "session":
            return self.names
        if of in TEXTS:
            which = TEXTS.index(of)
            return [texts[which] for texts in self._texts or ()]
        if of == "duration":
            return [end - first for first, end in zip(self.first, self.end, strict=True)]
        if of in ("cost", "tokens"):
            known, sums = (self.costs, self.cost) if of == "cost" else (self.tokens_of, self.tokens)
            return [value if n else None for n, value in zip(known, sums, strict=True)]
        return {"time": self.last, "start": self.first, "turns": self.turns, "errors": self.errors}[of]


def _sums(sessions: Sequence[int], column: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return of how many traces of each session a number is known, and what they come to."""
    said = list(map(UNSAID.__ne__, column))
    known = list(compress(sessions, said))
    sums = dict.fromkeys(known, 0)
    for session, value in zip(known, compress(column, said), strict=True):
        sums[session] += value
    return Counter(known), sums
