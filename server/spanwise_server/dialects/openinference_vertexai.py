"""Google's older client for Vertex AI under OpenInference, which keeps requests and answers whole, in gRPC's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Draft
from .decode import decoded
from .messages import exchange
from .provider_usage import provider_usage

SCOPE: Final = "openinference.instrumentation.vertexai"
PROVIDER: Final = "google.vertex"
#: Google's numbers of a schema's types -> JSON Schema's names.
TYPES: Final = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object", 7: "null"}
#: Google's names of a schema's members -> JSON Schema's.
NAMES: Final = {
    "type_": "type", "format_": "format", "min_items": "minItems", "max_items": "maxItems", "any_of": "anyOf",
    "min_length": "minLength", "max_length": "maxLength", "min_properties": "minProperties",
    "max_properties": "maxProperties", "ref": "$ref", "defs": "$defs",
}  # fmt: skip
#: The order in which a model is to write the members, which no answer depends on.
ORDER: Final = "property_ordering"
SCHEMAS_BY_NAME: Final = ("properties", "$defs")
#: What gRPC writes where nothing was set; a limit of nothing cannot be told from none.
UNSET: Final[tuple[Any, ...]] = ("", "0", 0, False, None, [], {})


def complete(draft: Draft) -> None:
    """Name the model without its place, and take what was asked and answered from the whole of it."""
    said = draft.said
    said["provider"] = PROVIDER  # the attributes name the company
    for field in ("model", "request_model"):
        if field in said:
            said[field] = said[field].rpartition("/")[2]
    request, answer = (_whole(draft, f"{side}.value") for side in ("input", "output"))
    if turns := exchange.asked(request):
        said["input_messages"] = turns
    tools = tuple({**tool, "parameters": _schema(tool.get("parameters"))} for tool in exchange.offered(request))
    draft.say("tool_definitions", tools, "input.value")
    reason = draft.attributes.get("llm.finish_reason")
    if isinstance(reason, str):
        draft.say("finish_reasons", (reason.lower(),), "llm.finish_reason")
    if turns := exchange.answered(answer):
        said["output_messages"] = tuple({**turn, "finish_reason": reason} for turn in turns)
    draft.say("response_id", answer.get("response_id") or None, "output.value")
    if (usage := provider_usage(answer.get("usage_metadata"))) is not None:
        said["usage"] = usage  # the attributes leave out what was thought


def _whole(draft: Draft, key: str) -> Mapping[str, Any]:
    found = decoded(draft.attributes.get(key))
    return found if isinstance(found, dict) else {}


def _schema(said: Any) -> Any:
    """Return a schema of a tool's arguments in JSON Schema's words, without what was not set."""
    if not isinstance(said, Mapping):
        return said
    named = ((NAMES.get(str(key), str(key)), value) for key, value in said.items() if value not in UNSET)
    return {name: _member(name, value) for name, value in named if name != ORDER}


def _member(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, int):
        return TYPES.get(value, value)
    if name in SCHEMAS_BY_NAME and isinstance(value, Mapping):
        return {each: _schema(schema) for each, schema in value.items()}
    if name[:3] in ("min", "max") and isinstance(value, str) and value.isdecimal():
        return int(value)  # 64 bits are a text in gRPC's JSON
    if isinstance(value, list):
        return [_schema(each) for each in value]
    return _schema(value)
