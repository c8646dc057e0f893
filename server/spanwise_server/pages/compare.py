"""Two traces side by side: aligned by step, with what changed in cost, time and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import NotFound
from ..labelling.answer import answer_text, plain, question_text
from ..query.filters import Query, Term
from ..query.numbers import whole
from ..record import Record, TraceSummary
from ..store.base import Trace
from .alignment import MOST_STEPS, Pair, WordDiff, align, word_diff
from .render import render
from .urls import url
from .waterfall import lay_out

router = APIRouter(include_in_schema=False)

PATH: Final = "/compare"
#: Traces of the same name that are offered.
_OFFERED: Final = 30


@dataclass(frozen=True, slots=True)
class Step:
    """The chosen pair, word by word."""

    pair: Pair
    input: WordDiff
    output: WordDiff


@router.get(PATH)
def compare(
    request: Request, server: CurrentServer, project: CurrentProject, a: str = "", b: str = "", step: str = ""
) -> Response:
    """Show A beside B; without B, the traces of A's name to choose from."""
    first = _found(server, project, a)
    if not b:
        return render(
            request, "pages/compare_with.html", a=first.summary, offers=_offers(server, project, first.summary)
        )
    second = _found(server, project, b)
    pairs = align(lay_out(first.records).rows, lay_out(second.records).rows)
    chosen = _chosen(pairs, step)
    return render(
        request,
        "pages/compare.html",
        a=first.summary,
        b=second.summary,
        pairs=pairs,
        step=None if chosen is None else _step(chosen),
        counts=_counts(pairs),
        cut=max(len(first.records), len(second.records)) > MOST_STEPS,
        most=MOST_STEPS,
        swapped=url(PATH, project, {"a": b, "b": a}),
        link_of=lambda pair: url(PATH, project, {"a": a, "b": b, "step": pair.number}),
    )


def _found(server: Server, project: str, trace_id: str) -> Trace:
    found = server.store.trace(project, trace_id.lower()) if trace_id else None
    if found is None or not found.records:
        raise NotFound(
            f"Project {project} has no trace {trace_id[:40]}.", "Choose two traces in the list, then Compare."
        )
    return found


def _offers(server: Server, project: str, of: TraceSummary) -> tuple[TraceSummary, ...]:
    query = Query(project, Term("name", "=", (of.name,)), limit=_OFFERED + 1)
    found = server.store.find_traces(query).items
    return tuple(trace for trace in found if trace.trace_id != of.trace_id and trace.name == of.name)[:_OFFERED]


def _chosen(pairs: tuple[Pair, ...], step: str) -> Pair | None:
    """Return the pair asked for, else the one whose cost changed most, else the first."""
    number = whole(step)
    if number is not None and number < len(pairs):
        return pairs[number]
    leaves = [p for p in pairs if p.delta_nusd is not None and p.a is not None and p.a.children == 0]
    return max(leaves, key=lambda pair: abs(pair.delta_nusd or 0), default=pairs[0] if pairs else None)


def _step(pair: Pair) -> Step:
    a, b = (None if row is None else row.record for row in (pair.a, pair.b))
    return Step(pair, word_diff(_asked(a), _asked(b)), word_diff(_answered(a), _answered(b)))


def _asked(record: Record | None) -> str:
    if record is None:
        return ""
    tool = record.reading.tool
    return question_text(record.reading) or (plain(tool.arguments) if tool else "")


def _answered(record: Record | None) -> str:
    if record is None:
        return ""
    tool = record.reading.tool
    said = answer_text(record.reading) or (plain(tool.result) if tool else "")
    return said or record.span.status_message or ""


def _counts(pairs: tuple[Pair, ...]) -> dict[str, int]:
    both = [pair for pair in pairs if pair.a is not None and pair.b is not None]
    return {
        "both": len(both),
        "gone": sum(pair.b is None for pair in pairs),
        "new": sum(pair.a is None for pair in pairs),
    }
