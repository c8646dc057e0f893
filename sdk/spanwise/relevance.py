"""Which spans are about models: all of ours, and those of other instrumentations for models, agents and retrieval."""

from __future__ import annotations

import re
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from . import vocabulary as v

#: Beginnings of attribute names by which a span tells that it is about a model, an agent or a retrieval.
MARKS: Final = (
    v.KIND, "gen_ai.", "openinference.", "llm.", "traceloop.", "langfuse.", "ai.model.", "ai.prompt", "mcp.",
    "db.vector.", "retrieval.", "embedding.", "reranker.",
)  # fmt: skip
#: Packages and families of packages whose scopes' every span belongs.
SCOPES: Final = (
    v.SCOPE, "openinference", "opentelemetry.util.genai", "opentelemetry.instrumentation.genai", "com.anthropic",
    "pydantic-ai", "langfuse-sdk", "langsmith", "traceloop", "litellm", "strands", "agent_framework", "autogen",
    "semantic_kernel", "gcp.vertex.agent", "smolagents", "haystack", "crewai", "ai",
    *(f"opentelemetry.instrumentation.{name}" for name in (
        "alephalpha", "anthropic", "bedrock", "chromadb", "cohere", "crewai", "google_generativeai", "groq",
        "haystack", "lancedb", "langchain", "llamaindex", "marqo", "mcp", "milvus", "mistralai", "ollama", "openai",
        "openai_agents", "openai_v2", "pinecone", "qdrant", "replicate", "sagemaker", "together", "transformers",
        "vertexai", "voyageai", "watsonx", "weaviate", "writer",
    )),
)  # fmt: skip
_SCOPE: Final = re.compile(f"(?:{'|'.join(map(re.escape, SCOPES))})(?![A-Za-z0-9])")


def about_models(span: ReadableSpan) -> bool:
    """Whether *span* says anything of a model, an agent, a tool or a retrieval."""
    scope = span.instrumentation_scope
    if scope is not None and (scope.name == v.SCOPE or _SCOPE.match(scope.name)):
        return True
    # The session stands on every span made inside ``context()``, whatever it is about.
    if any(name.startswith(MARKS) and name != v.CONVERSATION_ID for name in span.attributes or ()):
        return True
    return any(event.name.startswith("gen_ai.") for event in span.events)
