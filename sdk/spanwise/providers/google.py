"""Google's google-genai client, for the Gemini API and Vertex AI: contents, whole and streamed, and embeddings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from .. import vocabulary as v
from ..instrument.engine import Asked, Provider, Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from . import google_batches
from .batches import batch
from .content import blob_part, file_part, media_part, text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "topP": v.REQUEST_TOP_P,
    "topK": v.REQUEST_TOP_K,
    "maxOutputTokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "presencePenalty": v.REQUEST_PRESENCE_PENALTY,
    "frequencyPenalty": v.REQUEST_FREQUENCY_PENALTY,
    "stream": v.REQUEST_STREAM,
}
OTHER_PARAMS: Final = (
    "thinkingConfig", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
    "candidateCount", "safetySettings", "toolConfig", "cachedContent", "speechConfig", "outputDimensionality",
)  # fmt: skip
#: The client writes bytes in the base64 of addresses; a blob has the plain one.
_PLAIN_BASE64: Final = str.maketrans("-_", "+/")
_ROLES: Final = {"model": "assistant", "function": "tool"}
_FINISH: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}
_METHODS: Final = (
    "BaseApiClient.request",
    "BaseApiClient.request_streamed",
    "BaseApiClient.async_request",
    "BaseApiClient.async_request_streamed",
)
_GENERATORS: Final = tuple(
    f"google.genai.{owner}.{name}"
    for owner, name in (
        ("models:Models", "generate_content_stream"),
        ("models:AsyncModels", "generate_content_stream"),
        ("chats:Chat", "send_message_stream"),
        ("chats:AsyncChat", "send_message_stream"),
    )
)


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    config = body.get("generationConfig") or {}
    g.params({**body, **config}, PARAMS, OTHER_PARAMS)
    if stop := config.get("stopSequences"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    if config.get("responseMimeType") == "application/json":
        g.attributes[v.OUTPUT_TYPE] = "json"
    contents = body.get("contents") or ()
    system = body.get("systemInstruction")
    g.prompt = find_prompt(system) or find_prompt(contents)
    if g.content:
        g.asked([_message(content) for content in contents], _parts(system) if system else None)
        g.tools(_functions(body.get("tools")))


def embedding_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    asked = body.get("requests") or [body]  # one content, or several at a time
    g.params({**body, **{key: one for key, one in asked[0].items() if key != "model"}}, PARAMS, OTHER_PARAMS)
    contents = [one["content"] for one in asked if one.get("content")]
    if g.content:
        g.asked([_message(content) for content in contents])


def prediction_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what Vertex AI is to embed, each as an instance."""
    g.params({**body, **(body.get("parameters") or {})}, PARAMS, OTHER_PARAMS)
    if g.content:
        g.asked([{"role": "user", "parts": [text_part(one.get("content"))]} for one in body.get("instances") or ()])


def prediction_response(g: Generation, answer: Any) -> None:
    """Read the counts, which each vector has of its own."""
    told = [one.get("embeddings", {}).get("statistics", {}) for one in _body(answer).get("predictions") or ()]
    counts = [one["token_count"] for one in told if "token_count" in one]
    g.usage(input_tokens=int(sum(counts)) if counts else None)


def response(g: Generation, answer: Any) -> None:
    """Read a whole answer."""
    body = _body(answer)
    _head(g, body)
    for candidate in body.get("candidates") or ():
        choice = candidate.get("index") or 0
        for at, part in enumerate(_parts_of(candidate)):
            _answered(g, part, choice, at)
        g.finish(_finish(candidate), choice=choice)


def chunk(g: Generation, answer: Any) -> None:
    """Read one chunk of a stream: the next parts of each candidate, and counts that are totals."""
    body = _body(answer)
    _head(g, body)
    for candidate in body.get("candidates") or ():
        choice = candidate.get("index") or 0
        for part in _parts_of(candidate):
            _answered(g, part, choice, 0)
        g.finish(_finish(candidate), choice=choice)


def embedding_response(g: Generation, answer: Any) -> None:
    """Read the counts of embeddings, where they are told; the vectors are not kept."""
    _head(g, _body(answer))


def _body(answer: Any) -> Mapping[str, Any]:
    # Older clients hand on what they have read of a stream, not the text of it.
    body = answer if isinstance(answer, Mapping) else json.loads(answer.body or "{}")
    return body if isinstance(body, Mapping) else {}


def _head(g: Generation, body: Mapping[str, Any]) -> None:
    g.head(body.get("responseId"), body.get("modelVersion"))
    usage = body.get("usageMetadata") or {}
    given, of_tools = usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")
    said, thought = usage.get("candidatesTokenCount"), usage.get("thoughtsTokenCount")
    g.usage(
        input_tokens=None if given is None else given + (of_tools or 0),
        # Thoughts are not among the candidates' tokens; the conventions count them in.
        output_tokens=None if said is None and thought is None else (said or 0) + (thought or 0),
        cache_read=usage.get("cachedContentTokenCount"),
        reasoning=thought,
    )
    if (body.get("promptFeedback") or {}).get("blockReason"):
        g.finish("content_filter")


def _parts_of(candidate: Mapping[str, Any]) -> list[Any]:
    return (candidate.get("content") or {}).get("parts") or []


def _finish(candidate: Mapping[str, Any]) -> str | None:
    reason = candidate.get("finishReason")
    return None if reason is None else _FINISH.get(reason, str(reason).lower())


