"""Token counts in a provider's own words, for tracers that log the whole answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..record import Usage
from .decode import count, decoded
from .usage import Counts, counted

P, C = "prompt_tokens_details.", "completion_tokens_details."
I, O = "input_tokens_details.", "output_tokens_details."  # noqa: E741  # as short as their names
LI, LO = "input_token_details.", "output_token_details."

OPENAI: Final = Counts(
    {
        "input_tokens": ("prompt_tokens",),
        "output_tokens": ("completion_tokens",),
        "total_tokens": ("total_tokens",),
        "cache_read": (f"{P}cached_tokens", "prompt_cache_hit_tokens"),
        "cache_write": (f"{P}cache_write_tokens", f"{P}cache_creation_tokens"),
        "reasoning": (f"{C}reasoning_tokens",),
        "input_audio": (f"{P}audio_tokens",),
        "output_audio": (f"{C}audio_tokens",),
        "input_image": (f"{P}image_tokens",),
    }
)
#: OpenAI's Responses, LangChain's ``usage_metadata`` and MLflow's: the cache is part of the input.
RESPONSES: Final = Counts(
    {
        "input_tokens": ("input_tokens",),
        "output_tokens": ("output_tokens",),
        "total_tokens": ("total_tokens",),
        "cache_read": (f"{I}cached_tokens", f"{LI}cache_read", "cache_read_input_tokens"),
        "cache_write": (f"{I}cache_write_tokens", f"{LI}cache_creation", "cache_creation_input_tokens"),
        "reasoning": (f"{O}reasoning_tokens", f"{LO}reasoning"),
        "input_audio": (f"{I}audio_tokens", f"{LI}audio"),
        "output_audio": (f"{O}audio_tokens", f"{LO}audio"),
        "input_image": (f"{I}image_tokens",),
    }
)
ANTHROPIC: Final = Counts(
    {
        "input_tokens": ("input_tokens",),
        "output_tokens": ("output_tokens",),
        "cache_read": ("cache_read_input_tokens",),
        "cache_write": ("cache_creation_input_tokens",),
        "reasoning": (f"{O}thinking_tokens",),
    },
    input_includes_cache=False,
)
GEMINI: Final = Counts(
    {
        "input_tokens": ("prompt_token_count", "promptTokenCount"),
        "output_tokens": ("candidates_token_count", "candidatesTokenCount"),
        "total_tokens": ("total_token_count", "totalTokenCount"),
        "cache_read": ("cached_content_token_count", "cachedContentTokenCount"),
        "reasoning": ("thoughts_token_count", "thoughtsTokenCount"),
    },
    output_includes_reasoning=False,
)
BEDROCK: Final = Counts(
    {
        "input_tokens": ("inputTokens",),
        "output_tokens": ("outputTokens",),
        "total_tokens": ("totalTokens",),
        "cache_read": ("cacheReadInputTokens",),
        "cache_write": ("cacheWriteInputTokens",),
    },
    input_includes_cache=False,
)
#: Langfuse's buckets, which do not overlap -> ours.
BUCKETS: Final[Mapping[str, tuple[str, ...]]] = {
    "input_uncached": ("input",),
    "cache_read": ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cache_read"),
    "cache_write": (
        "input_cache_creation", "cache_creation_input_tokens", "input_cache_write_tokens", "input_cache_write",
    ),
    "input_audio": ("input_audio_tokens", "input_audio"),
    "input_image": ("input_image_tokens", "input_image"),
    "output_visible": ("output",),
    "reasoning": ("output_reasoning_tokens", "output_reasoning"),
    "output_audio": ("output_audio_tokens", "output_audio"),
    "output_image": ("output_image_tokens", "output_image"),
}  # fmt: skip

#: Tokens written to a cache for a set time, which LangChain and LangSmith count apart.
EPHEMERAL: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def provider_usage(value: Any) -> Usage | None:
    """Return the tokens that *value*, the counts of an answer in any provider's words, says."""
    said = decoded(value)
    if not isinstance(said, dict):
        return None
    flat = dict(said)
    for key, inside in said.items():
        if isinstance(inside, dict):
            flat.update({f"{key}.{name}": number for name, number in inside.items()})
    if not flat.get(f"{LI}cache_creation") and any(f"{LI}{name}" in flat for name in EPHEMERAL):
        flat[f"{LI}cache_creation"] = sum(count(flat.get(f"{LI}{name}")) or 0 for name in EPHEMERAL)
    counts = _counts(flat)
    return counted(flat, counts)[0] if counts is not None else _buckets(flat)


def _counts(flat: Mapping[str, Any]) -> Counts | None:
    """Return whose words these are; ``None`` for buckets."""
    if "prompt_tokens" in flat or "completion_tokens" in flat:
        return OPENAI
    if "input_tokens" in flat or "output_tokens" in flat:
        cached = "cache_read_input_tokens" in flat or "cache_creation_input_tokens" in flat
        return ANTHROPIC if cached and "total_tokens" not in flat else RESPONSES
    if "prompt_token_count" in flat or "promptTokenCount" in flat:
        return GEMINI
    return BEDROCK if "inputTokens" in flat else None


def _buckets(flat: Mapping[str, Any]) -> Usage | None:
    found = {
        name: tokens
        for name, keys in BUCKETS.items()
        if (tokens := next((said for key in keys if (said := count(flat.get(key))) is not None), None)) is not None
    }
    if found:
        return Usage(**found)
    total = count(flat.get("total"))
    return None if total is None else Usage(unsplit=total)
