"""Goldens of DeepEval: one JSON list, which ``EvaluationDataset.add_goldens_from_json_file`` reads."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about
from .chat import NO_QUESTION, output_text, question
from .export import json_rows


def row(example: Example) -> dict[str, Any]:
    """Return one golden."""
    return {
        "input": question(example),
        "actual_output": output_text(example.actual_output),
        "expected_output": output_text(example.expected_output),
        "context": list(example.context) or None,
        "retrieval_context": list(example.context) or None,
        "additional_metadata": about(example),
        "comments": (example.label or {}).get("critique"),
        "source_file": None,
    }


def left_out(example: Example) -> str | None:
    """Return why this is no golden, or ``None``: one needs an input in words."""
    return None if question(example) else NO_QUESTION


EXPORT = json_rows(
    name="deepeval",
    title="DeepEval",
    sentence="goldens",
    row=row,
    left_out=left_out,
)
