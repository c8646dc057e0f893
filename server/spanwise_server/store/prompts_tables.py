"""The tables of prompts, as SQLModel classes. Times are nanoseconds since 1970."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class PromptRow(SQLModel, table=True):
    """A prompt: a name that versions and labels belong to."""

    __tablename__ = "prompts"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    name: str = Field(max_length=200)
    created_ns: int = _ns()


class PromptVersionRow(SQLModel, table=True):
    """One version of a prompt, never changed: as it was written, and with what it includes put in."""

    __tablename__ = "prompt_versions"
    __table_args__ = (
        UniqueConstraint("prompt_id", "number"),
        Index("ix_prompt_versions_said", "prompt_id", "said_as"),
        Index("ix_prompt_versions_template", "prompt_id", "template_hash"),
    )
    id: int | None = Field(default=None, primary_key=True)
    prompt_id: int = Field(foreign_key="prompts.id")
    number: int
    content_hash: str = Field(max_length=64)
    template_hash: str = Field(max_length=64)
    said_as: str = Field(max_length=200)
    """What spans of its calls give as their version."""
    origin: str = Field(max_length=16)
    """``registry``, or ``code`` where it was seen on a call."""
    source: Any = Field(sa_column=Column(JSON, nullable=False))
    content: Any = Field(sa_column=Column(JSON, nullable=False))
    includes: Any = Field(sa_column=Column(JSON, nullable=False))
    note: str = ""
    created_by: str = ""
    created_ns: int = _ns()


class PromptLabelRow(SQLModel, table=True):
    """Which version of a prompt a label points at now."""

    __tablename__ = "prompt_labels"
    prompt_id: int = Field(foreign_key="prompts.id", primary_key=True)
    label: str = Field(primary_key=True, max_length=40)
    number: int


class PromptMoveRow(SQLModel, table=True):
    """A label that was moved: never changed, never deleted but with its prompt."""

    __tablename__ = "prompt_moves"
    __table_args__ = (Index("ix_prompt_moves_prompt", "prompt_id", "at_ns"),)
    id: int | None = Field(default=None, primary_key=True)
    prompt_id: int = Field(foreign_key="prompts.id")
    label: str = Field(max_length=40)
    before: int | None = None
    after: int | None = None
    moved_by: str = ""
    at_ns: int = _ns()


class ProtectedLabelRow(SQLModel, table=True):
    """A label of a project that only who may promote can move."""

    __tablename__ = "protected_labels"
    project_id: int = Field(foreign_key="projects.id", primary_key=True)
    label: str = Field(primary_key=True, max_length=40)
