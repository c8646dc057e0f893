"""JSON Lines that hold everything an example is: the format ``spanwise.dataset/1``."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .contract import rfc3339
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one example as the file has it: moments as RFC 3339."""
    body = example.as_json()
    for part, field in (("source", "captured_at"), ("provenance", "labelled_at")):
        if body[part] is not None:
            said = dict(body[part])
            at_ns = said.pop(f"{field}_ns", None)
            body[part] = {**said, field: None if at_ns is None else rfc3339(at_ns)}
    return body


EXPORT = json_lines(name="jsonl", title="JSON Lines", sentence="everything, lossless", row=row, extension="jsonl")
