"""Moments at which prompts changed, marked on the charts of the project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..prompts.version import Change
from ..query.measures import Steps
from . import format as fmt
from . import plots
from .board_charts import Chart
from .chart import WIDTH, Histogram
from .format import Clock
from .prompts import prompt_path
from .urls import url

#: Beyond so many, marks would hide the bars; the newest are shown.
MOST_MARKS: Final = 40


def with_changes(
    charts: Iterable[Chart], changes: Sequence[Change], steps: Steps, project: str, clock: Clock
) -> tuple[Chart, ...]:
    """Return *charts* with a mark at each change, which leads to the prompt."""
    marks = _marks(changes, steps.first_ns, steps.end_ns, plots.LEFT, plots.RIGHT, project, clock)
    return tuple(
        replace(chart, plot=replace(chart.plot, changes=marks, summary=chart.plot.summary + _said(marks)))
        for chart in charts
    )


def histogram_with_changes(
    drawn: Histogram | None, changes: Sequence[Change], from_ns: int, to_ns: int, project: str, clock: Clock
) -> Histogram | None:
    """Return the histogram above the traces with the same marks."""
    if drawn is None:
        return None
    marks = _marks(changes, from_ns, to_ns, 0.0, WIDTH, project, clock)
    return replace(drawn, changes=marks, summary=drawn.summary + _said(marks))


def words_of(change: Change) -> str:
    """Return a change in words."""
    move = change.move
    if move is None:
        return f"first call with {change.number}"
    if move.after is None:
        return f"{move.label} taken off {move.before}"
    return f"{move.label} {move.after}" if move.before is None else f"{move.label} {move.before} to {move.after}"


def _marks(
    changes: Sequence[Change], from_ns: int, to_ns: int, left: float, right: float, project: str, clock: Clock
) -> tuple[plots.Change, ...]:
    wide = max(to_ns - from_ns, 1)
    return tuple(
        plots.Change(
            round(left + (change.at_ns - from_ns) / wide * (right - left), 1),
            url(prompt_path(change.name), project, {"v": change.number}),
            f"{change.name}: {words_of(change)}, {clock.local(change.at_ns)}",
        )
        for change in changes[-MOST_MARKS:]
    )


def _said(marks: Sequence[plots.Change]) -> str:
    return f" {fmt.plural(len(marks), 'change')} of prompts." if marks else ""
