"""Bedrock's InvokeModel, where each family of models has the words of its maker: told apart by their shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.body import Body
from ..instrument.engine import Route
from ..instrument.generation import Generation
from ..prompts import find_prompt
from . import anthropic, bedrock_converse, openai
from .content import text_part
from .fields import Fields, fields

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "stream": v.REQUEST_STREAM,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "topP": v.REQUEST_TOP_P,
    "p": v.REQUEST_TOP_P,
    "top_k": v.REQUEST_TOP_K,
    "k": v.REQUEST_TOP_K,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "max_gen_len": v.REQUEST_MAX_TOKENS,
    "maxTokenCount": v.REQUEST_MAX_TOKENS,
    "dimensions": v.EMBEDDINGS_DIMENSION_COUNT,
}
_FINISH: Final = {"FINISH": "stop", "COMPLETE": "stop", "LENGTH": "length", "MAX_TOKENS": "length"}
_METRICS: Final = "amazon-bedrock-invocationMetrics"

Reader = Callable[[Generation, Any], None]


# --- what is asked ---------------------------------------------------------------------------------


def request(g: Generation, asked: Mapping[str, Any]) -> None:
    """Read the body in the words of its family."""
    body = {**fields(_text(asked["body"])), "model": asked.get("modelId"), "stream": asked.get("stream")}
    if "anthropic_version" in body:
        anthropic.request(g, body)
    elif "messages" in body and ("inferenceConfig" in body or "schemaVersion" in body or _blocks(body["messages"])):
        bedrock_converse.request(g, {**body, "modelId": body["model"]})
    elif "messages" in body:
        openai.request(g, body)
    else:
        _prompted(g, body)


def embedding_request(g: Generation, asked: Mapping[str, Any]) -> None:
    """Read what is to be embedded."""
    body = fields(_text(asked["body"]))
    g.params({**body, "model": asked.get("modelId")}, PARAMS, ("input_type", "truncate", "normalize"))
    given = body.get("inputText") or body.get("texts")
    if g.content and given:
        g.attributes[v.INPUT] = to_json(given)


def _prompted(g: Generation, body: dict[str, Any]) -> None:
    g.params({**body, **(body.get("textGenerationConfig") or {})}, PARAMS, ())
    said = body.get("prompt") or body.get("inputText") or body.get("message")
    g.prompt = find_prompt(said)
    if g.content and said:
        g.asked([{"role": "user", "parts": [text_part(said)]}])


def _text(body: Any) -> Any:
    return body if isinstance(body, str | bytes | bytearray) else "{}"  # a file is the client's to read


def _blocks(messages: Any) -> bool:
    """Whether messages are made of Converse's blocks, which have no type."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, list) and content:
            return "type" not in content[0]
    return False


# --- what is answered ------------------------------------------------------------------------------


def response(g: Generation, answer: Body) -> None:
    """Read a whole body, and the counts that Amazon puts beside it."""
    body = fields(answer.content)
    read = next((read for name, read in _WHOLE.items() if name in body), None)
    if read is not None:
        read(g, body)
    _counts(g, answer.headers, "x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count")


def chunk(g: Generation, event: Mapping[str, Any]) -> None:
    """Read one event of a streamed answer, which holds one in the words of the family."""
    if "chunk" not in event:
        return
    body = fields(event["chunk"]["bytes"])
    read = next((read for name, read in _PIECES.items() if name in body), None)
    if read is not None:
        read(g, body)
    _counts(g, body.get(_METRICS), "inputTokenCount", "outputTokenCount")


def _counts(g: Generation, told: Mapping[str, Any] | None, given: str, said: str) -> None:
    if told and v.USAGE_INPUT_TOKENS not in g.attributes and given in told:
        g.usage(input_tokens=int(told[given]), output_tokens=int(told.get(said) or 0))


def _finish(g: Generation, reason: str | None) -> None:
    g.finish(None if reason is None else _FINISH.get(reason, reason.lower()))


def _titan(g: Generation, body: Fields) -> None:
    for result in body.results:
        g.text(result.outputText)
        _finish(g, result.completionReason)
    g.usage(input_tokens=body.inputTextTokenCount, output_tokens=sum(one.tokenCount for one in body.results))


def _titan_piece(g: Generation, body: Fields) -> None:
    g.text(body.outputText)
    _finish(g, body.completionReason)
    g.usage(input_tokens=body.inputTextTokenCount, output_tokens=body.totalOutputTextTokenCount)


def _llama(g: Generation, body: Fields) -> None:
    g.text(body.generation)
    _finish(g, body.stop_reason)
    g.usage(input_tokens=body.prompt_token_count, output_tokens=body.generation_token_count)


def _llama_piece(g: Generation, body: Fields) -> None:
    g.text(body.generation)
    _finish(g, body.stop_reason)


def _mistral(g: Generation, body: Fields) -> None:
    for choice, output in enumerate(body.outputs):
        g.text(output.text, choice=choice)
        g.finish(output.stop_reason, choice=choice)


def _command(g: Generation, body: Fields) -> None:
    g.head(body.generation_id, None)
    g.text(body.text)
    _finish(g, body.finish_reason)


def _choices(g: Generation, body: Fields) -> None:
    if body.choices and "text" in body.choices[0]:  # DeepSeek's completions
        for choice, said in enumerate(body.choices):
            g.text(said.text, choice=choice)
            g.finish(said.stop_reason or said.finish_reason, choice=choice)
    else:
        openai.response(g, body) if body.choices and "message" in body.choices[0] else openai.chunk(g, body)


def _embedded(g: Generation, body: Fields) -> None:
    g.usage(input_tokens=body.inputTextTokenCount)


#: How a body is read, by a field that only its family has.
_WHOLE: Final[Mapping[str, Reader]] = {
    "embedding": _embedded,
    "embeddings": _embedded,
    "choices": _choices,
    "output": bedrock_converse.response,
    "results": _titan,
    "generation": _llama,
    "outputs": _mistral,
    "content": anthropic.response,
    "text": _command,
}
_PIECES: Final[Mapping[str, Reader]] = {
    "choices": _choices,
    "type": anthropic.chunk,
    "outputText": _titan_piece,
    "generation": _llama_piece,
    "outputs": _mistral,
    "event_type": _command,
    **dict.fromkeys(("contentBlockDelta", "contentBlockStart", "messageStop", "metadata"), bedrock_converse.chunk),
}

_CHAT: Final = Route("chat", "llm", request, response, chunk)
_EMBEDDINGS: Final = Route("embeddings", "embedding", embedding_request, response)


def route(asked: Mapping[str, Any]) -> Route:
    """Return the operation that a model is there for."""
    return _EMBEDDINGS if "embed" in str(asked.get("modelId")) else _CHAT
