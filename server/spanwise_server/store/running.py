"""What a large trace comes to, kept as its spans come: each costs the same, however many were there before.

It comes out as ``summary.py`` has it of all spans at once. Where something happens that only all of them can tell,
such as that the first one to say something says it no longer, it is ``lost``, and whoever keeps it begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Final

import orjson

from ..record import MODEL_KINDS
from .call_groups import CallGroups
from .call_tree import CallTree
from .firsts import Distinct, First, Key
from .rows import (
    END_OF_BUCKETS,
    ERROR,
    FIRST_BUCKET,
    SpanRow,
    buckets_of,
    is_hidden,
    is_unpriced,
    prompt_label,
    shows_both,
)
from .step_hours import StepHours
from .summary import Summary
from .words import Word, add_words

Fetch = Callable[[Sequence[int]], Mapping[int, SpanRow]]
"""Returns the rows of spans by their addresses, as they are in the store."""
_SUMMED: Final = 12
_SAYS: Final = tuple(
    map(SpanRow._fields.index, ("trace_name", "session_id", "user_id", "environment", "input_preview"))
)


class Sums:
    """Sums of what is said: of each bucket, of tokens and of cost."""

    __slots__ = ("_said", "_sums", "unpriced")

    def __init__(self) -> None:
        self._sums = [0] * _SUMMED
        self._said = [0] * _SUMMED
        self.unpriced = 0

    def add(self, row: SpanRow, sign: int) -> None:
        """Count *row* in or, by a sign of -1, out."""
        self.unpriced += sign * is_unpriced(row)
        for at, value in enumerate((*buckets_of(row), row.total_tokens, row.cost_nusd)):
            if value is not None:
                self._sums[at] += sign * value
                self._said[at] += sign

    def values(self) -> list[int | None]:
        """Return the sums, ``None`` where nothing was said."""
        return [total if said else None for total, said in zip(self._sums, self._said, strict=True)]


class RunningSummary:
    """The summary of one trace, of which more spans come."""

    def __init__(self, places: int) -> None:
        self.places = places
        """The state of the trace in the store that this is of."""
        self.words: dict[Word, int] = {}
        """What its spans are found by, and how many say it."""
        self.counted: set[bytes] = set()
        """The spans that its tokens and cost are summed over."""
        self.word_ids: dict[Word, int] = {}
        """The numbers of those words that were looked up."""
        self.held = 0
        """How many spans it was of when it was kept."""
        self.hidden = 0
        """How many rows have previews that are not kept."""
        self._tree = CallTree()
        self._groups = CallGroups()
        self._calls: dict[bytes, SpanRow] = {}
        """Model spans, with no more than tells whether they are calls."""
        self._spending: set[bytes] = set()
        self._of_calls = False
        self._llm = 0
        self._called: set[bytes] = set()
        self._moved: set[bytes] = set()
        """Spans that may count otherwise than they did."""
        self._ttft: list[tuple[int, bytes, float]] = []
        """A heap of calls by their starts."""
        self._roots = First()
        self._root: SpanRow | None = None
        self._has_root = False
        self._errors = 0
        self._sums = Sums()
        self._start_ns = First()
        self._end_ns = First(last=True)
        self._firsts = tuple([First() for _ in _SAYS])
        self._output = First(last=True)
        self._failure = First()
        self._models, self._prompts, self._tags = Distinct(), Distinct(), Distinct()
        self.steps = StepHours()
        """In which hours it has spans of which steps."""

    def __len__(self) -> int:
        """How many spans it is of."""
        return len(self._tree.nodes)

    def address_of(self, span_id: bytes) -> int | None:
        """Return where a span lies, ``None`` where it is none of this trace."""
        node = self._tree.nodes.get(span_id)
        return None if node is None else node.at

    @property
    def lost(self) -> bool:
        """Whether it is of no use any more."""
        firsts = (self._roots, self._start_ns, self._end_ns, self._output, self._failure, *self._firsts)
        return (
            self._tree.lost
            or any(first.lost for first in firsts)
            or self._models.lost or self._prompts.lost or self._tags.lost
        )  # fmt: skip

    def place(self, was: SpanRow | None, now: SpanRow) -> None:
        """Take in where a span is in the tree, and what it is there; *was* is what it was, of one that is not new."""
        if was is None:
            self._tree.put(now)
        else:
            self._tree.change(was, now)
        is_root = now.span_id if now.parent_id is None else None
        was_root = was.span_id if was is not None and was.parent_id is None else None
        self._roots.change(None if was is None else _key(was), was_root, _key(now), is_root)
        if now.kind in MODEL_KINDS:
            self._calls[now.span_id] = _slim(now)

    def find_root(self, new: Callable[[bytes], SpanRow | None], fetch: Fetch) -> SpanRow | None:
        """Return the root now, ``None`` where this is lost; *new* returns rows that are not in the store as yet."""
        found = self._roots.value
        self._has_root = found is not None
        if found is None:
            found = self._tree.first_orphan()
        if not isinstance(found, bytes):
            self._tree.lost = True
            return None
        row = new(found)
        if row is None:
            row = self._root
            if row is None or row.span_id != found:
                at = self._tree.nodes[found].at
                row = fetch([at])[at]
        self._root = row
        return row

    @property
    def root_shows_all(self) -> bool:
        """Whether the previews of the trace are those of its root."""
        return self._has_root and self._root is not None and shows_both(self._root)

    def say(self, was: SpanRow | None, now: SpanRow) -> None:
        """Take in what a span says, as it is kept."""
        key = _key(now)
        was_key = None if was is None else _key(was)
        self._tree.nodes[now.span_id].at = now.id
        if self._root is not None and self._root.span_id == now.span_id:
            self._root = now
        ends = now.start_ns + now.duration_ns, now.span_id, 0
        ended = None if was is None else (was.start_ns + was.duration_ns, was.span_id, 0)
        self._start_ns.change(was_key, was_key, key, now.span_id)
        self._end_ns.change(ended, ended, ends, now.span_id)
        for first, at in zip(self._firsts, _SAYS, strict=True):
            first.change(was_key, None if was is None else was[at], key, now[at])
        self._output.change(was_key, None if was is None else was.output_preview, key, now.output_preview)
        self._failure.change(was_key, None if was is None else _failure(was), key, _failure(now))
        self._models.change(was_key, _model(was), key, _model(now))
        self._prompts.change(was_key, _prompt(was), key, _prompt(now))
        if now.tags is not None or (was is not None and was.tags is not None):
            self._tags.change(was_key, _tags(was), key, _tags(now))
        self._errors += now.status == ERROR
        self.hidden += is_hidden(now)
        self._count_words(now, 1)
        self.steps.change(was, now)
        if was is not None:
            self._errors -= was.status == ERROR
            self.hidden -= is_hidden(was)
            self._count_words(was, -1)
            if was.counted:
                self._sums.add(was, -1)
                self.counted.discard(was.span_id)
                self._moved.add(was.span_id)

    def settle(self, rows: Callable[[bytes], SpanRow | None], fetch: Fetch) -> list[SpanRow]:
        """Find which spans count now.

        Return the rows, as they are in the store, of those that begin or cease to count. For spans that were written
        with this, *rows* returns what is kept: they are not among them.
        """
        tree = self._tree
        calls: dict[bytes, SpanRow | None] = {}
        for span_id in tree.touched:
            calls[span_id] = self._calls[span_id] if tree.is_call(span_id) else None
        tree.touched = set()
        for span_id in self._groups.settle(calls):
            self._call(span_id)
        of_calls = bool(self._spending)
        counted = self._spending if of_calls else tree.highest
        may, self._moved = self._moved, set()
        if of_calls != self._of_calls:
            may |= self.counted | counted
        elif not of_calls:
            may |= tree.moved
        self._of_calls = of_calls
        tree.moved = set()
        turned = [span_id for span_id in may if (span_id in counted) != (span_id in self.counted)]
        there = fetch([tree.nodes[span_id].at for span_id in turned if rows(span_id) is None])
        for span_id in turned:
            row = rows(span_id) or there[tree.nodes[span_id].at]
            self._count(row, counts=span_id in counted)
        return list(there.values())

    def _count(self, row: SpanRow, *, counts: bool) -> None:
        if counts:
            self._sums.add(row, 1)
            self.counted.add(row.span_id)
        else:
            self._sums.add(row, -1)
            self.counted.discard(row.span_id)

    def _call(self, span_id: bytes) -> None:
        """Take in whether a model span stands for a call."""
        row, is_call = self._calls[span_id], self._groups.counts(span_id)
        if is_call != (span_id in self._called):
            self._llm += (row.kind == "llm") * (1 if is_call else -1)
        if is_call:
            self._called.add(span_id)
            if row.ttft_ms is not None:
                heappush(self._ttft, (row.start_ns, span_id, row.ttft_ms))
        else:
            self._called.discard(span_id)
        if is_call and self._tree.nodes[span_id].spends:
            self._spending.add(span_id)
        else:
            self._spending.discard(span_id)
        self._moved.add(span_id)

    def _first_ttft(self) -> float | None:
        while self._ttft:
            start_ns, span_id, ttft_ms = self._ttft[0]
            row = self._calls[span_id]
            if span_id in self._called and row.start_ns == start_ns and row.ttft_ms == ttft_ms:
                return ttft_ms
            heappop(self._ttft)
        return None

    def summary(self) -> Summary:
        """Return the summary."""
        root = self._root
        assert root is not None and self._start_ns.key is not None and self._end_ns.key is not None  # noqa: PT018, S101
        said: list[Any] = [
            first.value if root[at] is None else root[at] for first, at in zip(self._firsts, _SAYS, strict=True)
        ]
        name, session_id, user_id, environment, asked = said
        start_ns = self._start_ns.key[0]
        status = ERROR if self._errors and not self._has_root else root.status
        output: Any = root.output_preview or self._output.value
        failed: Any = self._failure.value
        *buckets, total_tokens, cost_nusd = self._sums.values()
        return Summary(
            name=name or root.name,
            root_kind=root.kind,
            start_ns=start_ns,
            duration_ns=self._end_ns.key[0] - start_ns,
            status=status,
            span_count=len(self),
            error_count=self._errors,
            llm_count=self._llm,
            models=tuple(self._models.values()),
            buckets=tuple(buckets),
            total_tokens=total_tokens,
            cost_nusd=cost_nusd,
            unpriced_count=self._sums.unpriced,
            ttft_ms=self._first_ttft(),
            session_id=session_id,
            user_id=user_id,
            tags=tuple(dict.fromkeys([*_tags(root), *self._tags.values()])),
            environment=environment,
            input_preview=asked,
            output_preview=failed if status == ERROR and failed is not None else output,
            prompts=tuple(self._prompts.values()),
            has_root=int(self._has_root),
            counted=self.counted,
            root=root,
        )

    def _count_words(self, row: SpanRow, by: int) -> None:
        words: set[Word] = set()
        add_words(words, row)
        for word in words:
            n = self.words.get(word, 0) + by
            if n:
                self.words[word] = n
            else:
                del self.words[word]


def running_of(rows: Iterable[SpanRow], places: int) -> RunningSummary:
    """Return the running summary of a trace with these rows; it is lost where no such thing can be kept of them."""
    by_id = {row.span_id: row for row in rows}
    running = RunningSummary(places)
    for row in by_id.values():
        running.place(None, row)
    if running.find_root(by_id.get, _not_there) is not None:
        for row in by_id.values():
            running.say(None, row)
        running.settle(by_id.get, _not_there)
        running.steps.settle()
    return running


def _not_there(at: Sequence[int]) -> Mapping[int, SpanRow]:
    assert not at  # noqa: S101  # all rows were given
    return {}


def _key(row: SpanRow) -> Key:
    return row.start_ns, row.span_id, 0


def _failure(row: SpanRow) -> str | None:
    return (row.error_message or row.error_type or None) if row.status == ERROR else None


def _model(row: SpanRow | None) -> tuple[str, ...]:
    return (row.model,) if row is not None and row.model is not None and row.kind in MODEL_KINDS else ()


def _prompt(row: SpanRow | None) -> tuple[str, ...]:
    label = None if row is None else prompt_label(row)
    return () if label is None else (label,)


def _tags(row: SpanRow | None) -> tuple[str, ...]:
    return () if row is None or row.tags is None else tuple(orjson.loads(row.tags))


#: What ``calls.py`` asks of a row; of a large trace no more is held in memory.
_ASKED: Final = frozenset(
    (
        "id",
        "span_id",
        "parent_id",
        "start_ns",
        "duration_ns",
        "kind",
        "name",
        "status",
        "model",
        "total_tokens",
        "cost_nusd",
        "ttft_ms",
        "answer",
    )
) | frozenset(SpanRow._fields[FIRST_BUCKET:END_OF_BUCKETS])
_KEPT: Final = tuple(name in _ASKED for name in SpanRow._fields)


def _slim(row: SpanRow) -> SpanRow:
    slim = SpanRow._make([value if kept else None for value, kept in zip(row, _KEPT, strict=True)])
    return slim if row.output_preview is None else slim._replace(output_preview="")  # that there was one
