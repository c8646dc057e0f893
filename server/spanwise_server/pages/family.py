"""The spans of a trace as parents and children, without laying them out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from ..outline import Outline
from ..record import Record
from .running import MISSING
from .step_graph import Step, followed


class Family:
    """Which span of a trace lies within which, and which followed which; spans are told by their place in it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.spans = spans = Outline.of(records)
        self.steps: list[Step] = list(zip(spans.kinds, spans.names, strict=True))
        self.spent = [cost if counts else None for cost, counts in zip(spans.costs, spans.counted, strict=True)]
        """What each span adds to the cost of the trace, nano-dollars."""
        self._places = {span_id: n for n, span_id in enumerate(spans.ids)}
        self._children: dict[str, list[int]] = {}
        self._tops: list[int] = []
        for n, parent in enumerate(spans.parents):
            if parent is not None:
                self._children.setdefault(parent, []).append(n)
            if parent is None or parent not in self._places:
                self._tops.append(n)

    def around(self, n: int) -> Step | None:
        """Return the step that a span began in, ``None`` where it starts the trace."""
        parent = self.spans.parents[n]
        if parent is None:
            return None
        at = self._places.get(parent)
        return ("span", MISSING) if at is None else self.steps[at]

    def followers(self, of: Iterable[int] | None = None) -> dict[int, Step]:
        """Return the step that followed each span among its siblings, the first of several that did.

        Where it is asked *of* some spans, of these and of those beside them.
        """
        starts, ends, parents = self.spans.starts, self.spans.ends, self.spans.parents
        families: Collection[list[int]] = self._children.values()
        if of is not None:
            asked = {parent for n in of if (parent := parents[n]) is not None}
            families = [self._children[parent] for parent in asked]
        found: dict[int, Step] = {}
        for children in families:
            for child, before in followed(children, starts.__getitem__, ends.__getitem__):
                if before is not None:
                    found.setdefault(before, self.steps[child])
        return found

    def walk(self) -> Iterator[int]:
        """Yield each span before what lies within it, and its complement after that."""
        seen = bytearray(len(self.steps))
        for top in chain(self._tops, range(len(self.steps))):  # the second for spans that lie within each other
            ahead = [top]
            while ahead:
                n = ahead.pop()
                if n < 0:
                    yield n
                elif not seen[n]:
                    seen[n] = 1
                    yield n
                    ahead.append(~n)
                    ahead.extend(reversed(self._children.get(self.spans.ids[n], ())))
