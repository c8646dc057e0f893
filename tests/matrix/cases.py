"""The matrix: a line for each library, its oldest supported versions among them."""

from __future__ import annotations

from typing import Any, Final

from .case import Case

OWN: Final = "its own tracing, switched on"
BY_LITELLM: Final = {"messages.response_id": "LiteLLM gives an id of its own"}
AGENT: Final = (("tool", "get_weather"),)

FRAMEWORKS: Final = (
    Case(
        "langchain",
        "graphs",
        ("langchain>=1.0", "langchain-openai>=1.0", "langchain-anthropic>=1.0", "langgraph>=1.0"),
        "langchain_calls.py",
        steps=(*AGENT, ("agent", "LangGraph")),
    ),
    Case(
        "langgraph",
        "graphs",
        ("langgraph>=1.0", "openai>=2.0"),
        "langgraph_run.py",
        steps=(("chain", "researcher"), ("chain", "find"), ("retriever", "Atlas"), ("chain", "wait")),
        paths=(
            "researcher > ask > chat gpt-4o-mini",
            "hurried > ask_in_a_task > chat gpt-4o-mini",
            "researcher > find > Atlas",
        ),
    ),
    Case(
        "openai-agents",
        "chains",
        ("openai-agents>=0.7", "openai>=2.8"),
        "openai_agents_run.py",
        steps=(*AGENT, ("chain", "Agent workflow"), ("agent", "Weatherman")),
        paths=("Agent workflow > Weatherman",),
    ),
    Case(
        "dspy",
        "chains",
        ("dspy>=3.0",),
        "dspy_calls.py",
        steps=(("chain", "Predict"),),
    ),
    Case(
        "llama-index",
        "chains",
        ("llama-index-core>=0.13", "llama-index-llms-openai>=0.5", "llama-index-embeddings-openai>=0.5"),
        "llama_index_calls.py",
        steps=(*AGENT, ("agent", "Weatherman")),
    ),
    Case(
        "pydantic-ai",
        "agents",
        ("pydantic-ai-slim[openai,anthropic]>=1.0",),
        "pydantic_ai_agent.py",
        era="2025-09-30",
        steps=(*AGENT, ("agent", "agent")),
        how=OWN,
    ),
    Case(
        "haystack",
        "agents",
        ("haystack-ai>=2.15", "openai>=2.0"),
        "haystack_run.py",
        steps=(("agent", "haystack.agent.run"),),
        how="its own callbacks",
    ),
    Case(
        "semantic-kernel",
        "large",
        ("semantic-kernel>=1.35", "openai>=2.0"),
        "semantic_kernel_calls.py",
        steps=(("tool", "weather-get_weather"),),
        around=False,  # a service alone is asked
        how=OWN,
    ),
    Case(
        "agent-framework",
        "vendors",
        ("agent-framework-core>=1.10", "agent-framework-openai>=1.10"),
        "agent_framework_run.py",
        steps=AGENT,
        how=OWN,
    ),
    Case(
        "google-adk",
        "vendors",
        ("google-adk>=1.20", "litellm>=1.75"),
        "google_adk_agent.py",
        steps=AGENT,
        how=OWN,
        mistakes={
            **BY_LITELLM,
            "messages.tool_definitions": "LiteLLM sends no titles to Anthropic",
            "messages.reasoning": "an older LiteLLM counts it by itself",
        },
    ),
    Case("strands", "teams", ("strands-agents[openai,anthropic]>=1.10",), "strands_agent.py", steps=AGENT, how=OWN),
    Case(
        "crewai",
        "large",
        ("crewai>=1.0", "openinference-instrumentation-crewai>=0.1.12"),
        "crewai_run.py",
        era="2025-10-31",
        steps=AGENT,
        how="openinference-instrumentation-crewai",
    ),
    Case(
        "autogen",
        "teams",
        ("autogen-agentchat>=0.7", "autogen-ext[openai]>=0.7", "openinference-instrumentation-autogen-agentchat"),
        "autogen_run.py",
        steps=AGENT,
        how="openinference-instrumentation-autogen-agentchat",
    ),
    Case(
        "smolagents",
        "teams",
        ("smolagents[openai]>=1.23", "openinference-instrumentation-smolagents"),
        "smolagents_run.py",
        around=False,  # models alone are asked
        how="openinference-instrumentation-smolagents",
    ),
    Case(
        "instructor",
        "agents",
        ("instructor>=1.10", "openai>=2.0"),
        "instructor_run.py",
        steps=(("chain", "instructor.create"), ("chain", "instructor.create_partial")),
        paths=("instructor.create_partial > chat gpt-4o-mini",),
        how="its client",
    ),
    Case(
        "mcp",
        "rest",
        ("mcp>=1.20", "openai>=2.0", "pydantic>=2.11"),
        "mcp_calls.py",
        steps=(("tool", "get_weather"), ("mcp", "tools/list"), ("mcp", "resources/read weather://oslo")),
        paths=("get_weather > get_weather > chat gpt-4o-mini", "fails > fails"),
        around=False,
    ),
)
ITS: Final = "its client"


