"""TRL's stepwise supervision: the steps of an answer, each good until the first bad one."""

from __future__ import annotations

from typing import Any, Final

from ..datasets.example import Example
from .chat import NO_QUESTION, question
from .export import json_lines

NO_STEPS: Final = "no steps"
NO_FIRST_BAD: Final = "no first bad step, and not passed"


def row(example: Example) -> dict[str, Any]:
    """Return one row; nothing after the first bad step is shown to be good or bad, so it is not in it."""
    bad = _first_bad(example)
    steps = [str(step.get("text") or "") for step in example.steps]
    shown = steps if bad is None else steps[: bad + 1]
    return {
        "prompt": question(example),
        "completions": shown,
        "labels": [at != bad for at in range(len(shown))],
    }


def left_out(example: Example) -> str | None:
    """Return why nothing can be learned of the steps, or ``None``."""
    if not example.steps:
        return NO_STEPS
    if not question(example):
        return NO_QUESTION
    passed = (example.label or {}).get("verdict") == "pass"
    return None if passed or _first_bad(example) is not None else NO_FIRST_BAD


def _first_bad(example: Example) -> int | None:
    """Return where in the steps the one stands that was labelled the first bad one."""
    wanted = (example.label or {}).get("first_bad_step")
    if wanted is None:
        return None
    return next((at for at, step in enumerate(example.steps) if step.get("span_id") == wanted), None)


EXPORT = json_lines(
    name="trl-stepwise",
    title="TRL steps",
    sentence="steps, good until the first bad one",
    row=row,
    left_out=left_out,
)
