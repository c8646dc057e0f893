"""Parameters of a call in each provider's own words: recordings and other providers call the same things otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Object = Mapping[str, Any]

#: What somebody calls it -> what recordings do.
_COMMON: Final = {
    "maxTokens": "max_tokens", "max_output_tokens": "max_tokens", "maxOutputTokens": "max_tokens",
    "max_completion_tokens": "max_tokens", "topP": "top_p", "topK": "top_k", "stop": "stop_sequences",
    "stopSequences": "stop_sequences", "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty",
    "reasoning_effort": "reasoning_level",
}  # fmt: skip
#: Models of OpenAI that take ``max_completion_tokens`` alone.
_COUNTS_REASONING: Final = re.compile(r"(?:o\d|gpt-5)")
_CONVERSE: Final = {
    "max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop_sequences": "stopSequences",
}  # fmt: skip
#: Arguments of Converse itself, which are handed on as they are.
_CONVERSE_OWN: Final = frozenset(
    {
        "inferenceConfig", "additionalModelRequestFields", "guardrailConfig", "performanceConfig", "serviceTier",
        "requestMetadata", "toolConfig",
    }
)  # fmt: skip


def common(params: Object) -> dict[str, Any]:
    """Return *params* as recordings call them, whoever they were written for."""
    return {_COMMON.get(name, name): value for name, value in params.items()}


def for_openai(params: Object, model: str) -> dict[str, Any]:
    """Return *params* as OpenAI's client takes them."""
    counts_reasoning = "max_completion_tokens" in params or _COUNTS_REASONING.match(model)
    limit = "max_completion_tokens" if counts_reasoning else "max_tokens"
    return _renamed(params, {"stop_sequences": "stop", "reasoning_level": "reasoning_effort", "max_tokens": limit})


def for_anthropic(params: Object) -> dict[str, Any]:
    """Return *params* as Anthropic's client takes them."""
    return _listed(_renamed(params, {}), "stop_sequences")


def for_google(params: Object) -> dict[str, Any]:
    """Return *params* as Google's client takes them."""
    return _listed(_renamed(params, {"max_tokens": "max_output_tokens"}), "stop_sequences")


def for_bedrock(params: Object) -> dict[str, Any]:
    """Return *params* as arguments of Converse: what it has no word for goes to the model as it is."""
    own = {name: value for name, value in params.items() if name in _CONVERSE_OWN}
    rest = {name: value for name, value in params.items() if name not in _CONVERSE_OWN}
    config: dict[str, Any] = dict(own.pop("inferenceConfig", None) or {})
    beyond: dict[str, Any] = dict(own.pop("additionalModelRequestFields", None) or {})
    for name, value in _renamed(rest, {}).items():
        (config if name in _CONVERSE else beyond)[_CONVERSE.get(name, name)] = value
    said = {"inferenceConfig": _listed(config, "stopSequences"), "additionalModelRequestFields": beyond}
    return own | {name: value for name, value in said.items() if value}


def _renamed(params: Object, words: Mapping[str, str]) -> dict[str, Any]:
    return {words.get(name, name): value for name, value in common(params).items()}


def _listed(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {**params, name: [params[name]]} if isinstance(params.get(name), str) else params
