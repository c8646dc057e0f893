"""The providers of the playground, each through its own client library."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final

from .bedrock import bedrock
from .call import Answer, BadCall, Call, Connection, Message, Provider, Stream
from .params import for_anthropic, for_google, for_openai

_MAX_TOKENS: Final = 4_096


def openai(call: Call, connection: Connection, http: Any, answer: Answer) -> Stream:
    """Ask OpenAI, or whatever speaks its protocol at another base URL."""
    from openai import OpenAI  # noqa: PLC0415 - an optional extra

    client = OpenAI(api_key=connection.key, base_url=connection.base_url or None, http_client=http, max_retries=0)
    said = for_openai(call.params, call.model)
    if call.tools:
        said["tools"] = [dict(tool) for tool in call.tools]
    if call.output_schema is not None:
        shape = {"name": "answer", "schema": dict(call.output_schema)}
        said["response_format"] = {"type": "json_schema", "json_schema": shape}
    said = _known_to(client.chat.completions.create, said)
    said |= {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(model=call.model, messages=[_openai(m) for m in call.messages], **said) as got:
        for chunk in got:
            yield from _openai_chunk(chunk, answer)


def _openai_chunk(chunk: Any, answer: Answer) -> Stream:
    answer.model, answer.response_id = chunk.model or answer.model, chunk.id or answer.response_id
    if chunk.usage is not None:
        answer.input_tokens, answer.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        details = chunk.usage.prompt_tokens_details
        answer.cache_read = None if details is None else details.cached_tokens
    for choice in chunk.choices:
        answer.finish_reason = choice.finish_reason or answer.finish_reason
        for tool in choice.delta.tool_calls or ():
            function = tool.function
            answer.tool(tool.index, tool.id, function and function.name, (function and function.arguments) or "")
        if choice.delta.content:
            answer.text += choice.delta.content
            yield choice.delta.content


def _openai(message: Message) -> Any:
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in message.tool_calls
        ]
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    return said


def anthropic(call: Call, connection: Connection, http: Any, answer: Answer) -> Stream:
    """Ask Anthropic."""
    from anthropic import Anthropic  # noqa: PLC0415 - an optional extra

    client = Anthropic(api_key=connection.key, base_url=connection.base_url or None, http_client=http, max_retries=0)
    said: dict[str, Any] = {"max_tokens": _MAX_TOKENS, **for_anthropic(call.params)}
    if call.system:
        said["system"] = call.system
    if call.tools:
        said["tools"] = [
            {
                "name": one.get("name"),
                "description": one.get("description") or "",
                "input_schema": one.get("parameters") or {"type": "object"},
            }
            for one in call.functions
        ]
    if call.output_schema is not None:
        said["output_config"] = {"format": {"type": "json_schema", "schema": dict(call.output_schema)}}
    messages: Any = [_anthropic(message) for message in call.talk]
    said = _known_to(client.messages.create, said)
    with client.messages.create(model=call.model, messages=messages, stream=True, **said) as got:
        for event in got:
            yield from _anthropic_event(event, answer)


def _known_to(create: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with what this version of a client has no word for in the body of the request."""
    known = signature(create).parameters
    beyond = {name: value for name, value in said.items() if name not in known}
    rest = {name: value for name, value in said.items() if name in known}
    return {**rest, **({"extra_body": {**(rest.get("extra_body") or {}), **beyond}} if beyond else {})}


def _anthropic_event(event: Any, answer: Answer) -> Stream:
    if event.type == "message_start":
        answer.model, answer.response_id = event.message.model, event.message.id
        usage = event.message.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        answer.input_tokens, answer.cache_read = usage.input_tokens + cached, usage.cache_read_input_tokens
    elif event.type == "content_block_start" and event.content_block.type == "tool_use":
        answer.tool(event.index, event.content_block.id, event.content_block.name)
    elif event.type == "content_block_delta":
        if event.delta.type == "text_delta":
            answer.text += event.delta.text
            yield event.delta.text
        elif event.delta.type == "input_json_delta":
            answer.tool(event.index, arguments=event.delta.partial_json)
    elif event.type == "message_delta":
        answer.finish_reason, answer.output_tokens = event.delta.stop_reason, event.usage.output_tokens


def _anthropic(message: Message) -> dict[str, Any]:
    if message.tool_call_id:
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}
        return {"role": "user", "content": [result]}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}] if message.content else []
    parts += [
        {"type": "tool_use", "id": one.id, "name": one.name, "input": json.loads(one.arguments or "{}")}
        for one in message.tool_calls
    ]
    return {"role": "assistant" if message.role == "assistant" else "user", "content": parts}


