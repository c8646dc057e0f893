"""Which traces are kept: a share of them by their id, and of the others those that failed, took long or cost much."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from . import vocabulary as v

_LOW_BITS: Final = (1 << 56) - 1
_MOST_TRACES: Final = 2_000
_MOST_SPANS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Keep:
    """Which traces are kept although they are not of the share."""

    errors: bool = True
    slow_ms: int | None = None
    tokens: int | None = None

    @property
    def nothing(self) -> bool:
        """Whether none are."""
        return not self.errors and self.slow_ms is None and self.tokens is None


KEEP_ERRORS: Final = Keep()


def read_keep(said: Any) -> Keep:
    """Return *said*, such as ``errors,slow:5000,tokens:20000``, checked; raises ValueError in a sentence."""
    if isinstance(said, Keep):
        return said
    found: dict[str, Any] = {"errors": False}
    for part in [] if said == "none" else str(said).split(","):
        name, _, number = part.strip().partition(":")
        if name == "errors" and not number:
            found["errors"] = True
        elif name in ("slow", "tokens") and number.isdecimal():
            found["slow_ms" if name == "slow" else name] = int(number)
        else:
            raise ValueError(f"keep is {said!r}, not such as errors,slow:5000,tokens:20000 (slow in ms), or none.")
    return Keep(**found)


@dataclass(slots=True)
class _Held:
    """The spans of one trace that nobody has decided on."""

    spans: list[ReadableSpan] = field(default_factory=list)
    open: int = 0
    """Spans of it that have started in this process and not ended."""
    tokens: int = 0


class Sieve:
    """Lets spans through, holds them until their trace has ended here, or lets them go; safe for threads."""

    def __init__(self, sample_rate: float, keep: Keep) -> None:
        self._below = round(sample_rate * (1 << 56))
        self._keep = keep
        self.idle = self._below > _LOW_BITS
        """Whether everything goes through."""
        self._lock = threading.RLock()
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._kept: OrderedDict[int, None] = OrderedDict()
        self._spans = 0

    def started(self, trace_id: int) -> None:
        """Note that a span of a trace begins."""
        if not self._sampled(trace_id) and not self._keep.nothing:
            with self._lock:
                if trace_id not in self._kept:
                    self._held.setdefault(trace_id, _Held()).open += 1

    def ended(self, span: ReadableSpan, trace_id: int, *, wanted: bool) -> list[ReadableSpan]:
        """Return the spans that may leave now that *span* has ended; itself only where it is *wanted*."""
        own = [span] if wanted else []
        if self._sampled(trace_id):
            return own
        if self._keep.nothing:
            return []
        with self._lock:
            if trace_id in self._kept:
                return own
            held = self._held.setdefault(trace_id, _Held(open=1))
            held.spans += own
            held.open -= 1
            held.tokens += _tokens(span.attributes or {})
            self._spans += len(own)
            if self._tells(span, held):
                self._kept[trace_id] = None
                if len(self._kept) > _MOST_TRACES:
                    self._kept.popitem(last=False)
                return self._let_go(trace_id)
            if held.open <= 0:
                self._let_go(trace_id)
            while self._held and (len(self._held) > _MOST_TRACES or self._spans > _MOST_SPANS):
                self._let_go(next(iter(self._held)))
            return []

    def _sampled(self, trace_id: int) -> bool:
        # By the id's random part, so that every process that takes part in a trace decides alike.
        return (trace_id & _LOW_BITS) < self._below

    def _let_go(self, trace_id: int) -> list[ReadableSpan]:
        spans = self._held.pop(trace_id).spans
        self._spans -= len(spans)
        return spans

    def _tells(self, span: ReadableSpan, held: _Held) -> bool:
        keep = self._keep
        if keep.errors and span.status.status_code is StatusCode.ERROR:
            return True
        if keep.tokens is not None and held.tokens >= keep.tokens:
            return True
        lasted_ms = ((span.end_time or 0) - (span.start_time or 0)) / 1e6
        return keep.slow_ms is not None and lasted_ms >= keep.slow_ms


def _tokens(attributes: Mapping[str, Any]) -> int:
    counts = (attributes.get(name) for name in (v.USAGE_INPUT_TOKENS, v.USAGE_OUTPUT_TOKENS))
    return sum(count for count in counts if isinstance(count, int))