def _answered(g: Generation, part: Any, choice: int, at: int) -> None:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        g.text(part["text"], choice=choice, index=at, kind="reasoning" if part.get("thought") else "text")
    else:
        g.part(_part(part), choice=choice)


# --- content ---------------------------------------------------------------------------------------


def _message(content: Any) -> Message:
    parts = _parts(content)
    role = content.get("role") if isinstance(content, Mapping) else None
    if any(part.get("type") == "tool_call_response" for part in parts):
        role = "tool"
    return {"role": _ROLES.get(str(role), role or "user"), "parts": parts}


def _parts(content: Any) -> list[Part]:
    if not isinstance(content, Mapping):
        return [text_part(content)]
    return [_part(part) for part in content.get("parts") or ()]


def _part(part: Any) -> Part:
    """Return a part; the client writes some names in camel case and some with underscores."""
    if not isinstance(part, Mapping):
        return text_part(part)
    if isinstance(part.get("text"), str):
        return {"type": "reasoning", "content": part["text"]} if part.get("thought") else text_part(part["text"])
    for name, read in _KINDS.items():
        inside = part.get(name) or part.get(_snake(name))
        if isinstance(inside, Mapping):
            return read(inside)
    return dict(part)


def _response_part(inside: Mapping[str, Any]) -> Part:
    return {
        "type": "tool_call_response", "id": inside.get("id"), "name": inside.get("name"),
        "response": inside.get("response"),
    }  # fmt: skip


def _inline(inside: Mapping[str, Any]) -> Part:
    mime_type = inside.get("mimeType") or inside.get("mime_type")
    data = str(inside.get("data") or "").translate(_PLAIN_BASE64)
    return blob_part(data, _modality(mime_type), mime_type)


def _file(inside: Mapping[str, Any]) -> Part:
    mime_type = inside.get("mimeType") or inside.get("mime_type")
    address = str(inside.get("fileUri") or inside.get("file_uri") or "")
    if address.startswith("files/"):
        return file_part(address, _modality(mime_type), mime_type)
    return media_part(address, _modality(mime_type), mime_type)


def _modality(mime_type: Any) -> str:
    family = str(mime_type or "").partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


_KINDS: Final = {
    "functionCall": lambda inside: tool_call_part(inside.get("id"), inside.get("name"), inside.get("args") or {}),
    "functionResponse": _response_part,
    "inlineData": _inline,
    "fileData": _file,
}


def _functions(tools: Any) -> list[dict[str, Any]]:
    """Return function declarations flat, and tools that Google runs by their name."""
    found: list[dict[str, Any]] = []
    for tool in tools if isinstance(tools, list) else ():
        for name, inside in tool.items() if isinstance(tool, Mapping) else ():
            if name not in ("functionDeclarations", "function_declarations"):
                found.append({"type": name, "name": name})
                continue
            for declared in inside or ():
                schema = ("parameters", "parametersJsonSchema", "parameters_json_schema")
                parameters = next((declared[key] for key in schema if declared.get(key)), None)
                flat = {"type": "function", "name": declared.get("name"), "description": declared.get("description")}
                found.append({**flat, "parameters": parameters})
    return found


# --- the client ------------------------------------------------------------------------------------

_CONTENT: Final = Route("chat", "llm", request, response, chunk)
_EMBEDDINGS: Final = Route("embeddings", "embedding", embedding_request, embedding_response)
_PREDICTIONS: Final = Route("embeddings", "embedding", prediction_request, prediction_response)
#: The Gemini API tells the state of a batch among what it says of it.
_BATCH: Final = batch("name", "state", made=lambda answer: {**(_body(answer).get("metadata") or {}), **_body(answer)})
_ROUTES: Final = {
    "batchGenerateContent": _BATCH,
    "asyncBatchEmbedContent": _BATCH,
    "batchPredictionJobs": _BATCH,
    "predict": _PREDICTIONS,
    "generateContent": _CONTENT,
    "streamGenerateContent": _CONTENT,
    "embedContent": _EMBEDDINGS,
    "batchEmbedContents": _EMBEDDINGS,
}


def _recognise(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    """Tell a call by its path, such as ``models/gemini-2.5-pro:streamGenerateContent?alt=sse``."""
    given = {**dict(zip(("http_method", "path", "request_dict"), args, strict=False)), **kwargs}
    where, _, verb = str(given["path"]).partition("?")[0].rpartition(":")
    route = _ROUTES.get(verb)
    body = given.get("request_dict")
    if route is None or not isinstance(body, Mapping) or (verb == "predict" and "embed" not in where):
        return None
    if str(given["http_method"]).lower() != "post":
        return None
    named = where or str(body.get("model") or "")
    asked = {**body, "model": named.rpartition("models/")[2] or named}
    if verb == "streamGenerateContent":
        asked["stream"] = True
    url = urlsplit(getattr(getattr(client, "_http_options", None), "base_url", None) or "")
    name = "gcp.vertex_ai" if getattr(client, "vertexai", False) else "gcp.gemini"
    return Asked(route, asked, name, url.hostname, url.port)


PROVIDER: Final = Provider(
    "google-genai",
    "google.genai._api_client",
    dict.fromkeys(_METHODS, _recognise),
    _GENERATORS,
    fetches=google_batches.fetches(response),
)
