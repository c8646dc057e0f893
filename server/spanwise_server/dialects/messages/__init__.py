"""Turn any provider's messages into OpenTelemetry's GenAI message objects."""
