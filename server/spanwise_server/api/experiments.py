"""Experiments as JSON: keep a run over a dataset, list runs, read one with its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer
from ..datasets.version import Version
from ..errors import NotFound
from ..experiments.checks import Check, judged, read_checks
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
    passed: bool | None = Field(None, description="Without, the checks of the experiment decide by ``output``")
    output: str = Field("", max_length=1_000_000)
    error: str = Field("", max_length=10_000, description="Why there is no answer; the example fails")
    answers: int = Field(1, ge=0, le=10_000)
    passes: int | None = Field(None, ge=0)
    flip_rate: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)
    cost_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    duration_ms: float | None = Field(None, ge=0, allow_inf_nan=False)
    message: str = Field("", max_length=10_000)
    trace_id: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")] | None = None

    def result(self) -> Result:
        """Return it as it is kept, before checks."""
        said = self.model_dump(exclude={"cost_usd"})
        said["passed"] = False if self.error else self.passed
        return Result(**said, cost_nusd=None if self.cost_usd is None else round(self.cost_usd * 1e9))


class NewExperiment(BaseModel):
    """One run over one version of a dataset."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=500)
    dataset: str = Field(min_length=1, max_length=200)
    version: int | str = ""
    threshold: float = Field(0.8, gt=0, le=1)
    confidence: float = Field(0.95, gt=0, lt=1)
    function: str = Field("", max_length=500, description="What was run, such as ``shop.bot:answer``")
    checks: list[dict[str, str]] = Field(
        default_factory=list, description="``{kind, value}``: how results without a verdict are judged"
    )
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
    checks = read_checks(new.checks)
    given = {one.example_id: one.result() for one in new.results}
    results = _judged(datasets, version, given, checks)
    plan = {"function": new.function, "checks": [asdict(check) for check in checks]}
    kept = Experiments(server.store).keep(
        dataset,
        version,
        results,
        name=new.name,
        threshold=new.threshold,
        confidence=new.confidence,
        by=actor.name or actor.kind,
        plan=plan if new.function or checks else None,
    )
    return answer(as_json(kept), status=201)


@router.get("/{experiment_id}")
def one_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Return one experiment with what came of each example, those that failed first."""
    experiments = Experiments(server.store)
    found = experiment_named(experiments, actor, experiment_id)
    results = [_result_json(result) for result in experiments.results(found.id)]
    return answer({**as_json(found), "results": results, "plan": found.plan})


@router.delete("/{experiment_id}", status_code=204)
def delete_experiment(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Delete an experiment with its results; the dataset stays."""
    experiments = Experiments(server.store)
    experiments.delete(experiment_named(experiments, actor, experiment_id).id)
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
        "state": experiment.state,
        "why": experiment.why,
        "what": experiment.what,
        "planned": experiment.planned,
        "done": experiment.done,
        "errors": experiment.errors,
        "input_tokens": experiment.input_tokens,
        "output_tokens": experiment.output_tokens,
        "cost_usd": None if experiment.cost_nusd is None else experiment.cost_nusd / 1e9,
        "unpriced": experiment.unpriced,
        "flip_rate": experiment.flip_rate,
        "created_by": experiment.created_by,
        "created_at": rfc3339(experiment.created_ns),
        "url": f"/experiments/{experiment.id}",
    }


def experiment_named(experiments: Experiments, actor: Actor, experiment_id: int) -> Experiment:
    """Return an experiment that this actor may see."""
    found = experiments.find(experiment_id)
    if found is None or actor.project not in {None, found.project}:
        raise NotFound(f"There is no experiment {experiment_id}.", "GET /api/v1/experiments lists those of a project.")
    return found


def _judged(datasets: Datasets, version: Version, given: dict[str, Result], checks: Sequence[Check]) -> list[Result]:
    """Return results with a verdict each, as far as checks can tell."""
    open_ones = [name for name, result in given.items() if result.passed is None] if checks else []
    held = datasets.chosen(version.id, open_ones)
    for name in open_ones:
        if name in held:
            verdict = judged(checks, given[name].output, held[name])
            message = verdict.why or given[name].message
            given[name] = replace(given[name], passed=verdict.passed, message=message)
    return list(given.values())


def _result_json(result: Result) -> dict[str, Any]:
    said = asdict(result)
    cost = said.pop("cost_nusd")
    return {**said, "cost_usd": None if cost is None else cost / 1e9}
