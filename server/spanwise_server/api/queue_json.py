"""Queues, items, label events and agreement as the API writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..exports.contract import rfc3339
from ..labelling.agreement import Figure
from ..labelling.outcome import agreement, disagreements, rates_of, votes_of
from ..labelling.queue import Item, Progress, Queue, Target
from ..labelling.rubric import Rubric
from ..store.label_events import LabelEvent


def queue_json(queue: Queue, done: Progress) -> dict[str, Any]:
    """Return a queue as JSON."""
    return {
        "id": queue.id,
        "project": queue.project,
        "name": queue.name,
        "question": queue.question,
        "annotation_name": queue.annotation_name,
        "rubric_id": queue.rubric_id,
        "unit": queue.unit,
        "filter": queue.filter,
        "reason": queue.reason,
        "blind": queue.blind,
        "assisted": queue.assisted,
        "people": asdict(queue.people),
        "recipe": queue.recipe,
        "rule": queue.rule,
        "created_by": queue.created_by,
        "created_at": rfc3339(queue.created_ns),
        "progress": {"total": done.total, "done": done.done, "deferred": done.deferred},
    }


def item_json(item: Item) -> dict[str, Any]:
    """Return an item as JSON."""
    return {
        "id": item.id,
        "position": item.position,
        "target": _target(item.target),
        "other": None if item.other is None else _target(item.other),
        "state": item.state,
        "reason": item.reason,
        "p_incl": item.p_incl,
        "annotation_id": item.annotation_id,
        "done_at": None if item.done_ns is None else rfc3339(item.done_ns),
    }


def event_json(event: LabelEvent) -> dict[str, Any]:
    """Return a label event as JSON."""
    body = asdict(event)
    at, client = body.pop("at_ns"), body.pop("client_ns")
    return {**body, "at": rfc3339(at), "client_at": None if client is None else rfc3339(client)}


def outcome_json(rubric: Rubric, items: Sequence[Item], events: Sequence[LabelEvent]) -> dict[str, Any]:
    """Return how a queue came out: rates, agreement by question and pair, disagreements."""
    votes = votes_of(events)
    found = rates_of(rubric, items, votes)
    return {
        "rates": [asdict(rate) for rate in found.rates],
        "rated_items": found.used,
        "left_out": found.left_out,
        "refused": found.refused or None,
        "questions": [
            {
                "name": one.question.name,
                "items": one.percent.units,
                "percent": _figure(one.percent),
                "fleiss": _figure(one.fleiss),
                "alpha": _figure(one.alpha),
                "pairs": [
                    {
                        "annotators": [pair.one, pair.other],
                        "items": pair.percent.units,
                        "percent": _figure(pair.percent),
                        "cohen": _figure(pair.kappa),
                    }
                    for pair in one.pairs
                ],
            }
            for one in agreement(rubric, votes)
        ],
        "disagreements": [
            {
                "item_id": one.item_id,
                "question": one.question,
                "said": [{"annotator": who, "answer": what, "critique": why} for who, what, why in one.said],
                "agreement": one.agreement,
                "settled": one.settled or None,
            }
            for one in disagreements(rubric, votes)
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "why": figure.why or None, "low": figure.low, "high": figure.high}


def _target(target: Target) -> dict[str, Any]:
    return {
        "trace_id": target.trace_id,
        "span_id": target.span_id or None,
        **({"session_id": target.session_id} if target.session_id else {}),
    }
