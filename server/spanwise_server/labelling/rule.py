"""Queues that fill themselves: new traces that match a filter, a share of them, by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ..query.filters import EVERYTHING, Query
from ..query.parse import parse
from .desk import Desk, DeskStore
from .drawing import resolve
from .population import population
from .queue import Chosen, Queue
from .recipe import Candidate, Recipe
from .sampling import sampling_key

#: A trace is looked at once it is this old: by then most of its spans are there.
SETTLE_NS: Final = 60_000_000_000
#: Traces are looked at again for this long, because their spans, and what filters ask for, can come late.
LATE_NS: Final = 3_600_000_000_000
#: A queue that holds this many takes no more.
MOST_BY_RULE: Final = 10_000
_ALL: Final = 1 << 128


@dataclass(frozen=True, slots=True)
class Rule:
    """Which new traces a queue takes."""

    filter: str = ""
    share: float = 1.0
    """The part of those that match, from 0 to 1."""
    seed: str = ""
    since_ns: int = 0
    seen_ns: int = 0
    """Until when traces were looked at."""

    def as_json(self) -> dict[str, Any]:
        """Return the rule as plain JSON."""
        return asdict(self)

    def takes(self, candidate: Candidate) -> bool:
        """Return whether chance takes a trace that matches: always the same answer for the same trace."""
        return int.from_bytes(sampling_key(f"rule\x00{self.seed}", candidate.id), "big") < self.share * _ALL


def read_rule(said: Mapping[str, Any]) -> Rule:
    """Return the rule that :meth:`Rule.as_json` wrote."""
    return Rule(**{name: said[name] for name in Rule.__dataclass_fields__ if name in said})


def apply_rule(store: DeskStore, queue: Queue, now_ns: int) -> int:
    """Add the new traces that a queue's rule takes; return how many were added."""
    if queue.rule is None:
        return 0
    desk, rule = Desk(store), read_rule(queue.rule)
    until = now_ns - SETTLE_NS
    start = max(rule.since_ns, (rule.seen_ns or rule.since_ns) - LATE_NS)
    room = MOST_BY_RULE - desk.queues.progress(queue.id).total
    if until <= start or room <= 0:
        return 0
    query = Query(queue.project, parse(rule.filter) if rule.filter else EVERYTHING, start, until)
    found = population(store, query, queue.unit, Recipe("newest")).candidates
    chosen = []
    for one in sorted(filter(rule.takes, found), key=lambda one: (one.start_ns, one.id))[:room]:
        target = resolve(store, queue.project, one.target, queue.unit)
        if target is not None:
            chosen.append(Chosen(target, f"new, {rule.share:.0%} of those that match", rule.share))
    added = desk.queues.add(queue.id, chosen)
    desk.queues.keep_sampling(queue.id, queue.recipe, replace(rule, seen_ns=until).as_json())
    return added
