"""Mistral's client: chats and agents, whole and streamed, code filled in, embeddings, and pages that are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Asked, Provider, Recognise, Route
from ..instrument.fetch import Fetch, looked_at
from ..instrument.generation import Generation, tool_call_part
from ..prompts import find_prompt
from . import mistral_conversations
from .batch_lines import Batch, Lines, nanoseconds
from .batches import batch
from .content import functions, text_part
from .mistral_content import PARAMS, plain_value, read_message, read_part

OTHER_PARAMS: Final = (
    "tool_choice", "parallel_tool_calls", "prompt_mode", "reasoning_effort", "safe_prompt", "metadata", "agent_id",
)  # fmt: skip
_FINISH: Final = {"tool_calls": "tool_call", "model_length": "length"}
#: What the client has for an argument that was not given.
_UNSAID: Final = "Unset"


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params({name: plain_value(value) for name, value in body.items()}, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = (stop,) if isinstance(stop, str) else tuple(stop)
    if (form := plain_value(body.get("response_format"))) and form.get("type") in ("json_object", "json_schema"):
        g.attributes[v.OUTPUT_TYPE] = "json"
    messages = body.get("messages")
    if not isinstance(messages, list | tuple):  # what can be read only once is the client's to read
        return
    g.prompt = find_prompt(messages)
    if g.content:
        g.asked([read_message(message) for message in messages])
        tools = body.get("tools")
        g.tools(functions([plain_value(tool) for tool in tools]) if isinstance(tools, list | tuple) else [])


def response(g: Generation, completion: Any) -> None:
    """Read a whole completion."""
    _head(g, completion)
    for choice in completion.choices or ():
        _said(g, choice.index, choice.message)
        g.finish(_FINISH.get(choice.finish_reason, choice.finish_reason), choice=choice.index)


def chunk(g: Generation, event: Any) -> None:
    """Read one event of a streamed completion."""
    piece = event.data
    _head(g, piece)
    for choice in piece.choices or ():
        _said(g, choice.index, choice.delta)
        g.finish(_FINISH.get(choice.finish_reason, choice.finish_reason), choice=choice.index)


def _head(g: Generation, body: Any) -> None:
    g.head(body.id, body.model)
    if usage := getattr(body, "usage", None):
        details = plain_value(getattr(usage, "prompt_tokens_details", None)) or {}
        g.usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read=details.get("cached_tokens") if isinstance(details, Mapping) else None,
        )


def _said(g: Generation, choice: int, message: Any) -> None:
    content = message.content
    for piece in [content] if isinstance(content, str) else content or ():
        part = read_part(piece)
        if part["type"] in ("text", "reasoning"):
            g.text(part["content"], choice=choice, kind=part["type"])
        else:
            g.part(part, choice=choice)
    for position, call in enumerate(message.tool_calls or ()):
        arguments = call.function.arguments
        if not isinstance(arguments, str):
            g.part(tool_call_part(call.id, call.function.name, dict(arguments)), choice=choice)
            continue
        # A later piece of a call has an index of its own and no id worth keeping.
        index = position if call.index is None else call.index
        call_id = call.id if call.id != "null" else None
        g.tool_call(choice=choice, index=index, call_id=call_id, name=call.function.name or None, arguments=arguments)


# --- what is not a conversation --------------------------------------------------------------------


def fim_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be filled in, before and after."""
    g.params(
        {name: plain_value(value) for name, value in body.items()}, PARAMS, (*OTHER_PARAMS, "suffix", "min_tokens")
    )
    g.prompt = find_prompt(body.get("prompt"))
    if g.content:
        g.asked([{"role": "user", "parts": [text_part(body["prompt"])]}])


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    g.params(body, {**PARAMS, "output_dimension": v.EMBEDDINGS_DIMENSION_COUNT}, ("output_dtype",))
    if g.content:
        g.attributes[v.INPUT] = to_json(body["inputs"])


def embedding_response(g: Generation, answer: Any) -> None:
    """Read model and usage; the vectors are not kept."""
    g.head(answer.id, answer.model)
    g.usage(input_tokens=answer.usage.prompt_tokens)


