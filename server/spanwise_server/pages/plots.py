"""Charts as plain numbers for the templates to draw: stacked bars, lines, points with their fit. Zero always shows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

LEFT: Final = 46.0
RIGHT: Final = 554.0
TOP: Final = 8.0
BOTTOM: Final = 150.0
_WIDTH: Final = RIGHT - LEFT
_HEIGHT: Final = BOTTOM - TOP
_LINES: Final = 3
_LABELS: Final = 7
_LEAST: Final = 0.6
_IDLE_ZEROS: Final = re.compile(r"(?:\.0+|(\.\d*?[1-9])0+)(?=\D|$)")
_STEPS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of the grid, or one word below the axis, and where it stands."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One layer of one bar."""

    y: float
    height: float
    layer: str
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: its layers from the axis up, and the time it stands for."""

    x: float
    width: float
    start: str
    end: str
    href: str
    """Where it leads, empty where it stands for nothing."""
    title: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as the points of polylines: it breaks where nothing was measured."""

    layer: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One point that leads to what it stands for."""

    x: float
    y: float
    layer: str
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which something was changed, and where it leads."""

    x: float
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart."""

    grid: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    summary: str
    columns: tuple[Column, ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One series: how it is drawn, what it is called, its values, and where each of them leads."""

    layer: str
    name: str
    values: tuple[float | None, ...]
    hrefs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of time below a chart: how a URL and how a reader say it, and where it leads."""

    start: str
    end: str
    words: str
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Fit:
    """A straight line through points, by least squares."""

    intercept: float
    slope: float
    r2: float


def ceiling(most: float) -> float:
    """Return a round number that is at least *most*, and that three equal steps divide into round ones."""
    if most <= 0:
        return float(_LINES)
    unit = 10.0 ** math.floor(math.log10(most / _LINES))
    return next(step for step in _STEPS if step * unit * _LINES >= most * (1 - 1e-9)) * unit * _LINES


def stacked(moments: Sequence[Moment], layers: Sequence[Layer], write: Callable[[float], str], summary: str) -> Plot:
    """Return bars of *layers* on top of each other, the first at the axis."""
    said = [[value for layer in layers if (value := layer.values[n]) is not None] for n in range(len(moments))]
    totals = [sum(values) for values in said]
    top = ceiling(max(totals, default=0))
    step = _WIDTH / max(len(moments), 1)
    gap = min(2.0, step * 0.12)
    columns = []
    for n, moment in enumerate(moments):
        pieces, at = [], BOTTOM
        for layer in layers:
            value = layer.values[n]
            if not value:  # neither nothing nor zero has a height
                continue
            height = max(value / top * _HEIGHT, _LEAST)
            at -= height
            title = f"{moment.words}: {layer.name} {write(value)}"
            href = layer.hrefs[n] if layer.hrefs else moment.href
            pieces.append(Piece(round(at, 1), round(height, 1), layer.layer, href, title))
        title = f"{moment.words}: {write(totals[n]) if said[n] else 'nothing'}"
        x, width = round(LEFT + n * step + gap / 2, 1), round(step - gap, 1)
        href = moment.href if totals[n] else ""
        columns.append(Column(x, width, moment.start, moment.end, href, title, tuple(pieces)))
    return Plot(_grid(top, write), _ticks(moments), summary, columns=tuple(columns))


def lines(
    moments: Sequence[Moment],
    layers: Sequence[Layer],
    write: Callable[[float], str],
    summary: str,
    *,
    least: float = 0.0,
) -> Plot:
    """Return lines over time up to *least* or more, with an unseen bar a step that says the values."""
    top = ceiling(max((v for layer in layers for v in layer.values if v is not None and v > least), default=least))
    step = _WIDTH / max(len(moments), 1)
    columns = []
    for n, moment in enumerate(moments):
        said = [f"{layer.name} {write(v)}" for layer in layers if (v := layer.values[n]) is not None]
        title = f"{moment.words}: {', '.join(said) or 'nothing'}"
        href = moment.href if said else ""
        columns.append(Column(round(LEFT + n * step, 1), round(step, 1), moment.start, moment.end, href, title, ()))
    drawn = tuple(
        Line(layer.layer, _paths([(LEFT + (n + 0.5) * step, v) for n, v in enumerate(layer.values)], top))
        for layer in layers
    )
    return Plot(_grid(top, write), _ticks(moments), summary, columns=tuple(columns), lines=drawn)


def scatter(
    points: Sequence[tuple[float, float, str, str, str]],
    fits: Sequence[tuple[str, Fit]],
    write: Callable[[float], str],
    summary: str,
) -> Plot:
    """Return points of (x, y, layer, href, title) and the lines through them."""
    right = ceiling(max((x for x, *_ in points), default=0))
    top = ceiling(max((y for _, y, *_ in points), default=0))

    def place(x: float, y: float) -> tuple[float, float]:
        return round(LEFT + x / right * _WIDTH, 1), round(BOTTOM - min(max(y / top, 0.0), 1.0) * _HEIGHT, 1)

    dots = tuple(Dot(*place(x, y), layer, href, title) for x, y, layer, href, title in points)
    drawn = []
    for layer, fit in fits:
        reach = max((x for x, _, of, *_ in points if of == layer), default=0.0)
        (x1, y1), (x2, y2) = place(0, fit.intercept), place(reach, fit.intercept + fit.slope * reach)
        drawn.append(Line(f"l{layer}", (f"{x1},{y1} {x2},{y2}",)))
    ticks = tuple(Mark(round(LEFT + n / _LINES * _WIDTH, 1), f"{right * n / _LINES:,.0f}") for n in range(_LINES + 1))
    return Plot(_grid(top, write), ticks, summary, lines=tuple(drawn), dots=dots)


def fit(points: Sequence[tuple[float, float]]) -> Fit | None:
    """Return the line through points of (x, y), or ``None`` where there are too few, or all at one x."""
    if len(points) < 3:
        return None
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    xx = sum((x - mean_x) ** 2 for x, _ in points)
    if xx == 0:
        return None
    xy = sum((x - mean_x) * (y - mean_y) for x, y in points)
    yy = sum((y - mean_y) ** 2 for _, y in points)
    slope = xy / xx
    return Fit(mean_y - slope * mean_x, slope, 1.0 if yy == 0 else xy * xy / (xx * yy))


def spark(values: Sequence[float | None]) -> tuple[str, ...]:
    """Return the lines of a small chart of 100 by 24, without axes."""
    said = [value for value in values if value is not None]
    if len(said) < 2:
        return ()
    low, high = min(said), max(said)
    wide = high - low or 1.0
    last = max(len(values) - 1, 1)
    points = [(n / last * 100, None if v is None else 22 - (v - low) / wide * 20) for n, v in enumerate(values)]
    return _joined([(x, y) for x, y in points])


def _paths(points: Sequence[tuple[float, float | None]], top: float) -> tuple[str, ...]:
    return _joined([(x, None if value is None else BOTTOM - value / top * _HEIGHT) for x, value in points])


def _joined(points: Sequence[tuple[float, float | None]]) -> tuple[str, ...]:
    """Return runs of points that follow each other, each as a polyline; one alone is drawn as a short dash."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    whole = [run if len(run) > 1 else [(run[0][0] - 2, run[0][1]), (run[0][0] + 2, run[0][1])] for run in runs if run]
    return tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in whole)


def _grid(top: float, write: Callable[[float], str]) -> tuple[Mark, ...]:
    written = [_short(write(top * n / _LINES)) for n in range(_LINES + 1)]
    return tuple(
        Mark(round(BOTTOM - n / _LINES * _HEIGHT, 1), "" if words in written[n + 1 :] else words)  # "<$0.0001" once
        for n, words in enumerate(written)
    )


def _short(words: str) -> str:
    """Return a figure without the zeros at its end that say nothing: an axis has little room."""
    return _IDLE_ZEROS.sub(r"\1", words)


def _ticks(moments: Sequence[Moment]) -> tuple[Mark, ...]:
    """Return a few words below the axis, each new one once: days, or times of day."""
    step = _WIDTH / max(len(moments), 1)
    changes = [n for n, moment in enumerate(moments) if n == 0 or moment.label != moments[n - 1].label]
    every = max(1, math.ceil(len(changes) / _LABELS))
    return tuple(Mark(round(LEFT + (n + 0.5) * step, 1), moments[n].label) for n in changes[::every])
