"""Answers to the fetches of prompts, kept for a moment: a fleet of programs that ask at once costs one look-up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

#: A label that another process moved is seen after so long.
KEPT_S: Final = 1.0
_MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One version as it is sent, and what it is known again by."""

    etag: str
    body: bytes


class Answers:
    """What was answered lately, by project, prompt and label or number."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, Answer]] = {}

    def get(self, project: str, name: str, at: str) -> Answer | None:
        """Return an answer that is young enough, or ``None``."""
        kept = self._kept.get((project, name, at))
        return kept[1] if kept is not None and time.monotonic() - kept[0] < KEPT_S else None

    def put(self, project: str, name: str, at: str, made: Answer) -> Answer:
        """Keep *made* for a moment, and return it."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[project, name, at] = (time.monotonic(), made)
        return made

    def forget(self) -> None:
        """Forget all of it: something was published, moved or deleted."""
        self._kept.clear()
