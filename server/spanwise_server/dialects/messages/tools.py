"""Definitions of tools, whichever API they were offered through: a type, a name, a description, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..decode import decoded

Tool = Mapping[str, Any]
#: Where the JSON schema of the arguments stands: with Anthropic, Vercel, Gemini, MCP and Bedrock.
SCHEMAS: Final = ("input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema")


def tool_definitions(value: Any) -> tuple[Tool, ...]:
    """Return the tools that *value* lists, be they objects or JSON texts; what is not a tool is left out."""
    listed = decoded(value)
    items = listed if isinstance(listed, (list, tuple)) else (listed,)
    return tuple(tool for item in items for tool in _tools(decoded(item)))


def _tools(item: Any) -> tuple[Tool, ...]:
    if not isinstance(item, dict):
        return ()
    for key in ("function_declarations", "functionDeclarations"):
        if isinstance(several := item.get(key), list):
            return tuple(tool_definition(each) for each in several if isinstance(each, dict))
    return (tool_definition(item),)


def tool_definition(item: Mapping[str, Any]) -> Tool:
    """Return one definition, with its schema under ``parameters``."""
    function = item.get("function", item.get("toolSpec"))
    flat: dict[str, Any] = {"type": "function", **function} if isinstance(function, dict) else dict(item)
    schema = next((flat.pop(key) for key in SCHEMAS if flat.get(key) is not None), None)
    if isinstance(schema, dict) and set(schema) == {"json"}:
        schema = schema["json"]
    if schema is not None and flat.get("parameters") is None:
        flat["parameters"] = schema
    if not flat.get("type"):
        flat = {"type": "function", **{key: value for key, value in flat.items() if key != "type"}}
    return {key: value for key, value in flat.items() if value is not None}
