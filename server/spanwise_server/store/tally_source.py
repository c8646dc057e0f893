"""What a measure of all spans can be read from, beside the spans: which rollups know its keys and its filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..query.filters import Filter, Query, Term
from .compile import conjuncts
from .conditions import Sql, asks_only, conditions
from .connection import Connection
from .measures import OF_SERIES as ASKED_OF_CALLS
from .measures import VALUE_OF_SERIES, VALUE_OF_SPAN
from .rollups import HOUR_NS, HOURS_A_DAY, OF_SERIES, OF_STEPS, Rollups
from .steps import are_told

_DAY_NS: Final = HOUR_NS * HOURS_A_DAY
#: Key -> what a span says of it; times as whole hours or days since 1970.
SPAN_SAYS: Final = {
    **VALUE_OF_SPAN,
    "kind": "s.kind",
    "name": "s.name",
    "status": "CASE s.status WHEN 1 THEN 'ok' WHEN 2 THEN 'error' ELSE 'unset' END",
    "session": "coalesce(s.session_id, t.session_id)",
    "hour": f"s.start_ns / {HOUR_NS}",
    "day": f"s.start_ns / {_DAY_NS}",
}
#: Those that an hour ``h`` says, whatever it is of.
TIMES: Final = {"hour": "h.hour", "day": f"h.hour / {HOURS_A_DAY}"}
#: The same of a series in one hour; keys without one are looked for in the spans.
_SERIES_SAYS: Final = {**VALUE_OF_SERIES, "kind": "r.kind", **TIMES}
_STEPS_SAY: Final = {"name": "r.name", "kind": "r.kind", **TIMES}
#: What a filter may ask of series: an environment is asked of the trace too, which they do not know.
_ASKED_OF_SERIES: Final = {name: columns for name, columns in ASKED_OF_CALLS.items() if name != "env"}
_ASKED_OF_STEPS: Final = {"name": ("r.name",), "kind": ("r.kind",)}


@dataclass(frozen=True, slots=True)
class Source:
    """Rollups that tell what is asked for, of whole hours."""

    name: str
    """The table of what they are split by, which is ``r``."""
    tables: Rollups
    says: Mapping[str, str]
    """What it says of each key, with an hour ``h``."""
    where: Sql
    step: Step | None = None
    """What they are rollups of, where these are steps."""

    @staticmethod
    def hours(query: Query) -> tuple[int, int]:
        """Return the first hour that is asked for and the one behind the last."""
        first = 0 if query.from_ns is None else query.from_ns // HOUR_NS
        return first, 2**30 if query.to_ns is None else query.to_ns // HOUR_NS


@dataclass(frozen=True, slots=True)
class Step:
    """Which spans are asked for."""

    names: Sequence[str]
    kinds: Sequence[str] | None
    """``None`` for all."""


def source_of(connection: Connection, project_id: int, filter_: Filter, by: Sequence[str]) -> Source | None:
    """Return the rollups that tell what a filter finds by some keys, ``None`` where none does."""
    if set(by) <= _SERIES_SAYS.keys() and asks_only(filter_, _ASKED_OF_SERIES):
        return Source("series", OF_SERIES, _SERIES_SAYS, conditions(filter_, _ASKED_OF_SERIES))
    step = _step(filter_)
    if step is None or not set(by) <= _STEPS_SAY.keys() or not are_told(connection, project_id, step.names):
        return None
    return Source("steps", OF_STEPS, _STEPS_SAY, conditions(filter_, _ASKED_OF_STEPS), step)


def grouped(keys: Iterable[str]) -> tuple[str, str]:
    """Return what a statement selects for its keys, and how it groups by them."""
    columns = list(keys)
    numbers = ", ".join(str(n) for n in range(1, len(columns) + 1))
    return "".join(f"{column}, " for column in columns), f"GROUP BY {numbers}" if columns else ""


def _step(filter_: Filter) -> Step | None:
    """Return what spans a filter asks for, where it asks for names, perhaps kinds, and nothing else."""
    said: dict[str, Sequence[str]] = {}
    for part in conjuncts(filter_):
        if not isinstance(part, Term) or part.operator != "=" or part.field in said:
            return None
        said[part.field] = [str(value) for value in part.values]
    if "name" not in said or not said.keys() <= _ASKED_OF_STEPS.keys():
        return None
    return Step(said["name"], said.get("kind"))
