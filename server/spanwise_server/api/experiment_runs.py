"""Runs over datasets as JSON: what one would cost, start, stop and resume one, and two of them row by row."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import SpanwiseError
from ..experiments.checks import KINDS
from ..experiments.pairing import CHANGES, Comparison, Delta, compared, refuse_unlike
from ..playground.estimate import Estimate
from ..playground.of_project import connection_of
from ..playground.plan import MOST_AT_ONCE, Plan
from ..playground.rows import Input
from ..playground.run import MOST_REPEATS
from ..playground.starting import Rows, begin, estimated, resume, rows_of, stop
from ..store.experiments import Experiments
from ..store.prompts import Prompts
from .experiments import as_json, experiment_named
from .playground import AskedMessage
from .traces import answer

router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"])


class AskedCheck(BaseModel):
    """One check on an answer."""

    model_config = ConfigDict(extra="forbid")
    kind: str = Field(description=f"One of {', '.join(KINDS)}")
    value: str = Field("", max_length=100_000, description="The text, pattern or JSON Schema that it looks for")


class AskedRun(BaseModel):
    """A run over a version of a dataset: a call, or a version of a prompt, and how its answers are judged."""

    model_config = ConfigDict(extra="forbid")
    dataset: str = Field(max_length=200)
    dataset_version: int | str = ""
    split: str = Field("", max_length=32)
    name: str = Field("", max_length=500)
    provider: str = "openai"
    model: str = Field("", max_length=200, description="The prompt's own where empty")
    messages: list[AskedMessage] = Field(default_factory=list, max_length=1_000)
    format: str = "none"
    params: dict[str, Any] = Field(default_factory=dict)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    output_schema: dict[str, Any] | None = None
    prompt: str = Field("", max_length=200, description="A prompt of the registry: its messages where none are given")
    version: int | str | None = Field(None, description="A version or label of it; the newest where none is given")
    input: Input | None = Field(None, description="What a row's own messages are for; `variables` where it fills some")
    mapping: dict[str, str] = Field(default_factory=dict, description="Variable -> column")
    checks: list[AskedCheck] = Field(default_factory=list)
    repeats: int = Field(1, ge=1, le=MOST_REPEATS)
    at_once: int = Field(4, ge=1, le=MOST_AT_ONCE)
    most_usd: float | None = Field(None, gt=0, le=1_000_000, allow_inf_nan=False)
    threshold: float = Field(0.8, gt=0, le=1)


@router.post("/estimate")
def estimate_run(server: CurrentServer, project: CurrentProject, asked: AskedRun) -> Response:
    """Return what a run would come to, and what that rests on; nothing is called."""
    plan = plan_of(server, project, asked)
    return answer(estimate_json(estimated(server.store, project, plan, _rows(server, project, asked), _now_s())))


@router.post("/run", status_code=202)
def start_run(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedRun) -> Response:
    """Start a run in the background; its ``url`` shows how far it is."""
    plan = plan_of(server, project, asked)
    rows = _rows(server, project, asked)
    expected = estimated(server.store, project, plan, rows, _now_s())
    connection_of(server, project, plan.provider)  # refused before anything is kept
    experiments = Experiments(server.store)
    said = {**plan.as_json(), "estimate": estimate_json(expected)}
    kept = experiments.plan(
        rows.dataset,
        rows.version,
        said,
        name=asked.name.strip() or _name(plan),
        planned=rows.count,
        threshold=asked.threshold,
        by=actor.name or actor.kind,
    )
    begin(server, kept, plan, rows)
    return answer(as_json(kept), status=202)


@router.post("/{experiment_id}/stop")
def stop_run(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Stop a run: no call begins, those under way are hung up on; what came of it stays."""
    experiments = Experiments(server.store)
    found = experiment_named(experiments, actor, experiment_id)
    stop(server, found)
    return answer(as_json(experiment_named(experiments, actor, experiment_id)))


@router.post("/{experiment_id}/resume", status_code=202)
def resume_run(server: CurrentServer, actor: CurrentActor, experiment_id: int) -> Response:
    """Run what is left of a run that was stopped or cut off, and again the rows that had no answer."""
    experiments = Experiments(server.store)
    found = experiment_named(experiments, actor, experiment_id)
    resume(server, found)
    return answer(as_json(experiment_named(experiments, actor, experiment_id)), status=202)


