"""Experiments: the runs over datasets, and one with the examples that failed, that fail now and that pass now."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import Forbidden, NotFound
from ..experiments.experiment import Experiment, Result
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from .datasets import Row, row_of
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

#: Examples shown of one run; the API has all.
MOST_SHOWN = 500


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
    return render(request, "pages/experiments.html", experiments=found, datasets=datasets)


@router.get("/experiments/{experiment_id}")
def experiment_page(request: Request, server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Show one run, what failed first, against the run of the same name before it."""
    experiments = Experiments(server.store)
    found = _experiment_for(experiments, actor, experiment_id)
    if request.query_params.get("project", "default") != found.project:
        return RedirectResponse(url(f"/experiments/{found.id}", found.project), status_code=303)
    before = experiments.before(found)
    was = {} if before is None else {result.example_id: result.passed for result in experiments.results(before.id)}
    results = experiments.results(found.id)
    outcomes = _outcomes(Datasets(server.store), found, results[:MOST_SHOWN], was)
    changes = [_change(result, was) for result in results]
    return render(
        request,
        "pages/experiment.html",
        experiment=found,
        before=before,
        outcomes=outcomes,
        newly_failing=changes.count("newly failing"),
        newly_passing=changes.count("newly passing"),
        left=max(0, len(results) - MOST_SHOWN),
    )


@router.post("/experiments/{experiment_id}/delete", dependencies=[Csrf])
def delete_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Delete a run; the page asked first."""
    experiments = Experiments(server.store)
    found = _experiment_for(experiments, actor, experiment_id)
    experiments.delete(found.id)
    return RedirectResponse(url("/experiments", found.project), status_code=303)


def _outcomes(datasets: Datasets, experiment: Experiment, results: list[Result], was: dict[str, bool]) -> list[Outcome]:
    """Return the rows; an example is shown as it is in the version that the run was over."""
    version = None
    if datasets.find(experiment.dataset_id) is not None:
        version = datasets.version(experiment.dataset_id, experiment.version)
    held = {} if version is None else datasets.chosen(version.id, [result.example_id for result in results])
    return [
        Outcome(
            result,
            row_of(held[result.example_id]) if result.example_id in held else None,
            _change(result, was),
        )
        for result in results
    ]


def _change(result: Result, was: dict[str, bool]) -> str:
    before = was.get(result.example_id)
    if before is None or before == result.passed:
        return ""
    return "newly passing" if result.passed else "newly failing"


def _experiment_for(experiments: Experiments, actor: Actor, experiment_id: int) -> Experiment:
    found = experiments.find(experiment_id)
    if found is None:
        raise NotFound(f"There is no experiment {experiment_id}.", "It may have been deleted; see /experiments.")
    if actor.project is not None and actor.project != found.project:
        raise Forbidden("This experiment is of another project.", "Use a key of that project.")
    return found
