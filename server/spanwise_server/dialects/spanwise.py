"""Our own attributes, where OpenTelemetry has no word; all the rest of what our SDK writes is ``gen_ai``."""

from __future__ import annotations

from spanwise import vocabulary as v

from ..record import KINDS, PromptUse, Tool
from .base import Dialect, Draft
from .decode import decoded, from_json, plain_text


def read(draft: Draft) -> None:
    """Read ``spanwise.*``."""
    attributes = draft.attributes
    kind = attributes.get(v.KIND)
    if isinstance(kind, str):
        draft.say("kind", kind if kind in KINDS else "span", v.KIND)
    draft.keep("input", from_json(attributes.get(v.INPUT)), v.INPUT)
    draft.keep("output", from_json(attributes.get(v.OUTPUT)), v.OUTPUT)
    if kind == "tool":
        _tool(draft)
    draft.text("usage_estimated_by", v.USAGE_ESTIMATED_BY)
    draft.texts("tags", v.TAGS)
    for field, key in (("metadata", v.METADATA), ("params", v.PARAMS)):
        if isinstance(found := decoded(attributes.get(key)), dict):
            draft.merge(field, found, key)
    if v.PROMPT_HASH in attributes or v.PROMPT_VERSION in attributes or v.PROMPT_TEMPLATE in attributes:
        _prompt(draft)


def _tool(draft: Draft) -> None:
    """Read a tool as our SDK writes it: whatever went in and came out is JSON, be it empty or a bare number."""
    attributes = draft.attributes
    arguments = from_json(attributes.get(v.TOOL_CALL_ARGUMENTS))
    result = from_json(attributes.get(v.TOOL_CALL_RESULT))
    name = plain_text(attributes.get(v.TOOL_NAME))
    draft.say("tool", Tool(name, plain_text(attributes.get(v.TOOL_CALL_ID)), arguments, result), v.TOOL_NAME)
    draft.keep("input", arguments, v.TOOL_CALL_ARGUMENTS)
    draft.keep("output", result, v.TOOL_CALL_RESULT)


def _prompt(draft: Draft) -> None:
    attributes = draft.attributes
    name = plain_text(attributes.get(v.PROMPT_NAME))
    variables = decoded(attributes.get(v.PROMPT_VARIABLES))
    template = attributes.get(v.PROMPT_TEMPLATE)
    messages = decoded(template)
    prompt = PromptUse(
        name=name if name is not None else "unnamed",
        version=plain_text(attributes.get(v.PROMPT_VERSION)),
        hash=plain_text(attributes.get(v.PROMPT_HASH)),
        template=messages if isinstance(messages, list) else template,
        variables=variables if isinstance(variables, dict) else None,
    )
    draft.say("prompt", prompt, v.PROMPT_NAME)


DIALECT = Dialect("spanwise", lambda draft: "spanwise" in draft.heads or draft.span.scope.name == v.SCOPE, read)
