"""Samples drawn from a store: a recipe over what a filter finds, as items that a queue can keep and draw again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..query.filters import Query, Term
from ..query.parse import parse
from ..record import Record
from ..store.base import SpanStore
from .picking import roots
from .population import population
from .queue import Chosen, Queue, Target, Unit
from .recipe import Candidate, Drawn, Recipe, draw, read_recipe

FACTS = ("filter", "from_ns", "to_ns", "unit", "population", "capped", "strata")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn, and all that it takes to draw it again, or more of it."""

    chosen: tuple[Chosen, ...]
    facts: Mapping[str, Any]


def sampled(
    store: SpanStore, query: Query, recipe: Recipe, unit: Unit = "span", *, filter_text: str = "", pairs: bool = False
) -> Sample:
    """Return a sample of what *query* finds; a window without an end ends now, so that it stays the same one."""
    if query.to_ns is None:
        query = replace(query, to_ns=time.time_ns())
    whole = population(store, query, unit, recipe)
    drawn = paired(recipe, whole.candidates) if pairs else draw(recipe, whole.candidates)
    facts = {
        **recipe.as_json(),
        "filter": filter_text,
        "from_ns": query.from_ns,
        "to_ns": query.to_ns,
        "unit": unit,
        "population": drawn.population,
        "capped": whole.capped,
        "strata": {value: list(counts) for value, counts in drawn.strata.items()},
    }
    return Sample(tuple(_resolved(store, query.project, drawn.chosen, unit)), facts)


def drawn_again(store: SpanStore, queue: Queue, limit: int, *, pairs: bool = False) -> Sample:
    """Return the larger sample that holds the one a queue was made of."""
    said = queue.recipe or {}
    recipe = replace(read_recipe(said), limit=limit)
    query = Query(queue.project, parse(said["filter"]), said["from_ns"], said["to_ns"])
    return sampled(store, query, recipe, said["unit"], filter_text=said["filter"], pairs=pairs)


def paired(recipe: Recipe, candidates: Sequence[Candidate]) -> Drawn:
    """Return pairs of answers to the same question, in the order of the recipe; each answer is in one pair."""
    order = draw(replace(recipe, limit=len(candidates)), candidates)
    asked = {one.target: one.asked for one in candidates}
    waiting: dict[str, Chosen] = {}
    pairs = []
    for chosen in order.chosen:
        question = asked[chosen.target]
        if not question:
            continue
        first = waiting.pop(question, None)
        if first is None:
            waiting[question] = chosen
        else:
            pairs.append(replace(first, other=chosen.target, reason="asked the same", p_incl=None))
    return Drawn(tuple(pairs[: recipe.limit]), len(candidates))


def _resolved(store: SpanStore, project: str, chosen: Iterable[Chosen], unit: Unit) -> list[Chosen]:
    """Return what was chosen with the spans, or the last traces, that items ask about."""
    found = []
    for one in chosen:
        target = resolve(store, project, one.target, unit)
        other = None if one.other is None else resolve(store, project, one.other, unit)
        if target is not None and (one.other is None or other is not None):
            found.append(replace(one, target=target, other=other))
    return found


def resolve(store: SpanStore, project: str, target: Target, unit: Unit) -> Target | None:
    """Return what an item of this unit asks about; ``None`` where it is gone."""
    if target.session_id:
        last = store.find_traces(
            Query(project, Term("session", "=", (target.session_id,)), sort="-time", limit=1)
        ).items
        return Target(last[0].trace_id, "", target.session_id) if last else None
    if unit == "trace" or target.span_id:
        return target
    root: Record | None = store.roots(project, [target.trace_id]).get(target.trace_id)
    if root is not None:
        return Target(target.trace_id, root.span.span_id)
    return next(iter(roots(store, project, [target.trace_id])), None)
