"""Test cases of promptfoo, one a line: variables of the prompt, and assertions on the answer."""

from __future__ import annotations

import json
from typing import Any

from ..datasets.example import Example
from .about import about, inputs
from .chat import no_expected_text, output_text, question
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one test: the reference answer is graded for its facts, each assertion by a rubric."""
    checks = [{"type": "llm-rubric", "value": wanted} for wanted in example.assertions]
    reference = output_text(example.expected_output)
    if reference:
        checks.insert(0, {"type": "factuality", "value": reference})
    return {
        "description": example.id,
        "vars": _vars(example),
        "assert": checks,
        "metadata": {name: _flat(value) for name, value in about(example).items()},
    }


def left_out(example: Example) -> str | None:
    """Return why nothing could be asserted, or ``None``."""
    return None if example.assertions else no_expected_text(example)


def _vars(example: Example) -> dict[str, str]:
    """Return variables of text: objects would be taken apart into several tests."""
    given = inputs(example)
    if "messages" in given:
        given = {"question": question(example), **given}
    if example.context:
        given = {**given, "context": "\n\n".join(example.context)}
    return {name: _text(value) for name, value in given.items()}


def _flat(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else ", ".join(map(str, value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


EXPORT = json_lines(
    name="promptfoo",
    title="promptfoo",
    sentence="tests with variables and assertions",
    row=row,
    left_out=left_out,
)
