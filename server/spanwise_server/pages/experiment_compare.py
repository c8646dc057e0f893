"""Two runs over one dataset side by side: what newly fails, what newly passes, what it costs and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.current import CurrentActor, CurrentProject, CurrentServer
from ..experiments.experiment import Experiment
from ..experiments.pairing import CHANGES, Comparison, Delta, Paired, compared, refuse_unlike
from ..prompts.statistics import Rate
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from .alignment import WordDiff, word_diff
from .datasets import Row
from .experiments import badge_of, experiment_for, rows_in
from .format import duration, money, percent
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

ROWS: Final = 50
_OPEN: Final = 3
#: A change is said to be more than chance below this.
_ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both runs, in words."""

    name: str
    before: str
    after: str
    delta: str
    good: bool | None
    """Whether the change is for the better; ``None`` where it is neither."""


@dataclass(frozen=True, slots=True)
class Line:
    """One example of both runs, as a row."""

    pair: Paired
    example: Row | None
    answers: WordDiff
    is_open: bool


@router.get("/experiments/compare")
def compare_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    *,
    before: int,
    after: int,
    show: str = "",
    page: int = 1,
) -> Response:
    """Show two runs row by row, what newly fails first."""
    experiments = Experiments(server.store)
    old, new = (experiment_for(experiments, actor, number) for number in (before, after))
    refuse_unlike(old, new)
    if new.project != project:
        return RedirectResponse(
            url("/experiments/compare", new.project, {"before": before, "after": after, "show": show}), status_code=303
        )
    found = compared(experiments.results(old.id), experiments.results(new.id))
    chosen = [pair for pair in found.pairs if not show or pair.change == show]
    at = max(1, page)
    pairs = chosen[(at - 1) * ROWS : at * ROWS]
    held = rows_in(Datasets(server.store), new, [pair.after.example_id for pair in pairs])
    return render(
        request,
        "pages/experiment_compare.html",
        old=old,
        new=new,
        found=found,
        verdict=verdict_of(found),
        figures=figures_of(found),
        lines=[_line(pair, held, at_place) for at_place, pair in enumerate(pairs)],
        changes=[(change, found.count(change)) for change in CHANGES],
        others=[one for one in experiments.all(new.project, new.dataset_id) if one.done or one.id in {before, after}],
        show=show,
        page=at,
        first=(at - 1) * ROWS + 1,
        of=len(chosen),
        more=at * ROWS < len(chosen),
        badge=badge_of,
        title=title_of,
    )


def title_of(experiment: Experiment) -> str:
    """Return what tells a run from another one over the same dataset."""
    return experiment.what or experiment.name


def verdict_of(found: Comparison) -> tuple[str, str]:
    """Return what the comparison comes to in a sentence, and the class that colours it."""
    failing, passing, p = found.newly_failing, found.newly_passing, found.p_value
    if not failing + passing:
        return "No row changed its verdict.", ""
    how = "more than chance explains" if p < _ALPHA else "which may be chance"
    said = f"p = {_probability(p)}, McNemar's exact test"
    if failing > passing:
        return f"Worse on {failing - passing} more rows than better, {how} ({said}).", "error" if p < _ALPHA else "warn"
    if passing > failing:
        return f"Better on {passing - failing} more rows than worse, {how} ({said}).", "ok" if p < _ALPHA else ""
    return f"As many rows newly pass as newly fail ({said}).", ""


def figures_of(found: Comparison) -> list[Figure]:
    """Return the figures of both runs, with what changed."""
    old, new = found.rates
    return [
        Figure("Pass rate", _rate(old), _rate(new), _points(old, new), _better(new.share, old.share)),
        _figure("Cost per call", found.cost_nusd, _small_money, unknown="unpriced"),
        _figure("Latency, median", found.latency_ms(50), duration),
        _figure("Latency, 95th percentile", found.latency_ms(95), duration),
        _figure("Output tokens per call", found.output_tokens, lambda value: f"{value:,.0f}"),
    ]


def _line(pair: Paired, held: dict[str, Row], place: int) -> Line:
    is_open = place < _OPEN and pair.change == "newly failing"
    return Line(pair, held.get(pair.after.example_id), word_diff(pair.before.output, pair.after.output), is_open)


def _figure(name: str, delta: Delta, words: Callable[[float], str], unknown: str = "—") -> Figure:
    said = [unknown if value is None else words(value) for value in (delta.before, delta.after)]
    by, share = delta.by, delta.share
    if by is None or share is None:
        return Figure(name, said[0], said[1], "", None)
    if abs(share) < 0.005:
        return Figure(name, said[0], said[1], "the same", None)
    times = f"{share:+.0%}".replace("%", " %") if share < 9 else f"{share + 1:.0f} times"
    return Figure(name, said[0], said[1], times, by < 0)


def _rate(rate: Rate) -> str:
    share, interval = rate.share, rate.interval
    if share is None or interval is None:
        return "not judged"
    return f"{percent(share)} ({rate.passed} of {rate.of}; {interval[0] * 100:.0f} to {interval[1] * 100:.0f} %)"


def _points(old: Rate, new: Rate) -> str:
    if old.share is None or new.share is None:
        return ""
    points = (new.share - old.share) * 100
    return f"{points:+.1f} points" if round(points, 1) else "the same"


def _better(new: float | None, old: float | None) -> bool | None:
    return None if new is None or old is None or new == old else new > old


def _small_money(nusd: float) -> str:
    """Return money with three digits that say something, however small it is."""
    return money(round(nusd)) if nusd >= 10_000_000 or not nusd else f"${nusd / 1e9:.{2 - floor(log10(nusd / 1e9))}f}"


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"
