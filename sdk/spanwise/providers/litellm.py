"""LiteLLM: completions, responses and embeddings, whichever client it calls beneath; that one is not counted again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from .. import vocabulary as v
from ..instrument.engine import Asked, Provider, Reader, Recognise, Route
from ..instrument.generation import Generation
from . import openai, openai_completions, openai_embeddings, openai_responses, rerank
from .batches import batch

#: What the conventions call a provider that LiteLLM calls otherwise.
_NAMES: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "gemini": "gcp.gemini",
    "huggingface": "hugging_face",
    "mistral": "mistral_ai",
    "text-completion-openai": "openai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


def _written(read: Reader) -> Reader:
    """Return *read* that also takes the tokens written to a cache, for which LiteLLM long had a word of its own."""

    def with_written(g: Generation, answer: Any) -> None:
        read(g, answer)
        usage = getattr(answer, "usage", None)
        written = getattr(usage, "cache_creation_input_tokens", None)
        if type(written) is not int or not written or v.USAGE_CACHE_WRITE in g.attributes:
            return
        asked = getattr(usage, "prompt_tokens", None)
        g.usage(
            input_tokens=asked + written if type(asked) is int and _counts_written_apart() else None,
            cache_write=written,
        )

    return with_written


@cache
def _counts_written_apart() -> bool:
    """Whether this LiteLLM leaves what is written to a cache out of the prompt's tokens."""
    major, minor, patch = (*(int(number) for number in re.findall(r"\d+", version("litellm"))), 0, 0)[:3]
    return (1, 66, 0) <= (major, minor, patch) < (1, 77, 3)


def _whole(read: Reader) -> Reader:
    """Return *read* of a whole answer, which also tells who gave it."""

    def response(g: Generation, answer: Any) -> None:
        read(g, answer)
        told = getattr(answer, "_hidden_params", None)
        provider = told.get("custom_llm_provider") if isinstance(told, Mapping) else None
        if isinstance(provider, str) and provider:
            g.attributes[v.PROVIDER_NAME] = _NAMES.get(provider, provider)

    return response


def _without_choices(piece: Any) -> bool:
    """Whether a chunk has nothing to choose from, which LiteLLM hands on only where it was asked for usage."""
    return not piece.choices


def _embedded(g: Generation, answer: Any) -> None:
    """Read model, usage and the length of the vectors, which are mappings here."""
    g.head(None, answer.model)
    if (usage := getattr(answer, "usage", None)) is not None:
        g.usage(input_tokens=usage.prompt_tokens)
    if answer.data and isinstance(vector := answer.data[0]["embedding"], list):
        g.attributes[v.EMBEDDINGS_DIMENSION_COUNT] = len(vector)


_CHAT: Final = Route(
    "chat", "llm", openai.request, _whole(_written(openai.response)), _written(openai.chunk), _without_choices
)
_TEXT: Final = Route(
    "text_completion", "llm", openai_completions.request, _whole(openai_completions.answer), openai_completions.answer
)
_EMBEDDINGS: Final = Route("embeddings", "embedding", openai_embeddings.request, _whole(_embedded))
_RESPONSES: Final = Route(
    "chat", "llm", openai_responses.request, _whole(openai_responses.response), openai_responses.chunk
)
_BATCH: Final = batch("id", "status", kept=("completion_window", "endpoint", "input_file_id", "metadata"))
#: Each function with the names of its first arguments.
_FUNCTIONS: Final = {
    "completion": (_CHAT, ("model", "messages")),
    "text_completion": (_TEXT, ("prompt", "model")),
    "embedding": (_EMBEDDINGS, ("model", "input")),
    "responses": (_RESPONSES, ("input", "model")),
    "rerank": (replace(rerank.ROUTE, response=_whole(rerank.response)), ("model", "query", "documents")),
    "create_batch": (_BATCH, ("completion_window", "endpoint", "input_file_id", "custom_llm_provider")),
}


def _recogniser(route: Route, names: tuple[str, ...]) -> Recognise:
    def recognise(_none: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        body = {**dict(zip(names, args, strict=False)), **kwargs}
        model = body.get("model", "" if route is _BATCH else None)
        if not isinstance(model, str):
            return None  # its own refusal follows
        before, slash, after = model.partition("/")
        provider = body.get("custom_llm_provider") or (before if slash else "")
        body["model"] = after if slash and before == provider else model
        url = urlsplit(str(body.get("api_base") or body.get("base_url") or ""))
        asked = Asked(route, body, _NAMES.get(provider, provider or "openai"), url.hostname, url.port)
        if openai.wants_usage(asked, url.hostname or "api.openai.com" if asked.provider == "openai" else url.hostname):
            kwargs["stream_options"] = {"include_usage": True}
            asked.asked_for_usage = True
        return asked

    return recognise


PROVIDER: Final = Provider(
    "litellm",
    "litellm",
    {prefix + name: _recogniser(*what) for name, what in _FUNCTIONS.items() for prefix in ("", "a")},
)
