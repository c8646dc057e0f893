"""Queues that come of a code: what carries it, to be looked at again, or what nobody labelled yet and is like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from ..query.filters import Query, Term
from ..store.base import SpanStore
from .codes import Critique
from .codes_text import Vector, likeness, vectors
from .drawing import resolve
from .population import population
from .queue import Chosen, Target, Unit
from .recipe import Candidate, Recipe

Which = Literal["like", "same"]
#: Which items a queue of a code takes, in words.
WHICH: Final = {"like": "what nobody labelled yet and is like it", "same": "what carries it, to look at again"}
#: The newest that a filter finds among which others like them are sought.
MOST_SOUGHT: Final = 2_000
#: Items that stand for a code.
MOST_OF_CODE: Final = 50
#: Less alike than this is not alike.
LEAST_ALIKE: Final = 0.1
_AT_ONCE: Final = 500


def carriers(critiques: Sequence[Critique], code_id: int) -> list[Target]:
    """Return what carries a code, each once, in the order that it was written of."""
    return list(dict.fromkeys(one.target for one in critiques if code_id in one.code_ids))


def unit_of(targets: Sequence[Target]) -> Unit:
    """Return what most of these ask about: spans, traces or sessions."""
    units: Counter[Unit] = Counter(_unit(target) for target in targets)
    return max(units, key=lambda unit: (units[unit], unit), default="span")


def same(targets: Sequence[Target], name: str, limit: int) -> list[Chosen]:
    """Return items of what carries a code: of the unit that most of it has."""
    unit = unit_of(targets)
    return [Chosen(target, f"coded {name}") for target in targets if _unit(target) == unit][:limit]


def like(store: SpanStore, query: Query, targets: Sequence[Target], limit: int) -> list[Chosen]:
    """Return items that nobody labelled yet among the newest of *query*, by how like one of *targets* they read."""
    unit = unit_of(targets)
    known = _of(store, query.project, targets[-MOST_OF_CODE:], unit)
    newest = Recipe("newest")
    sought = population(store, query, "session" if unit == "session" else "span", newest, MOST_SOUGHT).candidates
    labelled = _labelled(store, query.project, sought)
    fresh = [one for one in sought if one.text.strip() and not _is_labelled(one, targets, labelled)]
    if not known or not fresh:
        return []
    found = vectors([one.text for one in (*known, *fresh)])
    models, rest = found[: len(known)], found[len(known) :]
    scored = sorted(
        ((-_likest(vector, models), -one.start_ns, one.id, one) for one, vector in zip(fresh, rest, strict=True)),
        key=lambda entry: entry[:3],
    )
    chosen: list[Chosen] = []
    for score, _, _, one in scored:
        if -score < LEAST_ALIKE or len(chosen) == limit:
            break
        target = resolve(store, query.project, one.target, unit)
        if target is not None:
            chosen.append(Chosen(target, f"like one that was found, {-score:.0%}"))
    return chosen


def _of(store: SpanStore, project: str, targets: Sequence[Target], unit: Unit) -> list[Candidate]:
    """Return the texts of what carries a code, read as those are that it is held against."""
    field, ids = ("session", [t.session_id for t in targets]) if unit == "session" else ("trace", _traces(targets))
    query = Query(project, Term(field, "=", tuple(dict.fromkeys(filter(None, ids)))))
    found = population(store, query, "session" if unit == "session" else "span", Recipe("newest"), MOST_SOUGHT)
    return [one for one in found.candidates if one.text.strip()]


def _traces(targets: Sequence[Target]) -> list[str]:
    return [target.trace_id for target in targets]


def _labelled(store: SpanStore, project: str, sought: Sequence[Candidate]) -> set[str]:
    """Return the traces that a person has judged."""
    ids = list(dict.fromkeys(one.target.trace_id for one in sought if one.target.trace_id))
    found: set[str] = set()
    for at in range(0, len(ids), _AT_ONCE):
        for trace_id, judged in store.annotations(project, ids[at : at + _AT_ONCE]).items():
            if any(a.annotator.kind == "human" for a in judged):
                found.add(trace_id)
    return found


def _is_labelled(one: Candidate, targets: Sequence[Target], labelled: set[str]) -> bool:
    if one.target.session_id:
        return one.target.session_id in {target.session_id for target in targets}
    return one.target.trace_id in labelled


def _likest(vector: Vector, models: Sequence[Vector]) -> float:
    return round(max(likeness(vector, model) for model in models), 6)


def _unit(target: Target) -> Unit:
    return "session" if target.session_id else "span" if target.span_id else "trace"
