"""Records of an MLflow evaluation dataset, as ``EvaluationDataset.merge_records`` takes them."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about, inputs, output
from .chat import output_text
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one record; expectations are named as MLflow's own scorers look for them."""
    expectations: dict[str, Any] = {}
    if output_text(example.expected_output):
        expectations["expected_response"] = output_text(example.expected_output)
    if example.assertions:
        expectations["guidelines"] = list(example.assertions)
    tags = {name: _text(value) for name, value in about(example).items()}
    body: dict[str, Any] = {"inputs": inputs(example), "expectations": expectations, "tags": tags}
    actual = output(example.actual_output)
    if actual is not None:
        body["outputs"] = actual
    if example.provenance is not None:
        name = ", ".join(example.provenance.get("annotators") or ())
        body["source"] = {"source_type": "HUMAN", "source_data": {"user_name": name}}
    return body


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


EXPORT = json_lines(
    name="mlflow",
    title="MLflow",
    sentence="inputs and expectations",
    row=row,
    holds_media=True,
)
