"""The tables of experiments and their results."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class ExperimentRow(SQLModel, table=True):
    """One run over one version of a dataset."""

    __tablename__ = "experiments"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    dataset_id: int = Field(index=True)
    """Kept when the dataset is deleted: what came of the run stands."""
    dataset: str
    version: int
    name: str
    threshold: float
    confidence: float
    passed: int
    trials: int
    created_by: str = ""
    created_ns: int = _ns()


class ResultRow(SQLModel, table=True):
    """What came of one example of a run."""

    __tablename__ = "experiment_results"
    experiment_id: int = Field(foreign_key="experiments.id", primary_key=True)
    example_id: str = Field(max_length=64, primary_key=True)
    passed: bool
    duration_ms: float | None = None
    message: str = ""
    trace_id: str | None = Field(default=None, max_length=32)
