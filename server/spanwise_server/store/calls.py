"""Which spans of a trace are calls of a model, each call once, whatever wraps it or reports it a second time."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..record import MODEL_KINDS
from .rows import ERROR, SpanRow, buckets_of, has_usage

#: Where the input's buckets end and the output's begin; the last bucket is of neither.
_END_OF_INPUT: Final = 5
_END_OF_OUTPUT: Final = 9
#: How many spans that run at once are compared: no call is reported by more, and an id that more share names nothing.
MOST_AT_ONCE: Final = 8
#: How many spans that run at once under one other are looked through for what a mute one reports.
MOST_BESIDE: Final = 32
#: What a name of a model may end with that the name which answers has a date for.
_LATEST: Final = "-latest"

Answer = tuple[str, int]
"""Kind of span and the answer that it names."""
Tokens = tuple[str, int, int]
"""Kind of span, tokens given and tokens found."""
Place = tuple[str, bytes | None]
"""Kind of span and the span above it."""


def calls_of(rows: Sequence[SpanRow], by_id: Mapping[bytes, SpanRow]) -> list[SpanRow]:
    """Return the spans that stand for calls of models, in the order of *rows*.

    *rows* are in the order of their starts. Of a model span within another one only the inner counts, or the one of
    them that has usage. Of spans side by side with the same answer, as two instrumentations of one call make, the one
    that says most counts. One that says of its call only that it was made stands for none beside one that says more.
    """
    model_spans = [row for row in rows if row.kind in MODEL_KINDS]
    dropped: set[bytes] = set()
    spending = [row for row in model_spans if has_usage(row)]
    for row in spending:
        _mark_ancestors(row, by_id, dropped)
    if len(spending) < len(model_spans):
        leaves = {row.span_id for row in spending} - dropped
        _mark_silent([row for row in model_spans if row.span_id not in leaves], by_id, leaves, dropped)
    calls = [row for row in model_spans if row.span_id not in dropped]
    doubles = _doubles(calls)
    return [row for row in calls if row.span_id not in doubles] if doubles else calls


def _mark_ancestors(row: SpanRow, by_id: Mapping[bytes, SpanRow], above: set[bytes]) -> None:
    parent = row.parent_id
    while parent is not None and parent != row.span_id and parent not in above and parent in by_id:
        above.add(parent)
        parent = by_id[parent].parent_id


def _mark_silent(
    silent: Sequence[SpanRow], by_id: Mapping[bytes, SpanRow], leaves: set[bytes], dropped: set[bytes]
) -> None:
    """Drop of two spans of one call, one within the other, the one that says nothing of tokens, or else the outer."""
    known: dict[bytes, bytes | None] = {}
    for row in silent:
        above = _model_above(row, by_id, known)
        if above is not None and by_id[above].kind == row.kind:
            dropped.add(row.span_id if above in leaves else above)


def _model_above(row: SpanRow, by_id: Mapping[bytes, SpanRow], known: dict[bytes, bytes | None]) -> bytes | None:
    """Return the next model span above; *known* gathers what was found, so no path is walked twice."""
    path: list[bytes] = []
    found = None
    seen = {row.span_id}
    parent = row.parent_id
    while parent is not None and parent in by_id and parent not in seen:
        if parent in known:
            found = known[parent]
            break
        if by_id[parent].kind in MODEL_KINDS:
            found = parent
            break
        seen.add(parent)
        path.append(parent)
        parent = by_id[parent].parent_id
    known.update(dict.fromkeys(path, found))
    return found


def _doubles(calls: Sequence[SpanRow]) -> set[bytes]:
    """Return the spans that report a call another of *calls* reports."""
    named: defaultdict[Answer, list[SpanRow]] = defaultdict(list)
    for row in calls:
        if (answer := answer_of(row)) is not None:
            named[answer].append(row)
    found: set[bytes] = set()
    for group in named.values():
        if len(group) > 1:
            gather(group, deque(maxlen=MOST_AT_ONCE), found)
    nameless = sum(row.answer is None for row in calls)
    if 0 < nameless < len(calls):  # of those that agree on their tokens alone, one names its answer and one does not
        _find_alike(calls, found)
    if nameless and len(calls) > 1:
        _find_mute(calls, found)
    return found


def _find_alike(calls: Sequence[SpanRow], found: set[bytes]) -> None:
    alike: defaultdict[Tokens, list[SpanRow]] = defaultdict(list)
    for row in calls:
        if row.span_id not in found and (tokens := tokens_of(row)) is not None:
            alike[tokens].append(row)
    for group in alike.values():
        if len(group) > 1:
            pair(group, deque(maxlen=MOST_AT_ONCE), found)


def _find_mute(calls: Sequence[SpanRow], found: set[bytes]) -> None:
    mute = {place_of(row) for row in calls if is_mute(row)}
    beside: defaultdict[Place, list[SpanRow]] = defaultdict(list)
    for row in calls if mute else ():
        if row.span_id not in found and (place := place_of(row)) in mute:
            beside[place].append(row)
    for group in beside.values():
        if len(group) > 1:
            put_beside(group, deque(maxlen=MOST_BESIDE), found)


def answer_of(row: SpanRow) -> Answer | None:
    """Return what spans of one call share that name its answer."""
    return None if row.answer is None else (row.kind, row.answer)


def tokens_of(row: SpanRow) -> Tokens | None:
    """Return what spans of one call share where one of them does not name its answer."""
    given, found = _sides(row)
    return None if given is None or not found else (row.kind, given, found)


def place_of(row: SpanRow) -> Place:
    """Return what spans of one call share that lie side by side."""
    return row.kind, row.parent_id


def is_mute(row: SpanRow) -> bool:
    """Return whether a span says nothing of the answer to its call: neither what it was nor what it took."""
    return row.answer is None and row.output_preview is None and not has_usage(row)


def gather(group: Iterable[SpanRow], open_calls: deque[SpanRow], doubles: set[bytes]) -> None:
    """Put spans with one answer together, in the order of their starts, and keep of each call the fullest.

    *open_calls* are those that the next one may be a double of.
    """
    for row in group:
        for at, other in enumerate(open_calls):
            if _same_call(row, other):
                kept, double = sorted((row, other), key=_fullest_first)
                doubles.add(double.span_id)
                open_calls[at] = kept
                break
        else:
            open_calls.append(row)


def pair(group: Iterable[SpanRow], waiting: deque[SpanRow], doubles: set[bytes]) -> None:
    """Put a span that names no answer to one that does, of spans whose tokens agree: each to one at most.

    *waiting* are those that the next one may be put to.
    """
    for row in group:
        other = next((o for o in waiting if (o.answer is None) != (row.answer is None) and _meet(o, row)), None)
        if other is None:
            waiting.append(row)
        else:
            waiting.remove(other)
            doubles.add(max(row, other, key=_fullest_first).span_id)


def put_beside(group: Iterable[SpanRow], waiting: deque[SpanRow], doubles: set[bytes]) -> None:
    """Put a mute span to one beside it that says more of what seems to be the same call: each to one at most.

    The client of a provider may have a span of its own which ends before a stream is read, or before an answer is
    known to be an error. *waiting* are those that the next one may be put to.
    """
    for row in group:
        while waiting and _end_ns(waiting[0]) < row.start_ns:
            waiting.popleft()
        for other in waiting:
            double = row if _is_told_by(row, other) else other if _is_told_by(other, row) else None
            if double is not None:
                doubles.add(double.span_id)
                waiting.remove(other)
                break
        else:
            waiting.append(row)


def _is_told_by(mute: SpanRow, other: SpanRow) -> bool:
    """Return whether *mute* reports nothing that *other* does not.

    One instrumentation gives the calls that it reports one name, so two with the same name are two calls, however
    they ran. Nor is one that failed told by one that did not.
    """
    if mute.name == other.name or not is_mute(mute):
        return False
    if other.status != ERROR and (mute.status == ERROR or is_mute(other)):
        return False
    return _is_within(mute, other) and _may_be_one_model(mute.model, other.model)


def _is_within(inner: SpanRow, outer: SpanRow) -> bool:
    return inner.start_ns >= outer.start_ns and _end_ns(inner) <= _end_ns(outer)


def _end_ns(row: SpanRow) -> int:
    return row.start_ns + row.duration_ns


def _may_be_one_model(asked: str | None, answered: str | None) -> bool:
    """Return whether a model that was asked for may have answered by the other name, which often has a date."""
    if asked is None or answered is None:
        return False
    return answered.startswith(asked.removesuffix(_LATEST)) or asked.startswith(answered)


def _fullest_first(row: SpanRow) -> tuple[bool, bool, int, int, bytes]:
    """Return what sorts the span first that says most of its call; a tie goes to the earlier."""
    unsaid = buckets_of(row).count(None)
    return not has_usage(row), row.cost_nusd is None, unsaid, row.start_ns, row.span_id


def _same_call(one: SpanRow, other: SpanRow) -> bool:
    """Return whether two spans with the same answer are of one call.

    Some servers give the same id to several answers, so they must also have run at the same time and agree on the
    tokens of one side at least.
    """
    sides = list(zip(_sides(one), _sides(other), strict=True))
    said = [(mine, theirs) for mine, theirs in sides if mine is not None and theirs is not None]
    return _meet(one, other) and (not said or any(mine == theirs for mine, theirs in said))


def _meet(one: SpanRow, other: SpanRow) -> bool:
    """Return whether two spans ran at the same time."""
    return one.start_ns <= other.start_ns + other.duration_ns and other.start_ns <= one.start_ns + one.duration_ns


def _sides(row: SpanRow) -> tuple[int | None, int | None]:
    """Return the tokens of input and of output."""
    buckets = buckets_of(row)
    return _sum(buckets[:_END_OF_INPUT]), _sum(buckets[_END_OF_INPUT:_END_OF_OUTPUT])


def _sum(counts: Sequence[int | None]) -> int | None:
    said = [count for count in counts if count is not None]
    return sum(said) if said else None
