"""JSON Lines that hold everything an example is: the format ``spanwise.dataset/1``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..datasets.example import Example
from .contract import rfc3339
from .export import Export


def row(example: Example) -> dict[str, Any]:
    """Return one example as the file has it: moments as RFC 3339."""
    body = example.as_json()
    for part, field in (("source", "captured_at"), ("provenance", "labelled_at")):
        if body[part] is not None:
            said = dict(body[part])
            at_ns = said.pop(f"{field}_ns", None)
            body[part] = {**said, field: None if at_ns is None else rfc3339(at_ns)}
    return body


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield one line an example."""
    for example in examples:
        yield json.dumps(row(example), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


EXPORT = Export(
    name="jsonl",
    title="JSON Lines",
    sentence="everything, lossless",
    media_type="application/jsonl; charset=utf-8",
    extension="jsonl",
    write=write,
)
