"""The tables of codes, of the critiques that carry them, and of every act on them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class CodeRow(SQLModel, table=True):
    """A failure mode; one that was merged or deleted stays, for the acts that speak of it."""

    __tablename__ = "codes"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    name: str = Field(max_length=200)
    description: str = ""
    state: str = Field(default="live", max_length=16)
    """``live``, ``merged`` or ``deleted``."""
    merged_into: int | None = None
    created_by: str = ""
    created_ns: int = _ns()


class CodeMarkRow(SQLModel, table=True):
    """A code on a critique, from one act to another: taken off it is kept, with the act that did."""

    __tablename__ = "code_marks"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    annotation_id: str = Field(index=True, max_length=64)
    code_id: int | None = Field(default=None, index=True)
    """``None``: the critique names no failure."""
    marked_by: str = ""
    marked_ns: int = _ns()
    added_event: int = Field(index=True)
    removed_event: int | None = Field(default=None, index=True)


class CodeEventRow(SQLModel, table=True):
    """One act on codes: never changed, never deleted."""

    __tablename__ = "code_events"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    key: str = Field(unique=True, max_length=64)
    """Chosen by the client, so that a repeated request is one act."""
    action: str = Field(max_length=16)
    code_id: int | None = Field(default=None, index=True)
    other_id: int | None = Field(default=None, index=True)
    """What it was merged into, or split from."""
    before: Any = Field(default=None, sa_column=Column(JSON))
    """What the act changed of codes: ``{"id": [name, description, state, merged_into]}``."""
    after: Any = Field(default=None, sa_column=Column(JSON))
    critiques: int = 0
    """How many critiques it gave a code to, or took one from."""
    annotator_id: str = ""
    at_ns: int = _ns()
    undoes: int | None = Field(default=None, index=True)
