"""The matrix: a line for each library, its oldest supported versions among them."""

from __future__ import annotations

from typing import Final

from .case import Case

OWN: Final = "its own tracing, switched on"
AGENT: Final = (("tool", "get_weather"),)

FRAMEWORKS: Final = (
    Case(
        "langchain",
        "langchain",
        ("langchain>=1.0", "langchain-openai>=1.0", "langchain-anthropic>=1.0", "langgraph>=1.0"),
        "langchain_calls.py",
        steps=(*AGENT, ("agent", "LangGraph")),
    ),
    Case(
        "langgraph",
        "langchain",
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
        "openai-agents",
        ("openai-agents>=0.7", "openai>=2.8"),
        "openai_agents_run.py",
        steps=(*AGENT, ("chain", "Agent workflow"), ("agent", "Weatherman")),
        paths=("Agent workflow > Weatherman",),
    ),
    Case(
        "dspy",
        "dspy",
        ("dspy>=3.0",),
        "dspy_calls.py",
        steps=(("chain", "Predict"),),
    ),
    Case(
        "llama-index",
        "llama-index",
        ("llama-index-core>=0.13", "llama-index-llms-openai>=0.5", "llama-index-embeddings-openai>=0.5"),
        "llama_index_calls.py",
        steps=(*AGENT, ("agent", "Weatherman")),
    ),
    Case(
        "pydantic-ai",
        "agents",
        ("pydantic-ai-slim[openai,anthropic]>=1.0",),
        "pydantic_ai_agent.py",
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
        "agents",
        ("semantic-kernel>=1.35", "openai>=2.0"),
        "semantic_kernel_calls.py",
        steps=(("tool", "weather-get_weather"),),
        around=False,  # a service alone is asked
        how=OWN,
    ),
    Case(
        "agent-framework",
        "agents",
        ("agent-framework-core>=1.10", "agent-framework-openai>=1.10"),
        "agent_framework_run.py",
        steps=AGENT,
        how=OWN,
    ),
    Case("google-adk", "agents", ("google-adk>=1.20", "litellm>=1.75"), "google_adk_agent.py", steps=AGENT, how=OWN),
    Case("strands", "agents", ("strands-agents[openai,anthropic]>=1.10",), "strands_agent.py", steps=AGENT, how=OWN),
    Case(
        "crewai",
        "agents",
        ("crewai>=1.0", "openinference-instrumentation-crewai"),
        "crewai_run.py",
        steps=AGENT,
        how="openinference-instrumentation-crewai",
    ),
    Case(
        "autogen",
        "agents",
        ("autogen-agentchat>=0.7", "autogen-ext[openai]>=0.7", "openinference-instrumentation-autogen-agentchat"),
        "autogen_run.py",
        steps=AGENT,
        how="openinference-instrumentation-autogen-agentchat",
    ),
    Case(
        "smolagents",
        "agents",
        ("smolagents[openai]>=1.23", "openinference-instrumentation-smolagents"),
        "smolagents_run.py",
        around=False,  # models alone are asked
        how="openinference-instrumentation-smolagents",
    ),
    Case(
        "instructor",
        "agents",
        ("instructor>=1.10", "openai>=2.0"),
        "instructor_calls.py",
        steps=(("chain", "instructor.create"),),
        how="its client",
    ),
    Case(
        "mcp",
        "mcp",
        ("mcp>=1.20", "openai>=2.0", "pydantic>=2.11"),
        "mcp_calls.py",
        steps=(("tool", "get_weather"), ("mcp", "tools/list"), ("mcp", "resources/read weather://oslo")),
        paths=("get_weather > get_weather > chat gpt-4o-mini", "fails > fails"),
        around=False,
    ),
)
CLIENTS: Final[tuple[Case, ...]] = ()
STORES: Final = (
    Case(
        "chroma",
        "stores",
        ("chromadb>=1.0",),
        "chroma_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
    ),
    Case(
        "qdrant",
        "stores",
        ("qdrant-client>=1.12",),
        "qdrant_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
    ),
    Case(
        "pinecone",
        "stores",
        ("pinecone>=9.0",),
        "pinecone_query.py",
        steps=(("retriever", "retrieval"),),
        how="its client",
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
