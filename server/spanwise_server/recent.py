"""What was made lately of things that change: kept until they do, or until newer ones need the room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key, each of one revision and of some weight, together of at most so much; any thread may ask."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[str, int, T]] = OrderedDict()

    def of(self, key: Hashable, revision: str) -> T | None:
        """Return what is kept under *key* if it is of this *revision*."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] != revision:
                return None
            self._kept.move_to_end(key)
            return found[2]

    def keep(self, key: Hashable, revision: str, value: T, weight: int) -> None:
        """Keep *value* in the place of what was kept under *key*; the ones used longest ago make room."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = revision, weight, value
            while self._kept and sum(of for _, of, _ in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
