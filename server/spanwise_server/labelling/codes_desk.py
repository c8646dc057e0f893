"""Where codes are worked with: critiques of a scope with what they come to, and queues that come of a code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..errors import NotFound, SpanwiseError
from ..query.filters import Query
from ..store.codes import Codes
from ..store.critiques import Critiques
from .codes import Code, Counted, Critique, Scope, counted
from .codes_groups import Suggested, suggested
from .codes_queue import Which, carriers, like, same, unit_of
from .codes_rates import CodeRates, code_rates, refusal_of
from .codes_saturation import Saturation, saturation
from .codes_steps import FirstBad, Gap, Transitions, Walk, first_bad, gap, step_rates, transitions, walk
from .desk import Desk, DeskStore
from .outcome import Vote, votes_of
from .picking import root_of
from .queue import Item, NewQueue, Queue
from .rates import Rates

#: Traces that the matrix reads, the latest of what was labelled.
MOST_WALKS: Final = 500


@dataclass(frozen=True, slots=True)
class Analysis:
    """The critiques of a scope, and all that they come to."""

    scope: Scope
    codes: tuple[Code, ...]
    critiques: tuple[Critique, ...]
    counted: tuple[Counted, ...]
    saturation: Saturation
    rates: CodeRates

    @property
    def names(self) -> dict[int, str]:
        """The names of the codes, by number."""
        return {code.id: code.name for code in self.codes}

    @property
    def open(self) -> int:
        """Critiques that want a code."""
        return sum(critique.open for critique in self.critiques)

    @property
    def aside(self) -> int:
        """Critiques that name no failure, as somebody said."""
        return sum(critique.aside for critique in self.critiques)

    def groups(self) -> Suggested:
        """Return suggested groups of what has no code yet."""
        return suggested(self.critiques, self.names)


@dataclass(frozen=True, slots=True)
class Steps:
    """Where the labelled traces of a scope first go wrong."""

    matrix: Transitions
    gap: Gap
    rates: Rates | None
    """How common each step is as the first bad one, where one queue was asked for."""
    walks: tuple[Walk, ...]
    gone: int
    """Items whose trace, or whose bad step, is no longer there."""
    left_out: int
    """Older items than the matrix reads."""


class CodeDesk:
    """One store as whoever codes critiques sees it."""

    def __init__(self, store: DeskStore) -> None:
        self._store = store
        self._desk = Desk(store)
        self._critiques = Critiques(store)
        self.codes = Codes(store)

    def critiques(self, scope: Scope) -> list[Critique]:
        """Return the critiques of a scope, the oldest first, each with its codes."""
        self._refuse_foreign(scope)
        return self._critiques.of(scope, self.codes.marks(scope.project))

    def analysis(self, scope: Scope, critiques: Sequence[Critique] | None = None) -> Analysis:
        """Return what the critiques of a scope come to; *critiques* are those of it that may be seen."""
        found = self.critiques(scope) if critiques is None else critiques
        codes = self.codes.all(scope.project)
        return Analysis(
            scope,
            tuple(codes),
            tuple(found),
            tuple(counted(codes, found)),
            saturation(found),
            self._rates(scope, codes, found),
        )

    def unseen(self, critiques: Iterable[Critique], annotator: str) -> list[Critique]:
        """Return the critiques of others in blind queues that this person still labels in."""
        theirs = [one for one in critiques if one.queue_id is not None and one.annotator != annotator]
        blind = {queue_id for queue_id in {one.queue_id for one in theirs} if self._labels_blind(queue_id, annotator)}
        return [one for one in theirs if one.queue_id in blind]

    def steps(self, scope: Scope) -> Steps:
        """Return where the traces labelled in a scope first go wrong."""
        self._refuse_foreign(scope)
        queues = self._queues(scope)
        found: list[FirstBad] = []
        for queue in queues:
            items, votes = self._labels(queue)
            found += first_bad(self._desk.rubric_of(queue), items, votes)
        latest = sorted(found, key=lambda one: one.item.id)[-MOST_WALKS:]
        walks, names = [], dict[str, str]()
        for one in latest:
            walked = self._walk(scope.project, one)
            if walked is not None:
                walks.append(walked)
                if one.span_id is not None:
                    names[one.span_id] = walked.steps[-1]
        return Steps(
            matrix=transitions(walks),
            gap=gap(found),
            rates=step_rates(latest, names) if len(queues) == 1 and latest else None,
            walks=tuple(walks),
            gone=len(latest) - len(walks),
            left_out=len(found) - len(latest),
        )

    def queue_of(self, code: Code, new: NewQueue, query: Query, which: Which, limit: int) -> Queue:
        """Make a queue of what carries a code, or of what is like it and was not labelled yet."""
        critiques = self.critiques(Scope(query.project))
        targets = carriers(critiques, code.id)
        if not targets:
            raise SpanwiseError(f"No critique carries {code.name!r}.", "Code one first.")
        chosen = same(targets, code.name, limit) if which == "same" else like(self._store, query, targets, limit)
        if not chosen:
            raise SpanwiseError("Nothing unlabelled reads like it.", "Widen the filter, or send more traces.")
        unit = unit_of(targets)
        rubric = new.rubric_id or self._rubric_of(critiques, code.id)
        if rubric and self._asks_pairs(query.project, rubric):
            raise SpanwiseError("This rubric compares pairs.", "Choose one that asks about a single answer.")
        return self._desk.queues.create(query.project, replace(new, unit=unit, rubric_id=rubric), chosen)

    def _rates(self, scope: Scope, codes: Sequence[Code], critiques: Sequence[Critique]) -> CodeRates:
        of_queues = {critique.queue_id for critique in critiques}
        if scope.queue_id is not None:
            of_queues = {scope.queue_id}
        queues = [queue.id for queue in self._queues(scope) if queue.id in of_queues]
        refused = refusal_of(scope, queues)
        if not refused and None in of_queues:
            refused = "No rate: some of these critiques were not written in a queue. Choose one queue."
        if refused:
            return CodeRates({}, None, 0, 0, refused)
        queue = self._desk.queues.find(queues[0])
        items, votes = self._labels(queue) if queue is not None else ([], [])
        return code_rates(scope.project, items, votes, critiques, [code.id for code in codes])

    def _labels(self, queue: Queue) -> tuple[list[Item], list[Vote]]:
        return self._desk.queues.items(queue.id), votes_of(self._desk.history.labels(queue.id))

    def _queues(self, scope: Scope) -> list[Queue]:
        return [
            queue
            for queue, _ in self._desk.queues.all(scope.project)
            if scope.queue_id in {None, queue.id} and scope.rubric_id in {None, queue.rubric_id}
        ]

    def _walk(self, project: str, one: FirstBad) -> Walk | None:
        trace = self._store.outline(project, one.item.target.trace_id)
        if trace is None or not trace.records:
            return None
        own = next((r for r in trace.records if r.span.span_id == one.item.target.span_id), None)
        return walk(own or root_of(trace.records), trace.records, one.span_id)

    def _labels_blind(self, queue_id: int | None, annotator: str) -> bool:
        queue = None if queue_id is None else self._desk.queues.find(queue_id)
        return queue is not None and queue.blind and bool(self._desk.slots.open_for(queue.id, annotator))

    def _rubric_of(self, critiques: Sequence[Critique], code_id: int) -> int:
        """Return the rubric under which a code was found last, 0 where it was found in no queue."""
        for critique in reversed(critiques):
            if code_id in critique.code_ids and critique.queue_id is not None:
                queue = self._desk.queues.find(critique.queue_id)
                rubric = None if queue is None else self._desk.rubrics.find(queue.rubric_id)
                if rubric is not None and not rubric.pairwise:
                    return rubric.id
        return 0

    def _asks_pairs(self, project: str, rubric_id: int) -> bool:
        rubric = self._desk.rubrics.find(rubric_id)
        if rubric is None or self._desk.rubrics.project_of(rubric_id) != project:
            raise NotFound(f"There is no rubric {rubric_id}.", "Choose another; /rubrics lists them.")
        return rubric.pairwise

    def _refuse_foreign(self, scope: Scope) -> None:
        if scope.queue_id is not None:
            queue = self._desk.queues.find(scope.queue_id)
            if queue is None or queue.project != scope.project:
                raise NotFound(f"There is no queue {scope.queue_id}.", "It may have been deleted; choose another.")
        if scope.rubric_id is not None and self._desk.rubrics.project_of(scope.rubric_id) != scope.project:
            raise NotFound(f"There is no rubric {scope.rubric_id}.", "Choose another; /rubrics lists them.")
