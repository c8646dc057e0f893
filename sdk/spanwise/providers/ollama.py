"""Ollama: chats, completions and embeddings of models on one's own machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.engine import Asked, Provider, Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from .content import functions, image_part, plain, text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "stream": v.REQUEST_STREAM,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "top_k": v.REQUEST_TOP_K,
    "num_predict": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
}
OTHER_PARAMS: Final = ("format", "think", "keep_alive", "num_ctx", "repeat_penalty", "min_p", "raw", "dimensions")
#: Why an answer is there that is no end of one: the model was loaded.
_NO_END: Final = frozenset({"load", "unload"})


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked: a conversation, or a prompt with its system message."""
    options = plain(body.get("options")) or {}
    g.params({**options, **body}, PARAMS, OTHER_PARAMS)
    if stop := options.get("stop"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = (stop,) if isinstance(stop, str) else tuple(stop)
    if body.get("format"):
        g.attributes[v.OUTPUT_TYPE] = "json"
    messages = body.get("messages") or _prompted(body)
    g.prompt = find_prompt(body.get("system")) or find_prompt(messages)
    if g.content:
        system = body.get("system")
        g.asked([_message(message) for message in messages], [text_part(system)] if system else None)
        g.tools(functions(body.get("tools")))


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    g.params(body, PARAMS, OTHER_PARAMS)
    given = body.get("input", body.get("prompt"))
    texts = [given] if isinstance(given, str) else given or ()
    if g.content:
        g.asked([{"role": "user", "parts": [text_part(text)]} for text in texts])


def answer(g: Generation, part: Any) -> None:
    """Read a whole answer, or the next piece of a streamed one: they have one shape."""
    g.head(None, getattr(part, "model", None))
    g.usage(input_tokens=getattr(part, "prompt_eval_count", None), output_tokens=getattr(part, "eval_count", None))
    said = getattr(part, "message", None)
    g.text(getattr(said or part, "thinking", None), kind="reasoning")
    g.text(said.content if said is not None else getattr(part, "response", None))
    for call in getattr(said, "tool_calls", None) or ():
        g.part(tool_call_part(None, call.function.name, dict(call.function.arguments)))
    reason = getattr(part, "done_reason", None)
    g.finish(None if reason in _NO_END else reason)


def embedding_answer(g: Generation, part: Any) -> None:
    """Read the counts of embeddings; the vectors are not kept."""
    g.head(None, getattr(part, "model", None))
    g.usage(input_tokens=getattr(part, "prompt_eval_count", None))


def _prompted(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the one turn of a completion; none where it only loads the model."""
    if not body.get("prompt"):
        return []
    return [{"role": "user", "content": body["prompt"], "images": body.get("images")}]


def _message(given: Any) -> Message:
    message = plain(given)
    role = message.get("role") or "user"
    if role == "tool":
        called = {"name": message["tool_name"]} if message.get("tool_name") else {}
        return {"role": role, "parts": [{"type": "tool_call_response", "response": message.get("content"), **called}]}
    parts: list[Part] = []
    if message.get("thinking"):
        parts.append({"type": "reasoning", "content": message["thinking"]})
    if message.get("content"):
        parts.append(text_part(message["content"]))
    parts += [image_part(str(image)) for image in message.get("images") or ()]
    for call in message.get("tool_calls") or ():
        function = plain(plain(call)["function"])
        parts.append(tool_call_part(None, function.get("name"), function.get("arguments")))
    return {"role": role, "parts": parts}


_ROUTES: Final = {
    "/api/chat": Route("chat", "llm", request, answer, answer),
    "/api/generate": Route("text_completion", "llm", request, answer, answer),
    "/api/embed": Route("embeddings", "embedding", embedding_request, embedding_answer),
    "/api/embeddings": Route("embeddings", "embedding", embedding_request, embedding_answer),
}


def _recognise(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    route = _ROUTES.get(args[2]) if len(args) > 2 else None
    body = kwargs.get("json")
    if route is None or not isinstance(body, Mapping):
        return None
    url = getattr(getattr(client, "_client", None), "base_url", None)
    return Asked(route, body, "ollama", getattr(url, "host", None), getattr(url, "port", None))


PROVIDER: Final = Provider(
    "ollama", "ollama._client", dict.fromkeys(("Client._request", "AsyncClient._request"), _recognise)
)