def google(call: Call, connection: Connection, http: Any, answer: Answer) -> Stream:
    """Ask Google's Gemini."""
    from google import genai  # noqa: PLC0415 - an optional extra
    from google.genai import types  # noqa: PLC0415

    options = types.HttpOptions(base_url=connection.base_url or None, httpx_client=http)
    client = genai.Client(api_key=connection.key, vertexai=False, http_options=options)
    said = for_google(call.params)
    if call.system:
        said["system_instruction"] = call.system
    if call.tools:
        said["tools"] = [
            {
                "function_declarations": [
                    {"name": f.get("name"), "description": f.get("description"), "parameters": f.get("parameters")}
                    for f in call.functions
                ]
            }
        ]
    if call.output_schema is not None:
        said |= {"response_mime_type": "application/json", "response_json_schema": dict(call.output_schema)}
    names = {one.id: one.name for message in call.talk for one in message.tool_calls}
    contents: Any = [_google(message, names) for message in call.talk]
    config = types.GenerateContentConfig(**said)
    for chunk in client.models.generate_content_stream(model=call.model, contents=contents, config=config):
        yield from _google_chunk(chunk, answer)


def _google_chunk(chunk: Any, answer: Answer) -> Stream:
    answer.model, answer.response_id = chunk.model_version or answer.model, chunk.response_id or answer.response_id
    usage = chunk.usage_metadata
    if usage is not None:
        answer.input_tokens, answer.cache_read = usage.prompt_token_count, usage.cached_content_token_count
        answer.output_tokens = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    for candidate in (chunk.candidates or ())[:1]:
        if candidate.finish_reason is not None:
            answer.finish_reason = str(candidate.finish_reason.value)
        for part in (candidate.content and candidate.content.parts) or ():
            if part.function_call is not None:
                place, arguments = len(answer.tool_calls), json.dumps(part.function_call.args or {})
                answer.tool(place, part.function_call.id, part.function_call.name, arguments)
            elif part.text and not part.thought:
                answer.text += part.text
                yield part.text


def _google(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    if message.tool_call_id:
        name = names.get(message.tool_call_id, message.tool_call_id)
        response = {"name": name, "response": {"result": message.content}}
        return {"role": "user", "parts": [{"function_response": response}]}
    parts: list[dict[str, Any]] = [{"text": message.content}] if message.content else []
    parts += [
        {"function_call": {"name": one.name, "args": json.loads(one.arguments or "{}")}} for one in message.tool_calls
    ]
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


@dataclass(frozen=True, slots=True)
class Known:
    """A provider that the playground can ask."""

    ask: Provider
    words: str
    span_name: str
    """What spans call it."""
    key_in: Sequence[tuple[str, ...]]
    """Variables of the environment that its key may stand in; of several, joined by ``:``, the third may be unset."""
    address_in: Sequence[str] = ()
    """The variables that may say where it is."""
    key_hint: str = "API key"
    address_hint: str = "base URL, if not its own"
    also: Sequence[str] = ()
    """What else spans call it."""
    takes_region: bool = False
    """Whether a region may stand in place of the base URL."""


PROVIDERS: Final[Mapping[str, Known]] = {
    "openai": Known(openai, "OpenAI and compatible", "openai", [("OPENAI_API_KEY",)], ["OPENAI_BASE_URL"]),
    "anthropic": Known(anthropic, "Anthropic", "anthropic", [("ANTHROPIC_API_KEY",)], ["ANTHROPIC_BASE_URL"]),
    "google": Known(
        google, "Google", "gcp.gemini", [("GEMINI_API_KEY",), ("GOOGLE_API_KEY",)],
        ["GOOGLE_GEMINI_BASE_URL", "GOOGLE_BASE_URL"], also=["google", "gcp.gen_ai", "gcp.vertex_ai"],
    ),
    "bedrock": Known(
        bedrock, "Amazon Bedrock", "aws.bedrock",
        [("AWS_BEARER_TOKEN_BEDROCK",), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")],
        ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_REGION", "AWS_DEFAULT_REGION"],
        key_hint="API key, or access key id:secret[:session token]", address_hint="region, or base URL",
        takes_region=True,
    ),
}  # fmt: skip
#: What stands in the names of models, in the order it is looked for -> who has them.
_OF_MODELS: Final = (
    (re.compile(r"(?:[a-z-]+\.)?(?:amazon|anthropic|meta|mistral|cohere|ai21|deepseek|qwen)\.|arn:aws"), "bedrock"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gemini|gemma"), "google"),
)  # fmt: skip


def provider_named(name: str) -> Known:
    """Return a provider."""
    found = PROVIDERS.get(name)
    if found is None:
        raise BadCall(f"There is no provider {name!r}.", f"Choose one of {', '.join(PROVIDERS)}.")
    return found


def provider_of(model: str, provider: str | None = None) -> str:
    """Return who is asked for a model: *provider* as spans call it where it is known, else whoever has such models."""
    for name, known in PROVIDERS.items():
        if provider is not None and provider in (known.span_name, *known.also):
            return name
    return next((name for pattern, name in _OF_MODELS if pattern.match(model)), "openai")
