"""LangChain under OpenInference: its result is kept whole, and says what the flattened attributes leave out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Draft
from .decode import decoded, plain_text
from .messages import exchange
from .provider_usage import provider_usage

SCOPE: Final = "openinference.instrumentation.langchain"
OURS: Final = ("openinference",)


def complete(draft: Draft) -> None:
    """Take the answer's id, its counts in the provider's own words and its thoughts from a result of LangChain's."""
    if draft.said.get("kind") != "llm":
        return
    result = decoded(draft.attributes.get("output.value"))
    if not isinstance(result, dict) or "generations" not in result:
        return
    message = _message(result["generations"])
    metadata = message.get("response_metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    draft.say("response_id", plain_text(metadata.get("id")), "output.value")
    usage = provider_usage(metadata.get("usage", metadata.get("token_usage")))
    if usage is None:
        usage = provider_usage(message.get("usage_metadata"))
    draft.prefer("usage", usage, "output.value", over=OURS)
    content = message.get("content")
    if isinstance(content, list) and any(isinstance(part, dict) and part.get("type") == "thinking" for part in content):
        draft.prefer("output_messages", exchange.answered(result), "output.value", over=OURS)


def _message(generations: Any) -> Mapping[str, Any]:
    """Return the first answer of the first batch: LangChain asks in batches, mostly of one."""
    while isinstance(generations, list) and generations:
        generations = generations[0]
    message = generations.get("message") if isinstance(generations, dict) else None
    inside = message.get("kwargs", message) if isinstance(message, dict) else None
    return inside if isinstance(inside, dict) else {}
