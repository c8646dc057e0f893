"""Cohere's second client: chats with tools and thoughts, embeddings and rerankings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.block import ObservedBlock
from ..instrument.engine import Asked, Flight, Provider, Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..instrument.stream import arrive
from ..prompts import find_prompt
from . import cohere_v1, rerank
from .batch_totals import Totals, totals
from .batches import batch
from .cohere_calls import OTHER_PARAMS, PARAMS, asked, finish, parsed, usage, whole
from .content import functions, media_part, plain, text_part


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop_sequences"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    form = plain(body.get("response_format"))
    if isinstance(form, Mapping) and form.get("type") == "json_object":
        g.attributes[v.OUTPUT_TYPE] = "json"
    messages = body.get("messages")
    if not isinstance(messages, list | tuple):  # what can be read only once is the client's to read
        return
    g.prompt = find_prompt(messages)
    if g.content:
        g.asked([_message(message) for message in messages])
        g.tools(functions(body.get("tools")) if isinstance(body.get("tools"), list | tuple) else [])


def response(g: Generation, answer: Any) -> None:
    """Read a whole answer."""
    body = parsed(answer)
    g.head(body.id, None)
    usage(g, body.usage)
    message = body.message
    g.text(message.tool_plan, kind="reasoning")
    for piece in message.content or ():
        g.part(_part(piece))
    for call in message.tool_calls or ():
        g.part(tool_call_part(call.id, call.function.name, call.function.arguments))
    g.finish(finish(body.finish_reason))


def chunk(g: Generation, event: Any) -> None:
    """Read one event of a streamed answer."""
    read = _EVENTS.get(event.type)
    if read is not None and event.delta is not None:
        read(g, event)


def _grown(g: Generation, event: Any) -> None:
    piece = event.delta.message.content
    index = event.index or 0
    g.text(getattr(piece, "thinking", None), index=index, kind="reasoning")
    g.text(getattr(piece, "text", None), index=index)


def _called(g: Generation, event: Any) -> None:
    call = event.delta.message.tool_calls
    function = call.function
    g.tool_call(
        index=event.index or 0, call_id=getattr(call, "id", None), name=getattr(function, "name", None),
        arguments=function.arguments,
    )  # fmt: skip


def _ended(g: Generation, event: Any) -> None:
    usage(g, event.delta.usage)
    g.finish(finish(event.delta.finish_reason))
    if error := getattr(event.delta, "error", None):
        g.failure = ("error", str(error))


_EVENTS: Final[Mapping[str, Callable[[Generation, Any], None]]] = {
    "message-start": lambda g, event: g.head(event.id, None),
    "content-start": _grown,
    "content-delta": _grown,
    "tool-plan-delta": lambda g, event: g.text(event.delta.message.tool_plan, index=-1, kind="reasoning"),
    "tool-call-start": _called,
    "tool-call-delta": _called,
    "message-end": _ended,
}


# --- embeddings ------------------------------------------------------------------------------------


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    g.params(body, PARAMS, OTHER_PARAMS)
    given = body.get("texts") or body.get("inputs")
    if g.content and isinstance(given, list | tuple):
        g.attributes[v.INPUT] = to_json(given)


def embedding_response(g: Generation, answer: Any) -> None:
    """Read the count of tokens; the vectors are not kept."""
    body = parsed(answer)
    g.head(body.id, None)
    billed = getattr(body.meta, "billed_units", None)
    g.usage(input_tokens=whole(getattr(billed, "input_tokens", None)))


# --- content ---------------------------------------------------------------------------------------


def _message(given: Any) -> Message:
    message = plain(given)
    content = message.get("content")
    role = getattr(given, "role", None) or message.get("role") or "user"
    pieces = [content] if isinstance(content, str) else content or ()
    parts = [_part(piece) for piece in pieces]
    if role == "tool":
        text = parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
        answered = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": text}
        return {"role": role, "parts": [answered]}
    if plan := message.get("tool_plan"):
        parts.append({"type": "reasoning", "content": plan})
    for call in message.get("tool_calls") or ():
        function = plain(call["function"])
        parts.append(tool_call_part(call.get("id"), function.get("name"), function.get("arguments")))
    return {"role": role, "parts": parts}


def _part(given: Any) -> Part:
    part = plain(given)
    if not isinstance(part, Mapping):
        return text_part(part)
    if part.get("text") is not None:
        return text_part(part["text"])
    if part.get("thinking") is not None:
        return {"type": "reasoning", "content": part["thinking"]}
    image = part.get("image_url")
    return media_part(str(plain(image)["url"]), "image") if image is not None else dict(part)


# --- the client ------------------------------------------------------------------------------------

_CHAT: Final = Route("chat", "llm", request, response, chunk)
_EMBED: Final = Route("embeddings", "embedding", embedding_request, embedding_response)
_RERANK: Final = replace(rerank.ROUTE, response=lambda g, answer: rerank.response(g, parsed(answer)))
_BATCH: Final = batch("id", "status", made=lambda answer: parsed(answer).batch)
_EMBED_JOB: Final = batch(
    "job_id", made=parsed, kept=("dataset_id", "input_type", "name", "embedding_types", "truncate")
)
_CLASSES: Final = ("V2Client", "AsyncV2Client")
_RAW: Final = ("RawV2Client", "AsyncRawV2Client")


def _recognise(client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    if "model" not in kwargs:
        return None  # the client's own refusal follows
    route = _CHAT if "messages" in kwargs else _RERANK if "documents" in kwargs else _EMBED
    return asked(client, route, kwargs)


def _recognise_batch(client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    body = plain(kwargs.get("request"))
    return asked(client, _BATCH, body) if isinstance(body, Mapping) else None


def _recognise_job(client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    return asked(client, _EMBED_JOB, kwargs)


_ASKED: Final = (
    *(f"{owner}.{name}" for owner in _CLASSES for name in ("chat", "chat_stream", "embed", "rerank")),
    *(f"cohere.v2.raw_client:{owner}.{name}" for owner in _RAW for name in ("chat", "chat_stream", "embed", "rerank")),
)
#: Where work is handed in: module, class, and how to recognise it.
_HANDED_IN: Final = (("batches", "BatchesClient", _recognise_batch), ("embed_jobs", "EmbedJobsClient", _recognise_job))
_METHODS: Final = {
    **cohere_v1.METHODS,
    **dict.fromkeys(_ASKED, _recognise),
    **{
        f"cohere.{module}.{file}:{prefix}{owner}.create": recognise
        for module, owner, recognise in _HANDED_IN
        for file, prefixes in (("client", ("", "Async")), ("raw_client", ("Raw", "AsyncRaw")))
        for prefix in prefixes
    },
}


def _arrive(flight: Flight, result: Any) -> Any:
    in_block = isinstance(result, AbstractContextManager | AbstractAsyncContextManager)
    return ObservedBlock(result, flight) if in_block else arrive(flight, result)


def _totals(answer: Any) -> Totals | None:
    batch: Any = getattr(answer, "batch", None)
    if not isinstance(getattr(batch, "id", None), str):
        return None
    return Totals(
        batch.id,
        batch.status,
        batch.model,
        batch.input_tokens,
        batch.output_tokens,
        answered=batch.num_successful_records,
        failed=batch.num_failed_records,
        at=batch.updated_at,
    )


_FETCHES: Final = {
    f"cohere.batches.client:{kind}BatchesClient.retrieve": totals("cohere", _totals) for kind in ("", "Async")
}
PROVIDER: Final = Provider("cohere", "cohere.v2.client", _METHODS, arrive=_arrive, fetches=_FETCHES)
