"""What a recipe samples from: the traces, spans or sessions that a filter finds, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import islice
from typing import Final

from ..query.filters import Query
from ..record import Annotation, Record, TraceSummary
from ..store.base import SessionSummary, SpanStore
from .answer import answer_text, question_text
from .picking import MOST_SPANS, MOST_TRACES, PAGE, names_kind
from .queue import Target, Unit
from .recipe import Candidate, Recipe

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Population:
    """What can be chosen; *capped* where it is only the newest of all that match."""

    candidates: tuple[Candidate, ...]
    capped: bool = False


def population(store: SpanStore, query: Query, unit: Unit, recipe: Recipe, most: int = MOST_TRACES) -> Population:
    """Return what *query* finds: its spans where it names a kind, else its traces, or their sessions; *most* of it."""
    query = replace(query, sort="-time", limit=PAGE, cursor=None)
    if unit == "session":
        found = list(islice(_sessions(store, query), most))
        return Population(tuple(found), len(found) == most)
    if unit == "span" and names_kind(query.filter):
        spans = list(islice(map(_of_span, store.each_span(query)), min(most, MOST_SPANS)))
        return Population(_judged(store, query.project, spans, recipe), len(spans) == min(most, MOST_SPANS))
    traces = list(islice(_traces(store, query), most))
    return Population(_judged(store, query.project, traces, recipe), len(traces) == most)


def _traces(store: SpanStore, query: Query) -> Iterator[Candidate]:
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor))
        yield from map(_of_trace, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _sessions(store: SpanStore, query: Query) -> Iterator[Candidate]:
    cursor: str | None = None
    while True:
        page = store.find_sessions(replace(query, cursor=cursor))
        yield from map(_of_session, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _of_trace(trace: TraceSummary) -> Candidate:
    return Candidate(
        target=Target(trace.trace_id),
        start_ns=trace.start_ns,
        latency_ms=trace.duration_ms,
        cost_usd=trace.cost_usd,
        failed=trace.status == "error" or trace.error_count > 0,
        text=f"{trace.input_preview or ''}\n{trace.output_preview or ''}",
        asked=_same(trace.input_preview or ""),
        strata={
            "name": trace.name,
            "model": next(iter(trace.models), ""),
            "env": trace.environment or "",
            "user": trace.user_id or "",
            "status": "error" if trace.status == "error" else "ok",
            "tag": next(iter(trace.tags), ""),
            "prompt": next(iter(trace.prompts), ""),
            "day": _day(trace.start_ns),
        },
    )


def _of_span(record: Record) -> Candidate:
    reading, span = record.reading, record.span
    prompt = reading.prompt
    return Candidate(
        target=Target(span.trace_id, span.span_id),
        start_ns=span.start_ns,
        latency_ms=record.duration_ms,
        cost_usd=None if record.cost is None else record.cost.total_usd,
        failed=span.status == "error",
        text=f"{question_text(reading)}\n{answer_text(reading)}"[:2_000],
        asked=_same(question_text(reading)),
        strata={
            "name": record.name,
            "model": reading.model or reading.request_model or "",
            "env": reading.environment or "",
            "user": reading.user_id or "",
            "status": "error" if span.status == "error" else "ok",
            "tag": next(iter(reading.tags or ()), ""),
            "prompt": "" if prompt is None else prompt.name,
            "day": _day(span.start_ns),
        },
    )


def _of_session(session: SessionSummary) -> Candidate:
    return Candidate(
        target=Target("", "", session.session_id),
        start_ns=session.start_ns,
        latency_ms=(session.end_ns - session.start_ns) / 1e6,
        cost_usd=None if session.cost_nusd is None else session.cost_nusd / 1e9,
        failed=session.errors > 0,
        text=f"{session.input_preview or ''}\n{session.output_preview or ''}",
        strata={
            "name": session.name,
            "model": next(iter(session.models), ""),
            "env": session.environment or "",
            "user": session.user_id or "",
            "status": "error" if session.errors else "ok",
            "day": _day(session.start_ns),
        },
    )


def _judged(store: SpanStore, project: str, found: Sequence[Candidate], recipe: Recipe) -> tuple[Candidate, ...]:
    """Return the candidates with what was judged of them, where the recipe asks for it."""
    if recipe.name not in {"low_score", "disagreement"}:
        return tuple(found)
    known = []
    for at in range(0, len(found), _AT_ONCE):
        batch = found[at : at + _AT_ONCE]
        judged = store.annotations(project, list({one.target.trace_id for one in batch}))
        for one in batch:
            here = _about(one.target, judged.get(one.target.trace_id, ()))
            scores = [a.score for a in here if a.annotator.kind != "human" and a.score is not None]
            known.append(replace(one, score=min(scores, default=None), quarrel=quarrel(here)))
    return tuple(known)


def _about(target: Target, judged: Iterable[Annotation]) -> list[Annotation]:
    return [a for a in judged if not target.span_id or a.span_id in {None, target.span_id}]


def quarrel(judged: Iterable[Annotation]) -> str:
    """Return who said what where labels of one name disagree, nothing where none do."""
    said: dict[str, dict[str, str]] = {}
    for a in judged:
        if a.label is not None:
            said.setdefault(a.name, {})[a.annotator.id or a.annotator.kind] = a.label
    for name in sorted(said):
        if len(set(said[name].values())) > 1:
            return ", ".join(f"{who} said {label}" for who, label in sorted(said[name].items()))
    return ""


def _same(question: str) -> str:
    return " ".join(question.lower().split())


def _day(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, tz=timezone.utc).date().isoformat()
