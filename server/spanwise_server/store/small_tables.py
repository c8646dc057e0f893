"""The small tables, as SQLModel classes: projects, keys, labels, queues, datasets. Times are nanoseconds since 1970."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


def _said(default: str) -> Any:
    """Return a column of text that rows from before it was there have too."""
    return Field(default=default, sa_column_kwargs={"server_default": default})


class ProjectRow(SQLModel, table=True):
    """A project: everything else belongs to one."""

    __tablename__ = "projects"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=200)
    created_ns: int = _ns()


class ApiKeyRow(SQLModel, table=True):
    """A key that a program shows; only its hash is kept."""

    __tablename__ = "api_keys"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    name: str
    prefix: str = Field(max_length=16)
    hash: str = Field(unique=True, max_length=64)
    rights: str = "write,read"
    created_ns: int = _ns()
    last_used_ns: int | None = _ns(default=None)
    revoked_ns: int | None = _ns(default=None)


class SettingRow(SQLModel, table=True):
    """A setting kept in the store, such as the hash of the login password."""

    __tablename__ = "settings"
    name: str = Field(primary_key=True)
    value: str


class LoginRow(SQLModel, table=True):
    """A browser that has logged in; only the hash of its token is kept."""

    __tablename__ = "logins"
    hash: str = Field(primary_key=True, max_length=64)
    created_ns: int = _ns()
    expires_ns: int = _ns(index=True)
    user_id: int | None = None
    """Whose account it is; ``None`` for the shared password."""


class AnnotationRow(SQLModel, table=True):
    """The judgement that stands now, derived from the label events."""

    __tablename__ = "annotations"
    __table_args__ = (Index("ix_annotations_trace", "project_id", "trace_id"),)
    id: str = Field(primary_key=True, max_length=64)
    project_id: int = Field(foreign_key="projects.id")
    name: str
    trace_id: str = Field(max_length=32)
    span_id: str | None = Field(default=None, max_length=16)
    label: str | None = None
    score: float | None = None
    explanation: str | None = None
    correction: Any = Field(default=None, sa_column=Column(JSON))
    annotator_kind: str = "human"
    annotator_id: str = ""
    source: str = "api"
    meta: Any = Field(default=None, sa_column=Column(JSON))
    created_ns: int = _ns()
    updated_ns: int = _ns()


class LabelEventRow(SQLModel, table=True):
    """One act of labelling: never changed, never deleted."""

    __tablename__ = "label_events"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    key: str = Field(unique=True, max_length=64)
    """Chosen by the client, so that a repeated request is one event."""
    action: str
    """``set``, ``defer``, ``remove`` or ``undo``."""
    undoes: int | None = Field(default=None, index=True)
    """The event that an ``undo`` takes back."""
    annotation_id: str = Field(index=True, max_length=64)
    queue_id: int | None = Field(default=None, index=True)
    item_id: int | None = Field(default=None, index=True)
    before: Any = Field(default=None, sa_column=Column(JSON))
    after: Any = Field(default=None, sa_column=Column(JSON))
    annotator_id: str = ""
    ms_on_item: int | None = None
    at_ns: int = _ns()
    rubric_version_id: int | None = Field(default=None, index=True)
    """The wording it was given under; ``None`` outside any rubric."""
    answers: Any = Field(default=None, sa_column=Column(JSON))
    """``{"name of the question": {"value": ..., "critique": ...}}``."""
    blind: bool | None = None
    assisted: bool | None = None
    """Whether a suggestion was shown."""
    revealed: bool | None = None
    """Whether the annotator had seen what others said."""
    late: bool | None = None
    """Whether the item had gone to somebody else meanwhile."""
    note: str | None = None
    """Why a disagreement was settled as it was."""
    client_ns: int | None = _ns(default=None)
    """When it was decided, by the browser's clock."""


class RubricRow(SQLModel, table=True):
    """Questions that are asked together; what they are is in its versions."""

    __tablename__ = "rubrics"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    name: str
    created_by: str = ""
    created_ns: int = _ns()


class RubricVersionRow(SQLModel, table=True):
    """One wording of a rubric: never changed, never deleted."""

    __tablename__ = "rubric_versions"
    __table_args__ = (UniqueConstraint("rubric_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    rubric_id: int = Field(foreign_key="rubrics.id")
    number: int
    questions: Any = Field(sa_column=Column(JSON, nullable=False))
    note: str = ""
    created_by: str = ""
    created_ns: int = _ns()


class QueueRow(SQLModel, table=True):
    """Spans to be judged one at a time, and the question asked of each."""

    __tablename__ = "queues"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    name: str
    question: str
    annotation_name: str
    filter: str = ""
    reason: str = ""
    """Why these spans, in words: shown to whoever labels them."""
    blind: bool = True
    """Whether model, prompt, scores and other labels stay hidden until the verdict."""
    created_by: str = ""
    created_ns: int = _ns()
    rubric_id: int | None = Field(default=None, index=True)
    unit: str = _said("span")
    """``span``, ``trace`` or ``session``."""
    people: Any = Field(default=None, sa_column=Column(JSON))
    """Overlap, share, names and deal."""
    assisted: bool = Field(default=False, sa_column_kwargs={"server_default": "0"})
    recipe: Any = Field(default=None, sa_column=Column(JSON))
    rule: Any = Field(default=None, sa_column=Column(JSON))


class ItemRow(SQLModel, table=True):
    """One target in one queue, once."""

    __tablename__ = "items"
    __table_args__ = (
        UniqueConstraint("queue_id", "trace_id", "span_id"),
        Index("ix_items_next", "queue_id", "state", "position"),
    )
    id: int | None = Field(default=None, primary_key=True)
    queue_id: int = Field(foreign_key="queues.id", index=True)
    position: int
    trace_id: str = Field(max_length=32)
    span_id: str = Field(max_length=16)
    state: str = Field(default="todo", max_length=16)
    """``todo``, ``done`` or ``deferred``."""
    annotation_id: str | None = Field(default=None, max_length=64)
    done_ns: int | None = _ns(default=None)
    session_id: str = _said("")
    other_trace_id: str = _said("")
    other_span_id: str = _said("")
    """What it is compared with, in a queue of pairs."""
    reason: str = _said("")
    p_incl: float | None = None


class SlotRow(SQLModel, table=True):
    """One label that an item wants, and who has it in hand or gave it."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("item_id", "number"),
        UniqueConstraint("item_id", "annotator_id"),
        Index("ix_slots_next", "queue_id", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    queue_id: int = Field(foreign_key="queues.id")
    item_id: int = Field(foreign_key="items.id")
    number: int
    """From 0 within its item."""
    extra: bool = False
    """Whether the item does not want it: somebody was late, and it was kept."""
    state: str = Field(default="open", max_length=16)
    """``open``, ``held``, ``deferred`` or ``done``."""
    annotator_id: str | None = None
    assigned_to: str = ""
    """The only person who may take it; empty for anyone."""
    expires_ns: int | None = _ns(default=None)
    """When a hold ends."""
    done_ns: int | None = _ns(default=None)
    annotation_id: str | None = Field(default=None, max_length=64)
    event_id: int | None = None
    """The label event that stands."""
