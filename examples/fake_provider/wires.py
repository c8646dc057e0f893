"""Every wire format that is served, by its name in ``Request.api``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from . import (
    anthropic_batches,
    anthropic_messages,
    bedrock,
    bedrock_invoke,
    cohere,
    cohere_v1,
    gemini,
    huggingface,
    mistral_chat,
    mistral_conversations,
    ollama,
    openai_batches,
    openai_chat,
    openai_media,
    openai_responses,
)
from .answer import Answer, Request
from .reply import Json


@dataclass(frozen=True, slots=True)
class Wire:
    """How one format writes answers, streams and errors."""

    whole: Callable[[Request, Answer], Json | bytes]
    error_body: Callable[[int, str, Request], Json]
    streamed: Callable[[Request, Answer], Iterator[bytes]] | None = None
    error_event: Callable[[str], bytes] = openai_chat.error_event
    stream_type: str = "text/event-stream; charset=utf-8"
    id_header: str = "x-request-id"
    headers: Mapping[str, str] = field(default_factory=dict)


_OPENAI: Final = partial(Wire, error_body=lambda status, message, _: openai_chat.error_body(status, message))
_ANTHROPIC: Final = partial(Wire, error_body=anthropic_messages.error_body, id_header="request-id")
_GEMINI: Final = partial(Wire, error_body=lambda status, message, _: gemini.error_body(status, message))
_OLLAMA: Final = partial(Wire, error_body=lambda _status, message, _: ollama.error_body(message))
_COHERE: Final = partial(Wire, error_body=lambda _status, message, _: cohere.error_body(message))
_AMAZON: Final = partial(
    Wire,
    error_body=lambda _status, message, _: bedrock.error_body(message),
    error_event=bedrock.error_event,
    stream_type="application/vnd.amazon.eventstream",
    id_header="x-amzn-requestid",
)

WIRES: Final[Mapping[str, Wire]] = {
    "chat": _OPENAI(openai_chat.completion, streamed=openai_chat.chunks),
    "responses": _OPENAI(
        openai_responses.response, streamed=openai_responses.events, error_event=openai_responses.error_event
    ),
    "embeddings": _OPENAI(openai_chat.embeddings),
    "moderations": _OPENAI(openai_media.moderations),
    "images": _OPENAI(openai_media.images, streamed=openai_media.image_events),
    "speech": _OPENAI(openai_media.speech, streamed=openai_media.speech_events),
    "transcriptions": _OPENAI(openai_media.transcription, streamed=openai_media.transcription_events),
    "files": _OPENAI(openai_batches.file),
    "batches": _OPENAI(openai_batches.batch),
    "batch-results": _OPENAI(openai_batches.results),
    "messages": _ANTHROPIC(
        anthropic_messages.message, streamed=anthropic_messages.events, error_event=anthropic_messages.error_event
    ),
    "count-tokens": _ANTHROPIC(anthropic_batches.count),
    "message-batches": _ANTHROPIC(anthropic_batches.batch),
    "gemini": _GEMINI(gemini.content, streamed=gemini.events, error_event=gemini.error_event),
    "gemini-embeddings": _GEMINI(gemini.embeddings),
    "vertex-embeddings": _GEMINI(gemini.predictions),
    "gemini-batches": _GEMINI(gemini.batch),
    "gemini-batch-done": _GEMINI(gemini.batch_done),
    "gemini-batch-results": _GEMINI(gemini.batch_results),
    "vertex-batches": _GEMINI(gemini.job),
    "mistral": _OPENAI(mistral_chat.completion, streamed=mistral_chat.chunks),
    "mistral-ocr": _OPENAI(mistral_chat.pages),
    "mistral-conversations": _OPENAI(mistral_conversations.reply, streamed=mistral_conversations.events),
    "mistral-batches": _OPENAI(mistral_chat.batch),
    "mistral-batch-done": _OPENAI(mistral_chat.batch_done),
    "ollama": _OLLAMA(
        ollama.reply, streamed=ollama.events, error_event=ollama.error_event, stream_type="application/x-ndjson"
    ),
    "ollama-embeddings": _OLLAMA(ollama.embeddings),
    "cohere": _COHERE(cohere.reply, streamed=cohere.events, error_event=cohere.error_event),
    "cohere-v1": _COHERE(
        cohere_v1.reply,
        streamed=cohere_v1.events,
        error_event=cohere_v1.error_event,
        stream_type="application/x-ndjson",
    ),
    "cohere-embeddings": _COHERE(cohere.embeddings),
    "cohere-rerank": _COHERE(cohere.ranking),
    "cohere-batches": _COHERE(cohere.batch),
    "cohere-batch-done": _COHERE(cohere.batch_done),
    "cohere-embed-jobs": _COHERE(cohere.embed_job),
    "fireworks-batches": _OPENAI(openai_batches.fireworks_batch),
    "fireworks-batch-done": _OPENAI(openai_batches.fireworks_batch_done),
    "bedrock-batches": _AMAZON(bedrock.batch),
    "hf-tasks": _OPENAI(huggingface.task),
    "converse": _AMAZON(bedrock.converse, streamed=bedrock.events),
    "invoke": _AMAZON(
        bedrock_invoke.reply,
        streamed=bedrock_invoke.events,
        headers={"x-amzn-bedrock-input-token-count": "50", "x-amzn-bedrock-output-token-count": "19"},
    ),
}
