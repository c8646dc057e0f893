"""What the SDK told, sent through the whole of it."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise


class Recorded:
    """What was recorded so far, sent through the whole of the SDK."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def all(self) -> list[ReadableSpan]:
        """Every span, in the order in which they ended."""
        assert spanwise.flush()
        return list(self.exporter.get_finished_spans())

    def one(self) -> ReadableSpan:
        """The only span there is."""
        found = self.all()
        assert len(found) == 1, [(span.name, dict(span.attributes or {})) for span in found]
        return found[0]

    def named(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, [span.name for span in self.all()]
        return found[0]

    def attributes(self) -> dict[str, Any]:
        """The only span's attributes."""
        return dict(self.one().attributes or {})

    def json(self, name: str) -> Any:
        """What an attribute of the only span says as JSON."""
        return json.loads(self.attributes()[name])

    def said(self) -> list[dict[str, Any]]:
        """The parts of the only span's only answer."""
        (message,) = self.json("gen_ai.output.messages")
        parts: list[dict[str, Any]] = message["parts"]
        return parts

    def clear(self) -> None:
        """Forget everything."""
        spanwise.flush()
        self.exporter.clear()
