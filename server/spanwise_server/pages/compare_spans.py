"""Two spans side by side, and two versions of a prompt: what their calls come to, step by step, and what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..auth.current import CurrentProject, CurrentServer, Server
from ..errors import NotFound
from ..labelling.answer import answer_text, plain, question_text
from ..query.filters import And, Query, Term
from ..query.measures import Tallied
from ..query.values import quoted
from ..record import Record
from .alignment import word_diff
from .render import render
from .span_tabs import versioned
from .urls import url

router = APIRouter(include_in_schema=False)

SPANS: Final = "/compare/spans"
PROMPTS: Final = "/compare/prompts"
_OFFERED: Final = 30
_VERSIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of both sides, and how much more B has."""

    name: str
    a: float | None
    b: float | None
    form: str
    """``duration``, ``money`` or ``count``."""
    less_is_better: bool = True

    @property
    def delta(self) -> float | None:
        """How much more B has, ``None`` where one of them says nothing."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, slots=True)
class StepPair:
    """What the calls of one step come to under either version."""

    name: str
    a: Tallied | None
    b: Tallied | None


@router.get(SPANS)
def compare_spans(
    request: Request, server: CurrentServer, project: CurrentProject, a: str = "", b: str = ""
) -> Response:
    """Show span A beside span B; without B, the newest runs of A's name to choose from."""
    first = _span(server, project, a)
    if not b:
        offers = [
            (record, url(SPANS, project, {"a": a, "b": _name(record)})) for record in _others(server, project, first)
        ]
        return render(request, "pages/compare_with_span.html", a=first, offers=offers, versions=_versioned)
    second = _span(server, project, b)
    return render(
        request,
        "pages/compare_spans.html",
        a=first,
        b=second,
        figures=_figures(first, second),
        diffs=(
            ("Output", word_diff(_answered(first), _answered(second))),
            ("Input", word_diff(_asked(first), _asked(second))),
            ("Parameters", word_diff(_params(first), _params(second))),
        ),
        versions=_versioned,
        swapped=url(SPANS, project, {"a": b, "b": a}),
        prompts_href=_prompts_href(project, first, second),
    )


