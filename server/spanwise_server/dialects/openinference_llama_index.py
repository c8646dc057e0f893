"""LlamaIndex under OpenInference: steps on the way to a call are no calls, and a tool's result is wrapped."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..record import Tool
from .base import Draft

SCOPE: Final = "openinference.instrumentation.llama_index"


def complete(draft: Draft) -> None:
    """Put the kind right that comes from a method's class alone, and unwrap what a tool was given and gave back."""
    kind = draft.said.get("kind")
    if kind == "llm" and "._" in draft.span.name:  # such as OpenAI._prepare_chat_with_tools
        draft.said["kind"] = "chain"
    tool = draft.said.get("tool")
    if kind == "tool" and isinstance(tool, Tool):
        draft.said["tool"] = unwrapped = replace(tool, arguments=_given(tool.arguments), result=_found(tool.result))
        draft.said |= {"input": unwrapped.arguments, "output": unwrapped.result}


def _given(arguments: object) -> object:
    """Return the named arguments where there are no others."""
    if isinstance(arguments, dict) and isinstance(named := arguments.get("kwargs"), dict) and not arguments.get("args"):
        return named
    return arguments


def _found(result: object) -> object:
    """Return what the tool itself gave back."""
    return result["raw_output"] if isinstance(result, dict) and "raw_output" in result else result
