"""OpenAI's Chat Completions and Embeddings as they look on the wire."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from array import array
from collections.abc import Iterator
from typing import Any, Final

from .answer import Answer, Request, ToolCall, estimated_tokens
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event

_ERROR_TYPES: Final = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("insufficient_permissions", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error_body(status: int, message: str) -> Json:
    """Return the body of a refusal."""
    kind, code = _ERROR_TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return server_sent_event(error_body(500, message))


def completion(request: Request, answer: Answer) -> Json:
    """Return a whole chat completion."""
    message: Json = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal, "annotations": []}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            {**_tool_call(request, call, position), "type": "function"}
            for position, call in enumerate(answer.tool_calls)
        ]
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
        for index in range(request.body.get("n") or 1)
    ]
    return {**_head(request, answer, "chat.completion"), "choices": choices, "usage": _usage(request, answer)}


def chunks(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed chat completion."""
    head = _head(request, answer, "chat.completion.chunk")
    with_usage = (request.body.get("stream_options") or {}).get("include_usage")
    if with_usage:
        head["usage"] = None
    for index in range(request.body.get("n") or 1):
        for delta in _deltas(request, answer):
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
            yield server_sent_event({**head, "choices": [choice]})
        last = {"index": index, "delta": {}, "logprobs": None, "finish_reason": _finish(answer)}
        yield server_sent_event({**head, "choices": [last]})
    if with_usage:
        yield server_sent_event({**head, "choices": [], "usage": _usage(request, answer)})
    yield server_sent_event("[DONE]")


def embeddings(request: Request, answer: Answer) -> Json:
    """Return one vector for each text: hashed bags of words, so that likeness means something."""
    given = request.body.get("input", "")
    texts = given if isinstance(given, list) and not all(isinstance(part, int) for part in given) else [given]
    size = int(request.body.get("dimensions") or 1536)
    as_base64 = request.body.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(texts):
        vector = _vector(text if isinstance(text, str) else json.dumps(text), size)
        embedding = base64.b64encode(vector.tobytes()).decode() if as_base64 else list(vector)
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    used = answer.input_tokens
    if used is None:
        used = sum(estimated_tokens(str(text)) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    made = make_id("req_", request.number)  # OpenAI tells none; Mistral, which asks alike, does
    return {"id": made, "object": "list", "data": data, "model": answer.model or request.model, "usage": usage}


def _head(request: Request, answer: Answer, kind: str) -> Json:
    return {
        "id": make_id("chatcmpl-", request.number),
        "object": kind,
        "created": int(time.time()),
        "model": answer.model or request.model,
        "service_tier": "default",
        "system_fingerprint": make_id("fp_", answer.model or request.model),
    }


def _usage(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    cached = {"cached_tokens": tokens.cache_read, "audio_tokens": 0}
    if tokens.cache_write:
        cached["cache_write_tokens"] = tokens.cache_write
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": cached,
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip


def _deltas(request: Request, answer: Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if answer.tool_calls else "", "refusal": None}
    for piece in pieces(answer.reasoning or ""):
        yield {"reasoning_content": piece}
    for piece in pieces(answer.refusal or ""):
        yield {"refusal": piece}
    for piece in pieces(answer.text):
        yield {"content": piece}
    for index, call in enumerate(answer.tool_calls):
        opened: Any = _tool_call(request, call, index)
        arguments = opened["function"].pop("arguments")
        opened["function"]["arguments"] = ""
        yield {"tool_calls": [{"index": index, "type": "function", **opened}]}
        for piece in pieces(arguments, words=1):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _tool_call(request: Request, call: ToolCall, position: int) -> Json:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"id": call.id or make_id("call_", request.number, position), "function": function}


def _finish(answer: Answer) -> str:
    return answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")


def _vector(text: str, size: int) -> array[float]:
    weights = [0.0] * size
    for word in re.findall(r"\w+", text.lower()):
        place = int.from_bytes(hashlib.blake2s(word.encode(), digest_size=4).digest(), "big")
        weights[place % size] += 1.0
    length = math.sqrt(sum(weight * weight for weight in weights)) or 1.0
    return array("f", (weight / length for weight in weights))
