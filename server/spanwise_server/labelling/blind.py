"""What a queue's name and reason may say to a person who must not be swayed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ..query.parse import spans
from .queue import Queue

#: Fields whose values would tell what made the answer, or what others thought of it.
TELLING: Final = ("prompt", "model", "provider", "label", "code", "cost")
_TERM: Final = re.compile(rf"({'|'.join(TELLING)})\s*[:<>=]", re.IGNORECASE)


def unbiased(queue: Queue) -> Queue:
    """Return *queue* as a labeller may see it: in a blind one the values of telling filters are hidden."""
    if not queue.blind:
        return queue
    name, reason = queue.name, queue.reason
    for span in spans(queue.filter):
        told = _TERM.search(span.text)
        if told is not None:
            name = name.replace(span.text, f"{told[1]}:…")
            reason = reason.replace(span.text, f"{told[1]}:…")
    return replace(queue, name=name, reason=reason)
