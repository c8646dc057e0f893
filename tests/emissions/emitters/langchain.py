"""LangChain and LangGraph under three instrumentations."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST

PACKAGES = ("langchain", "langchain-openai", "langchain-anthropic", "opentelemetry-exporter-otlp-proto-http")

EMITTERS = (
    Emitter(
        "openinference-langchain",
        "langchain_calls.py",
        ("openinference-instrumentation-langchain", *PACKAGES),
        ("openinference.instrumentation.langchain:LangChainInstrumentor",),
    ),
    Emitter(
        "openllmetry-langchain",
        "langchain_calls.py",
        ("opentelemetry-instrumentation-langchain", *PACKAGES),
        ("opentelemetry.instrumentation.langchain:LangchainInstrumentor",),
        mistakes={"messages.cache_write": "LangChain counts apart what is cached for a set time"},
    ),
    Emitter(
        "opentelemetry-langchain",
        "langchain_calls.py",
        ("opentelemetry-instrumentation-genai-langchain", *PACKAGES),
        ("opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
    Emitter(
        "openinference-langchain-twice",
        "langchain_calls.py",
        (
            "openinference-instrumentation-langchain",
            "openinference-instrumentation-openai",
            "openinference-instrumentation-anthropic",
            *PACKAGES,
        ),
        (
            "openinference.instrumentation.langchain:LangChainInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
            "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        ),
        {"ONE_REQUEST": "1"},
    ),
)