@router.get("/compare")
def compare_runs(
    server: CurrentServer,
    actor: CurrentActor,
    *,
    before: int,
    after: int,
    changed: Annotated[bool, Query(description="Only rows that newly fail or newly pass")] = False,
) -> Response:
    """Return two runs over a dataset row by row: what newly fails and newly passes, and whether that is chance."""
    experiments = Experiments(server.store)
    old, new = (experiment_named(experiments, actor, number) for number in (before, after))
    refuse_unlike(old, new)
    found = compared(experiments.results(old.id), experiments.results(new.id))
    return answer({"before": as_json(old), "after": as_json(new), **comparison_json(found, changed=changed)})


def plan_of(server: Server, project: str, asked: AskedRun) -> Plan:
    """Return what is to be run; a prompt of the registry brings what was not given."""
    said = asked.model_dump(exclude={"dataset", "dataset_version", "name", "most_usd", "threshold"})
    said["most_nusd"] = None if asked.most_usd is None else round(asked.most_usd * 1e9)
    if asked.prompt and (not asked.messages or asked.version is not None):
        version = Prompts(server.store).version(project, asked.prompt, str(asked.version or "latest"))
        said["version"] = version.number
        content = version.content
        if not asked.messages:
            said["messages"], said["format"] = content.messages, content.format
            said["params"] = asked.params or content.params
            said["tools"] = asked.tools or content.tools
            said["output_schema"] = asked.output_schema or content.output_schema
        said["model"] = asked.model or content.model or ""
    if not said["model"] or not said["messages"]:
        raise SpanwiseError("There is no model, or no message, to run.", "Name a model, and give messages or a prompt.")
    plan = Plan.from_json({**said, "input": said["input"] or "variables"})
    return plan if asked.input is not None or plan.variables else replace(plan, input="instead")


def estimate_json(found: Estimate) -> dict[str, Any]:
    """Return an estimate as the API gives it."""
    said = asdict(found)
    cost = said.pop("cost_nusd")
    return {**said, "cost_usd": None if cost is None else cost / 1e9}


def comparison_json(found: Comparison, *, changed: bool) -> dict[str, Any]:
    """Return a comparison as the API gives it."""
    cost = found.cost_nusd
    rates = [{"passed": rate.passed, "of": rate.of, "interval": rate.interval} for rate in found.rates]
    rows = [
        {
            "example_id": pair.before.example_id,
            "change": pair.change,
            "before": _side(pair.before),
            "after": _side(pair.after),
        }
        for pair in found.pairs
        if not changed or pair.change in CHANGES[:2]
    ]
    return {
        "counts": {change.replace(" ", "_"): found.count(change) for change in CHANGES},
        "newly_failing": found.newly_failing,
        "newly_passing": found.newly_passing,
        "p_value": found.p_value,
        "pass_rate": {"before": rates[0], "after": rates[1]},
        "cost_usd_per_call": {
            name: None if nusd is None else nusd / 1e9
            for name, nusd in (("before", cost.before), ("after", cost.after))
        },
        "latency_p50_ms": _delta(found.latency_ms(50)),
        "latency_p95_ms": _delta(found.latency_ms(95)),
        "output_tokens_per_call": _delta(found.output_tokens),
        "only_before": found.only_before,
        "only_after": found.only_after,
        "rows": rows,
    }


def _delta(found: Delta) -> dict[str, float | None]:
    return {"before": found.before, "after": found.after}


def _side(result: Any) -> dict[str, Any]:
    return {name: getattr(result, name) for name in ("passed", "output", "message", "error", "trace_id")}


def _rows(server: Server, project: str, asked: AskedRun) -> Rows:
    return rows_of(server.store, project, asked.dataset, str(asked.dataset_version), asked.split)


def _name(plan: Plan) -> str:
    return f"{plan.prompt or 'playground'} · {plan.model}"


def _now_s() -> int:
    return int(time.time())
