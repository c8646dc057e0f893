"""Calls of a large trace side by side, and which of them report a call twice, as ``calls.py`` says, as they come."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from .calls import MOST_AT_ONCE, Answer, Tokens, answer_of, gather, pair, tokens_of
from .rows import SpanRow

_NONE: frozenset[bytes] = frozenset()


class Group:
    """Spans that share an answer, or tokens, in the order of their starts."""

    __slots__ = ("doubles", "keys", "open", "read", "rows", "unnamed")

    def __init__(self) -> None:
        self.keys: list[tuple[int, bytes]] = []
        self.rows: list[SpanRow] = []
        self.unnamed = 0
        """How many name no answer."""
        self.open: deque[SpanRow] | None = None  # most groups have one member, and need neither this nor a set
        self.read = 0
        """How many, from the first on, have been compared."""
        self.doubles: set[bytes] | None = None

    def put(self, row: SpanRow) -> None:
        """Put a span in."""
        key = row.start_ns, row.span_id
        at = bisect_left(self.keys, key)
        self.keys.insert(at, key)
        self.rows.insert(at, row)
        self.unnamed += row.answer is None
        self._begin_at(at)

    def take(self, row: SpanRow) -> None:
        """Take a span out."""
        at = bisect_left(self.keys, (row.start_ns, row.span_id))
        del self.keys[at], self.rows[at]
        self.unnamed -= row.answer is None
        self._begin_at(at)

    def compare(self, *, by_answer: bool) -> None:
        """Find the doubles."""
        if len(self.rows) < 2 or not (by_answer or 0 < self.unnamed < len(self.rows)):
            self.read, self.open, self.doubles = 0, None, None
            return
        if self.open is None or self.doubles is None:
            self.open, self.doubles = deque(maxlen=MOST_AT_ONCE), set()
        rest = self.rows[self.read :]
        if by_answer:
            gather(rest, self.open, self.doubles)
        else:
            pair(rest, self.open, self.doubles)
        self.read = len(self.rows)

    def _begin_at(self, at: int) -> None:
        if at < self.read:
            self.read, self.open, self.doubles = 0, None, None


class CallGroups:
    """All calls of a trace, in their groups."""

    def __init__(self) -> None:
        self._calls: dict[bytes, SpanRow] = {}
        self._answers: dict[Answer, Group] = {}
        self._tokens: dict[Tokens, Group] = {}
        self._by_tokens: dict[bytes, SpanRow] = {}
        """Calls as they are in the groups of tokens."""
        self._doubles_of: dict[Answer | Tokens, frozenset[bytes]] = {}
        """What each group found last, where it found any."""
        self._gathered: set[bytes] = set()
        self._paired: set[bytes] = set()

    def settle(self, changed: dict[bytes, SpanRow | None]) -> set[bytes]:
        """Take in calls that came, changed or ceased to be; return the ids of those that may count otherwise now."""
        may: set[bytes] = set(changed)
        answers: set[Answer] = set()
        for span_id, row in changed.items():
            was = self._calls.pop(span_id, None)
            if was is not None and (answer := answer_of(was)) is not None:
                self._answers[answer].take(was)
                answers.add(answer)
            if row is not None:
                self._calls[span_id] = row
                if (answer := answer_of(row)) is not None:
                    self._answers.setdefault(answer, Group()).put(row)
                    answers.add(answer)
        for answer in answers:
            may |= self._compare(answer, self._answers[answer], self._gathered, by_answer=True)
        tokens: set[Tokens] = set()
        for span_id in may:
            was = self._by_tokens.pop(span_id, None)
            if was is not None and (key := tokens_of(was)) is not None:
                self._tokens[key].take(was)
                tokens.add(key)
            row = self._calls.get(span_id)
            if row is not None and span_id not in self._gathered and (key := tokens_of(row)) is not None:
                self._by_tokens[span_id] = row
                self._tokens.setdefault(key, Group()).put(row)
                tokens.add(key)
        for key in tokens:
            may |= self._compare(key, self._tokens[key], self._paired, by_answer=False)
        return may

    def counts(self, span_id: bytes) -> bool:
        """Say whether a span is a call that no other one reports."""
        return span_id in self._calls and span_id not in self._gathered and span_id not in self._paired

    def _compare(self, key: Answer | Tokens, group: Group, all_doubles: set[bytes], *, by_answer: bool) -> set[bytes]:
        """Find the doubles of *group* again; return those that became or ceased to be one."""
        group.compare(by_answer=by_answer)
        before, now = self._doubles_of.get(key, _NONE), group.doubles or _NONE
        if before == now:
            return set()
        all_doubles -= before
        all_doubles |= now
        if now:
            self._doubles_of[key] = frozenset(now)
        else:
            del self._doubles_of[key]
        return set(before ^ now)
