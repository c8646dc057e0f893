"""Experiments: the runs over datasets, and one with how far it is, what failed, what fails and what passes now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import Forbidden, NotFound
from ..experiments.checks import KINDS, Check
from ..experiments.experiment import Experiment, Result, State
from ..playground.starting import resume, stop
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from .datasets import Row, row_of
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

#: Examples shown of one run; the API has all.
MOST_SHOWN = 500
#: While a run is under way, so many: the page is read again every two seconds.
MOST_SHOWN_LIVE: Final = 50
#: Which results are shown -> the words for them.
SHOWN: Final = {"all": "All", "failed": "Failed", "changed": "Changed", "errors": "No answer"}
STATES: Final[Mapping[State, tuple[str, str]]] = {
    "waiting": ("waiting", ""),
    "running": ("running", "accent"),
    "stopped": ("stopped", "warn"),
    "failed": ("gave up", "error"),
    "cut_off": ("cut off", "warn"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One example of a run, as a row."""

    result: Result
    example: Row | None
    """``None`` where the example went with its trace, or its dataset was deleted."""
    change: str
    """``newly failing``, ``newly passing`` or nothing, against the run before."""


@router.get("/experiments")
def experiments_page(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the runs of a project, the newest first."""
    found = Experiments(server.store).all(project)
    datasets = Datasets(server.store).all(project)
    return render(request, "pages/experiments.html", experiments=found, datasets=datasets, badge=badge_of)


@router.get("/experiments/{experiment_id}")
def experiment_page(
    request: Request, server: CurrentServer, actor: CurrentActor, experiment_id: int, show: str = "all"
) -> Response:
    """Show one run, what failed first, against the run of the same name before it."""
    experiments = Experiments(server.store)
    found = experiment_for(experiments, actor, experiment_id)
    if request.query_params.get("project", "default") != found.project:
        return RedirectResponse(url(f"/experiments/{found.id}", found.project), status_code=303)
    before = experiments.before(found)
    was = judged_before(experiments, found)
    results = experiments.results(found.id)
    changes = [_change(result, was) for result in results]
    chosen = [result for result in results if _is_shown(result, was, show)]
    most = MOST_SHOWN_LIVE if found.under_way else MOST_SHOWN
    others = [one for one in experiments.all(found.project, found.dataset_id) if one.id != found.id and one.done]
    return render(
        request,
        "pages/experiment.html",
        experiment=found,
        before=before,
        others=others,
        outcomes=_outcomes(Datasets(server.store), found, chosen[:most], was),
        newly_failing=changes.count("newly failing"),
        newly_passing=changes.count("newly passing"),
        left=max(0, len(chosen) - most),
        show=show if show in SHOWN else "all",
        shown=SHOWN,
        checks=check_words(found),
        estimate=(found.plan or {}).get("estimate") or {},
        badge=badge_of,
    )


@router.post("/experiments/{experiment_id}/delete", dependencies=[Csrf])
def delete_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Delete a run; the page asked first."""
    experiments = Experiments(server.store)
    found = experiment_for(experiments, actor, experiment_id)
    experiments.delete(found.id)
    return RedirectResponse(url("/experiments", found.project), status_code=303)


@router.post("/experiments/{experiment_id}/stop", dependencies=[Csrf])
def stop_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Stop a run that is under way, and show what came of it."""
    found = experiment_for(Experiments(server.store), actor, experiment_id)
    stop(server, found)
    return RedirectResponse(url(f"/experiments/{found.id}", found.project), status_code=303)


@router.post("/experiments/{experiment_id}/resume", dependencies=[Csrf])
def resume_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Run what is left of a run."""
    found = experiment_for(Experiments(server.store), actor, experiment_id)
    resume(server, found)
    return RedirectResponse(url(f"/experiments/{found.id}", found.project), status_code=303)


def badge_of(experiment: Experiment) -> tuple[str, str]:
    """Return how a run stands, in a word, and the class that colours it."""
    if experiment.state in STATES:
        return STATES[experiment.state]
    if not experiment.trials:
        return "not judged", ""
    return ("good", "ok") if experiment.good else ("too low", "error")


def check_words(experiment: Experiment) -> list[str]:
    """Return how the answers of a run were judged, a check each."""
    said: Sequence[Mapping[str, Any]] = (experiment.plan or {}).get("checks") or ()
    return [Check(one["kind"], one.get("value") or "").words for one in said if one.get("kind") in KINDS]


def judged_before(experiments: Experiments, experiment: Experiment) -> Mapping[str, bool | None]:
    """Return what came of each example in the run of the same name before it."""
    before = experiments.before(experiment)
    return {} if before is None else {result.example_id: result.passed for result in experiments.results(before.id)}


def outcomes_of(
    datasets: Datasets, experiments: Experiments, experiment: Experiment, show: str, at_once: int
) -> Iterator[Outcome]:
    """Yield what came of every example that is shown, reading *at_once* of them at a time."""
    was = judged_before(experiments, experiment)
    left = (result for result in experiments.results(experiment.id) if _is_shown(result, was, show))
    while some := list(islice(left, at_once)):
        yield from _outcomes(datasets, experiment, some, was)


def _is_shown(result: Result, was: Mapping[str, bool | None], show: str) -> bool:
    if show == "failed":
        return result.passed is False
    if show == "errors":
        return bool(result.error)
    return show != "changed" or bool(_change(result, was))


def _outcomes(
    datasets: Datasets, experiment: Experiment, results: list[Result], was: Mapping[str, bool | None]
) -> list[Outcome]:
    """Return the rows; an example is shown as it is in the version that the run was over."""
    held = rows_in(datasets, experiment, [result.example_id for result in results])
    return [Outcome(result, held.get(result.example_id), _change(result, was)) for result in results]


def rows_in(datasets: Datasets, experiment: Experiment, example_ids: Sequence[str]) -> dict[str, Row]:
    """Return examples as they are in the version that a run was over, without those that are gone."""
    if datasets.find(experiment.dataset_id) is None:
        return {}
    version = datasets.version(experiment.dataset_id, experiment.version)
    if version is None:
        return {}
    return {name: row_of(example) for name, example in datasets.chosen(version.id, example_ids).items()}


def _change(result: Result, was: Mapping[str, bool | None]) -> str:
    before = was.get(result.example_id)
    if before is None or result.passed is None or before == result.passed:
        return ""
    return "newly passing" if result.passed else "newly failing"


def experiment_for(experiments: Experiments, actor: Actor, experiment_id: int) -> Experiment:
    """Return an experiment that this actor may touch."""
    found = experiments.find(experiment_id)
    if found is None:
        raise NotFound(f"There is no experiment {experiment_id}.", "It may have been deleted; see /experiments.")
    if actor.project is not None and actor.project != found.project:
        raise Forbidden("This experiment is of another project.", "Use a key of that project.")
    return found
