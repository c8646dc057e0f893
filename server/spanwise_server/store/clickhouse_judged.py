"""What was judged, as ClickHouse's statements need it: the ids of traces, from the small tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from ..query.filters import Term
from .base import FacetValue
from .conditions import begins_with
from .connection import Connection
from .judged import asked_of_judgements
from .rows import NAME_CHARS

_ASKED_AT_ONCE: Final = 500


def traces_judged(connection: Connection, project_id: int, term: Term) -> Mapping[bytes, frozenset[str]]:
    """Return the traces with a judgement that *term* asks for, and its spans, ``""`` where it is of the whole trace."""
    asked = asked_of_judgements(term)
    found: defaultdict[bytes, set[str]] = defaultdict(set)
    for trace_id, span_id in connection.execute(
        f"SELECT DISTINCT a.trace_id, a.span_id FROM annotations a WHERE a.project_id = ? AND ({asked.text})",
        (project_id, *asked.values),
    ):
        found[bytes.fromhex(trace_id)].add(span_id or "")
    return {trace_id: frozenset(spans) for trace_id, spans in found.items()}


def label_counts(connection: Connection, project_id: int, trace_ids: Sequence[bytes]) -> Counter[str]:
    """Return how many of these traces have each label."""
    counts: Counter[str] = Counter()
    ids = [trace_id.hex() for trace_id in trace_ids]
    for at in range(0, len(ids), _ASKED_AT_ONCE):
        some = ids[at : at + _ASKED_AT_ONCE]
        for label, n in connection.execute(
            "SELECT label, count(DISTINCT trace_id) FROM annotations WHERE project_id = ? AND label IS NOT NULL "
            f"AND trace_id IN ({', '.join('?' * len(some))}) GROUP BY label",
            (project_id, *some),
        ):
            counts[label[:NAME_CHARS]] += n
    return counts


def first_labels(connection: Connection, project_id: int) -> Mapping[bytes, str]:
    """Return the first of the labels of each trace that has one."""
    found: dict[bytes, str] = {}
    for trace_id, label in connection.execute(
        "SELECT trace_id, label FROM annotations WHERE project_id = ? AND label IS NOT NULL", (project_id,)
    ):
        trace, word = bytes.fromhex(trace_id), label[:NAME_CHARS]
        found[trace] = min(found.get(trace, word), word)
    return found


def labels_given(connection: Connection, project_id: int, prefix: str, limit: int) -> tuple[FacetValue, ...]:
    """Return labels that begin with *prefix* and how many traces have them, the commonest first."""
    rows = connection.execute(
        "SELECT label, count(DISTINCT trace_id) AS n FROM annotations WHERE project_id = ? AND label GLOB ? "
        "GROUP BY label ORDER BY n DESC, label LIMIT ?",
        (project_id, begins_with(prefix), limit),
    )
    return tuple(FacetValue(label, n) for label, n in rows)
