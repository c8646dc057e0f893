"""Compares what is kept of steps with the spans themselves: every sum and every trace by the hour, and the days by it.

Each comparison is one statement: what is kept and, with the other sign, what is counted now, added up. Whatever does
not come to nothing is wrong, so that only that has to be looked at, however much is kept.
"""

from __future__ import annotations

from typing import Final

from .address import PLACE_BITS
from .connection import Connection
from .finding import Finding
from .rollups import HOUR_NS, HOURS_A_DAY, LATENCY, TTFT
from .step_filler import is_to_be_filled
from .step_hours import LONGEST_NAME, NEVER, is_step
from .steps import MOST_NAMES
from .tables import SUMS
from .tally import COUNTED_SUMS

#: So much of a name is said.
_SAID_CHARS: Final = 60
_HOUR: Final = f"s.start_ns / {HOUR_NS}"
_SAME_NAME: Final = "k.project_id = s.project_id AND k.name = s.name"
_KEPT_SUMS: Final = (*SUMS, "latencies", "ttfts")
_SPAN_SAYS: Final = {**COUNTED_SUMS, "latency_ns": "s.duration_ns", "latencies": "1"} | {
    "ttfts": "CASE WHEN s.ttft_ms IS NULL THEN 0 ELSE 1 END"
}
_OF_HISTOGRAM: Final = {
    name: f"CASE WHEN measure = {measure} THEN n ELSE 0 END"
    for name, measure in (("latencies", LATENCY), ("ttfts", TTFT))
}
_SUMS_DIFFER: Final = (
    "SELECT step, hour FROM ("
    f"SELECT step_id AS step, hour, {', '.join(f'{n if n in SUMS else 0} AS {n}' for n in _KEPT_SUMS)} FROM r_step "
    f"UNION ALL SELECT step_id, hour, {', '.join(_OF_HISTOGRAM.get(n, '0') for n in _KEPT_SUMS)} FROM h_step_hour "
    f"UNION ALL SELECT k.id, {_HOUR}, {', '.join(f'-coalesce({_SPAN_SAYS[n]}, 0)' for n in _KEPT_SUMS)} "
    f"FROM spans s CROSS JOIN steps k ON {_SAME_NAME} AND k.kind = s.kind) AS x "
    f"GROUP BY step, hour HAVING {' OR '.join(f'sum({n}) <> 0' for n in _KEPT_SUMS)}"
)
_TRACES_DIFFER: Final = (
    "SELECT step, hour, previous FROM (SELECT step_id AS step, hour, previous, n FROM t_step UNION ALL "
    f"SELECT step, hour, lag(hour, 1, {NEVER}) OVER (PARTITION BY step, trace ORDER BY hour), -1 FROM "
    f"(SELECT DISTINCT k.id AS step, s.id >> {PLACE_BITS} AS trace, {_HOUR} AS hour FROM spans s "
    f"CROSS JOIN steps k ON {_SAME_NAME} AND k.kind IN (s.kind, '')) AS told) AS x "
    "GROUP BY step, hour, previous HAVING sum(n) <> 0"
)
_DAYS_DIFFER: Final = (
    "SELECT step, day FROM (SELECT step_id AS step, day, measure, bucket, n FROM h_step_day UNION ALL "
    f"SELECT step_id, hour / {HOURS_A_DAY}, measure, bucket, -n FROM h_step_hour) AS x "
    "GROUP BY step, day, measure, bucket HAVING sum(n) <> 0"
)
#: Names and kinds of spans of which nothing is kept, although the name is counted, or there is room for it.
_LEFT_OUT: Final = (
    "SELECT DISTINCT s.name, s.kind FROM spans s "
    f"WHERE length(s.name) BETWEEN 1 AND {LONGEST_NAME} "
    f"AND NOT EXISTS (SELECT 1 FROM steps k WHERE {_SAME_NAME} AND k.kind = s.kind) "
    f"AND (EXISTS (SELECT 1 FROM steps k WHERE {_SAME_NAME}) OR s.project_id NOT IN "
    "(SELECT project_id FROM steps WHERE kind = '' GROUP BY project_id HAVING count(*) >= ?))"
)


def steps(connection: Connection) -> Finding:
    """Say whether what is kept of steps is what their spans come to, and of which it is not."""
    if is_to_be_filled(connection):
        return Finding("steps", "warning", "Steps are not counted yet.", "It is done when a server starts.")
    differ = {row[0] for asked in (_SUMS_DIFFER, _TRACES_DIFFER, _DAYS_DIFFER) for row in connection.execute(asked)}
    names = {step: _said(*named) for step, *named in connection.execute("SELECT id, name, kind FROM steps")}
    wrong = sorted(names.get(step, f"with number {step}") for step in differ)
    left_out = connection.execute(_LEFT_OUT, (MOST_NAMES,)).fetchall()
    wrong += sorted(_said(*named) for named in left_out if is_step(named[0]))
    if not wrong:
        return Finding("steps", "ok", f"What is kept of {len(names):,} steps is exact.")
    more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
    said = f"What is kept of the step {wrong[0]}{more} is not what its spans come to."
    return Finding("steps", "broken", said, "Stop the server and run: spanwise recount")


def _said(name: str, kind: str) -> str:
    shown = name if len(name) <= _SAID_CHARS else f"{name[:_SAID_CHARS]}..."
    return f"{shown!r}{f' ({kind})' if kind else ''}"
