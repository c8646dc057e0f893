"""A loopback server that speaks the wire formats of OpenAI and Anthropic, for tests, benchmarks and the demo."""

from .answer import Answer, Request, ToolCall, default_answer
from .server import FakeProvider

__all__ = ["Answer", "FakeProvider", "Request", "ToolCall", "default_answer"]
