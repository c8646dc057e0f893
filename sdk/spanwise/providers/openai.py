"""OpenAI and whoever else its client is pointed at: chat completions, responses and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Asked, Provider, Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from ..runtime import HELD
from . import batch_lines, openai_completions, openai_embeddings, openai_media, openai_responses
from .content import blob_part, file_part, functions, media_part, plain, text_part
from .fields import Fields, fields
from .stainless import is_raw, methods

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "max_completion_tokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "n": v.REQUEST_CHOICE_COUNT,
    "reasoning_effort": v.REQUEST_REASONING_LEVEL,
    "stream": v.REQUEST_STREAM,
    "service_tier": v.OPENAI_REQUEST_SERVICE_TIER,
}
OTHER_PARAMS: Final = (
    "tool_choice", "parallel_tool_calls", "response_format", "logprobs", "top_logprobs", "logit_bias", "verbosity",
    "modalities", "store", "user", "metadata", "prediction", "safety_identifier", "prompt_cache_key",
)  # fmt: skip
_FINISH: Final = {"tool_calls": "tool_call", "function_call": "tool_call"}


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if (stop := body.get("stop")) is not None:
        g.attributes[v.REQUEST_STOP_SEQUENCES] = (stop,) if isinstance(stop, str) else tuple(stop)
    if isinstance(wanted := body.get("response_format"), Mapping):
        g.attributes[v.OUTPUT_TYPE] = "text" if wanted.get("type") == "text" else "json"
    messages = body.get("messages") or ()
    g.prompt = find_prompt(messages)
    if g.content:
        g.asked([_message(message) for message in messages])
        g.tools(functions(body.get("tools")))


def response(g: Generation, completion: Any) -> None:
    """Read a whole completion."""
    _head(g, completion)
    for choice in completion.choices:
        _said(g, choice.index, choice.message)
        g.finish(_FINISH.get(choice.finish_reason, choice.finish_reason), choice=choice.index)


def chunk(g: Generation, piece: Any) -> None:
    """Read one chunk of a streamed completion."""
    _head(g, piece)
    for choice in piece.choices or ():
        _said(g, choice.index, choice.delta)
        if choice.finish_reason is not None:
            g.finish(_FINISH.get(choice.finish_reason, choice.finish_reason), choice=choice.index)


def only_usage(piece: Any) -> bool:
    """Whether a chunk tells usage and nothing else."""
    return not piece.choices and getattr(piece, "usage", None) is not None


def _head(g: Generation, body: Any) -> None:
    attributes = g.attributes
    if v.RESPONSE_ID not in attributes:
        g.head(body.id, body.model)
        if tier := getattr(body, "service_tier", None):
            attributes[v.OPENAI_RESPONSE_SERVICE_TIER] = tier
        if fingerprint := getattr(body, "system_fingerprint", None):
            attributes[v.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = fingerprint
    usage = getattr(body, "usage", None)
    if usage is None and "x_groq" in body.__dict__:  # at the end of a stream of Groq's
        usage = getattr(body.x_groq, "usage", None)
    if usage is not None:
        asked = getattr(usage, "prompt_tokens_details", None)
        said = getattr(usage, "completion_tokens_details", None)
        g.usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read=getattr(asked, "cached_tokens", None),
            cache_write=getattr(asked, "cache_write_tokens", None),
            reasoning=getattr(said, "reasoning_tokens", None),
        )
        _audio(g, asked, said)


def _audio(g: Generation, asked: Any, said: Any) -> None:
    if heard := getattr(asked, "audio_tokens", None):
        g.attributes[v.USAGE_AUDIO_INPUT] = heard
    if spoken := getattr(said, "audio_tokens", None):
        g.attributes[v.USAGE_AUDIO_OUTPUT] = spoken


def _said(g: Generation, choice: int, delta: Any) -> None:
    if not g.content:
        return
    if isinstance(delta, dict) and not isinstance(delta, Fields):  # of no shape that the client knows
        delta = fields(to_json(delta))
    # DeepSeek, vLLM and others put their reasoning here; a client that has no such field keeps it as an extra one.
    for known in (getattr(delta, "__pydantic_extra__", None), delta.__dict__):
        if known and (thought := known.get("reasoning_content") or known.get("reasoning")):
            g.text(thought, choice=choice, kind="reasoning")
    if content := delta.content:
        g.text(content, choice=choice)
    if refusal := getattr(delta, "refusal", None):
        g.text(refusal, choice=choice, kind="refusal")
    if calls := delta.tool_calls:
        _called(g, choice, calls)


def _called(g: Generation, choice: int, calls: Any) -> None:
    for position, call in enumerate(calls):
        index = getattr(call, "index", None)
        function = getattr(call, "function", None) or getattr(call, "custom", None)
        g.tool_call(
            choice=choice,
            index=position if index is None else index,
            call_id=call.id,
            name=getattr(function, "name", None),
            arguments=getattr(function, "arguments", None) or getattr(function, "input", None),
        )


def _message(given: Any) -> Message:
    message = plain(given)
    role = message["role"]
    content = message.get("content")
    if role == "tool":
        response_part = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": _result(content)}
        return {"role": "tool", "parts": [response_part]}
    parts: list[Part] = []
    if reasoning := message.get("reasoning_content"):
        parts.append({"type": "reasoning", "content": reasoning})
    if isinstance(content, str):
        parts.append(text_part(content))
    elif content is not None:
        parts.extend(_part(piece) for piece in content)
    if refusal := message.get("refusal"):
        parts.append({"type": "refusal", "content": refusal})
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input"))
        parts.append(tool_call_part(call.get("id"), function.get("name"), arguments))
    made: Message = {"role": role, "parts": parts}
    if name := message.get("name"):
        made["name"] = name
    return made


def _result(content: Any) -> Any:
    """Return a tool's result: text as it is, a list of texts as one."""
    if isinstance(content, list) and all(isinstance(part, Mapping) and "text" in part for part in content):
        return "".join(part["text"] for part in content)
    return content


