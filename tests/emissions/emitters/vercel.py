"""Vercel's AI SDK in three versions, and Mastra: both run in Node, from a folder with ``node_modules``."""

from __future__ import annotations

import json

from ..emitter import Emitter
from ..scenarios import said

SAID = {"SAID": json.dumps({name: value for name, value in vars(said).items() if name.isupper()})}
OTEL = (
    "@opentelemetry/api", "@opentelemetry/sdk-trace-node", "@opentelemetry/sdk-trace-base",
    "@opentelemetry/exporter-trace-otlp-proto", "zod",
)  # fmt: skip
#: Version of the SDK -> that of the clients made for it.
CLIENTS = {5: 2, 6: 3, 7: 3}


def sdk(major: int) -> tuple[str, ...]:
    """Return the packages of one major version."""
    clients = CLIENTS[major]
    return (f"ai@{major}", f"@ai-sdk/openai@{clients}", f"@ai-sdk/anthropic@{clients}", *OTEL)


EMITTERS = (
    Emitter("vercel-5", "vercel_calls.mjs", sdk(5), env=SAID),
    Emitter("vercel-6", "vercel_calls.mjs", sdk(6), env=SAID),
    Emitter("vercel-7-legacy", "vercel_calls.mjs", (*sdk(7), "@ai-sdk/otel"), ("LegacyOpenTelemetry",), SAID),
    Emitter("vercel-7", "vercel_calls.mjs", (*sdk(7), "@ai-sdk/otel"), ("OpenTelemetry",), SAID),
    Emitter(
        "mastra",
        "mastra_agent.mjs",
        ("@mastra/core", "@mastra/observability", "@mastra/otel-exporter", "@ai-sdk/openai", "zod"),
        env=SAID,
        mistakes={"status": "a call that failed is ended as one that went well; the spans above it say that it failed"},
    ),
)
