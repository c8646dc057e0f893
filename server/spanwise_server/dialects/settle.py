"""What follows from what was said: the kind where nobody named one, the name to show, one spelling of a provider."""

from __future__ import annotations

from typing import Any, Final

from ..record import Tool
from .base import Draft
from .messages.langchain import tool_arguments, tool_result
from .messages.message import finish

#: Other spellings of a provider -> ours.
PROVIDERS: Final[dict[str, str]] = {
    alias: name
    for name, aliases in {
        "azure.openai": ("azure", "az.ai.openai", "azure.ai.openai", "azure_openai", "azure-openai"),
        "azure.ai.inference": ("az.ai.inference", "azure_ai"),
        "aws.bedrock": ("aws", "amazon", "amazon-bedrock", "bedrock", "aws_bedrock"),
        "google": ("gemini", "gcp.gemini", "google.generative-ai", "gcp.gen_ai", "google_genai", "google_ai_studio"),
        "google.vertex": ("vertexai", "vertex_ai", "gcp.vertex_ai", "vertex"),
        "mistral": ("mistralai", "mistral_ai"),
        "xai": ("x_ai", "x-ai"),
        "moonshot": ("moonshot_ai", "moonshotai"),
        "together": ("together_ai", "togetherai"),
        "watsonx": ("ibm.watsonx.ai", "ibm"),
    }.items()
    for alias in aliases
}


#: Frameworks that write their own name where the provider of the model belongs.
FRAMEWORKS: Final = frozenset(
    {"agent_framework", "autogen", "crewai", "gcp.vertex.agent", "haystack", "langchain", "langgraph", "llamaindex",
     "mastra", "microsoft.agent_framework", "semantic_kernel", "smolagents", "strands-agents"}
)  # fmt: skip
#: The interface of a provider, after its name, as Vercel writes it: ``openai.responses``.
INTERFACES: Final = (".chat", ".responses", ".messages", ".completion", ".embedding", ".text-embedding")

#: The request that calls a tool, in the Model Context Protocol.
_MCP_CALL: Final = "tools/call"


def settle(draft: Draft) -> None:
    """Complete *draft* with what follows from the fields that the dialects said."""
    draft.dialect = "settled"
    said = draft.said
    if "kind" not in said:
        _kind(draft)
    if (provider := said.get("provider")) is not None:
        if "/" in said.get("model", "") or "/" in said.get("request_model", ""):
            _without_provider(said, f"{provider}/")
        said["provider"] = provider_name(provider)
        if said["provider"] in FRAMEWORKS:
            draft.mapped_by.pop("provider", None)
            del said["provider"]
    if "model" not in said and (model := said.get("request_model")) is not None:
        draft.say("model", model, "request_model")
    if said.get("kind") == "tool":
        _tool(draft, said.get("tool"))
    if said.get("kind") == "embedding" and "input" not in said and "input_messages" in said:
        texts = [part["content"] for m in said["input_messages"] for part in m["parts"] if part.get("type") == "text"]
        draft.say("input", texts, "input_messages")
    if "finish_reasons" not in said and said.get("output_messages") is not None:
        reasons = tuple(r for m in said["output_messages"] if (r := finish(m.get("finish_reason"))) is not None)
        draft.say("finish_reasons", reasons, "output_messages")
    if draft.speakers:
        #: gen_ai is everybody's second language: whoever speaks another one as well is named by that.
        said["dialect"] = next((name for name in draft.speakers if name != "gen_ai"), draft.speakers[0])


def _without_provider(said: dict[str, Any], prefix: str) -> None:
    """Take off a model the provider's name that LiteLLM puts before it; OpenRouter's own models are named so."""
    if prefix != "openrouter/":
        for field in ("model", "request_model"):
            if field in said:
                said[field] = said[field].removeprefix(prefix)


def provider_name(name: str) -> str:
    """Return the one spelling of a provider's name."""
    name = name.lower()
    if name.endswith(INTERFACES):
        name = name.rpartition(".")[0]
    return PROVIDERS.get(name, name)


def _kind(draft: Draft) -> None:
    method = draft.attributes.get("mcp.method.name")
    if method is not None:
        draft.say("kind", "tool" if method == _MCP_CALL else "mcp", "mcp.method.name")
    elif "tool" in draft.said:
        draft.say("kind", "tool", "tool")
    elif "model" in draft.said or "request_model" in draft.said:
        draft.say("kind", "llm", "model")


def _tool_name(draft: Draft) -> str:
    """Return the name of a tool that nothing names but the span's own name; over MCP it stands behind the method."""
    name: str = draft.said.get("name", draft.span.name)
    if draft.attributes.get("mcp.method.name") == _MCP_CALL:
        return name.partition(f"{_MCP_CALL} ")[2] or name
    return name


def _tool(draft: Draft, tool: Tool | None) -> None:
    """Let a tool's arguments and result be the span's input and output, and the other way round."""
    said = draft.said
    tool_said = tool if tool is not None else Tool()
    for field, value in (("input", tool_said.arguments), ("output", tool_said.result)):
        draft.say(field, value, f"tool.{'arguments' if field == 'input' else 'result'}")
    given = tool_said.arguments if tool_said.arguments is not None else said.get("input")
    found = tool_said.result if tool_said.result is not None else said.get("output")
    arguments, (result, call_id) = tool_arguments(given), tool_result(found)
    if arguments is not given:
        said["input"] = arguments
    if result is not found:
        said["output"] = result
    whole = Tool(
        name=tool_said.name if tool_said.name is not None else _tool_name(draft),
        call_id=tool_said.call_id if tool_said.call_id is not None else call_id,
        arguments=arguments,
        result=result,
    )
    if whole != tool:
        said["tool"] = whole
        draft.mapped_by.setdefault("tool", "settled: input, output")
    draft.say("name", tool_said.name, "tool.name")
