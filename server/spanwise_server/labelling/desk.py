"""Where labelling happens: queues are made, spans judged, judgements taken back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final, Protocol

from ..errors import NotFound, SpanwiseError
from ..record import Record
from ..store.base import SpanStore
from ..store.label_events import Act, LabelEvent, LabelEvents
from ..store.queues import Queues
from ..store.sessions import Sessions
from .judgement import Verdict, annotation_of
from .pace import Pace, pace
from .picking import Pick, picked, roots
from .queue import Item, NewQueue, Progress, Queue, Target

#: The source of labels that were given outside any queue.
VIEWER: Final = "viewer"


class DeskStore(SpanStore, Sessions, Protocol):
    """A store with spans to judge and small tables to keep judgements in."""


class Desk:
    """One store as a labeller sees it."""

    def __init__(self, store: DeskStore) -> None:
        self._store = store
        self.queues = Queues(store)
        self.events = LabelEvents(store)

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

    def judge_item(self, queue: Queue, item: Item, verdict: Verdict, act: Act) -> LabelEvent:
        """Let *verdict* stand for an item of a queue."""
        return self._judge(item.target, queue.annotation_name, f"queue:{queue.id}", verdict, act, item)

    def judge_span(self, target: Target, name: str, verdict: Verdict, act: Act) -> LabelEvent:
        """Let *verdict* stand for a span, outside any queue."""
        return self._judge(target, name, VIEWER, verdict, act)

    def pace(self, queue_id: int, done: Progress) -> Pace | None:
        """Return how fast a queue goes, or ``None`` where too little was timed."""
        return pace(self.events.durations_ms(queue_id), done.left)

    def _judge(
        self, target: Target, name: str, source: str, verdict: Verdict, act: Act, item: Item | None = None
    ) -> LabelEvent:
        annotation = annotation_of(
            verdict,
            project=act.project,
            target=target,
            reading=self.record(act.project, target).reading,
            name=name,
            annotator=act.annotator,
            source=source,
            at_ns=time.time_ns(),
        )
        return self.events.judge(act, annotation, item)
