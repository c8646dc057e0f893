"""A call of the playground as a span of the project, in an environment of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanwise import vocabulary as v

from ..record import Record, Scope, Span
from .call import Answer, Call, Connection, Message
from .params import common
from .providers import provider_named

ENVIRONMENT: Final = "playground"
_PARAMS: Final = {
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "top_k": v.REQUEST_TOP_K,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "stop_sequences": v.REQUEST_STOP_SEQUENCES,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "reasoning_level": v.REQUEST_REASONING_LEVEL,
}


@dataclass(frozen=True, slots=True)
class Prompted:
    """The version of a prompt that a call was made with, unchanged."""

    name: str
    version: str
    template_hash: str
    template: Any
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Traced:
    """Where spans of the playground go."""

    keep: Callable[[Span], Record]
    prompt: Prompted | None = None
    metadata: Mapping[str, Any] | None = None
    """Said on each span, such as the experiment that it is of."""


@dataclass(frozen=True, slots=True)
class Made:
    """One call that was made."""

    call: Call
    connection: Connection
    answer: Answer
    start_ns: int
    end_ns: int
    first_ns: int | None
    error: Exception | None
    stopped: bool


def span_of(made: Made, traced: Traced) -> Span:
    """Return the span that tells of a call."""
    answer, call = made.answer, made.call
    said: dict[str, Any] = {
        v.KIND: "llm",
        v.OPERATION_NAME: "chat",
        v.PROVIDER_NAME: provider_named(made.connection.provider).span_name,
        v.REQUEST_MODEL: call.model,
        v.RESPONSE_MODEL: answer.model,
        v.RESPONSE_ID: answer.response_id,
        v.ENVIRONMENT: ENVIRONMENT,
        v.REQUEST_STREAM: True,
        v.INPUT_MESSAGES: _json([_message(message) for message in call.messages]),
        v.OUTPUT_MESSAGES: _json([_answer(answer)]) if answer.text or answer.tool_calls else None,
        v.TOOL_DEFINITIONS: _json(list(map(dict, call.tools))) if call.tools else None,
        v.USAGE_INPUT_TOKENS: answer.input_tokens,
        v.USAGE_OUTPUT_TOKENS: answer.output_tokens,
        v.USAGE_CACHE_READ: answer.cache_read,
        v.FINISH_REASONS: [answer.finish_reason] if answer.finish_reason else None,
        v.TIME_TO_FIRST_CHUNK: None if made.first_ns is None else (made.first_ns - made.start_ns) / 1e9,
        v.STREAM_END: "closed" if made.stopped else None,
        **_params(call),
        v.METADATA: _json(dict(traced.metadata)) if traced.metadata else None,
        **_prompt(traced.prompt),
    }
    if made.error is not None:
        said[v.ERROR_TYPE] = type(made.error).__name__
    return Span(
        trace_id=secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=None,
        name=f"chat {call.model}",
        start_ns=made.start_ns,
        end_ns=made.end_ns,
        status="ok" if made.error is None else "error",
        status_message=None if made.error is None else made.connection.without_key(str(made.error))[:500],
        attributes={name: value for name, value in said.items() if value is not None},
        resource={v.SERVICE_NAME: "spanwise playground"},
        scope=Scope(v.SCOPE),
    )


def _params(call: Call) -> dict[str, Any]:
    params = common(call.params)
    known = {_PARAMS[name]: value for name, value in params.items() if name in _PARAMS}
    rest = {name: value for name, value in params.items() if name not in _PARAMS}
    return {**known, **({v.PARAMS: _json(rest)} if rest else {})}


def _prompt(prompt: Prompted | None) -> dict[str, Any]:
    if prompt is None:
        return {}
    template = prompt.template if isinstance(prompt.template, str) else _json(list(prompt.template))
    return {
        v.PROMPT_NAME: prompt.name,
        v.PROMPT_VERSION: prompt.version,
        v.PROMPT_HASH: prompt.template_hash,
        v.PROMPT_TEMPLATE: template,
        v.PROMPT_VARIABLES: _json(dict(prompt.variables)),
    }


def _message(message: Message) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if message.tool_call_id:
        parts.append({"type": "tool_call_response", "id": message.tool_call_id, "response": message.content})
    elif message.content:
        parts.append({"type": "text", "content": message.content})
    parts += _tool_calls([(c.id, c.name, c.arguments) for c in message.tool_calls])
    return {"role": message.role, "parts": parts}


def _answer(answer: Answer) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "text", "content": answer.text}] if answer.text else []
    parts += _tool_calls([(c.id, c.name, c.arguments) for c in answer.calls])
    return {"role": "assistant", "parts": parts, "finish_reason": answer.finish_reason or "stop"}


def _tool_calls(calls: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    found = []
    for call_id, name, arguments in calls:
        try:
            said = json.loads(arguments or "{}")
        except ValueError:
            said = arguments
        found.append({"type": "tool_call", "id": call_id, "name": name, "arguments": said})
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
