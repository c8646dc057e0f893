"""Measures as JSON: what spans come to, as one series or by model, day and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..auth.current import CurrentServer
from ..errors import SpanwiseError
from ..query.figures import MEASURES, measure_named
from ..query.measures import KEYS, Tallied
from ..store.figures_asked import figures
from .asked import AskedQuery
from .traces import answer

router = APIRouter(prefix="/api/v1/measures", tags=["measures"])

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
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
    wanted, keys = _named(measures, measure_named, MEASURES, "measure"), _named(by, KEYS.get, KEYS, "key")
    if not wanted:
        raise SpanwiseError("No measure is named.", f"There are {', '.join(MEASURES)}.")
    read = {name: measure for name in wanted if (measure := measure_named(name)) is not None}
    found = figures(server.store, query, keys, list(read.values()))
    return answer(
        {
            "series": [
                {
                    "key": {key: _said(key, value) for key, value in zip(keys, one.key, strict=True)},
                    "values": {name: measure.value(one) for name, measure in read.items()},
                }
                for one in sorted(found, key=lambda one: _order(keys, one))
            ]
        }
    )


def _named(text: str, find: Callable[[str], object], known: Mapping[str, object], what: str) -> list[str]:
    """Return the names in *text*, each once; one that *find* does not find is refused."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    wrong = next((name for name in names if find(name) is None), None)
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
