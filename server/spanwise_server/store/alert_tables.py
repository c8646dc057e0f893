"""The tables of alerts: rules, where they are sent, each time one fired, and what is still to be delivered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel


def _ns(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class AlertRuleRow(SQLModel, table=True):
    """One rule."""

    __tablename__ = "alert_rules"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    said: Any = Field(sa_column=Column(JSON, nullable=False))
    last: Any = Field(default=None, sa_column=Column(JSON))
    """What the latest look found."""
    enabled: bool = True
    next_ns: int = _ns(index=True)
    """When to look next; whoever looks moves it on first, so that no other process does."""
    looked_ns: int = _ns(default=0)
    created_by: str = ""
    created_ns: int = _ns()
    deleted_ns: int | None = _ns(default=None)
    """Deleted rules can be had back for a while."""


class AlertChannelRow(SQLModel, table=True):
    """One place that is told."""

    __tablename__ = "alert_channels"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    kind: str = Field(max_length=16)
    name: str = Field(max_length=80)
    target: str
    salt: str = Field(max_length=32)
    created_ns: int = _ns()
    deleted_ns: int | None = _ns(default=None)


class AlertFiringRow(SQLModel, table=True):
    """One time that a rule fired for one series, or is about to."""

    __tablename__ = "alert_firings"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id", index=True)
    rule_id: int = Field(foreign_key="alert_rules.id", index=True)
    key: str | None = None
    phase: str = Field(max_length=16, index=True)
    """``pending``, ``firing`` or ``resolved``."""
    since_ns: int = _ns()
    value: float | None = None
    worst: float | None = None
    calm_ns: int | None = _ns(default=None)
    rule: Any = Field(sa_column=Column(JSON, nullable=False))
    """The rule as it was."""
    filter: str
    from_ns: int = _ns()
    to_ns: int = _ns()
    fired_ns: int | None = _ns(default=None)
    resolved_ns: int | None = _ns(default=None)
    acked_by: str | None = None
    acked_ns: int | None = _ns(default=None)


class AlertDeliveryRow(SQLModel, table=True):
    """One message to one place, until it has arrived or is given up."""

    __tablename__ = "alert_deliveries"
    id: int | None = Field(default=None, primary_key=True)
    channel_id: int = Field(foreign_key="alert_channels.id", index=True)
    message_id: str = Field(max_length=64)
    """The same however often it is sent, so that its receiver knows it again."""
    body: str
    state: str = Field(max_length=16, index=True)
    """``waiting``, ``sent`` or ``failed``."""
    attempts: int = 0
    next_ns: int = _ns()
    error: str = ""
    created_ns: int = _ns()
    done_ns: int | None = _ns(default=None)
