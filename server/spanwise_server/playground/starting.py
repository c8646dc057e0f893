"""Runs over datasets started, stopped and resumed: rows found, cost estimated, what cannot be run refused."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

from ..auth.current import Server
from ..datasets.example import Example
from ..datasets.version import Dataset, Version
from ..errors import Conflict, NotFound
from ..experiments.experiment import Experiment
from ..store.dataset_rows import Shown
from ..store.datasets import Datasets
from ..store.experiments import Experiments
from ..store.sessions import Sessions
from .call import BadCall
from .dataset_runs import Task
from .estimate import MOST_ROWS, Calls, Estimate, estimate, missing_columns
from .http import make_http
from .of_project import connection_of, keep_span, prompted_with
from .plan import MOST_CALLS, Plan
from .providers import provider_named
from .row_run import Line
from .rows import SYSTEM
from .stop import Stop
from .trace import Traced


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one run."""

    dataset: Dataset
    version: Version
    split: str
    count: int

    def each(self, datasets: Datasets, without: Container[str] = ()) -> Iterator[Example]:
        """Yield the rows that are left, in order."""
        found = datasets.examples(self.version.id, shown=Shown(split=self.split))
        return (example for example in found if example.id not in without)


def rows_of(store: Sessions, project: str, dataset: str | int, version: str, split: str) -> Rows:
    """Return the rows that a run is over; a version without any is refused."""
    datasets = Datasets(store)
    found = next((one for one in datasets.all(project) if dataset in {one.id, one.name}), None)
    if found is None:
        raise NotFound(f"There is no dataset {dataset!r}.", "/datasets lists those there are.")
    frozen = datasets.version_named(found.id, version)
    count = 0 if frozen is None else datasets.count(frozen.id, Shown(split=split))
    if frozen is None or not count:
        where = f" in its split {split!r}" if split else ""
        raise BadCall(f"The dataset {found.name!r} has no row{where}.", "Add examples first, or choose another.")
    return Rows(found, frozen, split, count)


class Ready(Sessions, Calls, Protocol):
    """A store of both small tables and spans."""


def estimated(store: Ready, project: str, plan: Plan, rows: Rows, at_s: int) -> Estimate:
    """Return what the run will come to; one that no row could be sent of, or of too many calls, is refused."""
    known = provider_named(plan.provider)
    calls = rows.count * plan.repeats
    if calls > MOST_CALLS:
        raise BadCall(f"That is {calls:,} calls.", f"At most {MOST_CALLS:,}: choose a split, or fewer repeats.")
    first = list(islice(rows.each(Datasets(store)), MOST_ROWS))
    missing = missing_columns(plan, first)
    if missing:
        names = ", ".join(missing)
        raise BadCall(f"No row has a value for {names}.", "Map each variable to a column of the dataset.")
    return estimate(store, project, plan, known.span_name, first, rows.count, at_s)


def begin(server: Server, found: Experiment, plan: Plan, rows: Rows, done: Container[str] = ()) -> None:
    """Run *plan* over the rows that are not *done*, as soon as the server has a place for it."""
    connection = connection_of(server, found.project, plan.provider)
    whole = plan.input != "instead" or all(message.role in SYSTEM for message in plan.messages if message.content)
    line = Line(
        plan,
        connection,
        partial(make_http, allow_private=server.settings.allow_private),
        Traced(
            partial(keep_span, server, found.project),
            prompted_with(server, found.project, plan.prompt, plan.version, plan.messages, plan.format)
            if whole
            else None,
            {"experiment": found.id},
        ),
        Stop(),
    )
    Experiments(server.store).begin(found.id, "waiting")
    server.runs.start(Task(found.id, rows.each(Datasets(server.store), done), line, spent_nusd=found.cost_nusd or 0))


def stop(server: Server, found: Experiment) -> None:
    """Stop a run that is under way: no call begins, those under way are hung up on."""
    if found.under_way and not server.runs.stop(found.id):
        raise Conflict("Another server is at this run.", "Stop it there.")


def resume(server: Server, found: Experiment) -> None:
    """Run what is left of a run that ended before its end, and again the rows that had no answer."""
    if server.runs.has(found.id) or found.under_way:
        raise Conflict("This run is under way.", "Wait for it to end, or stop it.")
    if not found.resumable:
        raise Conflict("There is nothing left to run.", "Start another one.")
    plan = Plan.from_json(found.plan or {})
    rows = rows_of(server.store, found.project, found.dataset_id, str(found.version), plan.split)
    begin(server, found, plan, rows, Experiments(server.store).drop_errors(found.id))
