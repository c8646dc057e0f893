"""Semantic Kernel: GenAI attributes with names of Python objects where the conventions want words."""

from __future__ import annotations

from typing import Final

from .base import Dialect, Draft
from .decode import plain_text
from .messages.message import finish

REASON: Final = "gen_ai.response.finish_reason"


def speaks(draft: Draft) -> bool:
    """Say whether Semantic Kernel made the span."""
    return draft.span.scope.name.startswith("semantic_kernel.")


def read(draft: Draft) -> None:
    """Read the words that Semantic Kernel writes in its own way."""
    reason = plain_text(draft.attributes.get(REASON))
    if reason is not None:  # such as FinishReason.TOOL_CALLS
        word = reason.rpartition(".")[2].lower()
        draft.say("finish_reasons", (finish(word) or word,), REASON)
    error = plain_text(draft.attributes.get("error.type"))
    if error is not None:  # such as <class 'package.ServiceError'>
        draft.say("error_type", error.removeprefix("<class '").removesuffix("'>").rpartition(".")[2], "error.type")
    if draft.span.name == "AutoFunctionInvocationLoop":
        draft.say("kind", "chain", "span name")


DIALECT = Dialect("semantic_kernel", speaks, read, scopes=("semantic_kernel.",))
