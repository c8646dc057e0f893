"""The rows of each list that can be had as a file: what its page shows, the whole of it, read as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ..alerts.firing import Firing
from ..alerts.rule import Rule
from ..datasets.version import Dataset
from ..experiments.experiment import Experiment
from ..labelling.answers import answers_from
from ..labelling.queue import Item, Progress, Queue
from ..labelling.rubric import Rubric
from ..prompts.version import Prompt
from ..store.code_change import CodeEvent
from ..store.label_events import LabelEvent
from .alert_lines import rule_lines
from .codes_view import told
from .experiments import Outcome
from .label_sheet import said_words
from .step_mix import StepUse

T = TypeVar("T")
Row = dict[str, Any]
#: So many rows of a long list are read at once.
AT_ONCE: Final = 500
_NUSD: Final = 1e9


def paged(page: Callable[[int | None], Sequence[T]], id_of: Callable[[T], int]) -> Iterator[T]:
    """Yield all of a list that is read page by page, each before the last one's id."""
    before: int | None = None
    while found := page(before):
        yield from found
        if len(found) < AT_ONCE:
            return
        before = id_of(found[-1])


def alert_row(one: Firing) -> Row:
    """Return one time that a rule fired."""
    return {
        "id": one.id,
        "rule": one.rule_name,
        "rule_id": one.rule_id,
        "by": one.by or None,
        "key": one.key,
        "state": one.state.phase,
        "measure": one.measure,
        "fires": "above" if one.above else "below",
        "threshold": one.threshold,
        "value": one.state.value,
        "worst": one.state.worst,
        "since": one.state.since_ns,
        "fired_at": one.fired_ns,
        "resolved_at": one.resolved_ns,
        "acknowledged_by": one.acked_by,
        "acknowledged_at": one.acked_ns,
        "filter": one.filter,
        "from": one.from_ns,
        "to": one.to_ns,
    }


def rule_row(rule: Rule, firing: Sequence[Firing]) -> Row:
    """Return one rule with how it stands."""
    (line,) = rule_lines([rule], firing)
    return {
        "id": rule.id,
        "name": rule.name,
        "condition": line.words,
        "state": line.state,
        "now": line.value,
        "looked_at": None if rule.last is None else rule.last.at_ns,
        "error": None if rule.last is None else rule.last.error or None,
    }


def queue_row(queue: Queue, done: Progress) -> Row:
    """Return one queue with how far it is."""
    return {
        "id": queue.id,
        "name": queue.name,
        "question": queue.question,
        "label": queue.annotation_name,
        "rubric_id": queue.rubric_id,
        "unit": queue.unit,
        "filter": queue.filter,
        "reason": queue.reason,
        "blind": queue.blind,
        "items": done.total,
        "done": done.done,
        "deferred": done.deferred,
        "people": queue.people.overlap,
        "created_by": queue.created_by,
        "created_at": queue.created_ns,
    }


def act_row(event: LabelEvent, item: Item | None, version: int | None, *, hidden: bool) -> Row:
    """Return one act of labelling: who did what of which item, and when; answers are left out where they are hidden."""
    answers = {} if hidden else answers_from(event.answers)
    return {
        "id": event.id,
        "at": event.at_ns,
        "annotator": event.annotator_id,
        "action": event.action,
        "undoes": event.undoes,
        "item": None if item is None else item.position,
        "item_id": event.item_id,
        "trace_id": None if item is None else item.target.trace_id,
        "span_id": None if item is None else item.target.span_id or None,
        "session_id": None if item is None else item.target.session_id or None,
        "said": [f"{name}: {said_words(given.value)}" for name, given in answers.items()],
        "critiques": [f"{name}: {given.critique}" for name, given in answers.items() if given.critique],
        "answers": None if hidden or event.answers is None else dict(event.answers),
        "note": event.note,
        "rubric_version": version,
        "ms_on_item": event.ms_on_item,
        "blind": event.blind,
        "assisted": event.assisted,
        "revealed": event.revealed,
        "late": event.late,
        "hidden": hidden,
    }


def code_act_row(event: CodeEvent) -> Row:
    """Return one act on codes."""
    return {
        "id": event.id,
        "at": event.at_ns,
        "annotator": event.annotator_id,
        "action": event.action,
        "told": told(event),
        "codes": list(event.names),
        "code_id": event.code_id,
        "other_id": event.other_id,
        "critiques": event.critiques,
        "undoes": event.undoes,
    }


def rubric_row(rubric: Rubric, queues: Sequence[tuple[int, str]]) -> Row:
    """Return one rubric in its newest wording."""
    return {
        "id": rubric.id,
        "name": rubric.name,
        "version": rubric.version,
        "questions": [question.text for question in rubric.questions],
        "queues": [name for _, name in queues],
        "changed_at": rubric.created_ns,
    }


def prompt_row(prompt: Prompt) -> Row:
    """Return one prompt with its newest version and where its labels point."""
    return {
        "id": prompt.id,
        "name": prompt.name,
        "versions": prompt.newest,
        "labels": dict(prompt.labels),
        "note": prompt.note,
        "created_at": prompt.created_ns,
        "changed_at": prompt.changed_ns,
    }


def dataset_row(dataset: Dataset) -> Row:
    """Return one dataset with its newest version."""
    newest = dataset.newest
    return {
        "id": dataset.id,
        "name": dataset.name,
        "description": dataset.description,
        "examples": 0 if newest is None else newest.held,
        "version": None if newest is None else newest.number,
        "content_hash": None if newest is None else newest.content_hash,
        "last_change": None if newest is None else newest.change.words,
        "changed_at": None if newest is None else newest.created_ns,
        "created_at": dataset.created_ns,
    }


def experiment_row(run: Experiment) -> Row:
    """Return one run."""
    return {
        "id": run.id,
        "name": run.name,
        "what": run.what,
        "dataset": run.dataset,
        "dataset_id": run.dataset_id,
        "version": run.version,
        "state": run.state,
        "passed": run.passed,
        "judged": run.trials,
        "pass_rate": run.passed / run.trials if run.trials else None,
        "at_least": run.bound,
        "wanted": run.threshold,
        "good": run.good if run.trials else None,
        "no_answer": run.errors,
        "flip_rate": run.flip_rate,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost_usd": None if run.cost_nusd is None else run.cost_nusd / _NUSD,
        "unpriced": run.unpriced,
        "created_by": run.created_by,
        "created_at": run.created_ns,
        "ended_at": run.ended_ns,
    }


def result_row(outcome: Outcome) -> Row:
    """Return what came of one example of a run."""
    result, example = outcome.result, outcome.example
    return {
        "example_id": result.example_id,
        "passed": result.passed,
        "change": outcome.change or None,
        "input": None if example is None else example.conversation,
        "expected": None if example is None else example.expected,
        "output": result.output,
        "message": result.message,
        "error": result.error or None,
        "answers": result.answers,
        "passes": result.passes,
        "flip_rate": result.flip_rate,
        "duration_ms": result.duration_ms,
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
        "cost_usd": None if result.cost_nusd is None else result.cost_nusd / _NUSD,
        "trace_id": result.trace_id,
    }


def step_row(use: StepUse) -> Row:
    """Return one step of the newest traces."""
    return {
        "name": use.name,
        "kind": use.kind,
        "runs": use.runs,
        "traces": use.traces,
        "errors": use.errors,
        "mean_ms": use.ms,
        "cost_usd": None if use.cost_nusd is None else use.cost_nusd / _NUSD,
    }
