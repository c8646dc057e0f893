"""One item with its form, as the labelling page swaps it: made from what the store holds of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..auth.current import Server
from ..labelling.answers import Answers, answers_from
from ..labelling.desk import Desk
from ..labelling.picking import root_of
from ..labelling.queue import Item, Queue, Target
from ..labelling.rubric import Rubric
from ..labelling.slot import Slot
from ..query.filters import Query, Term
from ..record import Annotation, Annotator, Record
from ..store.label_events import LabelEvent
from .label_form import FormField, StepChoice, fields_of, swapped
from .label_item import Seen, seen, seen_session

#: More turns of a session than this are read from the trace page.
MOST_TURNS: Final = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody else said of an item."""

    who: str
    kind: str
    name: str
    label: str
    why: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One item with its form: what one swap shows."""

    item: Item
    seen: Seen
    other: Seen | None
    """The second answer of a pair; *seen* is shown as A and this as B, whichever way round they are kept."""
    fields: tuple[FormField, ...]
    version: int
    """Of the rubric that the form asks."""
    on_key: bool
    state: str
    """``todo``, ``done`` or ``deferred``, by this person."""
    asked_older: int
    """The version that this person answered, where it is an older wording; else 0."""
    key: str
    """Of the form, for browsers without scripts: sent twice, it is one act."""
    before: Item | None
    after: Item | None
    facts: tuple[tuple[str, str], ...]
    """What made the answer; empty where it is blind."""
    suggested: tuple[Said, ...]
    others: tuple[Said, ...]
    """What others said, once it is revealed."""
    can_reveal: bool
    labels_wanted: int


@dataclass(frozen=True, slots=True)
class Material:
    """What was read of an item: its span, the spans around it, and the texts that the form starts from."""

    record: Record
    around: Sequence[Record]
    seen: Seen

    @property
    def steps(self) -> tuple[StepChoice, ...]:
        """The steps that can be the first bad one."""
        return self.seen.choices


def sheets_of(server: Server, queue: Queue, wanted: Sequence[Item], annotator: Annotator) -> list[Sheet]:
    """Return what to show of the items whose trace is still there."""
    desk = Desk(server.store)
    ids = [item.id for item in wanted]
    labels: dict[int, list[LabelEvent]] = {}
    for event in desk.history.labels(queue.id, ids) if ids else ():
        labels.setdefault(event.item_id or 0, []).append(event)
    slots = desk.slots.of_items(ids) if ids else {}
    rubric = desk.rubric_of(queue)
    found = (
        _sheet(server, desk, queue, rubric, item, labels.get(item.id, []), slots.get(item.id, []), annotator)
        for item in wanted
    )
    return [sheet for sheet in found if sheet is not None]


def material(server: Server, queue: Queue, target: Target) -> Material | None:
    """Return what there is of a target, ``None`` where its trace was deleted."""
    trace = server.store.trace(queue.project, target.trace_id)
    records = () if trace is None else trace.records
    if not records:
        return None
    record = root_of(records) if not target.span_id else None
    record = record or next((r for r in records if r.span.span_id == target.span_id), None)
    if record is None:
        return None
    shown = seen(record, records)
    if target.session_id:
        shown = seen_session(shown, [pair for pair in _turns(server, queue.project, target) if pair is not None])
    return Material(record, records, shown)


def new_key() -> str:
    """Return a key that makes a form sent twice one act."""
    return secrets.token_hex(16)


def _turns(server: Server, project: str, target: Target) -> list[Record | None]:
    """Return the root spans of the session's earlier traces, oldest first."""
    page = server.store.find_traces(
        Query(project, Term("session", "=", (target.session_id,)), sort="time", limit=MOST_TURNS)
    )
    earlier = [trace.trace_id for trace in page.items if trace.trace_id != target.trace_id]
    roots = server.store.roots(project, earlier)
    return [roots.get(trace_id) for trace_id in earlier]


