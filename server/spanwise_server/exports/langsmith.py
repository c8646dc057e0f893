"""Examples of LangSmith, as ``Client.create_examples`` takes them."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about, inputs, output
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one example; ``reference_outputs`` are what is expected."""
    body: dict[str, Any] = {"inputs": inputs(example), "reference_outputs": output(example.expected_output)}
    if example.assertions:
        body["reference_outputs"] = {**(body["reference_outputs"] or {}), "assertions": list(example.assertions)}
    body["metadata"] = about(example)
    return {**body, "split": example.split} if example.split else body


EXPORT = json_lines(
    name="langsmith",
    title="LangSmith",
    sentence="inputs, outputs and metadata",
    row=row,
    holds_media=True,
)
