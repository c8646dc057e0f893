"""Records of a Braintrust dataset: id, input, expected, metadata, tags."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from ..labelling.answer import asked
from .about import about, output
from .chat import conversation
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one record; a conversation is its list of messages, as Braintrust's prompts take them."""
    plain_input = example.input.get("messages") is None
    wanted: Any = output(example.expected_output)
    if wanted is not None and set(wanted) == {"content"}:
        wanted = wanted["content"]
    if example.assertions:
        wanted = {"answer": wanted, "assertions": list(example.assertions)}
    return {
        "id": example.id,
        "input": asked(example.input.get("content")) if plain_input else conversation(example.input),
        "expected": wanted,
        "metadata": about(example),
        "tags": list(example.tags),
    }


EXPORT = json_lines(
    name="braintrust",
    title="Braintrust",
    sentence="input, expected and metadata",
    row=row,
    holds_media=True,
)
