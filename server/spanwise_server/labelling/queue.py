"""Queues of spans to be judged one at a time: what they are, how far they are, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["todo", "done", "deferred"]
DEFAULT_QUESTION: Final = "Is this answer good enough to send?"
#: The name of the annotations that a queue writes unless it says otherwise.
DEFAULT_ANNOTATION: Final = "correct"


@dataclass(frozen=True, slots=True)
class Target:
    """The span that one item asks about."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class NewQueue:
    """A queue before it is kept: one question, asked of each of its spans."""

    name: str
    question: str = DEFAULT_QUESTION
    annotation_name: str = DEFAULT_ANNOTATION
    filter: str = ""
    reason: str = ""
    """Why these spans, in words."""
    blind: bool = True
    """Whether model, prompt, scores and other labels stay hidden until the verdict."""
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Queue(NewQueue):
    """A queue as it is kept."""

    id: int = 0
    project: str = ""
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One span in one queue; positions count from 1."""

    id: int
    queue_id: int
    position: int
    target: Target
    state: State = "todo"
    annotation_id: str | None = None
    done_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is."""

    total: int
    done: int
    deferred: int = 0

    @property
    def todo(self) -> int:
        """Items that nobody has decided on or put off."""
        return self.total - self.done - self.deferred

    @property
    def left(self) -> int:
        """Items that still want a verdict, deferred ones included."""
        return self.total - self.done

    @property
    def percent(self) -> float:
        """The part that is done, from 0 to 100."""
        return 100.0 * self.done / self.total if self.total else 0.0


def progress(items: Sequence[Item]) -> Progress:
    """Return how far *items* are."""
    return Progress(
        total=len(items),
        done=sum(item.state == "done" for item in items),
        deferred=sum(item.state == "deferred" for item in items),
    )


def upcoming(items: Sequence[Item], after: int = 0, limit: int = 1) -> list[Item]:
    """Return the next items to judge once the one at position *after* is decided.

    What is undone comes first, forward from there and then from the start; then what was deferred, forward only,
    so that going through the deferred ones comes to an end.
    """
    todo = [item for item in items if item.state == "todo" and item.position != after]
    ahead = [item for item in todo if item.position > after]
    behind = [item for item in todo if item.position < after]
    deferred = [item for item in items if item.state == "deferred" and item.position > after]
    in_turn = [*ahead, *behind] if todo else deferred if _is_deferred(items, after) else []
    return in_turn[:limit]


def neighbour(items: Sequence[Item], position: int, step: Literal[-1, 1]) -> Item | None:
    """Return the item before or after *position*, whatever its state, or ``None`` at the end."""
    beyond = [item for item in items if (item.position - position) * step > 0]
    return min(beyond, key=lambda item: abs(item.position - position), default=None)


def _is_deferred(items: Sequence[Item], position: int) -> bool:
    return any(item.position == position and item.state in {"deferred", "done"} for item in items)