def _sheet(
    server: Server,
    desk: Desk,
    queue: Queue,
    rubric: Rubric,
    item: Item,
    labels: Sequence[LabelEvent],
    slots: Sequence[Slot],
    annotator: Annotator,
) -> Sheet | None:
    own = material(server, queue, item.target)
    other = material(server, queue, item.other) if item.other is not None else None
    if own is None or (item.other is not None and other is None):
        return None
    mine = [e for e in labels if e.annotator_id == annotator.id and e.action == "set"]
    slot = next((s for s in slots if s.annotator == annotator.id), None)
    done = slot is not None and slot.state == "done"
    answers: Answers = answers_from(mine[-1].answers) if mine and done else {}
    swap = other is not None and swapped(item.id, annotator.id)
    first, second = (other, own) if swap and other is not None else (own, other)
    judged = server.store.annotations(queue.project, [item.target.trace_id]).get(item.target.trace_id, ())
    here = [a for a in judged if (a.span_id or "") in {"", item.target.span_id}]
    revealed = done and desk.history.has_seen(item.id, annotator.id)
    others = [*_by_people(labels, annotator, rubric), *_by_judges(here)]
    answered = {name: given for name, given in answers.items() if rubric.question(name) is not None}
    return Sheet(
        item=item,
        seen=first.seen,
        other=None if second is None else second.seen,
        fields=fields_of(rubric, answered, own.seen.answer_text, own.steps, swapped=swap),
        version=rubric.version,
        on_key=rubric.on_key,
        state="todo" if slot is None or slot.state not in {"done", "deferred"} else slot.state,
        asked_older=_older(mine, rubric, desk) if done else 0,
        key=new_key(),
        before=desk.queues.neighbour(queue.id, item.position, -1),
        after=desk.queues.neighbour(queue.id, item.position, 1),
        facts=() if queue.blind else _facts(own),
        suggested=tuple(_by_judges(here)) if queue.assisted else (),
        others=tuple(others) if revealed or not queue.blind else (),
        can_reveal=queue.blind and done and not revealed and bool(others),
        labels_wanted=sum(not s.extra for s in slots),
    )


def _older(mine: Sequence[LabelEvent], rubric: Rubric, desk: Desk) -> int:
    """Return the version that was answered, where it is not the newest."""
    version_id = mine[-1].rubric_version_id if mine else None
    if version_id in {None, rubric.version_id}:
        return 0
    return next((v.version for v in desk.rubrics.versions(rubric.id) if v.version_id == version_id), 0)


def _by_people(labels: Sequence[LabelEvent], annotator: Annotator, rubric: Rubric) -> list[Said]:
    latest = {event.annotator_id: event for event in labels if event.annotator_id != annotator.id}
    return [
        Said(event.annotator_id, "human", name, said_words(given.value), given.critique)
        for event in latest.values()
        for name, given in answers_from(event.answers).items()
        if rubric.question(name) is not None
    ]


def _by_judges(judged: Sequence[Annotation]) -> list[Said]:
    return [
        Said(
            a.annotator.id or a.annotator.kind,
            a.annotator.kind,
            a.name,
            a.label if a.label is not None else "" if a.score is None else f"{a.score:g}",
            a.explanation or "",
        )
        for a in judged
        if a.annotator.kind != "human"
    ]


def said_words(value: Any) -> str:
    """Return an answer in words, as others are shown it."""
    if value is None:
        return "—"
    if isinstance(value, Mapping):
        return str(
            value.get("name") or {"first": "the first", "second": "the second"}.get(value.get("choice", ""), "=")
        )
    if isinstance(value, list):
        return "; ".join(str(one["quote"]) if isinstance(one, Mapping) else str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(own: Material) -> tuple[tuple[str, str], ...]:
    """Return what made the answer: models and prompts of the span and of those below it."""
    readings = [own.record.reading, *(r.reading for r in own.around)]
    models = dict.fromkeys(m for r in readings if (m := r.model or r.request_model))
    prompts = dict.fromkeys(
        r.prompt.name + (f"@{r.prompt.version}" if r.prompt.version else "") for r in readings if r.prompt is not None
    )
    return tuple((name, ", ".join(found)) for name, found in (("Model", models), ("Prompt", prompts)) if found)
