"""Groq, Together, Mistral, Cohere and Google, under OpenInference and OpenLLMetry."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter(
        "openinference-groq",
        "chat_calls.py",
        ("openinference-instrumentation-groq", "groq", OTLP),
        ("groq", "openinference.instrumentation.groq:GroqInstrumentor"),
    ),
    Emitter(
        "openllmetry-groq",
        "chat_calls.py",
        ("opentelemetry-instrumentation-groq", "groq", OTLP),
        ("groq", "opentelemetry.instrumentation.groq:GroqInstrumentor"),
    ),
    Emitter(
        "openllmetry-together",
        "chat_calls.py",
        ("opentelemetry-instrumentation-together", "together<2", OTLP),
        ("together", "opentelemetry.instrumentation.together:TogetherAiInstrumentor"),
        mistakes={"input_messages": "of an earlier turn, what tool was called is left out"},
    ),
    Emitter(
        "openinference-mistral",
        "mistral_calls.py",
        ("openinference-instrumentation-mistralai", "mistralai", OTLP),
        ("openinference.instrumentation.mistralai:MistralAIInstrumentor",),
        mistakes={
            "input_messages": "an answer that is handed back as the client's object is written as Python shows it"
        },
    ),
    Emitter(
        "openllmetry-mistral",
        "mistral_calls.py",
        ("opentelemetry-instrumentation-mistralai", "mistralai<1.10", OTLP),
        ("opentelemetry.instrumentation.mistralai:MistralAiInstrumentor",),
    ),
    Emitter(
        "openllmetry-cohere",
        "cohere_calls.py",
        ("opentelemetry-instrumentation-cohere", "cohere<6", OTLP),
        ("opentelemetry.instrumentation.cohere:CohereInstrumentor",),
        mistakes={
            "input_messages": "of a tool's result it is not said which call it answers, nor that one was made",
            "output_messages": "what the model plans to do with a tool is written as a text of its answer",
        },
    ),
    Emitter(
        "openllmetry-google-genai",
        "gemini_calls.py",
        ("opentelemetry-instrumentation-google-generativeai", "google-genai", OTLP),
        ("opentelemetry.instrumentation.google_generativeai:GoogleGenerativeAiInstrumentor",),
        mistakes={"output_messages": "of a stream only the last piece is kept"},
    ),
)
