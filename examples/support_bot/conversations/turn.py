"""One scripted conversation: what the customer writes, what the models do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One tool that the model calls; the order's number is filled in where the tool wants one."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the customer and the answer to it; names in braces are filled in from the order."""

    says: str
    answer: str
    intent: str = "product"
    calls: tuple[Call, ...] = ()
    poor: str | None = None
    """What an older prompt led the model to say: made up, too long, or beside the point."""
    gist: str | None = None
    """What the reasoning model thought, where one is asked."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one customer wants, turn by turn."""

    name: str
    turns: tuple[Turn, ...]
    item: str | None = None
    """The product of the order it is about."""
    status: str = "shipped"
    carrier: str = "DHL"
    charges: int = 1
    days_ago: int = 4
    """When the order was placed."""
    channel: str = "chat"
    language: str = "en"
    handover: str | None = None
    """The summary for the colleague who takes over, where one does."""


def lookup(*more: Call) -> tuple[Call, ...]:
    """Return a look at the order, then *more*."""
    return (Call("lookup_order"), *more)
