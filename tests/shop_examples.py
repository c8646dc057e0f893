"""Examples of many shapes, for every file format."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from shop_traces import shop_trace, text
from spanwise_server.datasets.example import Example, example_id, example_of
from spanwise_server.record import Annotation, Annotator

PASS = Annotation(
    "a1",
    "default",
    "correct",
    "t",
    "s",
    label="pass",
    explanation="fine",
    annotator=Annotator("human", "ana"),
    updated_ns=1,
)
CORRECTED = replace(PASS, label="fail", correction="Today.")


def model_example(judged: Annotation = PASS, n: int = 1) -> Example:
    records = shop_trace(n)
    return example_of(records[3], judged, around=records)


def agent_example(judged: Annotation = PASS, n: int = 1) -> Example:
    records = shop_trace(n)
    return example_of(records[0], judged, around=records)


EXAMPLES = [
    model_example(n=1),
    model_example(CORRECTED, n=2),
    agent_example(n=3),
    agent_example(replace(PASS, label="fail"), n=4),
]
CALL = {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"order": 7}}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"left": "Tuesday"}}]}


def talk(*messages: dict[str, Any], **more: Any) -> Example:
    number = example_id("default", "talk", json.dumps([messages, more], default=str))
    return replace(model_example(), id=number, input={"messages": list(messages)}, **more)


TOOL = {"type": "function", "name": "look", "description": "Find.", "parameters": {"type": "object"}}
ASKED_TWICE = talk(
    text("user", "Where?"),
    {"role": "assistant", "parts": [CALL]},
    RESULT,
    text("user", "And the other one?"),
    tools=[TOOL],
    split="test",
    assertions=["names the day"],
    tags=["orders", "late"],
)
PICTURE = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="}
WITH_PICTURE = talk({"role": "user", "parts": [{"type": "text", "content": "What is it?"}, PICTURE]})
FAILED_STEP = replace(
    agent_example(replace(PASS, label="fail"), n=5),
    label={"verdict": "fail", "critique": "wrong order", "first_bad_step": agent_example(n=5).steps[1]["span_id"]},
)
CALLS_A_TOOL = talk(
    text("user", "Where?"), expected_output={"content": "", "messages": [{"role": "assistant", "parts": [CALL]}]}
)
NOTHING_SAID = replace(
    model_example(n=6), input={"content": None}, actual_output=None, expected_output=None, label=None
)
#: Every kind of example that a format may meet.
EVERY_KIND = [*EXAMPLES, ASKED_TWICE, WITH_PICTURE, FAILED_STEP, CALLS_A_TOOL, NOTHING_SAID]
