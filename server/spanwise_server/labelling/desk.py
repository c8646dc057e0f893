"""Where labelling happens: queues are made, spans judged, judgements taken back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final, Protocol

from ..errors import NotFound, SpanwiseError
from ..record import Record
from ..store.base import SpanStore
from ..store.label_events import Act, Circumstances, LabelEvent, LabelEvents
from ..store.label_history import LabelHistory
from ..store.queues import Queues
from ..store.rubrics import Rubrics
from ..store.sessions import Sessions
from ..store.slots import Slots
from .answers import Answers, Given, annotations_of, answers_json
from .judgement import Verdict
from .pace import Pace, pace
from .picking import Pick, picked, roots
from .queue import Item, NewQueue, Progress, Queue, Target
from .rubric import Rubric, simple_rubric
from .slot import hold_ns

#: The source of labels that were given outside any queue.
VIEWER: Final = "viewer"


class DeskStore(SpanStore, Sessions, Protocol):
    """A store with spans to judge and small tables to keep judgements in."""


class Desk:
    """One store as a labeller sees it."""

    def __init__(self, store: DeskStore) -> None:
        self._store = store
        self.queues = Queues(store)
        self.rubrics = Rubrics(store)
        self.slots = Slots(store)
        self.events = LabelEvents(store)
        self.history = LabelHistory(store)

    def queue_from_filter(self, new: NewQueue, pick: Pick) -> Queue:
        """Make a queue of what a filter finds; one that finds nothing is refused."""
        targets = picked(self._store, pick)
        if not targets:
            raise SpanwiseError("The filter finds nothing to label.", "Drop a term of it, or widen the time range.")
        return self.queues.create(pick.query.project, new, targets)

    def queue_from_traces(self, project: str, new: NewQueue, trace_ids: Iterable[str]) -> Queue:
        """Make a queue of the root spans of chosen traces."""
        targets = roots(self._store, project, trace_ids)
        if not targets:
            raise SpanwiseError("No trace was chosen.", "Tick at least one row, then add it to a queue.")
        return self.queues.create(project, new, targets)

    def queue_from_span(self, project: str, new: NewQueue, target: Target) -> Queue:
        """Make a queue of one span."""
        self.record(project, target)
        return self.queues.create(project, new, [target])

    def record(self, project: str, target: Target) -> Record:
        """Return the span that is judged."""
        record = self._store.span(project, target.span_id, target.trace_id)
        if record is None:
            raise NotFound(f"There is no span {target.span_id}.", "Its trace may have been deleted.")
        return record

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

    def pace(self, queue_id: int, done: Progress, annotator: str | None = None) -> Pace | None:
        """Return how fast a queue goes, or ``None`` where too little was timed."""
        return pace(self.history.durations_ms(queue_id, annotator=annotator), done.left)

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
