"""Measures as JSON: what spans come to, as one series or by model, day and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..auth.current import CurrentServer
from ..errors import SpanwiseError
from ..query.measures import KEYS, Tallied
from ..record import NANO, Usage
from .asked import AskedQuery
from .traces import answer

router = APIRouter(prefix="/api/v1/measures", tags=["measures"])

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TOKENS: Final[Mapping[str, Callable[[Usage], int | None]]] = {
    "input_tokens": lambda usage: usage.input_tokens,
    "output_tokens": lambda usage: usage.output_tokens,
    "total_tokens": lambda usage: usage.total_tokens,
    "cache_read_tokens": lambda usage: usage.cache_read,
    "cache_write_tokens": lambda usage: usage.cache_write,
    "reasoning_tokens": lambda usage: usage.reasoning,
}


def _percentile(of: str, share: str) -> Callable[[Tallied], float | None]:
    def value(one: Tallied) -> float | None:
        found: float | None = getattr(getattr(one, of), f"{share}_ms")
        return None if found is None else round(found, 3)

    return value


def _tokens(name: str) -> Callable[[Tallied], int | None]:
    return lambda one: _TOKENS[name](one.sums.usage)


#: Name of a measure -> how it is read: documentation and tests loop over the table.
MEASURES: Final[Mapping[str, Callable[[Tallied], Any]]] = {
    "spans": lambda one: one.sums.calls,
    "traces": lambda one: one.traces,
    "errors": lambda one: one.sums.errors,
    "error_rate": lambda one: one.sums.errors / one.sums.calls if one.sums.calls else None,
    **{name: _tokens(name) for name in _TOKENS},
    "cost_usd": lambda one: None if one.sums.known_cost_nusd is None else one.sums.known_cost_nusd / NANO,
    "priced": lambda one: one.sums.priced,
    "unpriced": lambda one: one.sums.unpriced,
    **{
        f"{name}_{share}_ms": _percentile(of, share)
        for name, of in (("latency", "latency"), ("ttft", "ttft"))
        for share in ("p50", "p95", "p99")
    },
}
#: What is answered where no measure is named.
USUAL: Final = "spans,traces,errors,input_tokens,output_tokens,cost_usd,latency_p50_ms,latency_p95_ms"


@router.get("")
def measures(
    server: CurrentServer,
    query: AskedQuery,
    measures: Annotated[str, Query(description=f"Any of {', '.join(MEASURES)}, with commas between")] = USUAL,
    by: Annotated[str, Query(description=f"Any of {', '.join(KEYS)}, with commas between")] = "",
) -> Response:
    """Return ``{"series": [{"key": {...}, "values": {...}}]}``: all spans that match, one series for each key.

    Spans, errors and durations are of every span that matches; tokens and money of the spans that their trace counts,
    so that nothing is counted twice. ``null`` is unsaid, or unpriced. Without ``by`` it is one series of everything.
    """
    wanted, keys = _named(measures, MEASURES, "measure"), _named(by, KEYS, "key")
    if not wanted:
        raise SpanwiseError("No measure is named.", f"There are {', '.join(MEASURES)}.")
    timed = any(name.endswith("_ms") for name in wanted)
    found = server.store.tally(query, keys, traces="traces" in wanted, percentiles=timed)
    return answer(
        {
            "series": [
                {
                    "key": {key: _said(key, value) for key, value in zip(keys, one.key, strict=True)},
                    "values": {name: MEASURES[name](one) for name in wanted},
                }
                for one in sorted(found, key=lambda one: _order(keys, one))
            ]
        }
    )


def _named(text: str, known: Mapping[str, object], what: str) -> list[str]:
    """Return the names in *text*, each once; one that nobody knows is refused."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise SpanwiseError(f"There is no {what} {wrong[:60]!r}.", f"There are {', '.join(known)}.")
    return names


def _order(keys: list[str], one: Tallied) -> tuple[Any, ...]:
    """Return what series are ordered by: time first where there is one, then the most spans."""
    times = tuple(value for key, value in zip(keys, one.key, strict=True) if key in ("hour", "day"))
    return (*times, -one.sums.calls, *(str(value) for value in one.key))


def _said(key: str, value: str | int | None) -> str | None:
    if isinstance(value, int):
        if key == "day":
            return f"{_EPOCH + timedelta(days=value):%Y-%m-%d}"
        return f"{_EPOCH + timedelta(hours=value):%Y-%m-%dT%H:00:00Z}"
    return value
