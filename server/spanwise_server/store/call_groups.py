"""Calls of a large trace side by side, and which of them report a call twice, as ``calls.py`` says, as they come."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Final

from .calls import (
    MOST_AT_ONCE,
    MOST_BESIDE,
    Answer,
    Place,
    Tokens,
    answer_of,
    gather,
    is_mute,
    pair,
    place_of,
    put_beside,
    tokens_of,
)
from .rows import SpanRow

_NONE: frozenset[bytes] = frozenset()
#: What calls are put together by, in this order: each finds doubles among those that the ones before it left.
BY_ANSWER: Final = 0
BY_TOKENS: Final = 1
BY_PLACE: Final = 2

Key = Answer | Tokens | Place
"""What the members of a group share."""


class Group:
    """Spans that share an answer, tokens or a place, in the order of their starts."""

    __slots__ = ("doubles", "keys", "marked", "open", "read", "rows")

    def __init__(self) -> None:
        self.keys: list[tuple[int, bytes]] = []
        self.rows: list[SpanRow] = []
        self.marked = 0
        """How many name no answer or, of those that share a place, are mute."""
        self.open: deque[SpanRow] | None = None  # most groups have one member, and need neither this nor a set
        self.read = 0
        """How many, from the first on, have been compared."""
        self.doubles: set[bytes] | None = None

    def put(self, row: SpanRow, by: int) -> None:
        """Put a span in."""
        key = row.start_ns, row.span_id
        at = bisect_left(self.keys, key)
        self.keys.insert(at, key)
        self.rows.insert(at, row)
        self.marked += _is_marked(row, by)
        self._begin_at(at)

    def take(self, row: SpanRow, by: int) -> None:
        """Take a span out."""
        at = bisect_left(self.keys, (row.start_ns, row.span_id))
        del self.keys[at], self.rows[at]
        self.marked -= _is_marked(row, by)
        self._begin_at(at)

    def compare(self, by: int) -> None:
        """Find the doubles."""
        if not self._may_have_doubles(by):
            self.read, self.open, self.doubles = 0, None, None
            return
        if self.open is None or self.doubles is None:
            self.open, self.doubles = deque(maxlen=MOST_BESIDE if by == BY_PLACE else MOST_AT_ONCE), set()
        rest = self.rows[self.read :]
        if by == BY_ANSWER:
            gather(rest, self.open, self.doubles)
        elif by == BY_TOKENS:
            pair(rest, self.open, self.doubles)
        else:
            put_beside(rest, self.open, self.doubles)
        self.read = len(self.rows)

    def _may_have_doubles(self, by: int) -> bool:
        if len(self.rows) < 2 or by == BY_ANSWER:
            return len(self.rows) > 1
        if by == BY_TOKENS:
            return 0 < self.marked < len(self.rows)
        return self.marked > 0 and len({row.name for row in self.rows}) > 1

    def _begin_at(self, at: int) -> None:
        if at < self.read:
            self.read, self.open, self.doubles = 0, None, None


class Groups:
    """Calls that are put together by one thing that they share."""

    def __init__(self, by: int) -> None:
        self._by = by
        self._groups: dict[Key, Group] = {}
        self._calls: dict[bytes, SpanRow] = {}
        """Calls as they are in the groups."""
        self._doubles_of: dict[Key, frozenset[bytes]] = {}
        """What each group found last, where it found any."""
        self.doubles: set[bytes] = set()

    def settle(self, changed: dict[bytes, SpanRow | None]) -> set[bytes]:
        """Take in calls that came, changed or went; return the ids of those that became or ceased to be doubles."""
        touched: set[Key] = set()
        for span_id, row in changed.items():
            was = self._calls.pop(span_id, None)
            if was is not None and (key := _key_of(was, self._by)) is not None:
                self._groups[key].take(was, self._by)
                touched.add(key)
            if row is not None and (key := _key_of(row, self._by)) is not None:
                self._calls[span_id] = row
                self._groups.setdefault(key, Group()).put(row, self._by)
                touched.add(key)
        turned: set[bytes] = set()
        for key in touched:
            turned |= self._compare(key)
        return turned

    def _compare(self, key: Key) -> set[bytes]:
        """Find the doubles of a group again; return those that became or ceased to be one."""
        group = self._groups[key]
        group.compare(self._by)
        before, now = self._doubles_of.get(key, _NONE), group.doubles or _NONE
        if before == now:
            return set()
        self.doubles -= before
        self.doubles |= now
        if now:
            self._doubles_of[key] = frozenset(now)
        else:
            del self._doubles_of[key]
        return set(before ^ now)


class CallGroups:
    """All calls of a trace, in their groups."""

    def __init__(self) -> None:
        self._calls: dict[bytes, SpanRow] = {}
        self._each = Groups(BY_ANSWER), Groups(BY_TOKENS), Groups(BY_PLACE)

    def settle(self, changed: dict[bytes, SpanRow | None]) -> set[bytes]:
        """Take in calls that came, changed or ceased to be; return the ids of those that may count otherwise now."""
        for span_id, row in changed.items():
            if row is None:
                self._calls.pop(span_id, None)
            else:
                self._calls[span_id] = row
        may: set[bytes] = set(changed)
        left = changed
        for n, groups in enumerate(self._each, 1):
            may |= groups.settle(left)
            left = {span_id: self._left(span_id, self._each[:n]) for span_id in may}
        return may

    def counts(self, span_id: bytes) -> bool:
        """Say whether a span is a call that no other one reports."""
        return self._left(span_id, self._each) is not None

    def _left(self, span_id: bytes, groups: Iterable[Groups]) -> SpanRow | None:
        """Return a call that is no double in *groups*."""
        return None if any(span_id in each.doubles for each in groups) else self._calls.get(span_id)


def _key_of(row: SpanRow, by: int) -> Key | None:
    if by == BY_ANSWER:
        return answer_of(row)
    return tokens_of(row) if by == BY_TOKENS else place_of(row)


def _is_marked(row: SpanRow, by: int) -> bool:
    return is_mute(row) if by == BY_PLACE else row.answer is None
