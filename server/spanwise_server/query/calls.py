"""Which calls a figure is made of, as a filter that finds just them, and one call as its row knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..record import MODEL_KINDS, Usage
from .measures import Measured

_KINDS: Final = f"kind:{','.join(sorted(MODEL_KINDS))}"


@dataclass(frozen=True, slots=True)
class Calls:
    """Some of the calls of a range: what they are called, what finds them, and how many a measuring has counted."""

    key: str
    words: str
    sentence: str
    terms: str
    """In the language of filters, about spans."""
    count: Callable[[Measured], int | None]
    """``None`` where what was measured does not tell."""


#: The calls that figures are made of: dashboard, its lists and the documentation loop over the table.
CALLS: Final[dict[str, Calls]] = {
    calls.key: calls
    for calls in (
        Calls("all", "Calls", "calls of a model", _KINDS, lambda found: found.sums.calls),
        Calls("failed", "Failed", "calls that failed", f"{_KINDS} status:error", lambda found: found.sums.errors),
        Calls("priced", "Priced", "what a cost is known of", "counted:yes has:cost", lambda found: found.sums.priced),
        Calls(
            "unpriced",
            "Unpriced",
            "calls that used tokens at a price nobody knows",
            f"{_KINDS} counted:yes has:tokens -has:cost",
            lambda found: found.sums.unpriced,
        ),
        Calls("tokens", "With tokens", "what tokens are counted of", "counted:yes has:tokens", lambda _: None),
        Calls(
            "ttft",
            "With first token",
            "calls that say when their first token came",
            f"{_KINDS} has:ttft",
            lambda found: found.ttft.of,
        ),
        Calls("spans", "All spans", "spans of any kind", "", lambda _: None),
    )
}


@dataclass(frozen=True, slots=True)
class Call:
    """One span as its row knows it: without attributes, messages and events."""

    trace_id: str
    span_id: str
    name: str
    kind: str
    provider: str | None
    model: str | None
    start_ns: int
    duration_ms: float
    ttft_ms: float | None
    status: str
    error_type: str | None
    error_message: str | None
    usage: Usage | None
    cost_nusd: int | None
    cost_source: str | None
    counted: bool
    """Whether its trace's tokens and cost are its too; of a call that is told twice, one is."""
    prompt: str | None
    user_id: str | None
    input_preview: str | None
