"""Experiments, kept and read back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from ..datasets.version import Dataset, Version
from ..experiments.experiment import Experiment, Result
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
    ) -> Experiment:
        """Keep one run with what came of each example."""
        with self._sessions.transaction() as session:
            row = ExperimentRow(
                project_id=project_id_made(session, dataset.project),
                dataset_id=dataset.id,
                dataset=dataset.name,
                version=version.number,
                name=name,
                threshold=threshold,
                confidence=confidence,
                passed=sum(result.passed for result in results),
                trials=len(results),
                created_by=by,
                created_ns=time.time_ns(),
            )
            session.add(row)
            session.flush()
            number = known(row.id)
            session.add_all(
                ResultRow(
                    experiment_id=number,
                    example_id=result.example_id,
                    passed=result.passed,
                    duration_ms=result.duration_ms,
                    message=result.message,
                    trace_id=result.trace_id,
                )
                for result in results
            )
            return _experiment(row, dataset.project)

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
                .order_by(col(ResultRow.passed), col(ResultRow.example_id))
            ).all()
            return [Result(row.example_id, row.passed, row.duration_ms, row.message, row.trace_id) for row in rows]

    def before(self, experiment: Experiment) -> Experiment | None:
        """Return the run of the same name over the same dataset before this one, ``None`` where it is the first."""
        with self._sessions.session() as session:
            row = session.exec(
                select(ExperimentRow)
                .where(
                    ExperimentRow.dataset_id == experiment.dataset_id,
                    ExperimentRow.name == experiment.name,
                    col(ExperimentRow.id) < experiment.id,
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
    )