def _client(group: str, name: str, scenario: str, *packages: str, **more: Any) -> Case:
    return Case(name, group, packages, scenario, around=False, how=ITS, **more)


CLIENTS: Final = (
    _client("clients", "openai", "openai_calls.py", "openai>=1.66"),
    _client("clients", "anthropic", "anthropic_calls.py", "anthropic>=0.49"),
    _client("clients", "google-genai", "gemini_calls.py", "google-genai>=1.21"),
    _client(
        "clouds",
        "vertexai",
        "vertex_calls.py",
        "google-cloud-aiplatform>=1.110",
        env={"PYTHONWARNINGS": "ignore"},
        steps=(("span", "batch publishers/google/models/gemini-2.5-flash"),),
    ),
    _client("clients", "mistralai", "mistral_calls.py", "mistralai>=3.0"),
    _client("clients", "cohere", "cohere_calls.py", "cohere>=5.13"),
    _client("clouds", "bedrock", "bedrock_calls.py", "boto3>=1.38"),
    _client(
        "clouds",
        "huggingface",
        "huggingface_calls.py",
        "huggingface-hub>=0.28",
        "aiohttp>=3.9",
        env={"HF_HUB_OFFLINE": "0"},
    ),
    _client(
        "clouds",
        "litellm",
        "litellm_calls.py",
        "litellm>=1.60",
        mistakes=BY_LITELLM,
    ),
    _client("clouds", "ollama", "ollama_calls.py", "ollama>=0.5"),
    _client("alike", "groq", "chat_calls.py", "groq>=0.18", args=("groq",)),
    _client("alike", "together", "chat_calls.py", "together>=2.0", args=("together",)),
    _client("alike", "fireworks", "chat_calls.py", "fireworks-ai>=1.2", args=("fireworks",)),
    _client("alike", "cerebras", "chat_calls.py", "cerebras-cloud-sdk>=1.21", args=("cerebras",)),
    _client("alike", "sambanova", "chat_calls.py", "sambanova>=1.1", args=("sambanova",)),
)
STORES: Final = (
    Case(
        "chroma",
        "rest",
        ("chromadb>=1.0",),
        "chroma_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
    ),
    Case(
        "qdrant",
        "rest",
        ("qdrant-client>=1.12",),
        "qdrant_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
    ),
    Case(
        "pinecone",
        "rest",
        ("pinecone>=9.0",),
        "pinecone_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
    ),
    Case(
        "pgvector",
        "rest",
        ("pgvector>=0.3", "psycopg[binary]>=3.2", "pgserver>=0.1.4"),  # the last is a PostgreSQL with the extension
        "pgvector_query.py",
        steps=(("retriever", "search"),),
        how="`observe`, a line of yours",
    ),
)
PROCESSES: Final = (
    Case("celery", "processes", ("celery>=5.4", "openai>=2.0"), "processes_celery.py"),
    Case("gunicorn", "processes", ("gunicorn>=22.0", "openai>=2.0"), "processes_gunicorn.py"),
    Case("uvicorn", "processes", ("uvicorn>=0.30", "openai>=2.0"), "processes_uvicorn.py"),
    Case("notebook", "processes", ("nbclient>=0.10", "ipykernel>=6.29", "openai>=2.0"), "processes_notebook.py"),
    Case("multiprocessing", "processes", ("openai>=2.0",), "processes_many.py"),
)
CASES: Final = (*FRAMEWORKS, *CLIENTS, *STORES, *PROCESSES)
