"""Hugging Face's InferenceClient: chats, texts and embeddings, whoever of its providers answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Asked, Provider, Recognise, Route
from ..instrument.generation import Generation
from ..prompts import find_prompt
from . import huggingface_tasks, openai
from .content import text_part

PARAMS: Final = {
    **openai.PARAMS,
    "max_new_tokens": v.REQUEST_MAX_TOKENS,
    "top_k": v.REQUEST_TOP_K,
    "dimensions": v.EMBEDDINGS_DIMENSION_COUNT,
}
OTHER_PARAMS: Final = ("details", "repetition_penalty", "truncate", "normalize", "prompt_name")


def text_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be continued."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    g.prompt = find_prompt(body.get("prompt"))
    if g.content and (prompt := body.get("prompt")):
        g.asked([{"role": "user", "parts": [text_part(prompt)]}])


def text_response(g: Generation, answer: Any) -> None:
    """Read a text, alone or with its details."""
    g.text(answer if isinstance(answer, str) else answer.generated_text)
    _details(g, getattr(answer, "details", None))


def text_chunk(g: Generation, piece: Any) -> None:
    """Read the next piece of a text, alone or with its details."""
    if isinstance(piece, str):
        g.text(piece)
        return
    if not getattr(piece.token, "special", False):
        g.text(piece.token.text)
    _details(g, getattr(piece, "details", None))


def _details(g: Generation, details: Any) -> None:
    if details is not None:
        prefill = getattr(details, "prefill", None)
        given = len(prefill) if prefill else getattr(details, "input_length", None)
        g.usage(input_tokens=given, output_tokens=getattr(details, "generated_tokens", None))
        reason = details.finish_reason
        g.finish({"eos_token": "stop", "stop_sequence": "stop"}.get(reason, reason))


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if g.content and (text := body.get("text")) is not None:
        g.attributes[v.INPUT] = to_json(text)


def embedding_response(g: Generation, vectors: Any) -> None:
    """Read the length of the vectors, which are not kept."""
    if shape := getattr(vectors, "shape", None):
        g.attributes[v.EMBEDDINGS_DIMENSION_COUNT] = int(shape[-1])


_CHAT: Final = Route("chat", "llm", openai.request, openai.response, openai.chunk)
_TEXT: Final = Route("text_completion", "llm", text_request, text_response, text_chunk)
_EMBEDDINGS: Final = Route("embeddings", "embedding", embedding_request, embedding_response)
_ROUTES: Final[Mapping[str, tuple[tuple[str, ...], Route]]] = {
    "chat_completion": (("messages",), _CHAT),
    "text_generation": (("prompt",), _TEXT),
    "feature_extraction": (("text",), _EMBEDDINGS),
    **huggingface_tasks.TASKS,
}


def _recogniser(names: tuple[str, ...], route: Route) -> Recognise:
    def recognise(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        body = {name: value for name, value in kwargs.items() if value is not None}
        body.update(zip(names, args, strict=False))
        if names[0] not in body:
            return None  # the client's own refusal follows
        own = getattr(client, "model", None)
        body.setdefault("model", own)
        # Either is a model, or the address where one answers.
        url = urlsplit(next((named for named in (str(body["model"]), str(own)) if "://" in named), ""))
        return Asked(route, body, "hugging_face", url.hostname, url.port)

    return recognise


_OWNERS: Final = ("InferenceClient", "huggingface_hub.inference._generated._async_client:AsyncInferenceClient")

PROVIDER: Final = Provider(
    "huggingface",
    "huggingface_hub.inference._client",
    {f"{owner}.{name}": _recogniser(*what) for owner in _OWNERS for name, what in _ROUTES.items()},
)
