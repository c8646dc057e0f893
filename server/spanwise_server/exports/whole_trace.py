"""A trace with all that belongs to it, on its way into a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..record import Annotation, Record, TraceSummary
from .contract import Object, span_record


@dataclass(frozen=True, slots=True)
class WholeTrace:
    """One trace, its spans and what was judged of them."""

    summary: TraceSummary
    records: Sequence[Record]
    """Its spans; empty for a format that has no use for them."""
    annotations: Sequence[Annotation]

    def span_records(self) -> Iterator[Object]:
        """Yield each span as the API gives it, with its own annotations."""
        by_span: dict[str | None, list[Annotation]] = {}
        for annotation in self.annotations:
            by_span.setdefault(annotation.span_id, []).append(annotation)
        for record in self.records:
            yield span_record(record, by_span.get(record.span.span_id, ()))
