"""Traces of a shop's assistant, as records: an agent that retrieves, looks up an order and asks a model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from spanwise_server.record import PromptUse, Reading, Record, Span, Tool

START_NS = 1_790_000_000_000_000_000
MODEL = "gpt-4o-mini-secret"


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def trace_id(n: int) -> str:
    return f"{n:032x}"


def span_id(n: int, part: int = 0) -> str:
    return f"{n * 16 + part + 1:016x}"


def shop_trace(n: int, question: str = "", answer: str = "", project: str = "default") -> list[Record]:
    """Return the spans of the *n*-th trace: agent, retriever, tool and model, in that order."""
    question = question or f"Where is my order {n}?"
    answer = answer or f"Order {n} arrives on Thursday."
    start = START_NS + n * 1_000_000_000

    def span(part: int, name: str, status: Any = "ok") -> Span:
        return Span(
            trace_id=trace_id(n),
            span_id=span_id(n, part),
            parent_span_id=None if part == 0 else span_id(n),
            name=name,
            start_ns=start + part * 1_000_000,
            end_ns=start + part * 1_000_000 + 9_000_000,
            status=status,
            attributes=_attributes(part, question, answer, n),
        )

    return [
        Record(project, span(0, "answer_question"), agent(question, answer, n)),
        Record(project, span(1, "search_help"), retriever()),
        Record(project, span(2, "lookup_order"), tool(n)),
        Record(project, span(3, f"chat {MODEL}"), model(question, answer)),
    ]


def agent(question: str, answer: str, n: int) -> Reading:
    return Reading(kind="agent", input=question, output=answer, session_id=f"s_{n % 3}")


def retriever() -> Reading:
    return Reading(
        kind="retriever", documents=({"content": "Parcels arrive in two days.", "score": 0.91, "id": "Delivery"},)
    )


def tool(n: int) -> Reading:
    return Reading(kind="tool", tool=Tool("lookup_order", "call_1", {"order": n}, {"left": "Tuesday"}))


def model(question: str, answer: str) -> Reading:
    history = (
        text("system", "You are the assistant of a shop."),
        text("user", "Hello?"),
        text("assistant", "Hello, how can I help?"),
        text("user", question),
    )
    return Reading(
        kind="llm",
        model=MODEL,
        provider="openai",
        input_messages=history,
        output_messages=(text("assistant", answer),),
        prompt=PromptUse("support-secret", "7", "abc"),
    )


def failed(records: list[Record], why: str) -> list[Record]:
    """Return a trace whose agent failed without an answer."""
    root = records[0]
    attributes = {key: value for key, value in root.span.attributes.items() if key != "output.value"}
    span = replace(root.span, status="error", status_message=why, attributes=attributes)
    return [replace(root, span=span, reading=replace(root.reading, output=None)), *records[1:]]


def _attributes(part: int, question: str, answer: str, n: int) -> dict[str, Any]:
    """Return what an app would have sent, because a store reads a span again when it is opened."""
    if part == 0:
        return {
            "openinference.span.kind": "AGENT",
            "input.value": question,
            "output.value": answer,
            "session.id": f"s_{n % 3}",
        }
    if part == 1:
        prefix = "retrieval.documents.0.document"
        return {
            "openinference.span.kind": "RETRIEVER",
            f"{prefix}.content": "Parcels arrive in two days.",
            f"{prefix}.score": 0.91,
            f"{prefix}.id": "Delivery",
        }
    if part == 2:
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup_order",
            "gen_ai.tool.call.id": "call_1",
            "gen_ai.tool.call.arguments": json.dumps({"order": n}),
            "gen_ai.tool.call.result": json.dumps({"left": "Tuesday"}),
        }
    said = model(question, answer)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": MODEL,
        "gen_ai.input.messages": json.dumps(said.input_messages),
        "gen_ai.output.messages": json.dumps(said.output_messages),
    }
