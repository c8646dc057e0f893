"""The tables of datasets, their versions, examples and tags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class DatasetRow(SQLModel, table=True):
    """A named set of examples, in versions."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    name: str
    description: str = ""
    created_ns: int = _ns()
    splits: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """Split -> its share in percent, for examples that are added; ``None`` where nothing is split."""


class ExampleRow(SQLModel, table=True):
    """One example as it was at one time; an edit makes a new row."""

    __tablename__ = "examples"
    __table_args__ = (UniqueConstraint("dataset_id", "example_id", "content_hash"),)
    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", index=True)
    example_id: str = Field(max_length=64)
    content_hash: str = Field(max_length=64)
    body: Any = Field(sa_column=Column(JSON, nullable=False))
    created_ns: int = _ns()
    trace_id: str | None = Field(default=None, max_length=32, index=True)
    """The trace that it was made of."""
    split: str | None = Field(default=None, max_length=32)
    forgotten_ns: int | None = _ns(default=None)
    """When its contents were taken away with their trace; versions that held it say so."""


class DatasetTagRow(SQLModel, table=True):
    """A name that one version of a dataset has, such as ``prod``; it can be moved to another."""

    __tablename__ = "dataset_tags"
    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    tag: str = Field(max_length=40, primary_key=True)
    version_id: int = Field(foreign_key="dataset_versions.id")
    created_by: str = ""
    created_ns: int = _ns()


class DatasetVersionRow(SQLModel, table=True):
    """A frozen list of examples, named by the hash of its contents."""

    __tablename__ = "dataset_versions"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id")
    number: int
    content_hash: str = Field(max_length=64)
    note: str = ""
    examples: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    """Against the version before."""
    created_by: str = ""
    created_ns: int = _ns()


class VersionExampleRow(SQLModel, table=True):
    """Which example rows a version holds, and in what order."""

    __tablename__ = "version_examples"
    version_id: int = Field(foreign_key="dataset_versions.id", primary_key=True)
    example_row_id: int = Field(foreign_key="examples.id", primary_key=True)
    position: int
