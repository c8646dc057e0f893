"""Moments at which prompts changed, marked on the charts of the project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..prompts.version import Move
from ..query.measures import Steps
from . import format as fmt
from .board_charts import Chart
from .format import Clock
from .plots import LEFT, RIGHT, Change
from .prompts import prompt_path
from .urls import url

#: Beyond so many, marks would hide the bars; the newest are shown.
MOST_MARKS: Final = 40


def with_changes(
    charts: Iterable[Chart], moves: Sequence[tuple[str, Move]], steps: Steps, project: str, clock: Clock
) -> tuple[Chart, ...]:
    """Return *charts* with a mark at each move of a label, which leads to the prompt."""
    wide = steps.end_ns - steps.first_ns
    marks = tuple(
        Change(
            round(LEFT + (move.at_ns - steps.first_ns) / wide * (RIGHT - LEFT), 1),
            url(prompt_path(name), project, {"v": move.after}),
            f"{name}: {words_of(move)}, {clock.local(move.at_ns)}",
        )
        for name, move in moves[-MOST_MARKS:]
    )
    said = f" {fmt.plural(len(marks), 'change')} of prompts." if marks else ""
    return tuple(
        replace(chart, plot=replace(chart.plot, changes=marks, summary=chart.plot.summary + said)) for chart in charts
    )


def words_of(move: Move) -> str:
    """Return a move of a label in words."""
    if move.after is None:
        return f"{move.label} taken off {move.before}"
    return f"{move.label} {move.after}" if move.before is None else f"{move.label} {move.before} to {move.after}"
