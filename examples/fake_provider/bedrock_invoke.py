"""Amazon Bedrock's InvokeModel: each family of models in the words of its maker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Final

from . import anthropic_messages, bedrock, openai_chat
from .answer import Answer, Request
from .reply import Json, count_tokens, pieces


def reply(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    return _family(request)[0](request, answer)


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer, the last with Amazon's own counts."""
    tokens = count_tokens(request, answer)
    bodies = list(_family(request)[1](request, answer))
    counts = {
        "inputTokenCount": tokens.input, "outputTokenCount": tokens.output,
        "invocationLatency": 12, "firstByteLatency": 5,
    }  # fmt: skip
    for number, body in enumerate(bodies, 1):
        told = {**body, "amazon-bedrock-invocationMetrics": counts} if number == len(bodies) else body
        yield bedrock.event("chunk", {"bytes": base64.b64encode(json.dumps(told).encode()).decode()})


def _events_of(stream: Callable[[Request, Answer], Iterator[bytes]]) -> Callable[[Request, Answer], Iterator[Json]]:
    def bodies(request: Request, answer: Answer) -> Iterator[Json]:
        for sent in stream(request, answer):
            data = sent.decode().partition("data: ")[2].strip()
            if data != "[DONE]":
                yield json.loads(data)

    return bodies


def _nova(request: Request, answer: Answer) -> Json:
    told = bedrock.converse(request, answer)
    return {name: told[name] for name in ("output", "stopReason", "usage")}


def _nova_events(request: Request, answer: Answer) -> Iterator[Json]:
    yield {"messageStart": {"role": "assistant"}}
    for piece in pieces(answer.text):
        yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    yield {"messageStop": {"stopReason": bedrock.stop_reason(answer)}}
    yield {"metadata": {"usage": bedrock.usage(request, answer), "metrics": {}}}


def _titan(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    if "embed" in request.model:
        return {"embedding": [0.1, 0.2, 0.3], "inputTextTokenCount": tokens.input}
    result = {"tokenCount": tokens.output, "outputText": answer.text, "completionReason": "FINISH"}
    return {"inputTextTokenCount": tokens.input, "results": [result]}


def _titan_events(request: Request, answer: Answer) -> Iterator[Json]:
    tokens = count_tokens(request, answer)
    for at, piece in enumerate(pieces(answer.text)):
        yield {"outputText": piece, "index": at, "totalOutputTextTokenCount": None, "completionReason": None}
    yield {
        "outputText": "", "index": 0, "totalOutputTextTokenCount": tokens.output, "completionReason": "FINISH",
        "inputTextTokenCount": tokens.input,
    }  # fmt: skip


def _llama(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    counts = {"prompt_token_count": tokens.input, "generation_token_count": tokens.output}
    return {"generation": answer.text, "stop_reason": "stop", **counts}


def _llama_events(_request: Request, answer: Answer) -> Iterator[Json]:
    for piece in pieces(answer.text):
        yield {"generation": piece, "stop_reason": None, "prompt_token_count": None, "generation_token_count": 1}
    yield {"generation": "", "stop_reason": "stop", "prompt_token_count": None, "generation_token_count": 1}


def _mistral(_request: Request, answer: Answer) -> Json:
    return {"outputs": [{"text": answer.text, "stop_reason": "stop"}]}


def _mistral_events(_request: Request, answer: Answer) -> Iterator[Json]:
    for piece in pieces(answer.text):
        yield {"outputs": [{"text": piece, "stop_reason": None}]}
    yield {"outputs": [{"text": "", "stop_reason": "stop"}]}


def _command(request: Request, answer: Answer) -> Json:
    if "embed" in request.model:
        return {"id": "e1", "embeddings": [[0.1, 0.2]], "response_type": "embeddings_floats"}
    return {"generation_id": "g1", "text": answer.text, "finish_reason": "COMPLETE"}


def _command_events(_request: Request, answer: Answer) -> Iterator[Json]:
    yield {"event_type": "stream-start", "generation_id": "g1"}
    for piece in pieces(answer.text):
        yield {"event_type": "text-generation", "text": piece}
    yield {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": answer.text}}


_Family = tuple[Callable[[Request, Answer], Json], Callable[[Request, Answer], Iterator[Json]]]
_FAMILIES: Final[dict[str, _Family]] = {
    "anthropic": (anthropic_messages.message, _events_of(anthropic_messages.events)),
    "amazon.nova": (_nova, _nova_events),
    "amazon.titan": (_titan, _titan_events),
    "meta": (_llama, _llama_events),
    "mistral": (_mistral, _mistral_events),
    "cohere": (_command, _command_events),
}


def _family(request: Request) -> _Family:
    chat: _Family = (openai_chat.completion, _events_of(openai_chat.chunks))
    if "anthropic_version" in request.body:  # as Anthropic's own client asks, whatever its model is called
        return _FAMILIES["anthropic"]
    return next((made for name, made in _FAMILIES.items() if name in request.model), chat)
