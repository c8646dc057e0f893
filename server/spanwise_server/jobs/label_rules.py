"""Queues with a rule are filled from time to time with the new traces that it takes."""

from __future__ import annotations

import logging
from typing import Final

from ..errors import SpanwiseError
from ..labelling.desk import Desk, DeskStore
from ..labelling.queue import Queue
from ..labelling.rule import apply_rule

logger = logging.getLogger("spanwise.labelling")

EVERY_S: Final = 30.0


def fill_queues(store: DeskStore, *, now_ns: int) -> int:
    """Add to every queue with a rule what it takes of the new traces; return how many items were added."""
    added = 0
    for queue in Desk(store).queues.with_rules():
        added += _fill(store, queue, now_ns)
    return added


def _fill(store: DeskStore, queue: Queue, now_ns: int) -> int:
    """Fill one queue; one that cannot be filled, such as for its filter, keeps no other from it."""
    try:
        return apply_rule(store, queue, now_ns)
    except SpanwiseError as error:
        logger.warning("Queue %d takes no new traces: %s", queue.id, error.message)
        return 0
