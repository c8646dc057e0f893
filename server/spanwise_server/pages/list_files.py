"""Lists as files: every list that holds neither traces nor spans, all of it, streamed in each format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi import Query as Param
from fastapi.responses import StreamingResponse

from ..auth.current import Actor, CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import NotFound, SpanwiseError
from ..exports.contract import Object
from ..exports.row_files import Columns, row_export, row_file
from ..exports.trace_download import Run
from ..labelling.codes_desk import CodeDesk
from ..labelling.desk import Desk
from ..labelling.queue import Queue
from ..query.filters import And, Query
from ..query.numbers import whole
from ..store.alert_firings import Firings
from ..store.alerts import Alerts
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from ..store.prompts import Prompts
from . import list_rows as rows
from .downloads import streamed
from .experiments import experiment_for, outcomes_of
from .format import Clock
from .label import annotator_of, queue_for
from .list_rows import AT_ONCE, paged
from .listing import read
from .render import clock_of
from .step_mix import steps_in
from .step_traces import looked_at

router = APIRouter(include_in_schema=False)

PATH: Final = "/lists"
#: More runs than a project has.
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose list is asked for, and by whom."""

    server: Server
    actor: Actor
    project: str
    params: Mapping[str, str]
    clock: Clock

    def number(self, name: str) -> int:
        """Return the number of what the list is of."""
        number = whole(self.params.get(name))
        if number is None:
            raise SpanwiseError(f"Say which {name}.", f"Its number goes into ?{name}=.")
        return number


@dataclass(frozen=True, slots=True)
class ListFile:
    """One list: what a row is called, its columns, and its rows."""

    name: str
    one: str
    columns: Columns
    rows: Callable[[Asked], Iterable[Object]]


def _columns(texts: str, /, **others: str) -> Columns:
    """Return columns by name: *texts* in their order, but for those that hold something else."""
    kind_of = {name: kind for kind, names in others.items() for name in names.split()}
    return {name: kind_of.get(name, "text") for name in texts.split()}  # type: ignore[misc] # the kinds are keywords


def _alerts(asked: Asked) -> Iterable[Object]:
    firings = Firings(asked.server.store)
    if "rule" in asked.params:
        rule = Alerts(asked.server.store).rule(asked.project, asked.number("rule"))
        return map(rows.alert_row, firings.of_rule(asked.project, rule.id, _ALL))
    history = paged(lambda before: firings.history(asked.project, before, AT_ONCE), lambda one: one.id)
    return map(rows.alert_row, chain(firings.open(asked.project), history))


def _rules(asked: Asked) -> Iterable[Object]:
    firing = Firings(asked.server.store).open(asked.project)
    return [rows.rule_row(rule, firing) for rule in Alerts(asked.server.store).rules(asked.project)]


def _queues(asked: Asked) -> Iterable[Object]:
    return [rows.queue_row(*found) for found in Desk(asked.server.store).queues.all(asked.project)]


def _acts(asked: Asked) -> Iterable[Object]:
    desk = Desk(asked.server.store)
    queue = _of_project(desk, asked)
    me = annotator_of(asked.actor).id
    hides = bool(queue.blind and desk.slots.open_for(queue.id, me))
    versions = {v.version_id: v.version for v in desk.rubrics.versions(queue.rubric_id)}
    items = {item.id: item for item in desk.queues.items(queue.id)}
    who = asked.params.get("who", "")
    events = paged(
        lambda before: desk.history.of_queue(queue.id, before_id=before, annotator=who, limit=AT_ONCE),
        lambda event: event.id,
    )
    return (
        rows.act_row(
            event,
            items.get(event.item_id or 0),
            versions.get(event.rubric_version_id or 0),
            hidden=hides and event.annotator_id != me,
        )
        for event in events
    )


def _of_project(desk: Desk, asked: Asked) -> Queue:
    queue = queue_for(desk, asked.actor, asked.number("queue"))
    if queue.project != asked.project:
        raise NotFound(f"Project {asked.project} has no queue {queue.id}.", "/label lists those there are.")
    return queue


def _code_acts(asked: Asked) -> Iterable[Object]:
    codes, said = CodeDesk(asked.server.store).codes, asked.params
    events = paged(
        lambda before: codes.events(
            asked.project,
            before_id=before,
            annotator=said.get("who", ""),
            annotation_id=said.get("critique", ""),
            limit=AT_ONCE,
        ),
        lambda event: event.id,
    )
    return map(rows.code_act_row, events)


def _rubrics(asked: Asked) -> Iterable[Object]:
    rubrics = Desk(asked.server.store).rubrics
    return [rows.rubric_row(rubric, rubrics.queues_of(rubric.id)) for rubric in rubrics.all(asked.project)]


def _prompts(asked: Asked) -> Iterable[Object]:
    return [rows.prompt_row(prompt) for prompt in Prompts(asked.server.store).all(asked.project)]


