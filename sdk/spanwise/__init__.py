"""Spanwise: see every LLM call, label it, turn it into tests."""

from ._version import __version__
from .api import annotate, flush, init, instrument, shutdown, status, uninstrument
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
    "context",
    "current_span",
    "flush",
    "init",
    "instrument",
    "observe",
    "prompt",
    "shutdown",
    "span",
    "status",
    "uninstrument",
]
