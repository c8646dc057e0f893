"""Where labelling happens: queues are made, spans judged, judgements taken back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

from ..errors import NotFound, SpanwiseError
from ..query.filters import Query
from ..record import Record
from ..store.base import SpanStore
from ..store.label_events import Act, Circumstances, LabelEvent, LabelEvents
from ..store.label_history import LabelHistory
from ..store.one_reading import one_reading
from ..store.queues import Queues
from ..store.rubrics import Rubrics
from ..store.sessions import Sessions
from ..store.slots import Slots
from .answers import Answers, Given, annotations_of, answers_json
from .drawing import drawn_again, resolve, sampled
from .judgement import Verdict
from .pace import Pace, pace
from .picking import roots
from .queue import UNITS, Chosen, Item, NewQueue, Progress, Queue, Target, Unit
from .recipe import RECIPES, Recipe
from .rubric import Rubric, simple_rubric
from .slot import hold_ns

#: The source of labels that were given outside any queue.
VIEWER: Final = "viewer"


class DeskStore(SpanStore, Sessions, Protocol):
    """A store with spans to judge and small tables to keep judgements in."""


class Desk:
    """One store as a labeller sees it."""

    def __init__(self, store: DeskStore, sessions: Sessions | None = None) -> None:
        self._store = store
        small = sessions or store
        self.queues = Queues(small)
        self.rubrics = Rubrics(small)
        self.slots = Slots(small)
        self.events = LabelEvents(small)
        self.history = LabelHistory(small)

    @classmethod
    @contextmanager
    def for_one(cls, store: DeskStore) -> Iterator[Desk]:
        """Give a desk for one act of one person: what is asked for it, until it is written, is asked in one session."""
        with one_reading(store) as sessions:
            yield cls(store, sessions)

    def queue_from_recipe(self, new: NewQueue, query: Query, recipe: Recipe) -> Queue:
        """Make a queue of a sample of what a filter finds; one that finds nothing is refused."""
        pairs = self._asks_pairs(query.project, new)
        sample = sampled(self._store, query, recipe, new.unit, filter_text=new.filter, pairs=pairs)
        if not sample.chosen and new.rule is None:
            raise _nothing(recipe, sample.facts["population"], pairs=pairs)
        return self.queues.create(query.project, replace(new, recipe=sample.facts), sample.chosen)

    def extend(self, queue: Queue, limit: int) -> int:
        """Draw the larger sample that holds the queue's own, and append what is new; return how many items that is."""
        if queue.recipe is None:
            raise SpanwiseError("This queue was not drawn by a recipe.", "Add traces to it by hand.")
        pairs = self.rubric_of(queue).pairwise
        sample = drawn_again(self._store, queue, limit, pairs=pairs)
        added = self.queues.add(queue.id, sample.chosen)
        self.queues.reweigh(queue.id, sample.chosen)
        self.queues.keep_sampling(queue.id, sample.facts, queue.rule)
        return added

    def queue_from_traces(self, project: str, new: NewQueue, trace_ids: Iterable[str]) -> Queue:
        """Make a queue of chosen traces: of their root spans, of each as a whole, or of pairs of them in order."""
        targets = self._targets(project, new.unit, trace_ids)
        if not targets:
            raise SpanwiseError("No trace was chosen.", "Tick at least one row, then add it to a queue.")
        chosen = [Chosen(target, new.reason) for target in targets]
        if self._asks_pairs(project, new):
            if len(targets) % 2:
                raise SpanwiseError("Pairs want an even number of traces.", "Tick two traces for each comparison.")
            chosen = [Chosen(a, new.reason, other=b) for a, b in zip(targets[::2], targets[1::2], strict=True)]
        return self.queues.create(project, new, chosen)

    def queue_from_sessions(self, project: str, new: NewQueue, session_ids: Iterable[str]) -> Queue:
        """Make a queue of chosen sessions, each as a whole."""
        targets = self._sessions(project, session_ids)
        if not targets:
            raise SpanwiseError("No session was chosen.", "Tick at least one row, then add it to a queue.")
        if self._asks_pairs(project, new):
            raise SpanwiseError("Sessions are not compared in pairs.", "Choose a rubric that asks about one at a time.")
        return self.queues.create(project, replace(new, unit="session"), [Chosen(t, new.reason) for t in targets])

    def queue_from_span(self, project: str, new: NewQueue, target: Target) -> Queue:
        """Make a queue of one span."""
        self.record(project, target)
        return self.queues.create(project, new, [target])

    def add_traces(self, queue: Queue, trace_ids: Iterable[str]) -> int:
        """Append chosen traces to a queue, as what it asks about; return how many items it did not hold yet."""
        return self._add(queue, self._targets(queue.project, queue.unit, trace_ids))

    def add_sessions(self, queue: Queue, session_ids: Iterable[str]) -> int:
        """Append chosen sessions to a queue of sessions; return how many it did not hold yet."""
        if queue.unit != "session":
            raise SpanwiseError(f"{queue.name} asks about {UNITS[queue.unit]}.", "Choose a queue of sessions.")
        return self._add(queue, self._sessions(queue.project, session_ids))

    def add_span(self, queue: Queue, target: Target) -> int:
        """Append one span to a queue, or the trace or session that it is of where the queue asks about those."""
        self.record(queue.project, target)
        if queue.unit == "span":
            return self._add(queue, [target])
        return self.add_traces(queue, [target.trace_id])

    def add_found(self, queue: Queue, query: Query, recipe: Recipe, what: str) -> int:
        """Append a sample of what a filter finds to a queue that it is not the sample of; return how many are new.

        What was drawn for another population says nothing of this one's rates, so its items carry no probability.
        """
        self._refuse_pairs(queue)
        sample = sampled(self._store, query, recipe, queue.unit)
        if not sample.chosen:
            raise _nothing(recipe, sample.facts["population"], pairs=False)
        found = [replace(one, reason=f"{one.reason}, of {what}", p_incl=None) for one in sample.chosen]
        return self.queues.add(queue.id, found)

    def _add(self, queue: Queue, targets: Iterable[Target]) -> int:
        self._refuse_pairs(queue)
        return self.queues.add(queue.id, [Chosen(target, "chosen by hand") for target in targets])

    def _refuse_pairs(self, queue: Queue) -> None:
        if self.rubric_of(queue).pairwise:
            raise SpanwiseError("This queue compares pairs.", "Make a queue of the traces that you want to compare.")

    def record(self, project: str, target: Target) -> Record:
        """Return the span that is judged; of a trace as a whole, its root."""
        if not target.span_id:
            found = roots(self._store, project, [target.trace_id])
            target = found[0] if found else target
        record = self._store.span(project, target.span_id, target.trace_id)
        if record is None:
            raise NotFound(f"There is no span {target.span_id}.", "Its trace may have been deleted.")
        return record

    def _targets(self, project: str, unit: Unit, trace_ids: Iterable[str]) -> list[Target]:
        """Return what items of this unit ask about of chosen traces."""
        found = roots(self._store, project, trace_ids)
        if unit == "trace":
            return [Target(target.trace_id) for target in found]
        if unit == "session":
            known = (self.record(project, target).reading.session_id for target in found)
            return self._sessions(project, filter(None, known))
        return found

    def _sessions(self, project: str, session_ids: Iterable[str]) -> list[Target]:
        """Return the sessions that there are, each with its last trace."""
        last = (resolve(self._store, project, Target("", "", one), "session") for one in dict.fromkeys(session_ids))
        return [target for target in last if target is not None]

    def _asks_pairs(self, project: str, new: NewQueue) -> bool:
        if not new.rubric_id:
            return False
        rubric = self.rubrics.find(new.rubric_id)
        if rubric is None or self.rubrics.project_of(new.rubric_id) != project:
            raise NotFound(f"There is no rubric {new.rubric_id}.", "Choose another; /rubrics lists them.")
        return rubric.pairwise

    def rubric_of(self, queue: Queue) -> Rubric:
        """Return what a queue asks, in the newest wording."""
        return self.rubrics.find(queue.rubric_id) or simple_rubric(queue.question, queue.annotation_name)

    def judge_item(self, queue: Queue, item: Item, verdict: Verdict, act: Act) -> LabelEvent:
        """Let *verdict* stand for an item of a queue."""
        rubric = self.rubric_of(queue)
        answers = verdict.answers(rubric, self.record(queue.project, item.target).reading)
        return self.answer_item(queue, item, rubric, answers, act)

    def answer_item(
        self,
        queue: Queue,
        item: Item,
        rubric: Rubric,
        answers: Answers,
        act: Act,
        *,
        settles: str | None = None,
    ) -> LabelEvent:
        """Let *answers* stand for an item of a queue; with *settles*, the reason, they settle a disagreement."""
        revealed = self.history.has_seen(item.id, act.annotator.id)
        how = Circumstances(
            rubric_version_id=rubric.version_id or None,
            answers=answers_json(answers),
            blind=queue.blind and settles is None,
            assisted=queue.assisted,
            revealed=revealed,
            note=settles,
        )
        annotations = annotations_of(rubric, answers, self._given(queue, item, rubric, act, how))
        if settles is not None:
            return self.events.settle(act, annotations, item, how)
        return self.events.judge(act, annotations, item, how)

    def judge_span(self, target: Target, name: str, verdict: Verdict, act: Act) -> LabelEvent:
        """Let *verdict* stand for a span, outside any queue."""
        rubric = simple_rubric(name=name)
        answers = verdict.answers(rubric, self.record(act.project, target).reading)
        given = Given(act.project, target, act.annotator, VIEWER, time.time_ns(), {"blind": False})
        how = Circumstances(answers=answers_json(answers), blind=False)
        return self.events.judge(act, annotations_of(rubric, answers, given), None, how)

    def pace(self, queue_id: int, done: Progress, annotator: str | None = None, *, people: int = 1) -> Pace | None:
        """Return how fast a queue goes, *people* at once, or ``None`` where too little was timed."""
        wanted, given = self.slots.wanted(queue_id)
        left = wanted - given if done.left else 0
        return pace(self.history.durations_ms(queue_id, annotator=annotator), -(-left // people))

    def hold_ns(self, queue_id: int, annotator: str) -> int:
        """Return how long a person may hold an item of a queue."""
        return hold_ns(self.history.durations_ms(queue_id, annotator=annotator))

    def _given(self, queue: Queue, item: Item, rubric: Rubric, act: Act, how: Circumstances) -> Given:
        facts: dict[str, Any] = {
            "rubric": rubric.id,
            "rubric_version": rubric.version,
            "blind": how.blind,
            "assisted": how.assisted,
        }
        if how.revealed:
            facts["revealed"] = True
        if item.reason or item.p_incl is not None:
            facts["sample"] = {"reason": item.reason, "p_incl": item.p_incl}
        if item.target.session_id:
            facts["session_id"] = item.target.session_id
        if how.note is not None:
            facts["settled"] = how.note
        source = f"queue:{queue.id}"
        settled = how.note is not None
        return Given(act.project, item.target, act.annotator, source, time.time_ns(), facts, settled=settled)


def _nothing(recipe: Recipe, population: int, *, pairs: bool) -> SpanwiseError:
    """Return the refusal of a sample without items."""
    if pairs and population:
        return SpanwiseError(
            "No two of these answers were asked the same.", "Widen the filter to two models or prompts of one test set."
        )
    if population:
        return SpanwiseError(
            f"The filter finds {population:,}, but none that the recipe takes: {RECIPES[recipe.name]}.",
            "Choose another recipe.",
        )
    return SpanwiseError("The filter finds nothing to label.", "Drop a term of it, or widen the time range.")