def _datasets(asked: Asked) -> Iterable[Object]:
    return [rows.dataset_row(dataset) for dataset in Datasets(asked.server.store).all(asked.project)]


def _experiments(asked: Asked) -> Iterable[Object]:
    return [rows.experiment_row(run) for run in Experiments(asked.server.store).all(asked.project, limit=_ALL)]


def _results(asked: Asked) -> Iterable[Object]:
    experiments = Experiments(asked.server.store)
    run = experiment_for(experiments, asked.actor, asked.number("experiment"))
    if run.project != asked.project:
        raise NotFound(f"Project {asked.project} has no experiment {run.id}.", "/experiments lists those there are.")
    show = asked.params.get("show", "all")
    return map(rows.result_row, outcomes_of(Datasets(asked.server.store), experiments, run, show, AT_ONCE))


def _steps(asked: Asked) -> Iterable[Object]:
    listing = replace(read(asked.project, asked.params, asked.clock), filter="")
    looked = looked_at(asked.server, Query(asked.project, And(), *listing.bounds(asked.clock.now_ns)))
    return [rows.step_row(use) for use in steps_in(looked.traces)]


#: Every list that can be had as a file, by name.
LISTS: Final[Mapping[str, ListFile]] = {
    each.name: each
    for each in (
        ListFile("alerts", "alert", _columns(
            "id rule rule_id by key state measure fires threshold value worst since fired_at resolved_at"
            " acknowledged_by acknowledged_at filter from to",
            number="id rule_id", real="threshold value worst",
            moment="since fired_at resolved_at acknowledged_at from to",
        ), _alerts),
        ListFile("alert-rules", "rule", _columns(
            "id name condition state now looked_at error", number="id", moment="looked_at",
        ), _rules),
        ListFile("queues", "queue", _columns(
            "id name question label rubric_id unit filter reason blind items done deferred people created_by"
            " created_at",
            number="id rubric_id items done deferred people", yes="blind", moment="created_at",
        ), _queues),
        ListFile("label-acts", "act", _columns(
            "id at annotator action undoes item item_id trace_id span_id session_id said critiques answers note"
            " rubric_version ms_on_item blind assisted revealed late hidden",
            number="id undoes item item_id rubric_version ms_on_item", moment="at", texts="said critiques",
            json="answers", yes="blind assisted revealed late hidden",
        ), _acts),
        ListFile("code-acts", "act", _columns(
            "id at annotator action told codes code_id other_id critiques undoes",
            number="id code_id other_id critiques undoes", moment="at", texts="codes",
        ), _code_acts),
        ListFile("rubrics", "rubric", _columns(
            "id name version questions queues changed_at",
            number="id version", texts="questions queues", moment="changed_at",
        ), _rubrics),
        ListFile("prompts", "prompt", _columns(
            "id name versions labels note created_at changed_at",
            number="id versions", json="labels", moment="created_at changed_at",
        ), _prompts),
        ListFile("datasets", "dataset", _columns(
            "id name description examples version content_hash last_change changed_at created_at",
            number="id examples version", moment="changed_at created_at",
        ), _datasets),
        ListFile("experiments", "run", _columns(
            "id name what dataset dataset_id version state passed judged pass_rate at_least wanted good no_answer"
            " flip_rate input_tokens output_tokens cost_usd unpriced created_by created_at ended_at",
            number="id dataset_id version passed judged no_answer input_tokens output_tokens unpriced",
            real="pass_rate at_least wanted flip_rate cost_usd", yes="good", moment="created_at ended_at",
        ), _experiments),
        ListFile("results", "result", _columns(
            "example_id passed change input expected output message error answers passes flip_rate duration_ms"
            " input_tokens output_tokens cost_usd trace_id",
            yes="passed", number="answers passes input_tokens output_tokens", real="flip_rate duration_ms cost_usd",
        ), _results),
        ListFile("steps", "step", _columns(
            "name kind runs traces errors mean_ms cost_usd", number="runs traces errors", real="mean_ms cost_usd",
        ), _steps),
    )
}  # fmt: skip


@router.get(PATH + "/{name}/export")
def export_list(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    name: str,
    format_name: Annotated[str, Param(alias="format")] = "jsonl",
    progress: str | None = None,
) -> StreamingResponse:
    """Stream one whole list as a file, a row each."""
    wanted = LISTS.get(name)
    if wanted is None:
        raise NotFound(f"There is no list {name[:60]}.", f"There are: {', '.join(LISTS)}.")
    export = row_export(wanted.columns, format_name)
    found: Any = wanted.rows(Asked(server, actor, project, request.query_params, clock_of(request)))
    known = len(found) if isinstance(found, list) else None
    run = server.exports.begin(progress, Run(project, known or 0, of_is_exact=known is not None))
    return streamed(row_file(found, export, run), export, name)
