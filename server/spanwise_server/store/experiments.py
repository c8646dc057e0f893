"""Experiments, kept and read back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlmodel import Session, col, delete, select, update

from ..datasets.version import Dataset, Version
from ..errors import NotFound
from ..experiments.experiment import UNDER_WAY, Experiment, Result, State, state_now
from ..experiments.totals import totals
from .experiment_tables import ExperimentRow, ResultRow
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import ProjectRow


class Experiments:
    """The experiments of one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def keep(
        self,
        dataset: Dataset,
        version: Version,
        results: Sequence[Result],
        *,
        name: str,
        threshold: float,
        confidence: float,
        by: str,
        plan: Mapping[str, Any] | None = None,
    ) -> Experiment:
        """Keep one run that is over, with what came of each example."""
        with self._sessions.transaction() as session:
            row = _new(session, dataset, version, name, by, plan)
            row.threshold, row.confidence = threshold, confidence
            row.planned, row.ended_ns = len(results), row.created_ns
            _put(session, row, results)
            return _experiment(row, dataset.project)

    def plan(
        self,
        dataset: Dataset,
        version: Version,
        plan: Mapping[str, Any],
        *,
        name: str,
        planned: int,
        threshold: float,
        by: str,
    ) -> Experiment:
        """Keep a run that waits to begin."""
        with self._sessions.transaction() as session:
            row = _new(session, dataset, version, name, by, plan)
            row.threshold, row.planned = threshold, planned
            row.state, row.beat_ns = "waiting", row.created_ns
            session.add(row)
            session.flush()
            return _experiment(row, dataset.project)

    def add_result(self, experiment_id: int, result: Result) -> None:
        """Keep what came of one example of a run that is under way."""
        with self._sessions.transaction() as session:
            row = session.get(ExperimentRow, experiment_id)
            if row is None:
                raise NotFound("This experiment was deleted while it ran.", "Nothing more of it is kept.")
            row.beat_ns = time.time_ns()
            _put(session, row, [result])

    def begin(self, experiment_id: int, state: State = "running") -> None:
        """Note that a run waits, or runs."""
        now = time.time_ns()
        self._note(experiment_id, state=state, why="", beat_ns=now, ended_ns=None)

    def end(self, experiment_id: int, state: State, why: str = "") -> None:
        """Note how a run ended."""
        self._note(experiment_id, state=state, why=why, ended_ns=time.time_ns())

    def beat(self, experiment_ids: Iterable[int]) -> None:
        """Note that the server is at these runs."""
        with self._sessions.transaction() as session:
            session.exec(
                update(ExperimentRow)
                .where(col(ExperimentRow.id).in_(list(experiment_ids)))
                .values(beat_ns=time.time_ns())
            )

    def cut_off(self) -> None:
        """Note that no run is under way: the server that was at them is gone."""
        with self._sessions.transaction() as session:
            session.exec(
                update(ExperimentRow)
                .where(col(ExperimentRow.state).in_(sorted(UNDER_WAY)))
                .values(state="cut_off", ended_ns=col(ExperimentRow.beat_ns))
            )

    def drop_errors(self, experiment_id: int) -> set[str]:
        """Take the results without an answer away, so that they are tried again; return the ids of those that stay."""
        with self._sessions.transaction() as session:
            row = session.get(ExperimentRow, experiment_id)
            if row is None:
                raise NotFound("This experiment was deleted.", "Start another one.")
            gone = delete(ResultRow).where(col(ResultRow.experiment_id) == experiment_id, col(ResultRow.error) != "")
            session.exec(gone)
            left = [
                _result(one)
                for one in session.exec(select(ResultRow).where(ResultRow.experiment_id == experiment_id)).all()
            ]
            row.done = row.passed = row.trials = row.errors = row.unpriced = row.flipped = 0
            row.input_tokens = row.output_tokens = row.cost_nusd = None
            row.flips = 0.0
            _count(row, left)
            session.add(row)
            return {one.example_id for one in left}

    def _note(self, experiment_id: int, **values: Any) -> None:
        with self._sessions.transaction() as session:
            session.exec(update(ExperimentRow).where(col(ExperimentRow.id) == experiment_id).values(**values))

    def find(self, experiment_id: int) -> Experiment | None:
        """Return one experiment, or ``None``."""
        with self._sessions.session() as session:
            row = session.get(ExperimentRow, experiment_id)
            return None if row is None else _experiment(row, _project(session, row))

    def all(self, project: str, dataset_id: int | None = None, limit: int = 200) -> list[Experiment]:
        """Return the experiments of a project, or over one dataset, the newest first."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            asked = select(ExperimentRow).where(ExperimentRow.project_id == number)
            if dataset_id is not None:
                asked = asked.where(ExperimentRow.dataset_id == dataset_id)
            rows = session.exec(asked.order_by(col(ExperimentRow.id).desc()).limit(limit)).all()
            return [_experiment(row, project) for row in rows]

    def results(self, experiment_id: int) -> list[Result]:
        """Return what came of each example, those that failed first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(ResultRow)
                .where(ResultRow.experiment_id == experiment_id)
                .order_by(col(ResultRow.judged).desc(), col(ResultRow.passed), col(ResultRow.example_id))
            ).all()
            return [_result(row) for row in rows]

    def before(self, experiment: Experiment) -> Experiment | None:
        """Return the run of the same name over the same dataset before this one, ``None`` where it is the first."""
        with self._sessions.session() as session:
            row = session.exec(
                select(ExperimentRow)
                .where(
                    ExperimentRow.dataset_id == experiment.dataset_id,
                    ExperimentRow.name == experiment.name,
                    col(ExperimentRow.id) < experiment.id,
                    ExperimentRow.state == "done",
                )
                .order_by(col(ExperimentRow.id).desc())
            ).first()
            return None if row is None else _experiment(row, experiment.project)

    def delete(self, experiment_id: int) -> bool:
        """Take an experiment and its results away; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(ExperimentRow, experiment_id)
            if row is None:
                return False
            session.exec(delete(ResultRow).where(col(ResultRow.experiment_id) == experiment_id))
            session.delete(row)
            return True


def _project(session: Session, row: ExperimentRow) -> str:
    project = session.get(ProjectRow, row.project_id)
    return "" if project is None else project.name


def _new(
    session: Session, dataset: Dataset, version: Version, name: str, by: str, plan: Mapping[str, Any] | None
) -> ExperimentRow:
    return ExperimentRow(
        project_id=project_id_made(session, dataset.project),
        dataset_id=dataset.id,
        dataset=dataset.name,
        version=version.number,
        name=name,
        threshold=0.8,
        confidence=0.95,
        passed=0,
        trials=0,
        created_by=by,
        created_ns=time.time_ns(),
        plan=None if plan is None else dict(plan),
    )


def _put(session: Session, row: ExperimentRow, results: Sequence[Result]) -> None:
    """Keep *results* of a run, and count them."""
    _count(row, results)
    session.add(row)
    session.flush()
    number = known(row.id)
    session.add_all(
        ResultRow(
            experiment_id=number,
            judged=result.passed is not None,
            **{name: getattr(result, name) for name in _SAME},
            passed=bool(result.passed),
        )
        for result in results
    )


def _count(row: ExperimentRow, results: Sequence[Result]) -> None:
    """Add what *results* come to."""
    more = totals(results)
    row.done, row.passed, row.trials = row.done + more.done, row.passed + more.passed, row.trials + more.judged
    row.errors, row.unpriced = row.errors + more.errors, row.unpriced + more.unpriced
    row.flips, row.flipped = row.flips + more.flips, row.flipped + more.flipped
    for name in ("input_tokens", "output_tokens", "cost_nusd"):
        was, now = getattr(row, name), getattr(more, name)
        setattr(row, name, was if now is None else (was or 0) + now)


#: What a result and its row call alike.
_SAME: Final = (
    "example_id", "duration_ms", "message", "trace_id", "output", "error", "answers", "passes", "flip_rate",
    "input_tokens", "output_tokens", "cost_nusd",
)  # fmt: skip


def _result(row: ResultRow) -> Result:
    return Result(passed=row.passed if row.judged else None, **{name: getattr(row, name) for name in _SAME})


def _experiment(row: ExperimentRow, project: str) -> Experiment:
    return Experiment(
        id=known(row.id),
        project=project,
        name=row.name,
        dataset_id=row.dataset_id,
        dataset=row.dataset,
        version=row.version,
        threshold=row.threshold,
        confidence=row.confidence,
        passed=row.passed,
        trials=row.trials,
        created_by=row.created_by,
        created_ns=row.created_ns,
        state=state_now(cast("State", row.state), row.beat_ns or row.created_ns, time.time_ns()),
        plan=row.plan,
        planned=row.planned,
        done=row.done,
        errors=row.errors,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_nusd=row.cost_nusd,
        unpriced=row.unpriced,
        flip_rate=row.flips / row.flipped if row.flipped else None,
        why=row.why,
        ended_ns=row.ended_ns,
    )
