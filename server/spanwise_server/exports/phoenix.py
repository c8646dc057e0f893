"""Examples of Phoenix: input, output and metadata as objects, as its own export has them."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about, inputs, output
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one example; ``span_id`` keeps it tied to its span where Phoenix has that span too."""
    wanted = output(example.expected_output) or {}
    if example.assertions:
        wanted = {**wanted, "assertions": list(example.assertions)}
    return {
        "id": example.id,
        "input": inputs(example),
        "output": wanted,
        "metadata": about(example),
        "splits": [example.split] if example.split else [],
        "span_id": (example.source or {}).get("span_id"),
    }


EXPORT = json_lines(
    name="phoenix",
    title="Phoenix",
    sentence="input, output and metadata",
    row=row,
    holds_media=True,
)
