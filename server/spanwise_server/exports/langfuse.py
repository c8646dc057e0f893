"""Dataset items of Langfuse, each the body of one request to its public API."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about, inputs, output
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one item without the name of its dataset, which whoever sends it adds."""
    source = example.source or {}
    body = {
        "id": example.id,
        "input": inputs(example),
        "expectedOutput": output(example.expected_output),
        "metadata": {**about(example), **({"assertions": list(example.assertions)} if example.assertions else {})},
        "sourceTraceId": source.get("trace_id"),
        "sourceObservationId": source.get("span_id"),
    }
    return {name: value for name, value in body.items() if value is not None}


EXPORT = json_lines(
    name="langfuse",
    title="Langfuse",
    sentence="dataset items",
    row=row,
    holds_media=True,
)
