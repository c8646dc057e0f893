"""Queues of spans to be judged one at a time: what they are, how far they are, what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from . import rubric

State = Literal["todo", "done", "deferred"]
Unit = Literal["span", "trace", "session"]
#: The name of the annotations that a queue writes unless it says otherwise.
DEFAULT_ANNOTATION: Final = rubric.DEFAULT_NAME
DEFAULT_QUESTION: Final = rubric.DEFAULT_QUESTION
#: What one item asks about -> in words.
UNITS: Final[Mapping[Unit, str]] = {
    "span": "each span, of a trace its root",
    "trace": "each trace as a whole",
    "session": "each session as a whole",
}
#: The part of the items that two people label, where a queue is labelled by several.
DEFAULT_SHARE: Final = 0.15
MOST_OVERLAP: Final = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What one item asks about: a span, or, without a span, a trace as a whole."""

    trace_id: str
    span_id: str = ""
    session_id: str = ""
    """The session that is asked about, of which the trace is the last one."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One item before it is kept: what it asks about, and why it was chosen."""

    target: Target
    reason: str = ""
    p_incl: float | None = None
    """How probable it was to be chosen, from 0 to 1; ``None`` where it was picked for what it is."""
    other: Target | None = None
    """What it is compared with, in a queue of pairs."""


@dataclass(frozen=True, slots=True)
class People:
    """Who labels a queue, and how many label each item."""

    overlap: int = 1
    """People who label each item."""
    share: float = 1.0
    """The part of the items that the overlap holds for; the others are labelled once."""
    names: tuple[str, ...] = ()
    """The only people who may take items; empty for anyone."""
    deal: bool = False
    """Whether each item belongs to chosen ones of these people from the start."""


@dataclass(frozen=True, slots=True)
class NewQueue:
    """A queue before it is kept: the rubric is asked of each of its items."""

    name: str
    question: str = DEFAULT_QUESTION
    """Of the rubric that is made for the queue, where no rubric is given."""
    annotation_name: str = DEFAULT_ANNOTATION
    filter: str = ""
    reason: str = ""
    """Why these spans, in words."""
    blind: bool = True
    """Whether model, prompt, scores and other labels stay hidden until the verdict."""
    created_by: str = ""
    rubric_id: int = 0
    unit: Unit = "span"
    people: People = People()
    assisted: bool = False
    """Whether what judges and programs said is shown as a suggestion."""
    recipe: Mapping[str, Any] | None = None
    """How the items were sampled, so that it can be done again."""
    rule: Mapping[str, Any] | None = None
    """Which new traces are added by themselves."""


@dataclass(frozen=True, slots=True)
class Queue(NewQueue):
    """A queue as it is kept."""

    id: int = 0
    project: str = ""
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One target in one queue; positions count from 1."""

    id: int
    queue_id: int
    position: int
    target: Target
    state: State = "todo"
    """Over everybody who labels it: done once as many did as it wants."""
    annotation_id: str | None = None
    done_ns: int | None = None
    reason: str = ""
    p_incl: float | None = None
    other: Target | None = None


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