def page_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read which document is to be read."""
    g.params(body, PARAMS, ("pages", "image_limit", "table_format"))
    if g.content:
        g.asked([{"role": "user", "parts": [read_part(body["document"])]}])


def page_response(g: Generation, answer: Any) -> None:
    """Read the pages, as text."""
    g.head(None, answer.model)
    for page in answer.pages:
        g.part(text_part(page.markdown))


# --- the client ------------------------------------------------------------------------------------

_CHAT: Final = Route("chat", "llm", request, response, chunk)
_FIM: Final = Route("text_completion", "llm", fim_request, response, chunk)
_EMBEDDINGS: Final = Route("embeddings", "embedding", embedding_request, embedding_response)
_OCR: Final = Route("ocr", "llm", page_request, page_response)
_BATCH: Final = batch("id", "status", kept=("endpoint", "input_files", "agent_id", "requests"))


def _recogniser(route: Route, *needed: str, provider: str = "mistral_ai") -> Recognise:
    def recognise(client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        body = {name: value for name, value in kwargs.items() if type(value).__name__ != _UNSAID}
        if any(name not in body for name in needed):
            return None  # the client's own refusal follows
        settings = getattr(client, "sdk_configuration", None)
        url = urlsplit(str(settings.get_server_details()[0]) if settings is not None else "")
        return Asked(route, body, provider, url.hostname, url.port)

    return recognise


_ANSWERS: Final = {"chat.completion": _CHAT, "list": _EMBEDDINGS}


def _look_at_job(_jobs: Any, _given: Mapping[str, Any], job: Any) -> None:
    """Tell of the results of a batch that were asked for with it (``inline``)."""
    results = getattr(job, "outputs", None)
    if isinstance(results, list) and isinstance(job.id, str):
        done = Batch(job.id, nanoseconds(getattr(job, "completed_at", None)))
        lines = Lines("mistral_ai", job.id, _ANSWERS, done)
        for result in results:
            lines.tell(orjson.dumps(result))


_Methods = Mapping[str, tuple[tuple[str, ...], Recognise]]


def _in(package: str, name: str, methods: _Methods, fetches: Mapping[str, Fetch] | None = None) -> Provider:
    """Return the client in *package*, by its module and class, with what is wrapped of each."""
    wrapped = {
        f"{package}.{owner}.{method}{way}": recognise
        for owner, (names, recognise) in methods.items()
        for method in names
        for way in ("", "_async")
    }
    return Provider(name, f"{package}.chat", wrapped, fetches=fetches or {})


def _chats(provider: str) -> _Methods:
    return {"chat:Chat": (("complete", "stream"), _recogniser(_CHAT, "model", "messages", provider=provider))}


_METHODS: Final = {
    **_chats("mistral_ai"),
    "conversations:Conversations": (
        tuple(f"{way}{streamed}" for way in ("start", "append", "restart") for streamed in ("", "_stream")),
        _recogniser(mistral_conversations.ROUTE, "inputs"),
    ),
    "agents:Agents": (("complete", "stream"), _recogniser(_CHAT, "agent_id", "messages")),
    "fim:Fim": (("complete", "stream"), _recogniser(_FIM, "model", "prompt")),
    "embeddings:Embeddings": (("create",), _recogniser(_EMBEDDINGS, "model", "inputs")),
    "ocr:Ocr": (("process",), _recogniser(_OCR, "document")),
    "jobs:Jobs": (("create",), _recogniser(_BATCH, "endpoint")),  # older clients have those of fine-tuning there
}

#: The clients for clouds have less of it, and go by the name of who answers there.
_ON_AZURE: Final = {
    **_chats("azure.ai.inference"),
    "ocr:Ocr": (("process",), _recogniser(_OCR, "document", provider="azure.ai.inference")),
}
_ON_GCP: Final = {
    **_chats("gcp.vertex_ai"),
    "fim:Fim": (("complete", "stream"), _recogniser(_FIM, "model", "prompt", provider="gcp.vertex_ai")),
}

_FETCHES: Final = {f"mistralai.client.jobs:Jobs.get{way}": looked_at(_look_at_job) for way in ("", "_async")}
PROVIDER: Final = _in("mistralai.client", "mistralai", _METHODS, _FETCHES)
AZURE: Final = _in("mistralai.azure.client", "mistralai-azure", _ON_AZURE)
GCP: Final = _in("mistralai.gcp.client", "mistralai-gcp", _ON_GCP)
