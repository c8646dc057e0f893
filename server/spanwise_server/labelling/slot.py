"""How many people label an item, whose turn it is, and how long an item stays in one person's hands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from .queue import MOST_OVERLAP, People, Target
from .sampling import sampling_key

SlotState = Literal["open", "held", "deferred", "done"]
#: An item is in one person's hands at least this long after the last sign of life, and three times the usual pace.
LEAST_HOLD_NS: Final = 300_000_000_000
TIMES_THE_PACE: Final = 3
#: How often a page that is looked at says so.
HEARTBEAT_S: Final = 20
_ALL: Final = 1 << 128


@dataclass(frozen=True, slots=True)
class Slot:
    """One label that an item wants, or that it got beyond that."""

    item_id: int
    number: int
    state: SlotState
    annotator: str | None = None
    assigned_to: str = ""
    extra: bool = False
    expires_ns: int | None = None
    done_ns: int | None = None
    annotation_id: str | None = None
    id: int = 0
    event_id: int | None = None
    """The label event that stands."""


def wanted(people: People, target: Target, seed: str) -> list[str]:
    """Return whom each label of an item is assigned to, empty for anyone: as many as the item wants.

    Which items several people label follows from *seed* and target alone, so that it is the same wherever it is asked.
    """
    name = f"{target.trace_id}/{target.span_id}"
    shared = int.from_bytes(sampling_key(f"overlap\x00{seed}", name), "big") < people.share * _ALL
    overlap = max(1, min(people.overlap, MOST_OVERLAP)) if shared else 1
    if not people.names:
        return [""] * overlap
    overlap = min(overlap, len(people.names))
    if not people.deal:
        return [""] * overlap
    return sorted(people.names, key=lambda who: sampling_key(f"deal\x00{seed}\x00{who}", name))[:overlap]


def hold_ns(durations_ms: Sequence[int]) -> int:
    """Return how long a person who took *durations_ms* over the latest items may hold one."""
    if not durations_ms:
        return LEAST_HOLD_NS
    return max(LEAST_HOLD_NS, round(TIMES_THE_PACE * median(durations_ms) * 1_000_000))