def _part(given: Any) -> Part:
    part = plain(given)
    kind = part.get("type") if isinstance(part, Mapping) else None
    read = _PARTS.get(kind or "")
    return read(part) if read else dict(part) if isinstance(part, Mapping) else text_part(part)


def _file(part: Mapping[str, Any]) -> Part:
    file = part["file"]
    if file_id := file.get("file_id"):
        return file_part(file_id)
    return media_part(file.get("file_data") or "", "document")


_PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "text": lambda part: text_part(part["text"]),
    "refusal": lambda part: {"type": "refusal", "content": part["refusal"]},
    "image_url": lambda part: media_part(part["image_url"]["url"], "image"),
    "input_audio": lambda part: blob_part(
        part["input_audio"]["data"], "audio", f"audio/{part['input_audio'].get('format', 'wav')}"
    ),
    "file": _file,
}

# --- who answers, and what may be asked of them ----------------------------------------------------

_NAMES: Final = {
    "api.openai.com": "openai",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "openrouter.ai": "openrouter",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
_AZURE: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
#: Hosts whose documentation says that they take ``stream_options.include_usage``.
_TELL_USAGE: Final = frozenset({
    "api.openai.com", "eu.api.openai.com", "us.api.openai.com", "api.deepseek.com", "api.groq.com",
    "api.together.xyz", "api.fireworks.ai", "openrouter.ai",
})  # fmt: skip


def _name(client: Any, host: str | None) -> str:
    if "Azure" in type(client).__name__:
        return "azure.ai.openai"
    if host is None:
        return "openai"
    return "azure.ai.openai" if host.endswith(_AZURE) else _NAMES.get(host, "openai")


def _ask_for_usage(options: Any, asked: Asked) -> None:
    """Make a stream tell its usage where the application did not say, and the provider is known to be able to.

    Never on raw responses: there the application reads the very bytes, and would see the chunk that we asked for.
    """
    if asked.request.get("stream") is not True:
        return
    fields = options.__dict__  # past pydantic's ways to it, which take longer than all of this
    if wants_usage(asked, asked.address) and not is_raw(fields.get("headers")):
        body = fields["json_data"] = dict(fields["json_data"])
        given = body.get("stream_options")
        body["stream_options"] = {"include_usage": True} if given is None else {**given, "include_usage": True}
        asked.asked_for_usage = True


def wants_usage(asked: Asked, host: str | None) -> bool:
    """Return whether a call is a stream that should tell its usage, and would not without us."""
    body = asked.request
    if asked.route.surplus is None or body.get("stream") is not True:
        return False
    given = body.get("stream_options")
    if given is not None and (not isinstance(given, Mapping) or "include_usage" in given):
        return False
    wanted = HELD.runtime.config.stream_usage
    return wanted == "always" or (wanted == "auto" and _can_tell_usage(host))


@lru_cache(maxsize=256)
def _can_tell_usage(host: str | None) -> bool:
    """Whether *host* is known to, or is this machine, where vLLM, Ollama, llama.cpp and SGLang all do."""
    if host is None or host in _TELL_USAGE or host == "localhost":
        return host is not None
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


ROUTES: Final = {
    "/chat/completions": Route("chat", "llm", request, response, chunk, only_usage, ("messages",)),
    "/completions": openai_completions.ROUTE,
    "/responses": openai_responses.ROUTE,
    "/embeddings": openai_embeddings.ROUTE,
    **openai_media.ROUTES,
}

#: How an answer in a batch is read, by the ``object`` that it is.
ANSWERS: Final = {
    "chat.completion": ROUTES["/chat/completions"],
    "text_completion": openai_completions.ROUTE,
    "response": openai_responses.ROUTE,
    "list": openai_embeddings.ROUTE,
}

PROVIDER: Final = Provider(
    "openai",
    "openai._base_client",
    methods(ROUTES, _name, _ask_for_usage),
    fetches=batch_lines.fetches("openai", ANSWERS, _name),
)