@router.get(PROMPTS)
def compare_prompts(
    request: Request, server: CurrentServer, project: CurrentProject, prompt: str, a: str = "", b: str = ""
) -> Response:
    """Show two versions of a prompt: their templates, and what the calls of each step come to under either."""
    versions = [
        found.value.removeprefix(f"{prompt}@")
        for found in server.store.values(project, "prompt", f"{prompt}@", _VERSIONS)
    ]
    versions.sort(key=lambda version: (len(version), version))
    if not versions:
        raise NotFound(
            f"No call of project {project} says a version of prompt {prompt[:60]}.", "Look among its traces."
        )
    b = b if b in versions else versions[-1]
    a = a if a in versions else next((one for one in reversed(versions) if one != b), b)
    sides = [_side(server, project, prompt, version) for version in (a, b)]
    templates = [_template(side.newest) for side in sides]
    return render(
        request,
        "pages/compare_prompts.html",
        prompt=prompt,
        versions=versions,
        a=sides[0],
        b=sides[1],
        figures=_together(sides[0].total, sides[1].total),
        steps=_steps(sides[0].steps, sides[1].steps),
        changed=word_diff(*templates) if any(templates) else None,
        swapped=url(PROMPTS, project, {"prompt": prompt, "a": b, "b": a}),
        spans_href=_spans_href(project, sides[0].newest, sides[1].newest),
        step_figures=_together,
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a prompt: what its calls come to, together and by step, and the newest of them."""

    version: str
    total: Tallied
    steps: Mapping[str, Tallied]
    newest: Record | None
    traces_href: str


def _side(server: Server, project: str, prompt: str, version: str) -> Side:
    named = f"{prompt}@{version}"
    query = Query(project, Term("prompt", "=", (named,)), limit=1)
    (total,) = server.store.tally(query, (), traces=True, percentiles=True)
    by_name = server.store.tally(query, ("name",), percentiles=True)
    newest = next(iter(server.store.find_spans(query).items), None)
    href = url("/traces", project, {"filter": f"prompt:{quoted(named)}", "range": "all"})
    return Side(version, total, {str(one.key[0]): one for one in by_name}, newest, href)


def _steps(a: Mapping[str, Tallied], b: Mapping[str, Tallied]) -> list[StepPair]:
    names = sorted({*a, *b}, key=lambda name: -sum(side[name].sums.calls for side in (a, b) if name in side))
    return [StepPair(name, a.get(name), b.get(name)) for name in names]


def _together(a: Tallied, b: Tallied) -> tuple[Figure, ...]:
    return tuple(
        Figure(name, of(a), of(b), form, less)
        for name, of, form, less in (
            ("Calls", lambda one: one.sums.calls, "count", False),
            ("Failed", lambda one: one.sums.errors, "count", True),
            ("Latency p50", lambda one: one.latency.p50_ms, "duration", True),
            ("Latency p95", lambda one: one.latency.p95_ms, "duration", True),
            ("Cost a call", lambda one: _each(one, one.sums.known_cost_nusd), "money", True),
            ("Input tokens a call", lambda one: _each(one, one.sums.usage.input_tokens), "count", True),
            ("Output tokens a call", lambda one: _each(one, one.sums.usage.output_tokens), "count", True),
        )
    )


def _each(one: Tallied, of: int | None) -> int | None:
    return None if of is None or not one.sums.calls else round(of / one.sums.calls)


def _figures(a: Record, b: Record) -> tuple[Figure, ...]:
    used = [one.reading.usage for one in (a, b)]
    asked = [None if one is None else one.input_tokens for one in used]
    answered = [None if one is None else one.output_tokens for one in used]
    costs = [None if one.cost is None else one.cost.total_nusd for one in (a, b)]
    found = (
        Figure("Latency", a.duration_ms, b.duration_ms, "duration"),
        Figure("First token", a.reading.ttft_ms, b.reading.ttft_ms, "duration"),
        Figure("Cost", costs[0], costs[1], "money"),
        Figure("Input tokens", asked[0], asked[1], "count"),
        Figure("Output tokens", answered[0], answered[1], "count"),
    )
    return tuple(figure for figure in found if (figure.a, figure.b) != (None, None))


def _span(server: Server, project: str, named: str) -> Record:
    trace_id, _, span_id = named.lower().partition(":")
    found = server.store.span(project, span_id, trace_id) if trace_id and span_id else None
    if found is None:
        raise NotFound(f"Project {project} has no span {named[:60]}.", "Open a span of a trace, then compare it.")
    return found


def _name(record: Record) -> str:
    return f"{record.span.trace_id}:{record.span.span_id}"


def compare_link(record: Record) -> str:
    """Return where a span is compared with another run of its step."""
    return url(SPANS, record.project, {"a": _name(record)})


def _others(server: Server, project: str, first: Record) -> list[Record]:
    terms = And((Term("name", "=", (first.name,)), Term("kind", "=", (first.kind,))))
    found = server.store.find_spans(Query(project, terms, limit=_OFFERED + 1)).items
    return [record for record in found if _name(record) != _name(first)][:_OFFERED]


def _asked(record: Record) -> str:
    tool = record.reading.tool
    return question_text(record.reading) or (plain(tool.arguments) if tool else "")


def _answered(record: Record) -> str:
    tool = record.reading.tool
    said = answer_text(record.reading) or (plain(tool.result) if tool else "")
    return said or record.span.status_message or ""


def _params(record: Record) -> str:
    said: dict[str, Any] = {"model": record.reading.model or record.reading.request_model}
    said |= dict(record.reading.params or {})
    return json.dumps({k: v for k, v in said.items() if v is not None}, ensure_ascii=False, indent=2, default=str)


def _versioned(record: Record) -> str:
    used = record.reading.prompt
    return "" if used is None else versioned(used.name, used.version)


def _template(record: Record | None) -> str:
    used = None if record is None else record.reading.prompt
    if used is None or used.template is None:
        return ""
    return used.template if isinstance(used.template, str) else json.dumps(used.template, ensure_ascii=False, indent=2)


def _prompts_href(project: str, a: Record, b: Record) -> str | None:
    """Return where the versions of their prompt are compared, where both were made with one of the same."""
    one, other = a.reading.prompt, b.reading.prompt
    if one is None or other is None or one.name != other.name or one.version == other.version:
        return None
    return url(PROMPTS, project, {"prompt": one.name, "a": one.version, "b": other.version})


def _spans_href(project: str, a: Record | None, b: Record | None) -> str | None:
    return None if a is None or b is None else url(SPANS, project, {"a": _name(a), "b": _name(b)})
