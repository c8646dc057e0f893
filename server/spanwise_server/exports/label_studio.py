"""Tasks of Label Studio with their annotations, for the labelling interface that :data:`INTERFACE` is."""

from __future__ import annotations

from typing import Any, Final

from ..datasets.example import Example
from .about import about
from .chat import output_text
from .export import json_rows
from .flat_csv import conversation

#: Paste it as the project's labelling configuration: the names below are those of its tags.
INTERFACE: Final = """<View>
  <Text name="input" value="$input"/>
  <Text name="output" value="$output"/>
  <Choices name="verdict" toName="output" choice="single"><Choice value="pass"/><Choice value="fail"/></Choices>
  <TextArea name="critique" toName="output"/>
  <TextArea name="expected" toName="output"/>
</View>
"""


def row(example: Example) -> dict[str, Any]:
    """Return one task; the verdict, the critique and the correction are one annotation."""
    answers = _results(example)
    done = [{"result": answers, "was_cancelled": False, "ground_truth": True}] if answers else []
    return {
        "data": {
            "input": conversation(example.input),
            "output": output_text(example.actual_output) or "",
            "meta": about(example),
        },
        "annotations": done,
        "predictions": [],
    }


def _results(example: Example) -> list[dict[str, Any]]:
    label = example.label or {}
    said = []
    if label.get("verdict"):
        said.append(("verdict", "choices", [label["verdict"]]))
    if label.get("critique"):
        said.append(("critique", "textarea", [label["critique"]]))
    expected = output_text(example.expected_output)
    if expected and example.expected_output != example.actual_output:
        said.append(("expected", "textarea", [expected]))
    kinds = {"choices": "choices", "textarea": "text"}
    return [
        {
            "id": f"{example.id}-{name}",
            "from_name": name,
            "to_name": "output",
            "type": kind,
            "value": {kinds[kind]: value},
        }
        for name, kind, value in said
    ]


EXPORT = json_rows(
    name="label-studio",
    title="Label Studio",
    sentence="tasks with annotations",
    row=row,
)
