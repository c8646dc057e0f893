"""Find the parts that can be added to: listed as import strings, or announced by installed packages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .announced import is_announced

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

logger = logging.getLogger("spanwise")

#: Every provider that ships with the SDK, by name.
PROVIDERS: Final[Mapping[str, str]] = {
    "openai": "spanwise.providers.openai:PROVIDER",
    "anthropic": "spanwise.providers.anthropic:PROVIDER",
    "groq": "spanwise.providers.openai_alike:GROQ",
    "together": "spanwise.providers.openai_alike:TOGETHER",
    "fireworks": "spanwise.providers.openai_alike:FIREWORKS",
    "google-genai": "spanwise.providers.google:PROVIDER",
    "vertexai": "spanwise.providers.vertexai:PROVIDER",
    "mistralai": "spanwise.providers.mistral:PROVIDER",
    "mistralai-azure": "spanwise.providers.mistral:AZURE",
    "mistralai-gcp": "spanwise.providers.mistral:GCP",
    "ollama": "spanwise.providers.ollama:PROVIDER",
    "chroma": "spanwise.retrievers.chroma:PROVIDER",
    "chroma-async": "spanwise.retrievers.chroma:ASYNC",
    "qdrant": "spanwise.retrievers.qdrant:PROVIDER",
    "pinecone": "spanwise.retrievers.pinecone:PROVIDER",
    "cohere": "spanwise.providers.cohere:PROVIDER",
    "bedrock": "spanwise.providers.bedrock:PROVIDER",
    "huggingface": "spanwise.providers.huggingface:PROVIDER",
    "litellm": "spanwise.providers.litellm:PROVIDER",
    "cerebras": "spanwise.providers.openai_alike:CEREBRAS",
    "sambanova": "spanwise.providers.openai_alike:SAMBANOVA",
}
#: The package that each is for: nothing of ours is loaded for it before the program imports it.
CLIENTS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "groq": "groq",
    "together": "together",
    "fireworks": "fireworks",
    "google-genai": "google.genai",
    "vertexai": "vertexai.generative_models",
    "mistralai": "mistralai.client",  # the package itself is only a namespace, and no hook is called for one
    "mistralai-azure": "mistralai.azure.client",
    "mistralai-gcp": "mistralai.gcp.client",
    "ollama": "ollama",
    "chroma": "chromadb.api.models.Collection",
    "chroma-async": "chromadb.api.models.AsyncCollection",
    "qdrant": "qdrant_client",
    "pinecone": "pinecone",
    "cohere": "cohere",
    "bedrock": "botocore",
    "huggingface": "huggingface_hub",
    "litellm": "litellm",
    "cerebras": "cerebras.cloud.sdk",
    "sambanova": "sambanova",
}
#: Entry-point group in which another package announces its providers.
PROVIDER_GROUP: Final = "spanwise.providers"
#: Every framework that the SDK records by its own callbacks, or whose own instrumentation it switches on, by name.
FRAMEWORKS: Final[Mapping[str, str]] = {
    "langchain": "spanwise.frameworks.langchain:FRAMEWORK",
    "langgraph": "spanwise.frameworks.langchain:GRAPHS",
    "openai-agents": "spanwise.frameworks.openai_agents:FRAMEWORK",
    "llama-index": "spanwise.frameworks.llama_index:FRAMEWORK",
    "dspy": "spanwise.frameworks.dspy:FRAMEWORK",
    "pydantic-ai": "spanwise.frameworks.own_tracing:PYDANTIC_AI",
    "haystack": "spanwise.frameworks.haystack:FRAMEWORK",
    "semantic-kernel": "spanwise.frameworks.own_tracing:SEMANTIC_KERNEL",
    "agent-framework": "spanwise.frameworks.own_tracing:AGENT_FRAMEWORK",
    "google-adk": "spanwise.frameworks.own_tracing:GOOGLE_ADK",
    "strands": "spanwise.frameworks.own_tracing:STRANDS",
    "crewai": "spanwise.frameworks.third_party:CREWAI",
    "autogen": "spanwise.frameworks.third_party:AUTOGEN",
    "smolagents": "spanwise.frameworks.third_party:SMOLAGENTS",
    "instructor": "spanwise.frameworks.instructor:FRAMEWORK",
    "mcp": "spanwise.frameworks.mcp:FRAMEWORK",
}
#: The module whose import says that the program uses a framework.
HOSTS: Final[Mapping[str, str]] = {
    "langchain": "langchain_core",
    "langgraph": "langgraph._internal._runnable",  # langgraph itself is only a namespace
    "openai-agents": "agents.tracing.processor_interface",  # others have a package called agents too
    "llama-index": "llama_index.core",
    "dspy": "dspy",
    "pydantic-ai": "pydantic_ai",
    "haystack": "haystack.tracing.utils",
    "semantic-kernel": "semantic_kernel",
    "agent-framework": "agent_framework",
    "google-adk": "google.adk",
    "strands": "strands",
    "crewai": "crewai",
    "autogen": "autogen_agentchat",
    "smolagents": "smolagents",
    "instructor": "instructor",
    "mcp": "mcp",
}
#: What else is wrapped, whichever clients are: switched off by its name alone.
AMBIENT: Final[Mapping[str, str]] = {"threads": "spanwise.instrument.threads:THREADS"}
#: The module that each is about.
AMBIENT_HOSTS: Final[Mapping[str, str]] = {"threads": "threading"}
#: Entry-point group in which another package announces its frameworks.
FRAMEWORK_GROUP: Final = "spanwise.frameworks"
#: Every command that ships with the SDK: functions that add it to a parser's subcommands.
COMMANDS: Final[Mapping[str, str]] = {
    "datasets": "spanwise.commands.datasets:add",
    "eval": "spanwise.commands.eval:add",
    "prompts": "spanwise.commands.prompts:add",
    "run": "spanwise.commands.run:add",
    "spool": "spanwise.commands.spool:add",
}


def load_object(path: str) -> Any:
    """Return the object that ``package.module:name`` (or ``name.attribute``) stands for."""
    module, colon, name = path.partition(":")
    if not colon or not name:
        raise ValueError(f"{path!r} is not of the form 'package.module:name'.")
    found: Any = import_module(module)
    for attribute in name.split("."):
        found = getattr(found, attribute)
    return found


def load_all(listed: Mapping[str, str], *groups: str) -> Iterator[tuple[str, Any]]:
    """Yield name and object of everything *listed*, then of what installed packages announce in *groups*.

    A name announced by a package replaces the listed one.  A package that fails to load is logged and left
    out, because one bad plug-in must not take the others down; a listed part that fails to load raises.
    """
    announced = _announced(groups) if is_announced(groups) else {}
    for name, path in listed.items():
        if name not in announced:
            yield name, load_object(path)
    for name, (group, point) in announced.items():
        try:
            found = point.load()
        except Exception:
            logger.warning("spanwise could not load %s from the entry-point group %s", name, group, exc_info=True)
            continue
        yield name, found


def _announced(groups: Sequence[str]) -> Mapping[str, tuple[str, EntryPoint]]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # takes long to load, and few programs need it

    every = entry_points()  # read once: the metadata of all that is installed
    return {point.name: (group, point) for group in groups for point in every.select(group=group)}
