"""Spans as an application sends them, read as the server reads them: a support conversation with a tool that fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from spanwise import vocabulary as v
from spanwise_server import dialects
from spanwise_server.record import Cost, Event, Record, Scope, Span

T0 = 1_790_000_000_000_000_000
MS = 1_000_000
TRACE = "4f8a1c00000000000000000000009be2"
PROJECT = "acme"
STACK = {
    "exception.type": "TimeoutError",
    "exception.message": "too slow",
    "exception.stacktrace": "Traceback: line 1",
}


def span_id(number: int) -> str:
    return f"{number:016x}"


def read(span: Span, cost_nusd: int | None = None) -> Record:
    return Record(PROJECT, span, dialects.read(span), None if cost_nusd is None else Cost(cost_nusd))


def record(
    number: int,
    parent: int | None,
    name: str,
    start_ms: float,
    duration_ms: float,
    attributes: dict[str, Any] | None = None,
    *,
    kind: str | None = None,
    cost_nusd: int | None = None,
    status: str = "ok",
    events: tuple[Event, ...] = (),
) -> Record:
    """One span, milliseconds after T0."""
    span = Span(
        trace_id=TRACE,
        span_id=span_id(number),
        parent_span_id=None if parent is None else span_id(parent),
        name=name,
        start_ns=T0 + int(start_ms * MS),
        end_ns=T0 + int((start_ms + duration_ms) * MS),
        status=status,
        attributes={**({} if kind is None else {v.KIND: kind}), **(attributes or {})},
        scope=Scope(v.SCOPE),
        events=events,
    )
    return read(span, cost_nusd)


def message(role: str, text: str | None = None, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One message in OpenTelemetry's form."""
    said = [] if text is None else [{"type": "text", "content": text}]
    return {"role": role, "parts": [*said, *parts], **more}


def call(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def answer(call_id: str, response: Any) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": call_id, "response": response}


SYSTEM = message("system", "Answer in at most 120 words.")
QUESTION = message("user", "I was charged twice for order 47790.")
FIRST_CALL = message("assistant", None, call("c1", "lookup_order", order_id=47790))
FIRST_RESULT = message("tool", None, answer("c1", {"charges": ["ch_1", "ch_2"]}))
SECOND_CALL = message("assistant", None, call("c2", "create_refund", charge="ch_2"))
SECOND_RESULT = message("tool", None, answer("c2", {"refund": "re_1"}))
REPLY = message("assistant", "The refund **re_1** is on its way.", finish_reason="stop")


def llm(
    number: int, parent: int | None, name: str, start: float, duration: float, asked: list[Any], said: Any,
    attributes: dict[str, Any] | None = None, **more: Any,
) -> Record:  # fmt: skip
    """One model call."""
    sent = {
        v.OPERATION_NAME: "chat",
        v.PROVIDER_NAME: "anthropic",
        v.RESPONSE_MODEL: "claude-sonnet-4-5",
        v.INPUT_MESSAGES: json.dumps(asked),
        v.OUTPUT_MESSAGES: json.dumps([said]),
        v.USAGE_INPUT_TOKENS: 100,
        v.USAGE_CACHE_READ: 20,
        v.USAGE_OUTPUT_TOKENS: 30,
        v.TIME_TO_FIRST_CHUNK: duration / 4 / 1000,
        **(attributes or {}),
    }
    return record(number, parent, name, start, duration, sent, kind="llm", **more)


def tool(
    number: int, name: str, start: float, duration: float, call_id: str, result: Any = None, **more: Any
) -> Record:
    """One run of a tool."""
    sent = {v.TOOL_NAME: name, v.TOOL_CALL_ID: call_id, v.TOOL_CALL_ARGUMENTS: '{"order_id": 47790}'}
    if result is not None:
        sent[v.TOOL_CALL_RESULT] = json.dumps(result)
    if more.get("status") == "error":
        sent[v.ERROR_TYPE] = "TimeoutError"
    return record(number, 1, name, start, duration, sent, kind="tool", **more)


PROMPT = {
    v.PROMPT_NAME: "support",
    v.PROMPT_VERSION: "7",
    v.PROMPT_TEMPLATE: "Help {{customer}} now",
    v.PROMPT_VARIABLES: '{"customer": "Jonas"}',
}
FOUND = [
    {"id": "returns", "content": "Late **returns**", "score": 0.9, "page": 3},
    {"id": "stairs", "content": "Stairs", "score": 0.3},
]


def conversation() -> tuple[Record, ...]:
    """An agent that plans twice, calls two tools, fails one and answers."""
    history = [SYSTEM, QUESTION]
    later = [*history, FIRST_CALL, FIRST_RESULT]
    spoken = {v.INPUT: "I was charged twice", v.OUTPUT: "On its way."}
    failed = Event(T0 + 4_500 * MS, "exception", STACK)
    return (
        record(1, None, "answer_question", 0, 10_000, spoken, kind="agent"),
        llm(2, 1, "plan", 100, 2_000, history, FIRST_CALL, PROMPT, cost_nusd=5_000_000),
        tool(3, "lookup_order", 2_200, 300, "c1", {"ok": 1}),
        llm(4, 1, "plan", 2_600, 1_400, later, SECOND_CALL, cost_nusd=6_000_000),
        tool(5, "create_refund", 4_100, 900, "c2", status="error", events=(failed,)),
        record(6, 5, "POST /refunds", 4_200, 700),
        llm(7, 1, "compose", 5_100, 4_000, [*later, SECOND_CALL, SECOND_RESULT], REPLY),
        record(8, 1, "kb_search", 9_200, 200, {v.RETRIEVAL_DOCUMENTS: json.dumps(FOUND)}, kind="retriever"),
    )


def in_other_trace(records: tuple[Record, ...], trace_id: str, shift_ms: int, **sent: Any) -> tuple[Record, ...]:
    """The same spans as another trace, *shift_ms* later; *sent* is added to its root, ``user_id`` as ``user.id``."""
    moved = []
    more = {name.replace("_", "."): value for name, value in sent.items()}
    for each in records:
        span = replace(
            each.span,
            trace_id=trace_id,
            start_ns=each.span.start_ns + shift_ms * MS,
            end_ns=each.span.end_ns + shift_ms * MS,
        )
        if span.parent_span_id is None:
            span = replace(span, attributes={**span.attributes, **more})
        moved.append(read(span, each.cost.total_nusd if each.cost else None))
    return tuple(moved)
