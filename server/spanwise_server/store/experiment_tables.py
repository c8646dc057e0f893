"""The tables of experiments and their results."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, text, true
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


def _later(default: Any) -> Any:
    """Return a column that rows from before it was there have with this value."""
    return Field(default=default, sa_column_kwargs={"server_default": text(repr(default))})


def _maybe_big() -> Any:
    return Field(default=None, sa_type=BigInteger)


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
    state: str = _later("done")
    plan: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    planned: int = _later(0)
    done: int = _later(0)
    errors: int = _later(0)
    unpriced: int = _later(0)
    input_tokens: int | None = _maybe_big()
    output_tokens: int | None = _maybe_big()
    cost_nusd: int | None = _maybe_big()
    flips: float = _later(0.0)
    """The sum of its examples' flip rates, and of how many."""
    flipped: int = _later(0)
    why: str = _later("")
    beat_ns: int | None = _maybe_big()
    """When its server last said that it is at it."""
    ended_ns: int | None = _maybe_big()


class ResultRow(SQLModel, table=True):
    """What came of one example of a run."""

    __tablename__ = "experiment_results"
    experiment_id: int = Field(foreign_key="experiments.id", primary_key=True)
    example_id: str = Field(max_length=64, primary_key=True)
    passed: bool
    duration_ms: float | None = None
    message: str = ""
    trace_id: str | None = Field(default=None, max_length=32)
    judged: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    """Without, ``passed`` says nothing."""
    output: str = _later("")
    error: str = _later("")
    answers: int = _later(1)
    passes: int | None = None
    flip_rate: float | None = None
    input_tokens: int | None = _maybe_big()
    output_tokens: int | None = _maybe_big()
    cost_nusd: int | None = _maybe_big()
