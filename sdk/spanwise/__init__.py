"""Spanwise: see every LLM call, label it, turn it into tests."""

from ._version import __version__
from .api import annotate, flush, init, instrument, shutdown, status, uninstrument
from .carry import carry, extract, inject, wrap_executor
from .context import context
from .export import Status
from .observe import observe
from .outgoing import Outgoing
from .prompts import Prompt, PromptMessages, PromptText, aprompt, prompt
from .span import Span, current_span, span

__all__ = [
    "Outgoing",
    "Prompt",
    "PromptMessages",
    "PromptText",
    "Span",
    "Status",
    "__version__",
    "annotate",
    "aprompt",
    "carry",
    "context",
    "current_span",
    "extract",
    "flush",
    "init",
    "inject",
    "instrument",
    "observe",
    "prompt",
    "shutdown",
    "span",
    "status",
    "uninstrument",
    "wrap_executor",
]
