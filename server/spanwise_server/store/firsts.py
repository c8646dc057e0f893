"""What the first of many spans says, kept as they come in any order, by the keys that order them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

#: Start, id, and where one span says several things, which of them.
Key = tuple[int, bytes, int]
T = TypeVar("T", str, float, bytes, int)


class First:
    """What the first span says that says anything; or the last one."""

    __slots__ = ("_last", "key", "lost", "value")

    def __init__(self, *, last: bool = False) -> None:
        self.value: str | float | bytes | None = None
        self.key: Key | None = None
        """Whose it is."""
        self._last = last
        self.lost = False
        """Whether what was the first one says it no longer, and nobody knows the next one."""

    def change(self, was_key: Key | None, was: object, key: Key, value: str | float | bytes | None) -> None:
        """Take in that a span which said *was* says *value* now; *was_key* is ``None`` where it is new."""
        if value is not None and (
            self.key is None or key == self.key or ((key > self.key) if self._last else (key < self.key))
        ):
            self.key, self.value = key, value
            return
        if was is not None and was_key is not None and was_key == self.key:
            self.lost = True


class Distinct:
    """All that spans say, each once, in the order of the first that says it."""

    __slots__ = ("_found", "lost")

    def __init__(self) -> None:
        self._found: dict[str, tuple[Key, int]] = {}
        """The key of the first, and how many say it."""
        self.lost = False

    def change(self, was_key: Key | None, was: Sequence[str], key: Key, now: Sequence[str]) -> None:
        """Take in that a span which said *was* says *now*."""
        if was_key == key and was == now:
            return
        keyed = _keyed(key, now)
        for value, of in keyed.items():
            first, n = self._found.get(value, (of, 0))
            self._found[value] = min(first, of), n + 1
        if was_key is None:
            return
        for value, of in _keyed(was_key, was).items():
            first, n = self._found[value]
            if n == 1:
                del self._found[value]
                continue
            self._found[value] = first, n - 1
            if first == of and keyed.get(value) != of:
                self.lost = True

    def values(self) -> list[str]:
        """Return them in order."""
        return sorted(self._found, key=lambda value: self._found[value][0])


def _keyed(key: Key, values: Sequence[str]) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for n, value in enumerate(values):
        if value not in found:
            found[value] = key[0], key[1], n
    return found
