"""Cohere's first client, ``cohere.Client``: a message and what was said before it, embeddings and rerankings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Asked, Recognise, Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from . import rerank
from .cohere_calls import OTHER_PARAMS, PARAMS, asked, finish, parsed, usage, whole
from .content import plain, text_part

_ROLES: Final = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system", "TOOL": "tool"}


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked: what goes before it, what was said, and the message itself."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop_sequences"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    g.prompt = find_prompt([body.get("preamble"), body.get("message")])
    if not g.content:
        return
    said: list[Message] = []
    if preamble := body.get("preamble"):
        said.append({"role": "system", "parts": [text_part(preamble)]})
    said += [_message(plain(turn)) for turn in body.get("chat_history") or ()]
    if message := body.get("message"):
        said.append({"role": "user", "parts": [text_part(message)]})
    if results := body.get("tool_results"):
        said.append({"role": "tool", "parts": _results(results)})
    g.asked(said)
    g.tools([_tool(plain(tool)) for tool in body.get("tools") or ()])


def _message(turn: Mapping[str, Any]) -> Message:
    parts: list[Part] = [text_part(turn["message"])] if turn.get("message") else []
    parts += [_call(plain(call)) for call in turn.get("tool_calls") or ()]
    parts += _results(turn.get("tool_results") or ())
    return {"role": _ROLES.get(str(turn.get("role")), "user"), "parts": parts}


def _results(results: Any) -> list[Part]:
    """Return what tools gave, each with the name of its tool, since calls have no ids here."""
    told = [plain(result) for result in results]
    return [
        {"type": "tool_call_response", "id": plain(one["call"])["name"], "response": one.get("outputs")} for one in told
    ]


def _call(call: Mapping[str, Any]) -> Part:
    return tool_call_part(None, call.get("name"), call.get("parameters"))


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    parameters = tool.get("parameter_definitions")
    return {
        "type": "function", "name": tool.get("name"), "description": tool.get("description"),
        "parameters": {name: plain(told) for name, told in parameters.items()} if parameters else None,
    }  # fmt: skip


def response(g: Generation, answer: Any) -> None:
    """Read a whole answer."""
    body = parsed(answer)
    g.text(body.text)
    _ended(g, body)


def chunk(g: Generation, event: Any) -> None:
    """Read one event of a streamed answer; the last has all that is not text."""
    if event.event_type == "text-generation":
        g.text(event.text)
    elif event.event_type == "stream-end":
        _ended(g, event.response)
        g.finish(finish(event.finish_reason))


def _ended(g: Generation, body: Any) -> None:
    g.head(getattr(body, "response_id", None) or body.generation_id, None)
    for call in body.tool_calls or ():
        g.part(tool_call_part(None, call.name, call.parameters))
    usage(g, body.meta)
    g.finish(finish(body.finish_reason))


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if g.content and isinstance(texts := body.get("texts"), list | tuple):
        g.attributes[v.INPUT] = to_json(texts)


def embedding_response(g: Generation, answer: Any) -> None:
    """Read the count of tokens; the vectors are not kept."""
    billed = getattr(answer.meta, "billed_units", None)
    g.usage(input_tokens=whole(getattr(billed, "input_tokens", None)))


_CHAT: Final = Route("chat", "llm", request, response, chunk)
_EMBED: Final = Route("embeddings", "embedding", embedding_request, embedding_response)
_RERANK: Final = replace(rerank.ROUTE, response=lambda g, answer: rerank.response(g, parsed(answer)))


def _recogniser(route: Route, needed: str) -> Recognise:
    def recognise(client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        return asked(client, route, kwargs) if needed in kwargs else None

    return recognise


def _methods() -> Mapping[str, Callable[..., Any]]:
    found: dict[str, Recognise] = {}
    for prefix in ("", "Async"):
        for owner in (f"cohere.base_client:{prefix}BaseCohere", f"cohere.raw_base_client:{prefix}RawBaseCohere"):
            found |= dict.fromkeys((f"{owner}.chat", f"{owner}.chat_stream"), _recogniser(_CHAT, "message"))
            found[f"{owner}.rerank"] = _recogniser(_RERANK, "documents")
        # It asks several times at once where there are many texts.
        found[f"cohere.client:{prefix}Client.embed"] = _recogniser(_EMBED, "texts")
    return found


METHODS: Final = _methods()
