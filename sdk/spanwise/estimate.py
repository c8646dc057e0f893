"""Tokens that no provider reported, counted from what was said, and marked with what counted them.

Streams that are left early, and providers that never tell, would otherwise cost nothing.  Counting is done where spans
are packed, never on the thread that made the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

from . import vocabulary as v
from .encode import from_json
from .outgoing import changed
from .safety import guard

Count = Callable[[str], int]

_OPERATIONS: Final = frozenset({"chat", "generate_content", "text_completion"})
#: What each message costs beside its words, and what opens the answer: how OpenAI counts its chat format.
_AROUND_MESSAGE: Final = 3
_OPENING: Final = 3
#: Of longer texts so much is counted, and the rest is taken to be like it.
LONGEST_COUNTED: Final = 1_000_000
#: Without a tokenizer: English has about four letters a token, Chinese and Japanese (three bytes a sign) about one.
BYTES_PER_TOKEN: Final = 4
BY_LENGTH: Final = "length"
NEWEST: Final = "o200k_base"


def with_estimates(span: ReadableSpan) -> ReadableSpan:
    """Return *span* with the token counts that it lacks, where it is our record of a model's answer."""
    attributes = span.attributes or {}
    if attributes.get(v.OPERATION_NAME) not in _OPERATIONS or v.KIND not in attributes:
        return span
    if v.USAGE_INPUT_TOKENS in attributes and v.USAGE_OUTPUT_TOKENS in attributes:
        return span
    begun = v.INPUT_MESSAGES in attributes and v.TIME_TO_FIRST_CHUNK in attributes
    if not begun and v.OUTPUT_MESSAGES not in attributes:  # refused, or of hidden content
        return span
    with guard():
        return changed(span, attributes={**attributes, **_estimates(attributes)})
    return span


def _estimates(attributes: Mapping[str, Any]) -> dict[str, Any]:
    model = attributes.get(v.RESPONSE_MODEL) or attributes.get(v.REQUEST_MODEL)
    name, count = tokenizer(model if isinstance(model, str) else "")
    found: dict[str, Any] = {v.USAGE_ESTIMATED_BY: name}
    if v.USAGE_INPUT_TOKENS not in attributes and v.INPUT_MESSAGES in attributes:
        tokens = _OPENING
        for key in (v.INPUT_MESSAGES, v.SYSTEM_INSTRUCTIONS, v.TOOL_DEFINITIONS):
            for one in _objects(attributes.get(key)):
                tokens += _AROUND_MESSAGE + sum(map(count, _texts(one)))
        found[v.USAGE_INPUT_TOKENS] = tokens
    if v.USAGE_OUTPUT_TOKENS not in attributes:
        answers = _objects(attributes.get(v.OUTPUT_MESSAGES))
        found[v.USAGE_OUTPUT_TOKENS] = sum(count(text) for one in answers for text in _texts(one))
    return found


def _objects(said: Any) -> list[Any]:
    value = from_json(said) if isinstance(said, str) else None
    return value if isinstance(value, list) else []


#: Not read by the model as text: names of the format itself, and the bytes of pictures and sound.
_UNREAD: Final = frozenset({"type", "role", "id", "finish_reason", "modality", "mime_type", "uri", "file_id"})


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a message, a part or a definition that a model reads or writes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict) and value.get("type") != "blob":
        for name, one in value.items():
            if name not in _UNREAD:
                yield from _texts(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


@lru_cache(maxsize=256)
def tokenizer(model: str) -> tuple[str, Count]:
    """Return what counts the tokens of *model*, and its name: the vocabulary of its family, where one is published.

    The newest of OpenAI's stands in for models whose makers publish none; without the extra ``tokens`` the length does.
    """
    found = _FAMILY.search(model.lower())
    name = _VOCABULARIES[found.lastgroup] if found is not None and found.lastgroup else NEWEST
    encode = _encoder(name)
    if encode is None:
        return BY_LENGTH, _by_length

    def count(text: str) -> int:
        sample = text[:LONGEST_COUNTED]
        try:
            tokens = len(encode(sample))
        except UnicodeEncodeError:  # half of a pair
            tokens = len(encode(sample.encode("utf-8", "replace").decode()))
        return tokens if len(sample) == len(text) else round(tokens * len(text) / len(sample))

    return name, count


_VOCABULARIES: Final[Mapping[str, str]] = {
    "openai": "cl100k_base",
    "deepseek": "deepseek_v3",
    "google": "gemma3",
    "kimi": "kimi_k2",
    "llama": "llama3",
    "mistral": "mistral_v3",
    "qwen": "qwen3",
    "zhipu": "glm4",
}
_FAMILY: Final = re.compile(
    r"(?P<openai>gpt-4(?![o.])|gpt-3\.5)|(?P<deepseek>deepseek)|(?P<google>gemini|gemma)|(?P<kimi>kimi|moonshot)"
    r"|(?P<llama>llama)|(?P<mistral>mistral|mixtral|codestral|magistral|devstral)|(?P<qwen>qwen|qwq)|(?P<zhipu>glm-)"
)


@lru_cache(maxsize=16)
def _encoder(name: str) -> Callable[[str], Sequence[int]] | None:
    try:
        splintr = import_module("splintr")  # an extra, and large: in memory only where something is to be counted
    except ImportError:
        return None
    encode: Callable[[str], Sequence[int]] = splintr.Tokenizer.from_pretrained(name).encode_ordinary
    return encode


def _by_length(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
