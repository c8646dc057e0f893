"""An example in the words that most tools have for it: inputs, an output, and what is known beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.example import Example
from .chat import answer, conversation, output_text


def about(example: Example) -> dict[str, Any]:
    """Return what is known of *example* beside input and outputs; what is unsaid is not there."""
    label, source, provenance = example.label or {}, example.source or {}, example.provenance or {}
    prompt = source.get("prompt") or {}
    said = {
        "spanwise_id": example.id,
        "verdict": label.get("verdict"),
        "critique": label.get("critique"),
        "codes": list(label.get("codes") or ()) or None,
        "split": example.split,
        "tags": list(example.tags) or None,
        "trace_id": source.get("trace_id"),
        "span_id": source.get("span_id"),
        "session_id": source.get("session_id"),
        "model": source.get("model"),
        "prompt": prompt.get("name"),
        "prompt_version": prompt.get("version"),
        "annotators": provenance.get("annotators"),
        "content_hash": example.content_hash,
    }
    return {name: value for name, value in said.items() if value is not None}


def inputs(example: Example) -> dict[str, Any]:
    """Return the input as named values: the arguments of a function, or ``messages`` in OpenAI's chat shape."""
    content = example.input.get("content")
    if example.input.get("messages") is not None:
        return {"messages": conversation(example.input)}
    return dict(content) if isinstance(content, Mapping) else {"input": content}


def output(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an output as named values: ``content``, and ``tool_calls`` where the model called tools."""
    if given is None:
        return None
    calls = answer(given).get("tool_calls") if given.get("messages") else None
    said = {"content": given.get("content") if calls is None else output_text(given)}
    return {**said, "tool_calls": calls} if calls else said
