"""Experiments as JSON: keep a run over a dataset, list runs, read one with its results."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..errors import NotFound
from ..experiments.experiment import Experiment, Result
from ..exports.contract import rfc3339
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from .traces import answer

router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"])
MOST_RESULTS = 20_000


class NewResult(BaseModel):
    """What came of one example."""

    model_config = ConfigDict(extra="forbid")
    example_id: str = Field(min_length=1, max_length=64)
    passed: bool
    duration_ms: float | None = Field(None, ge=0, allow_inf_nan=False)
    message: str = Field("", max_length=10_000)
    trace_id: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")] | None = None


class NewExperiment(BaseModel):
    """One run over one version of a dataset."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=500)
    dataset: str = Field(min_length=1, max_length=200)
    version: int | str = ""
    threshold: float = Field(0.8, gt=0, le=1)
    confidence: float = Field(0.95, gt=0, lt=1)
    results: list[NewResult] = Field(min_length=1, max_length=MOST_RESULTS)


@router.get("")
def list_experiments(server: CurrentServer, project: CurrentProject, dataset_id: int | None = None) -> Response:
    """Return the experiments of a project, or over one dataset, the newest first."""
    found = Experiments(server.store).all(project, dataset_id)
    return answer({"items": [as_json(experiment) for experiment in found]})


@router.post("", status_code=201)
def keep_experiment(
    server: CurrentServer, actor: CurrentActor, project: CurrentProject, new: NewExperiment
) -> Response:
    """Keep one run; an example that is named twice counts as it went at last."""
    datasets = Datasets(server.store)
    dataset = next((one for one in datasets.all(project) if one.name == new.dataset), None)
    version = None if dataset is None else datasets.version_named(dataset.id, str(new.version))
    if dataset is None or version is None:
        raise NotFound(f"There is no dataset {new.dataset!r} with examples.", "GET /api/v1/datasets lists them.")
    results = {one.example_id: Result(**one.model_dump()) for one in new.results}
    kept = Experiments(server.store).keep(
        dataset,
        version,
        list(results.values()),
        name=new.name,
        threshold=new.threshold,
        confidence=new.confidence,
        by=actor.name or actor.kind,
    )
    return answer(as_json(kept), status=201)


@router.get("/{experiment_id}")
def one_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Return one experiment with what came of each example, those that failed first."""
    experiments = Experiments(server.store)
    found = _found(experiments, actor, experiment_id)
    results = [
        {
            "example_id": result.example_id,
            "passed": result.passed,
            "duration_ms": result.duration_ms,
            "message": result.message,
            "trace_id": result.trace_id,
        }
        for result in experiments.results(found.id)
    ]
    return answer({**as_json(found), "results": results})


@router.delete("/{experiment_id}", status_code=204)
def delete_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Delete an experiment with its results; the dataset stays."""
    experiments = Experiments(server.store)
    experiments.delete(_found(experiments, actor, experiment_id).id)
    return Response(status_code=204)


def as_json(experiment: Experiment) -> dict[str, Any]:
    """Return the public JSON of an experiment."""
    return {
        "id": experiment.id,
        "project": experiment.project,
        "name": experiment.name,
        "dataset_id": experiment.dataset_id,
        "dataset": experiment.dataset,
        "version": experiment.version,
        "passed": experiment.passed,
        "trials": experiment.trials,
        "threshold": experiment.threshold,
        "confidence": experiment.confidence,
        "lower_bound": experiment.bound,
        "good": experiment.good,
        "created_by": experiment.created_by,
        "created_at": rfc3339(experiment.created_ns),
        "url": f"/experiments/{experiment.id}",
    }


def _found(experiments: Experiments, actor: Actor, experiment_id: int) -> Experiment:
    found = experiments.find(experiment_id)
    if found is None or actor.project not in {None, found.project}:
        raise NotFound(f"There is no experiment {experiment_id}.", "GET /api/v1/experiments lists those of a project.")
    return found
